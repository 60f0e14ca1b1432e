-- Comparisons of a vendor's drafts with approved copy belong to no student: blind_pairs.writer_id may be null, and draft is the
-- vendor's then. SQLite changes no column: the table is made anew, what refers to it set aside meanwhile
create table blind_pairs_new (
    id integer primary key, task_id integer not null references tasks(id), writer_id integer references writers(id),
    place integer not null, seed integer not null, brief text not null, draft text not null, other text not null,
    against text not null, draft_left integer not null, created text not null, unique (writer_id, place));
insert into blind_pairs_new (id, task_id, writer_id, place, seed, brief, draft, other, against, draft_left, created)
    select id, task_id, writer_id, place, seed, brief, draft, other, against, draft_left, created from blind_pairs;
create table answers_aside as select * from blind_answers;
create table verdicts_aside as select * from pair_verdicts;
delete from blind_answers;
delete from pair_verdicts;
drop table blind_pairs;
alter table blind_pairs_new rename to blind_pairs;
create index blind_pairs_by_task on blind_pairs (task_id);
insert into blind_answers select * from answers_aside;
insert into pair_verdicts select * from verdicts_aside;
drop table answers_aside;
drop table verdicts_aside
