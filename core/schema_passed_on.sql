-- Calls of a large model that a service passes on (core/exchanges/kept.py).

-- passed_answers: answers that name a category, until they are assets and recorded labels; label: the category's, as matched
create table passed_answers (
    id integer primary key, client_id integer not null references clients(id), task_id integer not null references tasks(id),
    model text not null, text text not null, label text not null, tokens_in integer, tokens_out integer, tokens_cached integer,
    latency_ms real, answered text not null);
create index passed_answers_by_task on passed_answers (client_id, task_id, model);
-- passed_last: the last ten prompts and answers, where the client's setting keeps them (exchange: JSON)
create table passed_last (
    id integer primary key, client_id integer not null references clients(id), exchange text not null, outcome text not null,
    created text not null);
create index passed_last_by_client on passed_last (client_id, id);
-- passed_counts: calls of a day (UTC) by what became of them
create table passed_counts (
    client_id integer not null references clients(id), day text not null, outcome text not null, calls integer not null,
    primary key (client_id, day, outcome)) without rowid;
