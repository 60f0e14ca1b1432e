"""The SQLite database: opening it, and its append-only migrations.

Truth lives here and in files beside it. WAL mode lets pages read while the worker writes; every thread opens its own
connection. Keep the workspace on a local disk: WAL does not work on network shares.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import unicodedata
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlite_utils import Database, Migrations

from core import settings
from core.errors import InputError

LONGEST_NAME = 120  # characters of a client's or connection's name: it becomes part of files' names
migrations = Migrations("understudy")
_migrated: set[str] = set()


class _Database(Database):
    """sqlite-utils leaves the transaction of a statement open whose commit fails, as it does on a full disk: the connection would
    keep everybody else from writing, and its next statement would join what was never committed."""

    def execute(self, sql: str, parameters: Sequence | dict[str, Any] | None = None) -> sqlite3.Cursor:
        alone = not self.conn.in_transaction
        try:
            return super().execute(sql, parameters)
        except sqlite3.Error:
            if alone:
                self.rollback()
            raise


def connect(path: Path | None = None) -> Database:
    """A new connection to the workspace database (or `path`), migrated to the newest schema.

    Not to be shared between threads. Writers wait up to 60 s for each other. InputError where the file is no database of
    ours, or of a newer program; what else is amiss with it raises sqlite3's own errors or OSError (core.errors.outside).
    """
    path = path or settings.home() / "understudy.db"
    fresh = str(path) not in _migrated or not path.exists()
    db = _Database(sqlite3.connect(path, timeout=60))
    try:
        db.conn.execute("PRAGMA busy_timeout = 60000")
        db.conn.execute("PRAGMA foreign_keys = ON")
        if fresh:
            with _opening(path):  # the worker and the app open a new workspace at the same moment
                _must_be_ours(db, path)
                db.enable_wal()
                migrations.apply(db)
                sweep(db)
            _migrated.add(str(path))
    except BaseException:
        db.close()
        raise
    return db


def _opening(path: Path) -> AbstractContextManager:
    """The lock of whoever opens this database, held. InputError where it lies in a folder that cannot be written."""
    try:
        return FileLock(f"{path}.lock").acquire()
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise InputError(
            f"The workspace {path.parent} can only be read.",
            "Change its rights or the disk's, or name another with UNDERSTUDY_HOME.",
        ) from None


def _must_be_ours(db: Database, path: Path) -> None:
    """InputError for a database that something else made, or a newer version of this program."""
    tables = set(db.table_names())
    applied = {row.name for row in migrations.applied(db)}
    if not applied and tables - {"_sqlite_migrations"}:
        raise InputError(
            "This is the database of another program.", "Move it away, or name another workspace.", where=str(path)
        )
    if applied - {step.name for step in migrations._migrations}:
        raise InputError(
            "This workspace was used with a newer version of Understudy.",
            "Update this one, or name another workspace with UNDERSTUDY_HOME; nothing was changed.",
            where=str(path),
        )


def now() -> str:
    """The current time as stored everywhere: ISO 8601, UTC, microseconds (sorts as text)."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def client_id(db: Database, name: str, *, synthetic: bool = False) -> int:
    """The id of the client called `name` (case ignored), made if new. InputError for what is no name."""
    name = plain_name(name, "client")
    row = next(db.query("select id from clients where name = ?", [name]), None)
    if row:
        return row["id"]
    with db.atomic():
        row = {"id": fresh_id(db, "clients"), "name": name, "synthetic": int(synthetic), "created": now()}
        db["clients"].insert(row)
        db.execute("delete from former_names where name = ?", [name])
    return row["id"]


def fresh_id(db: Database, table: str) -> int:
    """An id for a new row of `table` that none ever had, not even one that was removed: what remembers that one by its id
    (a service, the ledger, a job) must not take the new one for it. Within the transaction that inserts it."""
    db.execute("update removals set number = number where id = -1")  # the write lock, so that two get two
    query = f"select max(ifnull((select max(id) from {table}), 0), ifnull((select max(number) from removals where kind = ?), 0))"
    return db.execute(query, [table]).fetchone()[0] + 1


def sweep(db: Database) -> None:
    """Remove the files of what was removed from the database, also where a kill came in between."""
    for (path,) in db.execute("select path from doomed_files").fetchall():
        file = settings.home() / path
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file, ignore_errors=True)
        else:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        if not file.exists():
            with db.atomic():
                db.execute("delete from doomed_files where path = ?", [path])


def formerly(db: Database, name: str) -> int | None:
    """The client that was called so before it was renamed; None where nobody was. Ask for the clients of today first."""
    row = db.execute("select client_id from former_names where name = ?", [" ".join(name.split())]).fetchone()
    return row[0] if row else None


def plain_name(name: str, whose: str) -> str:
    """`name` with single spaces. InputError where it is empty, longer than LONGEST_NAME, or holds what cannot be read or stored."""
    name = " ".join(name.split())
    if not name:
        raise InputError(f"A {whose} needs a name.", "Type one.")
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"The name of the {whose} has {len(name)} characters.", f"Choose one of at most {LONGEST_NAME}."
        )
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise InputError(f"The name of the {whose} holds a broken or invisible character.", "Type it anew.")
    return name


def _run(db: Database, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m001_first_schema(db: Database) -> None:
    _run(
        db,
        """
create table clients (
    id integer primary key, name text not null unique collate nocase,
    synthetic integer not null default 0, created text not null);
create table settings (
    client_id integer not null, key text not null, value text not null, primary key (client_id, key));
create table taxonomies (
    id integer primary key, client_id integer not null references clients(id), version integer not null,
    source text, content_hash text not null, created text not null, unique (client_id, version));
create table categories (
    id integer primary key, taxonomy_id integer not null references taxonomies(id), position integer not null,
    label text not null, name text not null, key text, parent_id integer references categories(id),
    description text not null default '', examples text not null default '[]', assignable integer not null default 1,
    unique (taxonomy_id, label));
create table imports (
    id integer primary key, client_id integer not null references clients(id), filename text not null,
    sha256 text not null, mapping text not null, row_count integer not null, imported integer not null,
    unchanged integer not null, duplicates integer not null, problem_count integer not null, created text not null);
create table import_problems (
    import_id integer not null references imports(id), row integer, "column" text,
    what text not null, todo text not null);
create index import_problems_by_import on import_problems (import_id);
create table assets (
    id integer primary key, client_id integer not null references clients(id), external_id text not null,
    text text not null, text_hash text not null, group_id integer, split text, split_given integer not null default 0,
    extra text, import_id integer not null references imports(id), unique (client_id, external_id));
create index assets_by_group on assets (client_id, group_id);
create index assets_by_hash on assets (client_id, text_hash);
create index assets_by_split on assets (client_id, split);
create table recordings (
    asset_id integer not null references assets(id), source text not null, label text not null, confidence real,
    tokens_in integer, tokens_out integer, latency_ms real, primary key (source, asset_id)) without rowid;
create table label_runs (
    id integer primary key, client_id integer not null references clients(id),
    taxonomy_id integer not null references taxonomies(id), teacher text not null, params text not null default '{}',
    prompt_hash text, budget_usd real, spent_usd real not null default 0, seconds real not null default 0,
    started text not null, finished text);
create table labels (
    run_id integer not null references label_runs(id), asset_id integer not null references assets(id),
    category_id integer references categories(id), confidence real, confidence_kind text, distribution blob,
    tokens_in integer, tokens_out integer, tokens_cached integer, cost_usd real, latency_ms real, error text,
    created text not null, primary key (run_id, asset_id)) without rowid;
create table reviews (
    id integer primary key, asset_id integer not null references assets(id), reviewer text not null,
    category_id integer not null references categories(id), note text not null default '', created text not null);
create index reviews_by_asset on reviews (asset_id);
create table students (
    id integer primary key, client_id integer not null references clients(id), kind text not null,
    label_run_id integer not null references label_runs(id), taxonomy_id integer not null references taxonomies(id),
    params text not null default '{}', path text not null, parent_id integer references students(id),
    live integer not null default 0, ready integer not null default 0, train_seconds real, size_mb real,
    summary text not null default '{}', created text not null);
create unique index one_live_student on students (client_id) where live = 1;
create table evaluations (
    student_id integer not null references students(id), split text not null, figures text not null,
    created text not null, primary key (student_id, split));
create table predictions (
    student_id integer not null references students(id), asset_id integer not null references assets(id),
    category_id integer not null references categories(id), confidence real not null, top text not null,
    primary key (student_id, asset_id)) without rowid;
create table jobs (
    id integer primary key, client_id integer references clients(id), kind text not null, params text not null,
    dedup text not null, state text not null, done integer not null default 0, total integer not null default 0,
    message text not null default '', phase_started text, spent_usd real not null default 0, pid integer,
    heartbeat text, cancel_asked integer not null default 0, error text, result text,
    created text not null, started text, finished text);
create unique index one_active_job on jobs (dedup) where state in ('queued', 'running', 'interrupted');
create index jobs_by_state on jobs (state);
create table price_overrides (
    model text primary key, input_usd_mtok real not null, output_usd_mtok real not null, cached_usd_mtok real,
    as_of text not null)
""",
    )


@migrations()
def m002_job_attempts(db: Database) -> None:
    # attempts: starts since the job last got further; furthest: how far it ever got;
    # phase_done: units that were there when the phase began
    for column in ("attempts", "furthest", "phase_done"):
        db.execute(f"alter table jobs add column {column} integer not null default 0")


@migrations()
def m003_predictions_keep_the_teachers_answer(db: Database) -> None:
    # so that disagreements are read back as they were judged, whatever is labelled later
    db.execute("alter table predictions add column teacher_category_id integer references categories(id)")


@migrations()
def m004_bands_of_near_copies(db: Database) -> None:
    # eight LSH values of each distinct text (core/ingest/duplicates.py): new assets find their copies without hashing the old
    db.execute("create table asset_bands (asset_id integer primary key references assets(id), bands blob not null)")


@migrations()
def m005_predictions_know_what_is_strange(db: Database) -> None:
    # strange: unlike anything the student learned from, so that it falls back however sure the student is
    db.execute("alter table predictions add column strange integer not null default 0")


@migrations()
def m006_learning_curves(db: Database) -> None:
    # the newest curve of each label run (core/evaluate/learning_curve.py)
    db.execute(
        "create table learning_curves (label_run_id integer primary key references label_runs(id),"
        " figures text not null, created text not null)"
    )


@migrations()
def m007_live_history(db: Database) -> None:
    # Which student was put to work when. before_id: the entry in force before it, which a roll-back returns to; an entry made
    # by a roll-back takes over that of the entry it returns to, so that rolling back twice goes back two steps.
    _run(
        db,
        """
create table live_history (
    id integer primary key, client_id integer not null references clients(id),
    student_id integer not null references students(id), before_id integer references live_history(id),
    created text not null);
create index live_history_by_client on live_history (client_id);
insert into live_history (client_id, student_id, created) select client_id, id, created from students where live = 1
""",
    )


@migrations()
def m008_hosted_teachers(db: Database) -> None:
    # connections: how to reach a hosted model (never its key, only where the key is); prompts: each wording kept;
    # calls: the ledger, a row a paid call, written before the call at the most it can cost (state open) and settled after;
    # kept_replies: what a model said, by everything that could change it; batches: handed in to a provider at half price.
    _run(
        db,
        """
create table connections (
    id integer primary key, client_id integer not null default 0, name text not null collate nocase, kind text not null,
    base_url text, model text not null, key_source text not null default 'none', params text not null default '{}',
    created text not null, unique (client_id, name));
create table prompts (
    id integer primary key, client_id integer not null references clients(id), version integer not null,
    instructions text not null, gold_examples integer not null default 0, content_hash text not null, created text not null,
    unique (client_id, version));
create table calls (
    id integer primary key, client_id integer not null, run_id integer references label_runs(id), purpose text not null,
    connection text not null, model text not null, state text not null default 'open', assets integer not null default 1,
    batch integer not null default 0, reserved_usd real not null, cost_usd real, tokens_in integer, tokens_out integer,
    tokens_cached integer, error text, started text not null, ended text);
create index calls_by_run on calls (run_id, state);
create index calls_by_client on calls (client_id, started);
create table kept_replies (
    client_id integer not null, key blob not null, reply text not null, created text not null,
    primary key (client_id, key)) without rowid;
create table batches (
    id integer primary key, run_id integer not null references label_runs(id), call_id integer references calls(id),
    provider_id text, state text not null, requests text not null, created text not null, ended text);
create index batches_by_run on batches (run_id, state)
""",
    )


@migrations()
def m009_run_states(db: Database) -> None:
    # state: running, done, capped (the money is spent), stopped; held_usd: reserved for calls under way, so that the cap is
    # checked without adding up the ledger; mapped: the label was a near miss, put on the category it can only have meant.
    # Runs from before have come to their end, or not.
    _run(
        db,
        """
alter table label_runs add column state text not null default 'stopped';
alter table label_runs add column held_usd real not null default 0;
alter table labels add column mapped integer not null default 0;
update label_runs set state = 'done' where finished is not null
""",
    )


@migrations()
def m010_reviews(db: Database) -> None:
    # mode: how the asset came before the person (given: decided elsewhere, out of a file; queue: the most doubtful first; random:
    # drawn at random; conflict: reviewers differed); adjudicates: settles a conflict; review_items: what the job that builds queue
    # and random sample wrote for the page to read. gold_labels is the one definition of an asset's gold label: the last word of
    # whoever settled it, else what every reviewer's last word agrees on. Categories are the same where their labels are, so that a
    # decision outlives a version of the taxonomy. origin: random if anyone decided it in the random sample, else given, else queue.
    _run(
        db,
        """
alter table reviews add column mode text not null default 'given';
alter table reviews add column adjudicates integer not null default 0;
alter table reviews add column seconds real;
create index reviews_by_reviewer on reviews (reviewer, id);
create table review_skips (
    id integer primary key, asset_id integer not null references assets(id), reviewer text not null, mode text not null,
    note text not null default '', created text not null);
create index review_skips_by_asset on review_skips (asset_id);
create index review_skips_by_reviewer on review_skips (reviewer, id);
create table review_items (
    client_id integer not null references clients(id), mode text not null, place integer not null,
    asset_id integer not null references assets(id), worth real not null, reasons text not null,
    suggestions text not null, neighbours text not null, primary key (client_id, mode, place)) without rowid;
create index review_items_by_asset on review_items (asset_id);
create view gold_labels as
with lasts as (select max(id) as id from reviews where adjudicates = 0 group by asset_id, reviewer),
agreed as (
    select max(r.id) as id, r.asset_id from lasts join reviews r using (id) join categories c on c.id = r.category_id
    group by r.asset_id having count(distinct c.label) = 1),
settled as (select max(id) as id, asset_id from reviews where adjudicates = 1 group by asset_id),
final as (
    select id from settled
    union all select id from agreed where asset_id not in (select asset_id from settled)),
origins as (
    select asset_id, max(mode = 'random') as random, max(mode = 'given') as given from reviews group by asset_id)
select a.client_id, a.id as asset_id, a.group_id, r.category_id, c.label, r.created,
    case when o.random then 'random' when o.given then 'given' else 'queue' end as origin
from final join reviews r using (id) join categories c on c.id = r.category_id
join assets a on a.id = r.asset_id join origins o on o.asset_id = r.asset_id
""",
    )


@migrations()
def m011_taxonomy_versions(db: Database) -> None:
    # based_on: the version a version was drafted from; category_links: what became of each category, as a person confirmed it.
    # taxonomy_drafts: the version in the making, with the labels to ask again about (core/ingest/taxonomy_versions.py);
    # taxonomy_suggestions: categories that look like one, or like two (core/evaluate/suggestions.py).
    _run(
        db,
        """
alter table taxonomies add column based_on integer references taxonomies(id);
create table category_links (
    before_id integer not null references categories(id), after_id integer not null references categories(id),
    primary key (after_id, before_id)) without rowid;
create table taxonomy_drafts (
    client_id integer primary key references clients(id), base_id integer not null references taxonomies(id),
    source text not null, draft text not null, again text not null default '[]', created text not null);
create table taxonomy_suggestions (
    client_id integer primary key references clients(id), run_id integer not null references label_runs(id),
    figures text not null, created text not null)
""",
    )


@migrations()
def m012_rounds(db: Database) -> None:
    # Labelling in rounds (core/rounds.py). selections: the assets chosen for each round; rounds: one measured after its
    # labels are in (figures), or still to be labelled (null).
    _run(
        db,
        """
create table rounds (
    run_id integer not null references label_runs(id), number integer not null, method text not null,
    figures text, created text not null, primary key (run_id, number)) without rowid;
create table selections (
    run_id integer not null references label_runs(id), asset_id integer not null references assets(id),
    number integer not null, primary key (run_id, asset_id)) without rowid
""",
    )


@migrations()
def m013_vendors(db: Database) -> None:
    # vendor_sets: held-out assets put before a vendor, fixed from then on, with the taxonomy that goes with them; vendor_tests:
    # a vendor's answers to one set, from a file ("file:NAME") or a label run ("run:ID"); vendor_answers: how an answer was read
    # is exact, mapped, off list or empty.
    _run(
        db,
        """
create table vendor_sets (
    id integer primary key, client_id integer not null references clients(id),
    taxonomy_id integer not null references taxonomies(id), size integer not null, content_hash text not null,
    created text not null, unique (client_id, content_hash));
create table vendor_set_assets (
    set_id integer not null references vendor_sets(id), asset_id integer not null references assets(id),
    primary key (set_id, asset_id)) without rowid;
create table vendor_tests (
    id integer primary key, client_id integer not null references clients(id), name text not null collate nocase,
    set_id integer not null references vendor_sets(id), source text not null, usd_per_1000 real,
    counts text not null, problems text not null default '[]', created text not null, unique (client_id, name));
create table vendor_answers (
    test_id integer not null references vendor_tests(id), asset_id integer not null references assets(id),
    said text not null, category_id integer references categories(id), how text not null, confidence real,
    latency_ms real, usd real, primary key (test_id, asset_id)) without rowid
""",
    )


@migrations()
def m014_a_time_of_certification(db: Database) -> None:
    # certified_at: when the threshold in the figures was certified last, which is later than `created` where the target or the
    # method has changed since: whoever serves a student looks at it to see that another threshold holds.
    db.execute("alter table evaluations add column certified_at text")
    db.execute("update evaluations set certified_at = created")


@migrations()
def m015_labels_as_read(db: Database) -> None:
    # recordings.category: the label of the category that a recorded label was read as, where it is not that label itself;
    # import_labels: values of an import's label columns that are no category, with the labels they are near to.
    _run(
        db,
        """
alter table recordings add column category text;
create table import_labels (
    import_id integer not null references imports(id), "column" text not null, value text not null, assets integer not null,
    near text not null default '[]')
""",
    )


@migrations()
def m016_families(db: Database) -> None:
    # family_id: the first asset of what belongs together, such as one concept in all its sizes and languages (none: the duplicate
    # group). A family is not labelled once: each of its groups is.
    db.execute("alter table assets add column family_id integer")
    db.execute("update assets set family_id = group_id")


@migrations()
def m017_family_keys(db: Database) -> None:
    # family_key: what a column of a file said belongs together, so that later files join the families that are there.
    db.execute("update assets set family_id = group_id where family_id is null")
    db.execute("alter table assets add column family_key text")
    db.execute("create index assets_by_family on assets (client_id, family_id)")


@migrations()
def m018_served_fallback_in_the_ledger(db: Database) -> None:
    # What a served teacher has cost a client in a month, and what is set aside for calls under way, changed together with its rows
    # in calls, so that the month's budget is checked without adding them up. What stood in a setting before is one call.
    _run(
        db,
        """
create table served_months (
    client_id integer not null, month text not null, spent_usd real not null default 0, held_usd real not null default 0,
    primary key (client_id, month)) without rowid;
insert into calls (client_id, purpose, connection, model, state, assets, reserved_usd, cost_usd, started, ended)
    select client_id, 'served', '', '', 'settled', 0, 0, cast(value as real), substr(key, 17) || '-01T00:00:00+00:00',
           substr(key, 17) || '-01T00:00:00+00:00' from settings where key like 'serve_spent_usd %';
insert into served_months (client_id, month, spent_usd)
    select client_id, substr(key, 17), cast(value as real) from settings where key like 'serve_spent_usd %';
delete from settings where key like 'serve_spent_usd %'
""",
    )


@migrations()
def m019_jobs_know_how_far_they_got(db: Database) -> None:
    # reached: how far the job ever got in each phase (core/progress.py), in place of furthest
    db.execute("alter table jobs add column reached text not null default '{}'")


@migrations()
def m020_calls_know_who_makes_them(db: Database) -> None:
    # owner: who makes a call outside any run, by the lock it holds while it lives (core/label/ledger.py)
    db.execute("alter table calls add column owner text")


@migrations()
def m021_jobs_know_the_seconds_of_their_phases(db: Database) -> None:
    # spans: seconds spent in each phase and its units, which forecast the next job like it (core/pace.py)
    db.execute("alter table jobs add column spans text not null default '{}'")


@migrations()
def m022_removals(db: Database) -> None:
    # removals: what people removed, with its numbers in words; its id is never given again (fresh_id). doomed_files: files of the
    # workspace (paths within it) that go once the removal is committed. client_names: whose row of the ledger this is, also after
    # the client was removed. imports.undoable, recordings_before, families_before, splits_before, reviews.import_id: what an import
    # changed of what was there before it, the state before each change (label null: there was no recording), so that it can be
    # taken back; earlier imports did not keep that.
    _run(
        db,
        """
create table removals (
    id integer primary key, client_id integer not null, kind text not null, number integer not null, name text not null,
    what text not null default '[]', created text not null);
create index removals_by_kind on removals (kind, number);
create table doomed_files (path text primary key);
create view client_names as
    select id, name from clients
    union all select number, name || ' (deleted ' || substr(created, 1, 10) || ')' from removals where kind = 'clients';
alter table imports add column undoable integer not null default 0;
alter table reviews add column import_id integer references imports(id);
create index reviews_by_import on reviews (import_id) where import_id is not null;
create table recordings_before (
    n integer primary key, import_id integer not null references imports(id), asset_id integer not null references assets(id),
    source text not null, label text, category text, confidence real, tokens_in integer, tokens_out integer, latency_ms real);
create index recordings_before_by_asset on recordings_before (asset_id, source, n);
create index recordings_before_by_import on recordings_before (import_id);
create table families_before (
    n integer primary key, import_id integer not null references imports(id), asset_id integer not null references assets(id),
    family_id integer, family_key text);
create index families_before_by_asset on families_before (asset_id, n);
create index families_before_by_import on families_before (import_id);
create table splits_before (import_id integer not null references imports(id), group_id integer not null)
""",
    )


@migrations()
def m023_sendings(db: Database) -> None:
    # sendings: what the rows of a scored file that were sent to the teacher have cost, and what is set aside for them, by owner of
    # the calls (core/label/ledger.py)
    db.execute(
        """create table sendings (client_id integer not null, owner text not null, spent_usd real not null default 0,
             held_usd real not null default 0, primary key (client_id, owner))"""
    )


@migrations()
def m024_former_names(db: Database) -> None:
    # former_names: what a client was called before, so that an address kept from then still leads to it; a name that another client
    # takes means that one
    db.execute(
        """create table former_names (name text primary key collate nocase,
             client_id integer not null references clients(id))"""
    )


@migrations()
def m025_served_answers(db: Database) -> None:
    # served_answers: what servers have answered (core/deploy/tally.py); student_id is no reference: one that goes has answered
    db.execute(
        """create table served_answers (client_id integer not null references clients(id), student_id integer not null,
             month text not null, texts integer not null default 0, handled integer not null default 0,
             by_teacher integer not null default 0, primary key (client_id, student_id, month)) without rowid"""
    )


@migrations()
def m026_remarks(db: Database) -> None:
    # remark: what an import says that needs nobody. aside: rows of the file that are no rows of its table, such as totals
    db.execute("alter table import_problems add column remark integer not null default 0")
    db.execute("alter table imports add column remark_count integer not null default 0")
    db.execute("alter table imports add column aside integer not null default 0")
