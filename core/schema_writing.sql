-- Of tasks that write. pair_imports: files of briefs with approved copy; pairs: their rows, each brief with each copy once (by
-- text_hash). status: approved, edited (first_version: before the edit) or rejected; group_id: the first pair of those that share a
-- brief or have nearly the same copy, which are never in two splits
create table pair_imports (
    id integer primary key, task_id integer not null references tasks(id), filename text not null, columns text not null,
    row_count integer not null, imported integer not null, duplicates integer not null, problem_count integer not null,
    problems text not null, created text not null);
create table pairs (
    id integer primary key, task_id integer not null references tasks(id),
    import_id integer not null references pair_imports(id), text_hash text not null, brief text not null, copy text not null,
    status text not null, first_version text, channel text, market text, writer text, written text, split text not null,
    split_given integer not null, group_id integer not null, unique (task_id, text_hash));
-- figures: as in core/write/judging.py; refused: why it may not write, in words
create table writers (
    id integer primary key, task_id integer not null references tasks(id), kind text not null, params text not null,
    path text not null, live integer not null default 0, ready integer not null default 0, train_seconds real, size_mb real,
    figures text, refused text not null default '', created text not null);
create unique index one_live_writer on writers (task_id) where live = 1;
-- what was written of a brief that somebody asked for, in its order, by a student or the teacher (author; then without writer_id);
-- gates: name, passed and why of each
create table drafts (
    id integer primary key, task_id integer not null references tasks(id), writer_id integer references writers(id),
    author text not null default 'student', brief text not null, place integer not null, seed integer not null, text text not null,
    passed integer not null, gates text not null, created text not null);
create index drafts_by_writer on drafts (writer_id);
create index drafts_by_task on drafts (task_id);
-- what a person made of a draft: approved, edited (text: as it became) or rejected; kept: the share of its words; pair_id: the pair
-- it became, to learn from
create table draft_decisions (
    draft_id integer primary key references drafts(id), decision text not null, text text, kept real, reviewer text not null,
    pair_id integer references pairs(id), created text not null);
-- The blind test (core/write/blind.py): a student's draft beside another text of the same brief, approved copy or the teacher's
-- (against), fixed once it is drawn up; place: the order in which pairs are judged, drawn by seed as sides are. blind_answers: left,
-- right, both or neither, as it was said
create table blind_pairs (
    id integer primary key, task_id integer not null references tasks(id), writer_id integer not null references writers(id),
    place integer not null, seed integer not null, brief text not null, draft text not null, other text not null,
    against text not null, draft_left integer not null, created text not null, unique (writer_id, place));
create index blind_pairs_by_task on blind_pairs (task_id);
create table blind_answers (
    pair_id integer not null references blind_pairs(id), reviewer text not null, answer text not null, seconds real,
    created text not null, primary key (pair_id, reviewer)) without rowid;
