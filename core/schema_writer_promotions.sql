-- which student of a task that writes went to work when; before_id: the entry in force before, to which a roll-back returns
create table writer_promotions (
    id integer primary key, task_id integer not null references tasks(id), writer_id integer not null references writers(id),
    before_id integer references writer_promotions(id), created text not null);
create index writer_promotions_by_task on writer_promotions (task_id);
insert into writer_promotions (task_id, writer_id, created) select task_id, id, created from writers where live = 1;
-- a draft that was written before is not kept twice, and the desk looks for others of the same brief
create index drafts_by_brief on drafts (task_id, brief);
