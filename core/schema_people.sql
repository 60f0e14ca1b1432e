-- who may log in where several people share a workspace, and each one's role at a client (core/people)
create table people (
    id integer primary key, address text not null unique, name text not null default '', administrator integer not null default 0,
    created text not null, seen text);
create table roles (
    person_id integer not null references people(id), client_id integer not null references clients(id), role text not null,
    created text not null, primary key (person_id, client_id)) without rowid
