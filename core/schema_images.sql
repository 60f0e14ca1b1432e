-- A client's images, each once by the SHA-256 of its bytes; the file and its thumbnail lie in images/<client id> of the workspace.
-- likeness: 16 hex characters that hardly change with an image's size; facts: what is known without reading it, as JSON; words: what
-- was read on it, a JSON list, null until then, and read_by which reader of which version read it.
create table images (
    client_id integer not null references clients(id), sha256 text not null, format text not null, width integer not null,
    height integer not null, bytes integer not null, likeness text not null, facts text not null, words text, read_by text,
    primary key (client_id, sha256)) without rowid
