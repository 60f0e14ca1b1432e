-- The workspace's schema. Assets, their copies, families and splits belong to a client; everything that is about one narrow job
-- (taxonomies, prompts, label runs, decisions, students) to one of its tasks.

create table clients (
    id integer primary key, name text not null unique collate nocase,
    synthetic integer not null default 0, created text not null);

-- what a client was called before, so that an address kept from then still leads to it; a name that another client takes means
-- that one
create table former_names (name text primary key collate nocase, client_id integer not null references clients(id));

-- kind: as in core/tasks.py
create table tasks (
    id integer primary key, client_id integer not null references clients(id), name text not null collate nocase,
    kind text not null, created text not null, unique (client_id, name));

-- client 0: the house; task 0: every task of the client
create table settings (
    client_id integer not null, task_id integer not null default 0, key text not null, value text not null,
    primary key (client_id, task_id, key));

-- based_on: the version that a version was drafted from
create table taxonomies (
    id integer primary key, task_id integer not null references tasks(id), version integer not null, source text,
    content_hash text not null, created text not null, based_on integer references taxonomies(id), unique (task_id, version));
create table categories (
    id integer primary key, taxonomy_id integer not null references taxonomies(id), position integer not null,
    label text not null, name text not null, key text, parent_id integer references categories(id),
    description text not null default '', examples text not null default '[]', assignable integer not null default 1,
    unique (taxonomy_id, label));
-- what became of each category of the version before, as a person confirmed it
create table category_links (
    before_id integer not null references categories(id), after_id integer not null references categories(id),
    primary key (after_id, before_id)) without rowid;
-- the version in the making, with the labels to ask again about (core/taxonomy/versions.py)
create table taxonomy_drafts (
    task_id integer primary key references tasks(id), base_id integer not null references taxonomies(id),
    source text not null, draft text not null, again text not null default '[]', created text not null);
-- categories that look like one, or like two (core/evaluate/suggestions.py)
create table taxonomy_suggestions (
    task_id integer primary key references tasks(id), run_id integer not null references label_runs(id),
    figures text not null, created text not null);

-- task_id: whose labels its label column brought (null: that task was deleted); aside: rows of the file that are no rows of its
-- table, such as totals
create table imports (
    id integer primary key, client_id integer not null references clients(id), task_id integer references tasks(id),
    filename text not null, sha256 text not null, mapping text not null, row_count integer not null, imported integer not null,
    unchanged integer not null, duplicates integer not null, problem_count integer not null, created text not null,
    undoable integer not null default 0, remark_count integer not null default 0, aside integer not null default 0);
-- remark: what an import says that needs nobody
create table import_problems (
    import_id integer not null references imports(id), row integer, "column" text, what text not null, todo text not null,
    remark integer not null default 0);
create index import_problems_by_import on import_problems (import_id);
-- values of an import's label columns that are no category, with the labels they are near to
create table import_labels (
    import_id integer not null references imports(id), "column" text not null, value text not null, assets integer not null,
    near text not null default '[]');

-- group_id: the first asset of the same text, or nearly; family_id: the first asset of what belongs together, such as one concept
-- in all its sizes and languages (none: the duplicate group); family_key: what a column of a file said belongs together, so that
-- later files join the families that are there. A family is not labelled once: each of its groups is.
create table assets (
    id integer primary key, client_id integer not null references clients(id), external_id text not null,
    text text not null, text_hash text not null, group_id integer, split text, split_given integer not null default 0,
    extra text, import_id integer not null references imports(id), family_id integer, family_key text,
    unique (client_id, external_id));
create index assets_by_group on assets (client_id, group_id);
create index assets_by_hash on assets (client_id, text_hash);
create index assets_by_split on assets (client_id, split);
create index assets_by_family on assets (client_id, family_id);
-- eight LSH values of each distinct text (core/assets/duplicates.py): new assets find their copies without hashing the old
create table asset_bands (asset_id integer primary key references assets(id), bands blob not null);
-- labels as a file of the task gave them, with what the file says of each (columns of core/asset_columns.py, as in assets);
-- category: the label of the category that one was read as, where it is not that itself
create table recordings (
    task_id integer not null references tasks(id), source text not null, asset_id integer not null references assets(id),
    label text not null, category text,
    primary key (task_id, source, asset_id)) without rowid;
create index recordings_by_asset on recordings (asset_id);

-- what an import changed of what was there before it, the state before each change (label null: there was no recording), so that
-- it can be taken back
create table recordings_before (
    n integer primary key, import_id integer not null references imports(id), asset_id integer not null references assets(id),
    task_id integer not null references tasks(id), source text not null, label text, category text);
create index recordings_before_by_asset on recordings_before (asset_id, source, n);
create index recordings_before_by_import on recordings_before (import_id);
create table families_before (
    n integer primary key, import_id integer not null references imports(id), asset_id integer not null references assets(id),
    family_id integer, family_key text);
create index families_before_by_asset on families_before (asset_id, n);
create index families_before_by_import on families_before (import_id);
create table splits_before (import_id integer not null references imports(id), group_id integer not null);

-- how to reach a hosted model: never its key, only where the key is; client 0: every client's
create table connections (
    id integer primary key, client_id integer not null default 0, name text not null collate nocase, kind text not null,
    base_url text, model text not null, key_source text not null default 'none', params text not null default '{}',
    created text not null, unique (client_id, name));
create table prompts (
    id integer primary key, task_id integer not null references tasks(id), version integer not null,
    instructions text not null, gold_examples integer not null default 0, content_hash text not null, created text not null,
    unique (task_id, version));

-- state: running, done, capped (the money is spent), stopped; held_usd: reserved for calls under way, so that the cap is checked
-- without adding up the ledger
create table label_runs (
    id integer primary key, task_id integer not null references tasks(id),
    taxonomy_id integer not null references taxonomies(id), teacher text not null, params text not null default '{}',
    prompt_hash text, budget_usd real, spent_usd real not null default 0, held_usd real not null default 0,
    seconds real not null default 0, state text not null default 'stopped', started text not null, finished text);
create index label_runs_by_task on label_runs (task_id);
-- mapped: the label was a near miss, put on the category it can only have meant
create table labels (
    run_id integer not null references label_runs(id), asset_id integer not null references assets(id),
    category_id integer references categories(id), confidence real, confidence_kind text, distribution blob,
    tokens_in integer, tokens_out integer, tokens_cached integer, cost_usd real, latency_ms real, error text,
    created text not null, mapped integer not null default 0, primary key (run_id, asset_id)) without rowid;
-- the newest curve of each label run (core/evaluate/learning_curve.py)
create table learning_curves (
    label_run_id integer primary key references label_runs(id), figures text not null, created text not null);
-- labelling in rounds (core/rounds.py): one measured after its labels are in (figures), or still to be labelled (null)
create table rounds (
    run_id integer not null references label_runs(id), number integer not null, method text not null,
    figures text, created text not null, primary key (run_id, number)) without rowid;
create table selections (
    run_id integer not null references label_runs(id), asset_id integer not null references assets(id),
    number integer not null, primary key (run_id, asset_id)) without rowid;

-- the ledger: a row a paid call, written before the call at the most it can cost (state open) and settled after; owner: who makes
-- a call outside any run, by the lock it holds while it lives (core/money/ledger.py)
create table calls (
    id integer primary key, client_id integer not null, run_id integer references label_runs(id), purpose text not null,
    connection text not null, model text not null, state text not null default 'open', assets integer not null default 1,
    batch integer not null default 0, reserved_usd real not null, cost_usd real, tokens_in integer, tokens_out integer,
    tokens_cached integer, error text, started text not null, ended text, owner text);
create index calls_by_run on calls (run_id, state);
create index calls_by_client on calls (client_id, started);
-- what a model said, by everything that could change it
create table kept_replies (
    client_id integer not null, key blob not null, reply text not null, created text not null,
    primary key (client_id, key)) without rowid;
-- handed in to a provider at half price
create table batches (
    id integer primary key, run_id integer not null references label_runs(id), call_id integer references calls(id),
    provider_id text, state text not null, requests text not null, created text not null, ended text);
create index batches_by_run on batches (run_id, state);
-- what a served teacher has cost a client in a month, and what rows of a scored file sent to the teacher have cost, by owner of
-- the calls; and what is set aside for calls under way. Changed together with rows in calls, so that a budget is checked without
-- adding them up.
create table served_months (
    client_id integer not null, month text not null, spent_usd real not null default 0, held_usd real not null default 0,
    primary key (client_id, month)) without rowid;
create table sendings (
    client_id integer not null, owner text not null, spent_usd real not null default 0, held_usd real not null default 0,
    primary key (client_id, owner)) without rowid;
create table price_overrides (
    model text primary key, input_usd_mtok real not null, output_usd_mtok real not null, cached_usd_mtok real,
    as_of text not null);

-- mode: how the asset came before the person (given: decided elsewhere, out of a file; queue: the most doubtful first; random:
-- drawn at random; conflict: reviewers differed); adjudicates: settles a conflict
create table reviews (
    id integer primary key, task_id integer not null references tasks(id), asset_id integer not null references assets(id),
    reviewer text not null, category_id integer not null references categories(id), note text not null default '',
    created text not null, mode text not null default 'given', adjudicates integer not null default 0, seconds real,
    import_id integer references imports(id));
create index reviews_by_asset on reviews (asset_id);
create index reviews_by_task on reviews (task_id);
create index reviews_by_reviewer on reviews (reviewer, id);
create index reviews_by_import on reviews (import_id) where import_id is not null;
create table review_skips (
    id integer primary key, task_id integer not null references tasks(id), asset_id integer not null references assets(id),
    reviewer text not null, mode text not null, note text not null default '', created text not null);
create index review_skips_by_asset on review_skips (asset_id);
create index review_skips_by_reviewer on review_skips (reviewer, id);
-- what the job that builds queue and random sample wrote for the page to read
create table review_items (
    task_id integer not null references tasks(id), mode text not null, place integer not null,
    asset_id integer not null references assets(id), worth real not null, reasons text not null,
    suggestions text not null, neighbours text not null, primary key (task_id, mode, place)) without rowid;
create index review_items_by_asset on review_items (asset_id);
-- The one definition of an asset's gold label in a task: the last word of whoever settled it, else what every reviewer's last word
-- agrees on. Categories are the same where their labels are, so that a decision outlives a version of the taxonomy. origin: random
-- if anyone decided it in the random sample, else given, else queue.
create view gold_labels as
with lasts as (select max(id) as id from reviews where adjudicates = 0 group by task_id, asset_id, reviewer),
agreed as (
    select max(r.id) as id, r.task_id, r.asset_id from lasts join reviews r using (id) join categories c on c.id = r.category_id
    group by r.task_id, r.asset_id having count(distinct c.label) = 1),
settled as (select max(id) as id, task_id, asset_id from reviews where adjudicates = 1 group by task_id, asset_id),
final as (
    select id from settled
    union all select id from agreed where (task_id, asset_id) not in (select task_id, asset_id from settled)),
origins as (
    select task_id, asset_id, max(mode = 'random') as random, max(mode = 'given') as given from reviews
    group by task_id, asset_id)
select r.task_id, a.id as asset_id, a.group_id, r.category_id, c.label, r.created,
    case when o.random then 'random' when o.given then 'given' else 'queue' end as origin
from final join reviews r using (id) join categories c on c.id = r.category_id
join assets a on a.id = r.asset_id join origins o on o.asset_id = r.asset_id and o.task_id = r.task_id;

create table students (
    id integer primary key, task_id integer not null references tasks(id), kind text not null,
    label_run_id integer not null references label_runs(id), taxonomy_id integer not null references taxonomies(id),
    params text not null default '{}', path text not null, parent_id integer references students(id),
    live integer not null default 0, ready integer not null default 0, train_seconds real, size_mb real,
    summary text not null default '{}', created text not null);
create unique index one_live_student on students (task_id) where live = 1;
create index students_by_task on students (task_id);
-- Which student was put to work when. before_id: the entry in force before it, which a roll-back returns to; an entry made by a
-- roll-back takes over that of the entry it returns to, so that rolling back twice goes back two steps.
create table live_history (
    id integer primary key, task_id integer not null references tasks(id),
    student_id integer not null references students(id), before_id integer references live_history(id),
    created text not null);
create index live_history_by_task on live_history (task_id);
-- what servers have answered (core/deploy/tally.py); student_id is no reference: one that goes has answered
create table served_answers (
    task_id integer not null references tasks(id), student_id integer not null, month text not null,
    texts integer not null default 0, handled integer not null default 0, by_teacher integer not null default 0,
    primary key (task_id, student_id, month)) without rowid;
-- certified_at: when the threshold in the figures was certified last, which is later than `created` where the target or the method
-- has changed since: whoever serves a student looks at it to see that another threshold holds
create table evaluations (
    student_id integer not null references students(id), split text not null, figures text not null,
    created text not null, certified_at text, primary key (student_id, split));
-- of held-out assets alone; teacher_category_id: so that disagreements are read back as they were judged, whatever is labelled
-- later; strange: unlike anything the student learned from, so that it falls back however sure the student is
create table predictions (
    student_id integer not null references students(id), asset_id integer not null references assets(id),
    category_id integer not null references categories(id), confidence real not null, top text not null,
    teacher_category_id integer references categories(id), strange integer not null default 0,
    primary key (student_id, asset_id)) without rowid;

-- vendor_sets: held-out assets put before a vendor, fixed from then on, with the taxonomy that goes with them; vendor_tests: a
-- vendor's answers to one set, from a file ("file:NAME") or a label run ("run:ID"); vendor_answers: how an answer was read is exact,
-- mapped, off list or empty
create table vendor_sets (
    id integer primary key, task_id integer not null references tasks(id),
    taxonomy_id integer not null references taxonomies(id), size integer not null, content_hash text not null,
    created text not null, unique (task_id, content_hash));
create table vendor_set_assets (
    set_id integer not null references vendor_sets(id), asset_id integer not null references assets(id),
    primary key (set_id, asset_id)) without rowid;
create table vendor_tests (
    id integer primary key, task_id integer not null references tasks(id), name text not null collate nocase,
    set_id integer not null references vendor_sets(id), source text not null, usd_per_1000 real,
    counts text not null, problems text not null default '[]', created text not null, unique (task_id, name));
create table vendor_answers (
    test_id integer not null references vendor_tests(id), asset_id integer not null references assets(id),
    said text not null, category_id integer references categories(id), how text not null, confidence real,
    latency_ms real, usd real, primary key (test_id, asset_id)) without rowid;

-- attempts: starts since the job last got further; reached: how far it ever got in each phase (core/jobs/progress.py); phase_done:
-- units that were there when the phase began; spans: seconds spent in each phase and its units, which forecast the next job like
-- it (core/jobs/pace.py)
create table jobs (
    id integer primary key, client_id integer references clients(id), task_id integer references tasks(id), kind text not null,
    params text not null, dedup text not null, state text not null, done integer not null default 0,
    total integer not null default 0, message text not null default '', phase_started text, phase_done integer not null default 0,
    reached text not null default '{}', spans text not null default '{}', attempts integer not null default 0,
    spent_usd real not null default 0, pid integer, heartbeat text, cancel_asked integer not null default 0, error text,
    result text, created text not null, started text, finished text);
create unique index one_active_job on jobs (dedup) where state in ('queued', 'running', 'interrupted');
create index jobs_by_state on jobs (state);

-- what people removed, with its numbers in words; its id is never given again (core/database.py: fresh_id)
create table removals (
    id integer primary key, client_id integer not null, kind text not null, number integer not null, name text not null,
    what text not null default '[]', created text not null);
create index removals_by_kind on removals (kind, number);
-- files of the workspace (paths within it) that go once the removal is committed
create table doomed_files (path text primary key);
-- whose row of the ledger this is, also after the client was removed
create view client_names as
    select id, name from clients
    union all select number, name || ' (deleted ' || substr(created, 1, 10) || ')' from removals where kind = 'clients';
