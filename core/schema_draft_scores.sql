-- What is known of a draft besides its words, by name (features: core/write/scorer.py), of each that a student wrote; brief and text as
-- in drafts and blind_pairs, spaces made one
create table draft_scores (
    task_id integer not null references tasks(id), writer_id integer not null references writers(id), brief text not null,
    text text not null, features text not null, created text not null, primary key (writer_id, brief, text)) without rowid;
create index draft_scores_by_task on draft_scores (task_id);
-- The scorer learned from people's decisions, when there were so many (decisions): weights and the bar, or why there is none
create table draft_scorers (
    writer_id integer primary key references writers(id), task_id integer not null references tasks(id), decisions integer not null,
    scorer text not null, created text not null);
