-- what audits of served answers have cost a client in a month (core/money/ledger.py), so that their cap holds over all servers
create table audit_months (
    client_id integer not null, month text not null, spent_usd real not null default 0, held_usd real not null default 0,
    primary key (client_id, month)) without rowid;
-- what people decided about a task's promise: that it is broken and seen to (the watch begins anew at `created`); `at`: seconds since
-- 1970 of the answers' file
create table watch_decisions (
    id integer primary key, task_id integer not null references tasks(id), student_id integer not null, at real not null,
    what text not null, created text not null);
create index watch_decisions_of on watch_decisions (task_id, at);
