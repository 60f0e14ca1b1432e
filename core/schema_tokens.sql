-- Who may ask a service (core/deploy/tokens.py), and what answers by teachers have cost a month by who asked for them.

-- tokens: kind: as in core/deploy/tokens.py; task_id: the only task it is for (null: all of the client's); hash: SHA-256 of the
-- token, which is shown once and kept nowhere; expires, revoked, used: null where that is not so, or not yet; per_minute: requests;
-- month_usd: what teachers may cost in a calendar month
create table tokens (
    id integer primary key, client_id integer not null references clients(id), task_id integer references tasks(id),
    kind text not null, name text not null collate nocase, hash blob not null unique, created text not null, expires text,
    revoked text, used text, per_minute integer, month_usd real);
create index tokens_by_client on tokens (client_id);
create table token_months (
    token_id integer not null references tokens(id), month text not null, spent_usd real not null default 0,
    held_usd real not null default 0, primary key (token_id, month)) without rowid;
