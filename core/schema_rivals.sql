-- Decision models asked about held-out assets, to stand beside the students: each as it is asked about a version of the taxonomy
-- (fingerprint), and what it said of each asset.
create table rivals (
    id integer primary key,
    task_id integer not null references tasks (id),
    taxonomy_id integer not null references taxonomies (id),
    teacher text not null,
    model text not null,
    fingerprint text not null,
    created text not null,
    unique (task_id, taxonomy_id, teacher, fingerprint)
);
create index rivals_by_taxonomy on rivals (taxonomy_id);
create table rival_answers (
    rival_id integer not null references rivals (id),
    asset_id integer not null references assets (id),
    category_id integer references categories (id),
    confidence real,
    distribution blob,
    tokens_in integer,
    tokens_out integer,
    cost_usd real,
    latency_ms real,
    error text,
    created text not null,
    primary key (rival_id, asset_id)
) without rowid;
create index rival_answers_by_asset on rival_answers (asset_id);
create index rival_answers_by_category on rival_answers (category_id);
