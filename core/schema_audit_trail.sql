-- who did what, when (core/audit.py): rows are added and never changed or taken away. No keys to other tables, for it outlives what it
-- speaks of; names stand beside numbers for the same reason
create table audit_trail (
    id integer primary key autoincrement, at text not null, who text not null, client_id integer, client text not null default '',
    task_id integer, task text not null default '', action text not null, what text not null default '',
    detail text not null default '{}');
create index audit_trail_of_client on audit_trail (client_id, id);
create trigger audit_trail_stays before delete on audit_trail begin
    select raise(abort, 'the audit trail keeps what it holds'); end;
create trigger audit_trail_unchanged before update on audit_trail begin
    select raise(abort, 'the audit trail keeps what it holds'); end;
