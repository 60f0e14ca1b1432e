"""Taking back an import, removing assets, students and clients: what hangs on them, said before, and then all of it or nothing.

    hanging = of_import(db, client_id, 3)      # counts, and sentences for a person to read
    undo_import(db, client_id, 3)

Each is one transaction; files go once it is committed, after a kill at the next start (core/db.py: sweep). Money that was spent
stays in the ledger: what was bought is gone, that it was paid for is not. What hangs on a row is read off the schema's
foreign keys, so that a new table is removed with what it is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from core import jobs, settings
from core.db import fresh_id, now, plain_name, sweep
from core.errors import InputError
from core.ingest.assets import alone
from core.progress import NoProgress
from core.words import counted, money

LEDGER = {"calls", "served_months", "removals"}  # what says what was paid and removed: it outlives its client


@dataclass(frozen=True)
class Hanging:
    """What goes with something: `what` it is, counts, and what is to be known first. Money in USD, as billed."""

    kind: str  # the table it is in
    number: int
    what: str
    counts: dict[str, int] = field(default_factory=dict)  # of what goes: name in the plural -> how many
    labels_usd: float = 0.0  # what the labels that go have cost
    warnings: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """In words: what goes, what that has cost, and the warnings."""
        parts = [counted(n, *NOUNS[name]) for name, n in self.counts.items() if n]
        said = [f"With {self.what} go {_listed(parts)}." if parts else f"Nothing hangs on {self.what}."]
        if self.labels_usd:
            said.append(
                f"The labels have cost {money(self.labels_usd, exact=True)}; that stays in the ledger, the labels do not."
            )
        return said + list(self.warnings)


NOUNS = {
    "assets": ("asset",),
    "recorded": ("label that came with files", "labels that came with files"),
    "labels": ("label of a teacher", "labels of teachers"),
    "reviews": ("decision of people", "decisions of people"),
    "answers": ("answer of a vendor", "answers of vendors"),
    "imports": ("import",),
    "taxonomies": ("version of the taxonomy", "versions of the taxonomy"),
    "students": ("student",),
    "connections": ("connection of its own", "connections of its own"),
    "predictions": ("answer on held-out assets", "answers on held-out assets"),
}


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


# --- what there is ------------------------------------------------------------------------------------------------


def imports(db: Database, client_id: int) -> list[dict]:
    """The client's imports, newest first: id, filename, created, rows, assets (of those it brought, still there), problems."""
    query = """select i.id, i.filename, i.created, i.row_count as rows, i.problem_count as problems,
               (select count(*) from assets a where a.client_id = i.client_id and a.import_id = i.id) as assets
               from imports i where i.client_id = ? order by i.id desc"""
    return list(db.query(query, [client_id]))


def of_import(db: Database, client_id: int, import_id: int) -> Hanging:
    """What hangs on an import. InputError where the client has none of that number."""
    row = _import(db, client_id, import_id)
    with _gone(db, "select id from assets where client_id = ? and import_id = ?", [client_id, import_id]):
        found = _of_gone(db, client_id, "imports", import_id, f"import {import_id} ({row['filename']})")
    changed = _count(db, "recordings_before where import_id = ?", import_id)
    warnings = list(found.warnings)
    if changed:
        warnings.append(
            f"{counted(changed, 'label', 'labels')} it brought for assets of other imports {'goes' if changed == 1 else 'go'} back to "
            "what stood there before."
        )
    if not row["undoable"]:
        warnings.append(
            "It was made before imports could be undone: labels it brought for assets of other imports stay as they are."
        )
    later = "imports where client_id = ? and id > ? and unchanged > 0"
    if found.counts["assets"] and _count(db, later, client_id, import_id):
        warnings.append("Later files held assets that were there already: import those again to have them back.")
    return _with(found, warnings)


def of_assets(db: Database, client_id: int, external_ids: Iterable[str]) -> Hanging:
    """What hangs on the assets with these ids. InputError where one is not the client's."""
    ids = _wanted(db, client_id, external_ids)
    with _gone(db, "select value from json_each(?)", [json.dumps(ids)]):
        return _of_gone(db, client_id, "assets", len(ids), counted(len(ids), "asset"))


def of_student(db: Database, client_id: int, student_id: int) -> Hanging:
    """What hangs on a student. InputError where the client has none of that number."""
    row = _student(db, client_id, student_id)
    name = f"{row['kind']} {student_id}"
    warnings = [f"{name} is live: without it no student answers until another is made live."] if row["live"] else []
    exported = settings.subfolder("output") / f"understudy-student-{student_id}.zip"
    if exported.exists():
        warnings.append("Its ZIP in the workspace goes as well; copies elsewhere go on working.")
    counts = {"predictions": _count(db, "predictions where student_id = ?", student_id)}
    return Hanging("students", student_id, name, counts, 0.0, tuple(warnings))


def of_client(db: Database, client_id: int) -> Hanging:
    """What hangs on a client. InputError where there is none of that number."""
    name = _client(db, client_id)
    live = db.execute("select kind, id from students where client_id = ? and live = 1", [client_id]).fetchone()
    assets = "(select id from assets where client_id = ?)"
    runs = "(select id from label_runs where client_id = ?)"
    counts = {
        "assets": _count(db, "assets where client_id = ?", client_id),
        "imports": _count(db, "imports where client_id = ?", client_id),
        "taxonomies": _count(db, "taxonomies where client_id = ?", client_id),
        "labels": _count(db, f"labels where run_id in {runs}", client_id),
        "reviews": _count(db, f"reviews where asset_id in {assets}", client_id),
        "students": _count(db, "students where client_id = ? and ready = 1", client_id),
        "connections": _count(db, "connections where client_id = ?", client_id),
    }
    usd = db.execute(f"select total(cost_usd) from labels where run_id in {runs}", [client_id]).fetchone()[0]
    warnings = [f"{live[0]} {live[1]} is live: what answers with it must be stopped."] if live else []
    return Hanging("clients", client_id, name, counts, usd, tuple(warnings))


# --- removing -----------------------------------------------------------------------------------------------------


def undo_import(db: Database, client_id: int, import_id: int) -> Hanging:
    """Take an import back: its assets with all that hangs on them, and what it changed of others; returns what went.

    A label bought for an asset whose copy stays goes to the copy. InputError while a job of the client is under way.
    """
    with _at_rest(db, client_id):
        found = of_import(db, client_id, import_id)
        row = _import(db, client_id, import_id)
        with (
            _removing(db, client_id, found),
            _gone(db, "select id from assets where client_id = ? and import_id = ?", [client_id, import_id]),
        ):
            _undo_reviews_and_splits(db, client_id, row)
            _undo_recordings(db, client_id, import_id)
            _undo_families(db, import_id)
            _remove_gone(db, client_id)
            for table, column in _children(db, "imports"):
                db.conn.execute(f"delete from {table} where {column} = ?", [import_id])
            db.conn.execute("delete from imports where id = ?", [import_id])
            _doom(db, _uploads(db, [row["sha256"]]))
    sweep(db)
    return found


def remove_assets(db: Database, client_id: int, external_ids: Iterable[str]) -> Hanging:
    """Remove assets by their ids, with all that hangs on them; returns what went. InputError as for undo_import()."""
    with _at_rest(db, client_id):
        ids = _wanted(db, client_id, external_ids)
        found = of_assets(db, client_id, external_ids)
        with _removing(db, client_id, found), _gone(db, "select value from json_each(?)", [json.dumps(ids)]):
            _remove_gone(db, client_id)
    return found


def remove_student(db: Database, client_id: int, student_id: int, *, even_live: bool = False) -> Hanging:
    """Remove a student, its figures and files; returns what went. InputError for the live one unless `even_live`."""
    found = of_student(db, client_id, student_id)
    row = _student(db, client_id, student_id)
    if row["live"] and not even_live:
        raise InputError(f"{found.what} is live.", "Make another student live first, or say that the live one may go.")
    with _removing(db, client_id, found):
        before = "(select b.before_id from live_history b where b.id = live_history.before_id)"
        dropped = "(select id from live_history where student_id = ?)"
        while db.conn.execute(f"select 1 from live_history where before_id in {dropped}", [student_id]).fetchone():
            db.conn.execute(f"update live_history set before_id = {before} where before_id in {dropped}", [student_id])
        db.conn.execute("update students set parent_id = ? where parent_id = ?", [row["parent_id"], student_id])
        for table, column in _children(db, "students"):
            if table != "students":
                db.conn.execute(f"delete from {table} where {column} = ?", [student_id])
        db.conn.execute("delete from students where id = ?", [student_id])
        _doom(db, [row["path"], f"output/understudy-student-{student_id}.zip"])
    sweep(db)
    return found


def remove_client(db: Database, client_id: int) -> Hanging:
    """Remove a client and everything of it but its rows of the ledger, which keep its name; returns what went."""
    with _at_rest(db, client_id):
        found = of_client(db, client_id)
        with _removing(db, client_id, found):
            _doom(db, _files_of(db, client_id))
            db.conn.execute("update calls set run_id = null where client_id = ?", [client_id])
            for table, where in _belonging(db):
                db.conn.execute(f"delete from {table} where {where}", {"client": client_id})
            db.conn.execute("delete from clients where id = ?", [client_id])
    sweep(db)
    return found


def rename_client(db: Database, client_id: int, name: str) -> str:
    """Give a client another name; returns it as kept. InputError for what is no name, or another client's."""
    name = plain_name(name, "client")
    _client(db, client_id)
    with db.atomic():
        if db.execute("select 1 from clients where name = ? and id != ?", [name, client_id]).fetchone():
            raise InputError(f"There is a client called {name} already.", "Take another name.")
        db.execute("update clients set name = ? where id = ?", [name, client_id])
    return name


# --- how ----------------------------------------------------------------------------------------------------------


@contextmanager
def _removing(db: Database, client_id: int, found: Hanging) -> Iterator[None]:
    """One transaction, noted in `removals`. InputError, and nothing done, while a job of the client is under way.

    Foreign keys are checked once, at its end: checked row by row, each asset would be looked for in every table.
    """
    db.execute("pragma foreign_keys = off")
    try:
        db.conn.execute("begin immediate")
        with db.conn:
            _must_rest(db, client_id)
            yield
            row = (client_id, found.kind, found.number, found.what, json.dumps(found.sentences()), now())
            db.conn.execute(
                "insert into removals (client_id, kind, number, name, what, created) values (?, ?, ?, ?, ?, ?)", row
            )
            broken = db.execute("pragma foreign_key_check").fetchone()
            if broken:
                raise RuntimeError(f"a removal would leave rows of {broken[0]} about what is gone from {broken[2]}")
    finally:
        db.execute("pragma foreign_keys = on")


@contextmanager
def _at_rest(db: Database, client_id: int) -> Iterator[None]:
    """No job of the client is under way, and no import begins."""
    _must_rest(db, client_id)
    with alone(client_id, NoProgress()):
        yield


def _must_rest(db: Database, client_id: int) -> None:
    busy = jobs.active(db, client_id)
    if busy:
        raise InputError(
            f"Job {busy[0].id} of this client is under way or waiting ({busy[0].kind.replace('_', ' ')}); nothing was removed.",
            "Wait until it is done, or cancel it first.",
        )


@contextmanager
def _gone(db: Database, query: str, parameters: list) -> Iterator[None]:
    """The ids of assets that go, in a scratch table `gone` of this connection."""
    within = db.conn.in_transaction
    db.conn.execute("create temp table gone (id integer primary key)")
    try:
        db.conn.execute(f"insert into gone {query}", parameters)
        yield
    finally:
        db.conn.execute("drop table if exists temp.gone")
        if not within:
            db.conn.commit()


def _of_gone(db: Database, client_id: int, kind: str, number: int, what: str) -> Hanging:
    """What hangs on the assets in `gone`."""
    runs = "run_id in (select id from label_runs where client_id = ?) and asset_id in (select id from gone)"
    counts = {
        "assets": _count(db, "gone"),
        "recorded": _count(db, "recordings where asset_id in (select id from gone)"),
        "labels": _count(db, f"labels where {runs}", client_id),
        "reviews": _count(db, "reviews where asset_id in (select id from gone)"),
        "answers": _count(db, "vendor_answers where asset_id in (select id from gone)"),
    }
    usd = db.execute(f"select total(cost_usd) from labels where {runs}", [client_id]).fetchone()[0]
    copies = _count(db, f"labels where {runs} and asset_id in (select old from ({HEIRS}) where new is not null)", client_id)
    warnings = []
    if copies:
        warnings.append(f"{counted(copies, 'label')} of them {'stays' if copies == 1 else 'stay'} with a copy that is kept.")
    learned = db.execute(
        f"""select s.kind, s.id, s.live, (select count(*) from labels l where l.run_id = s.label_run_id
            and l.asset_id in (select id from gone)) as n from students s where s.client_id = ? and s.ready = 1 and n > 0""",
        [client_id],
    ).fetchall()
    for name, id, live, n in learned:
        warnings.append(
            f"{name} {id}{', which is live,' if live else ''} learned from or was judged on {n:,} of these labels; it goes on "
            "answering as it does, and its figures stay as measured, until another is trained."
        )
    return Hanging(kind, number, what, counts, usd, tuple(warnings))


def _with(found: Hanging, warnings: list[str]) -> Hanging:
    return Hanging(found.kind, found.number, found.what, found.counts, found.labels_usd, tuple(warnings))


# The asset of its duplicate group that takes over from each one that goes: the first that stays, null where none does.
HEIRS = """select a.id as old, (select min(b.id) from assets b where b.client_id = a.client_id and b.group_id = a.group_id
           and b.id not in (select id from gone)) as new from gone join assets a using (id)"""


def _remove_gone(db: Database, client_id: int) -> None:
    """Remove the assets in `gone` and all rows about them; groups and families that stay get another first asset."""
    db.conn.execute(f"create temp table heirs as select old, new from ({HEIRS}) where new is not null")
    db.conn.execute("create unique index temp.heirs_by_old on heirs (old)")
    runs = db.execute(
        """select distinct run_id from labels where asset_id in (select id from gone)
           and run_id in (select id from label_runs where client_id = ?)""",
        [client_id],
    ).fetchall()
    for table in ("labels", "selections"):  # what was bought holds for a copy as well
        db.conn.execute(
            f"""update or ignore {table} set asset_id = (select new from heirs where old = asset_id)
                where asset_id in (select old from heirs) and run_id in (select id from label_runs where client_id = ?)""",
            [client_id],
        )
    db.conn.execute("drop table temp.heirs")
    _move_bands(db, client_id)
    _shrink_vendor_sets(db)
    for table, column in _children(db, "assets"):
        db.conn.execute(f"delete from {table} where {column} in (select id from gone)")
    db.conn.execute("delete from assets where id in (select id from gone)")
    for column in ("group_id", "family_id"):
        db.conn.execute(
            f"""update assets set {column} = m.new from
                (select {column} as old, min(id) as new from assets where client_id = :c and {column} is not null group by {column}
                 having {column} not in (select id from assets where client_id = :c)) m
                where client_id = :c and {column} = m.old""",
            {"c": client_id},
        )
    _drop_empty_runs(db, [run for (run,) in runs])


def _move_bands(db: Database, client_id: int) -> None:
    """A text's bands (m004) stand with the first asset that has it: of those that go, the next one that stays takes them."""
    db.conn.execute(
        """update or ignore asset_bands set asset_id = (select min(b.id) from assets a join assets b
           on b.client_id = a.client_id and b.text_hash = a.text_hash where a.id = asset_bands.asset_id
           and b.split is a.split and b.id not in (select id from gone))
           where asset_id in (select id from gone) and exists (select 1 from assets a join assets b
           on b.client_id = a.client_id and b.text_hash = a.text_hash where a.id = asset_bands.asset_id
           and b.split is a.split and b.id not in (select id from gone))""",
    )


def _shrink_vendor_sets(db: Database) -> None:
    """A set without an asset is another set than the one drawn with it; one without any is none, nor is a test of it."""
    touched = "select distinct set_id from vendor_set_assets where asset_id in (select id from gone)"
    sets = [row[0] for row in db.execute(touched).fetchall()]
    db.conn.execute("delete from vendor_set_assets where asset_id in (select id from gone)")
    for one in sets:
        left = _count(db, "vendor_set_assets where set_id = ?", one)
        db.conn.execute(
            "update vendor_sets set size = ?, content_hash = content_hash || '-' where id = ?", [left, one]
        )
        if not left:
            tests = "select id from vendor_tests where set_id = ?"
            db.conn.execute(f"delete from vendor_answers where test_id in ({tests})", [one])
            db.conn.execute("delete from vendor_tests where set_id = ?", [one])
            db.conn.execute("delete from vendor_sets where id = ?", [one])


def _drop_empty_runs(db: Database, runs: list[int]) -> None:
    """A run that lost its last label is gone, unless a student or the ledger speaks of it."""
    for run in runs:
        kept = any(
            db.execute(f"select 1 from {table} where {column} = ? limit 1", [run]).fetchone()
            for table, column in _children(db, "label_runs")
            if table in ("labels", "students", "calls", "batches")
        )
        if not kept:
            for table, column in _children(db, "label_runs"):
                db.conn.execute(f"delete from {table} where {column} = ?", [run])
            db.conn.execute("delete from label_runs where id = ?", [run])


def _undo_reviews_and_splits(db: Database, client_id: int, row: dict) -> None:
    """Gold labels the import brought for others' assets go; splits it gave them go while no student has learned by them."""
    db.conn.execute("delete from reviews where import_id = ?", [row["id"]])
    if not _count(db, "students where client_id = ? and created > ?", client_id, row["created"]):
        db.conn.execute(
            "update assets set split = null where client_id = ? and group_id in (select group_id from splits_before"
            " where import_id = ?)",
            [client_id, row["id"]],
        )


RECORDED = "label, category, confidence, tokens_in, tokens_out, latency_ms"


def _undo_recordings(db: Database, client_id: int, import_id: int) -> None:
    """Put back what the import's labels replaced. Where a later import replaced them in turn, it now replaced what was before."""
    changed = "select source, asset_id from recordings_before where import_id = :i"
    db.conn.execute(  # recorded teachers read them anew
        f"""delete from labels where (run_id, asset_id) in (select r.id, c.asset_id from ({changed}) c join label_runs r
            on r.client_id = :c and r.teacher = 'recorded:' || c.source)""",
        {"i": import_id, "c": client_id},
    )
    for newest in _newest_first(db, "recordings_before", "asset_id, source", import_id):
        db.conn.execute(
            f"""update recordings_before as later set ({RECORDED}) = (select {RECORDED} from recordings_before b where b.n = m.n)
                from ({newest}) m where later.n = m.next"""
        )
        db.conn.execute(
            f"""insert or replace into recordings (asset_id, source, {RECORDED}) select b.asset_id, b.source, {RECORDED}
                from recordings_before b join ({newest}) m on m.n = b.n where m.next is null and b.label is not null"""
        )
        db.conn.execute(
            f"""delete from recordings where (source, asset_id) in (select b.source, b.asset_id from recordings_before b
                join ({newest}) m on m.n = b.n where m.next is null and b.label is null)"""
        )
        db.conn.execute(f"delete from recordings_before where n in (select n from ({newest}))")


def _undo_families(db: Database, import_id: int) -> None:
    """Part again what the import's families joined, in the same manner."""
    for newest in _newest_first(db, "families_before", "asset_id", import_id):
        db.conn.execute(
            f"""update families_before as later set (family_id, family_key) = (select family_id, family_key
                from families_before b where b.n = m.n) from ({newest}) m where later.n = m.next"""
        )
        db.conn.execute(
            f"""update assets set (family_id, family_key) = (select family_id, family_key from families_before b where b.n = m.n)
                from ({newest}) m where m.next is null and assets.id = m.asset_id"""
        )
        db.conn.execute(f"delete from families_before where n in (select n from ({newest}))")


def _newest_first(db: Database, table: str, key: str, import_id: int) -> Iterator[str]:
    """A query for the newest notes an import made of each `key`, until none are left: n, asset_id, next (n of the note that a
    later import made of the same). An import has several of one key where its file came again in between."""
    same = " and ".join(f"l.{column} = b.{column}" for column in key.split(", "))
    while _count(db, f"{table} where import_id = ?", import_id):
        db.conn.execute("drop table if exists temp.newest")
        db.conn.execute(
            f"""create temp table newest as select b.n, b.asset_id,
                (select min(l.n) from {table} l where {same} and l.n > b.n) as next
                from {table} b where b.n in (select max(n) from {table} where import_id = ? group by {key})""",
            [import_id],
        )
        yield "select n, asset_id, next from newest"
        db.conn.execute("drop table temp.newest")


# --- the schema ---------------------------------------------------------------------------------------------------


def _children(db: Database, parent: str) -> list[tuple[str, str]]:
    """The tables, and their columns, that refer to `parent`."""
    return [
        (table, key.column)
        for table in db.table_names()
        for key in db[table].foreign_keys
        if key.other_table == parent
    ]


def _belonging(db: Database) -> list[tuple[str, str]]:
    """Every table that holds rows of a client (:client) and which they are, what hangs on others first; without the ledger."""
    clauses: dict[str, tuple[int, str]] = {}

    def clause(table: str) -> tuple[int, str] | None:
        if table not in clauses:
            columns = {column.name: column for column in db[table].columns}
            if "client_id" in columns:
                clauses[table] = (0, "client_id = :client")
            else:
                for key in db[table].foreign_keys:
                    above = clause(key.other_table) if columns[key.column].notnull or columns[key.column].is_pk else None
                    if above:
                        within = f"{key.column} in (select {key.other_column} from {key.other_table} where {above[1]})"
                        clauses[table] = (above[0] + 1, within)
                        break
        return clauses.get(table)

    found = [(table, clause(table)) for table in db.table_names() if table not in LEDGER | {"clients"}]
    ordered = sorted(((table, *one) for table, one in found if one), key=lambda one: -one[1])
    return [(table, where) for table, _, where in ordered]


# --- rows and files -----------------------------------------------------------------------------------------------


def _count(db: Database, of: str, *parameters: object) -> int:
    return db.execute(f"select count(*) from {of}", parameters).fetchone()[0]


def _client(db: Database, client_id: int) -> str:
    row = db.execute("select name from clients where id = ?", [client_id]).fetchone()
    if row is None:
        raise InputError("This client is not there any more.", "Choose another one.")
    return row[0]


def _import(db: Database, client_id: int, import_id: int) -> dict:
    row = next(db.query("select * from imports where client_id = ? and id = ?", [client_id, import_id]), None)
    if row is None:
        raise InputError(f"This client has no import {import_id}.", "The Assets page and the command `imports` list them.")
    return row


def _student(db: Database, client_id: int, student_id: int) -> dict:
    row = next(db.query("select * from students where client_id = ? and id = ?", [client_id, student_id]), None)
    if row is None:
        raise InputError(f"This client has no student number {student_id}.", "The Student page lists them.")
    return row


def _wanted(db: Database, client_id: int, external_ids: Iterable[str]) -> list[int]:
    """The ids of the assets; InputError naming the first that the client does not have."""
    wanted = list(dict.fromkeys(external_ids))
    found = dict(
        db.execute(
            "select external_id, id from assets where client_id = ? and external_id in (select value from json_each(?))",
            [client_id, json.dumps(wanted)],
        ).fetchall()
    )
    for one in wanted:
        if one not in found:
            raise InputError(f"This client has no asset {one[:80]}.", "Write the ids as the Assets page has them.")
    return list(found.values())


def _doom(db: Database, paths: Iterable[str]) -> None:
    """Have these files or folders of the workspace removed once the transaction is committed; what is elsewhere is a person's."""
    home = settings.home()
    for path in paths:
        if path and (home / path).resolve().is_relative_to(home) and (home / path).resolve() != home:
            db.conn.execute("insert or ignore into doomed_files values (?)", [path])


def _uploads(db: Database, digests: Iterable[str]) -> list[str]:
    """The folders of uploads that no import needs any more."""
    needed = {row[0][:12] for row in db.execute("select distinct sha256 from imports")}
    return [f"uploads/{one[:12]}" for one in digests if one and one[:12] not in needed]


def _files_of(db: Database, client_id: int) -> list[str]:
    """The files of a client in the workspace: students, their ZIPs, uploads and results of jobs, vectors. Not those of others."""
    own = [row[0] for row in db.execute("select sha256 from imports where client_id = ?", [client_id])]
    others = {row[0] for row in db.execute("select sha256 from imports where client_id != ?", [client_id])}
    students = db.execute("select id, path from students where client_id = ?", [client_id]).fetchall()
    paths = [path for _, path in students] + [f"output/understudy-student-{id}.zip" for id, _ in students]
    paths += [f"uploads/{one[:12]}" for one in own if one and one not in others] + [f"vectors/{client_id}.npz"]
    home = settings.home()
    for (result,) in db.execute("select result from jobs where client_id = ? and result is not null", [client_id]):
        output = Path(str((json.loads(result) or {}).get("output") or ""))
        if output.is_absolute() and output.is_relative_to(home / "output"):
            paths.append(str(output.relative_to(home)))
    return paths
