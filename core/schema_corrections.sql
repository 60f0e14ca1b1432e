-- What persons said of the words on a client's images, by the image's content: the words as they stood before (as in images.words, null
-- where none were read) and as they were put right, who did so and when. The newest holds; undone, it is gone.
create table image_corrections (
    id integer primary key, client_id integer not null references clients(id), sha256 text not null, words_before text,
    words text not null, reviewer text not null, created text not null);
create index image_corrections_by_image on image_corrections (client_id, sha256)
