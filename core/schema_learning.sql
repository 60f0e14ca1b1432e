-- How a challenger met the student at work (the champion) on answers that neither had learned from, as core/watch/meeting.py works it
-- out; the newest of each pair.
create table meetings (
    task_id integer not null references tasks(id), champion_id integer not null, challenger_id integer not null,
    figures text not null, created text not null, primary key (task_id, champion_id, challenger_id)) without rowid;
