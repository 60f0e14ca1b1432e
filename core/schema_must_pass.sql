-- Examples that a student must answer right to go live: of a task, a text (of an asset, where it is one) and its category.
create table must_pass (
    id integer primary key,
    task_id integer not null references tasks (id),
    asset_id integer references assets (id),
    text text not null,
    category_id integer not null references categories (id),
    created text not null,
    unique (task_id, text)
);
create index must_pass_by_asset on must_pass (asset_id);
create index must_pass_by_category on must_pass (category_id);
