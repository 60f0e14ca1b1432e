-- Who buys a served teacher's drafts of a brief just now (core/write/teacher_behind.py), so that two who want them at the same moment
-- buy them once; until: in seconds of the epoch, past which whoever claimed it was killed
create table teacher_claims (
    task_id integer not null references tasks(id), brief text not null, until real not null, primary key (task_id, brief)) without rowid
