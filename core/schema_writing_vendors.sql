-- Somebody else's texts for the briefs kept for the test (core/write/vendors.py), a vendor's or the teacher's (source: teacher, or
-- file:NAME, or connection:NAME), measured like a student's. counts: as in vendors.Counts; figures: as in core/write/figures.py
create table writing_tests (
    id integer primary key, task_id integer not null references tasks(id), name text not null, source text not null,
    usd_per_1000 real, seconds real, counts text not null, figures text not null, created text not null, unique (task_id, name));
create table writing_answers (
    test_id integer not null references writing_tests(id), brief text not null, text text not null, passed integer not null,
    gates text not null, primary key (test_id, brief)) without rowid;
