-- Facets asked about together. joints: which label runs, each of a facet of one client, a call can be about; calls.joint_id: such a
-- call, which pays for a label of each (run_id is null then), its cost shared out equally over as many `facets`
create table joints (
    id integer not null, run_id integer not null references label_runs(id), primary key (id, run_id)) without rowid;
create index joints_by_run on joints (run_id);
alter table calls add column joint_id integer;
alter table calls add column facets integer not null default 1;
create index calls_by_joint on calls (joint_id, state) where joint_id is not null;
alter table batches add column joint_id integer;
-- the facets that a label was asked for together with; null: it was asked for alone
alter table labels add column joint_id integer;
