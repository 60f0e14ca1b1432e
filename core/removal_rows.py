"""The rows of a removal: assets with what hangs on them, what an import changed of others, and all that belongs to a client.

For core/removal.py, within its transaction. `gone` is a scratch table of the assets that go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database

from core.asset_columns import RECORDED

LEDGER = {
    "calls",
    "served_months",
    "audit_months",
    "sendings",
    "removals",
    "audit_trail",
}  # what says what was paid and removed: it outlives its client


@contextmanager
def gone(db: Database, query: str, parameters: list) -> Iterator[None]:
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


def count(db: Database, of: str, *parameters: object) -> int:
    return db.execute(f"select count(*) from {of}", parameters).fetchone()[0]


# The asset of its duplicate group that takes over from each one that goes: the first that stays, null where none does.
HEIRS = """select a.id as old, (select min(b.id) from assets b where b.client_id = a.client_id and b.group_id = a.group_id
           and b.id not in (select id from gone)) as new from gone join assets a using (id)"""


def remove_gone(db: Database, client_id: int) -> None:
    """Remove the assets in `gone` and all rows about them; groups and families that stay get another first asset."""
    db.conn.execute(f"create temp table heirs as select old, new from ({HEIRS}) where new is not null")
    db.conn.execute("create unique index temp.heirs_by_old on heirs (old)")
    runs = db.execute(
        """select distinct run_id from labels where asset_id in (select id from gone)
           and run_id in (select id from label_runs where task_id in (select id from tasks where client_id = ?))""",
        [client_id],
    ).fetchall()
    for table in ("labels", "selections"):  # what was bought holds for a copy as well
        db.conn.execute(
            f"""update or ignore {table} set asset_id = (select new from heirs where old = asset_id)
                where asset_id in (select old from heirs) and run_id in
                (select id from label_runs where task_id in (select id from tasks where client_id = ?))""",
            [client_id],
        )
    db.conn.execute("drop table temp.heirs")
    _move_bands(db, client_id)
    _shrink_vendor_sets(db)
    for table, column in children(db, "assets"):
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
    """A text's bands stand with the first asset that has it: of those that go, the next one that stays takes them."""
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
    for set_id in sets:
        left = count(db, "vendor_set_assets where set_id = ?", set_id)
        db.conn.execute(
            "update vendor_sets set size = ?, content_hash = content_hash || '-' where id = ?", [left, set_id]
        )
        if not left:
            tests = "select id from vendor_tests where set_id = ?"
            db.conn.execute(f"delete from vendor_answers where test_id in ({tests})", [set_id])
            db.conn.execute("delete from vendor_tests where set_id = ?", [set_id])
            db.conn.execute("delete from vendor_sets where id = ?", [set_id])


def _drop_empty_runs(db: Database, runs: list[int]) -> None:
    """A run that lost its last label is gone, unless a student or the ledger speaks of it."""
    for run in runs:
        referred = any(
            db.execute(f"select 1 from {table} where {column} = ? limit 1", [run]).fetchone()
            for table, column in children(db, "label_runs")
            if table in ("labels", "students", "calls", "batches")
        )
        if not referred:
            for table, column in children(db, "label_runs"):
                db.conn.execute(f"delete from {table} where {column} = ?", [run])
            db.conn.execute("delete from label_runs where id = ?", [run])


def undo_reviews_and_splits(db: Database, client_id: int, row: dict) -> None:
    """Gold labels the import brought for others' assets go; splits it gave them go while no student has learned by them."""
    db.conn.execute("delete from reviews where import_id = ?", [row["id"]])
    later = "students where task_id in (select id from tasks where client_id = ?) and created > ?"
    if not count(db, later, client_id, row["created"]):
        db.conn.execute(
            "update assets set split = null where client_id = ? and group_id in (select group_id from splits_before"
            " where import_id = ?)",
            [client_id, row["id"]],
        )


def undo_recordings(db: Database, import_id: int) -> None:
    """Put back what the import's labels replaced. Where a later import replaced them in turn, it now replaced what was before."""
    changed = "select task_id, source, asset_id from recordings_before where import_id = :i"
    db.conn.execute(  # recorded teachers read them anew
        f"""delete from labels where (run_id, asset_id) in (select r.id, c.asset_id from ({changed}) c join label_runs r
            on r.task_id = c.task_id and r.teacher = 'recorded:' || c.source)""",
        {"i": import_id},
    )
    for newest in _newest_first(db, "recordings_before", "asset_id, task_id, source", import_id):
        db.conn.execute(
            f"""update recordings_before as later set ({RECORDED}) = (select {RECORDED} from recordings_before b where b.n = m.n)
                from ({newest}) m where later.n = m.next"""
        )
        db.conn.execute(
            f"""insert or replace into recordings (asset_id, task_id, source, {RECORDED})
                select b.asset_id, b.task_id, b.source, {RECORDED}
                from recordings_before b join ({newest}) m on m.n = b.n where m.next is null and b.label is not null"""
        )
        db.conn.execute(
            f"""delete from recordings where (task_id, source, asset_id) in (
                select b.task_id, b.source, b.asset_id from recordings_before b
                join ({newest}) m on m.n = b.n where m.next is null and b.label is null)"""
        )
        db.conn.execute(f"delete from recordings_before where n in (select n from ({newest}))")


def undo_families(db: Database, import_id: int) -> None:
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
    while count(db, f"{table} where import_id = ?", import_id):
        db.conn.execute("drop table if exists temp.newest")
        db.conn.execute(
            f"""create temp table newest as select b.n, b.asset_id,
                (select min(l.n) from {table} l where {same} and l.n > b.n) as next
                from {table} b where b.n in (select max(n) from {table} where import_id = ? group by {key})""",
            [import_id],
        )
        yield "select n, asset_id, next from newest"
        db.conn.execute("drop table temp.newest")


def children(db: Database, parent: str) -> list[tuple[str, str]]:
    """The tables, and their columns, that refer to `parent`."""
    return [
        (table, key.column) for table in db.table_names() for key in db[table].foreign_keys if key.other_table == parent
    ]


def belonging(db: Database, owner: str) -> list[tuple[str, str]]:
    """Every table that holds rows of a client ("client_id", ?) or of a task ("task_id", ?) and which they are, what hangs on others
    first; without the ledger."""
    clauses: dict[str, tuple[int, str]] = {}

    def clause(table: str) -> tuple[int, str] | None:
        if table not in clauses:
            columns = {column.name: column for column in db[table].columns}
            if owner in columns and (owner == "client_id" or columns[owner].notnull):
                clauses[table] = (0, f"{owner} = ?")
            else:
                for key in db[table].foreign_keys:
                    above = (
                        clause(key.other_table) if columns[key.column].notnull or columns[key.column].is_pk else None
                    )
                    if above:
                        within = f"{key.column} in (select {key.other_column} from {key.other_table} where {above[1]})"
                        clauses[table] = (above[0] + 1, within)
                        break
        return clauses.get(table)

    below = [
        (table, clause(table))
        for table in db.table_names()
        if table not in LEDGER | {"clients", owner.replace("_id", "s")}
    ]
    ordered = sorted(((table, *one) for table, one in below if one), key=lambda one: -one[1])
    return [(table, where) for table, _, where in ordered]
