"""The scratch rows of an import into the workspace, in one transaction, and what they change of others put down for an undo."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from core import database
from core.asset_columns import RECORDED, stored_columns
from core.assets.label_columns import Unknown
from core.assets.reading import Reading
from core.tables.columns import Mapping
from core.tables.files import Problems
from core.tasks import Task
from core.words import counted


@dataclass(frozen=True)
class ImportSummary:
    """`rows` the file has; `imported` new ones, `unchanged` there already, `duplicates` new ones that copy another asset.

    `unknown`: values of the label columns that are no category, with what they are near to. `relabelled`: assets there already
    that got a label, or another one. `remarks` need nobody, `problems` do. `aside`: those of the rows that are none of the
    table, such as a total below it.
    """

    import_id: int
    rows: int
    imported: int
    unchanged: int
    duplicates: int
    problems: int
    unknown: tuple[Unknown, ...] = ()
    relabelled: int = 0
    remarks: int = 0
    aside: int = 0


def enter(
    db: Database,
    task: Task,
    filename: str,
    sha256: str,
    mapping: Mapping,
    read: Reading,
    stage_path: Path,
    into: int | None = None,
) -> ImportSummary:
    """Move the scratch rows into the workspace in one transaction; `into`: the import they go on with."""
    db.execute("attach ? as stage", [str(stage_path)])
    try:
        db.conn.execute("begin immediate")
        with db.conn:
            base = db.execute("select coalesce(max(id), 0) from assets").fetchone()[0]
            marks = {
                "base": base,
                "client": task.client_id,
                "task": task.id,
                "now": database.now(),
                "source": mapping.label,
            }
            marks["duplicates"] = db.execute(
                "select count(*) from stage.rows where asset_id is null and (group_id or head < n)"
            ).fetchone()[0]
            if into and db.execute("select 1 from imports where id = ?", [into]).fetchone():
                marks["import"] = _go_on(db, marks, into, read)
            else:
                marks["import"] = _import_row(db, marks, filename, sha256, mapping, read)
            relabelled = db.execute(RELABELLED, marks).fetchone()[0]
            for statement in (*BEFORE, *ENTER):
                if mapping.label or ":source" not in statement:
                    db.conn.execute(statement, marks)
            if mapping.label and _copies_differ(db, marks, read.problems):
                count = [read.problems.count, marks["import"]]
                db.conn.execute("update imports set problem_count = ? where id = ?", count)
            db.conn.executemany(
                'insert into import_problems (import_id, row, "column", what, todo, remark) values (?, ?, ?, ?, ?, ?)',
                [(marks["import"], p.row, p.column, p.what, p.todo, int(p.remark)) for p in read.problems.listed],
            )
            unknown = read.labels.unknown() if read.labels else []
            db.conn.execute("delete from import_labels where import_id = ?", [marks["import"]])
            db.conn.executemany(
                "insert into import_labels values (?, ?, ?, ?, ?)",
                [(marks["import"], one.column, one.value, one.assets, json.dumps(one.near)) for one in unknown],
            )
    finally:
        db.execute("detach stage")
    return ImportSummary(
        marks["import"],
        read.rows,
        read.imported,
        read.unchanged,
        marks["duplicates"],
        read.problems.count,
        tuple(unknown),
        relabelled,
        read.problems.remarks,
        read.table.aside,
    )


def _copies_differ(db: Database, marks: dict, problems: Problems) -> bool:
    """Whether copies of one creative carry different labels, now that the file's are in; how many and which is listed then."""
    rows = db.execute(
        """with labelled as (
             select a.group_id, coalesce(r.category, r.label) as label, count(*) as copies, min(a.id) as first
             from recordings r join assets a on a.id = r.asset_id where r.task_id = :task and r.source = :source
             and a.group_id in (select t.group_id from stage.rows s join assets t on t.id = coalesce(s.asset_id, :base + s.n)
                                where s.label is not null) group by 1, 2)
           select a.external_id, label, copies from (select *, count(*) over (partition by group_id) as kinds from labelled) l
           join assets a on a.id = l.group_id where kinds > 1 order by l.group_id, copies desc, first""",
        marks,
    )
    differing: dict[str, list[str]] = {}
    for external_id, label, n in rows.fetchall():
        differing.setdefault(external_id, []).append(f"{label[:60]} {n:,}")
    if differing:
        many = counted(len(differing), "creative has copies", "creatives have copies")
        shown = "; ".join(f"{one[:60]}: {', '.join(labels[:5])}" for one, labels in islice(differing.items(), 3))
        what = f"{many} with different labels: the commonest is taken ({shown})."
        todo = "Give the copies of a creative one label in the file if another is right."
        problems.add(None, marks["source"], what, todo)
    return bool(differing)


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))


OF_ASSETS = "".join(f", {role}" for role in stored_columns(False))


# New assets get the ids base + n; a group's id is that of its first asset. What is changed of assets that were there before is
# put down first (BEFORE), so that the import can be taken back.
BEFORE = (
    """insert into families_before (import_id, asset_id, family_id, family_key)
       select :import, a.id, a.family_id, a.family_key from assets a left join stage.rows r on r.asset_id = a.id
       where a.client_id = :client and a.import_id is not :import
       and ((r.family is not null and not (a.family_key is r.family and exists
            (select 1 from families_before b where b.asset_id = a.id and b.import_id = :import)))
            or a.family_id in (select old from stage.family_joins)) group by a.id""",
    """insert into splits_before select distinct :import, group_id from assets
       where client_id = :client and split is null and group_id in (select group_id from stage.group_splits)""",
    f"""insert into recordings_before
       (import_id, asset_id, task_id, source, {RECORDED})
       select :import, s.asset_id, :task, :source, {_of("r", RECORDED)}
       from stage.rows s join assets a on a.id = s.asset_id 
       left join recordings r on r.task_id = :task and r.source = :source and r.asset_id = a.id
       where s.label is not null and a.import_id is not :import and not (
       ({_of("r", RECORDED)}) is ({_of("s", RECORDED)}) and exists
       (select 1 from recordings_before b where b.asset_id = a.id and b.task_id = :task
        and b.source = :source and b.import_id = :import))""",
)


RELABELLED = """select count(*) from stage.rows s left join recordings r
    on r.task_id = :task and r.source = :source and r.asset_id = s.asset_id
    where s.asset_id is not null and s.label is not null and (r.label, r.category) is not (s.label, s.category)"""


ENTER = (
    f"""insert into assets (id, client_id, external_id, text, text_hash, group_id, family_id, family_key, split, split_given,
       extra, import_id{OF_ASSETS})
       select :base + n, :client, external_id, text, text_hash, coalesce(group_id, :base + head),
       coalesce(family_id, :base + family_head, (select coalesce(a.family_id, a.group_id) from assets a where a.id = rows.group_id),
       :base + head), family, split, split_given, extra, :import{OF_ASSETS} from stage.rows where asset_id is null order by n""",
    """update assets set family_key = r.family from stage.rows r where r.asset_id = assets.id and r.family is not null""",
    """update assets set family_id = (select new from stage.family_joins j where j.old = assets.family_id)
       where client_id = :client and family_id in (select old from stage.family_joins)""",
    "insert into asset_bands (asset_id, bands) select :base + n, bands from stage.bands",
    """update assets set split = (select split from stage.group_splits g where g.group_id = assets.group_id)
       where client_id = :client and split is null and group_id in (select group_id from stage.group_splits)""",
    f"""insert or replace into recordings (task_id, asset_id, source, {RECORDED})
       select :task, coalesce(asset_id, :base + n), :source, {RECORDED}
       from stage.rows where label is not null""",
    """insert into reviews (task_id, asset_id, reviewer, category_id, created, import_id)
       select :task, coalesce(asset_id, :base + n), 'file', gold, :now, :import from stage.rows
       where gold is not null and gold is not (select category_id from reviews r
       where r.task_id = :task and r.asset_id = rows.asset_id and reviewer = 'file' order by r.id desc limit 1)""",
)


def _go_on(db: Database, marks: dict, into: int, read: Reading) -> int:
    """Count what is read with an import that goes on."""
    db.conn.execute(
        """update imports set row_count = row_count + ?, imported = imported + ?, unchanged = unchanged + ?,
           duplicates = duplicates + ?, problem_count = problem_count + ?, remark_count = remark_count + ? where id = ?""",
        [
            read.rows,
            read.imported,
            read.unchanged,
            marks["duplicates"],
            read.problems.count,
            read.problems.remarks,
            into,
        ],
    )
    return into


def _import_row(db: Database, marks: dict, filename: str, sha256: str, mapping: Mapping, read: Reading) -> int:
    """A row of imports; where the same file comes again and brings nothing, its row is brought up to date instead."""
    text = json.dumps(asdict(mapping), ensure_ascii=False)
    if not read.imported:
        query = "select id from imports where task_id = ? and sha256 = ? and mapping = ? order by id desc limit 1"
        again = db.execute(query, [marks["task"], sha256, text]).fetchone()
        if again:
            db.conn.execute("delete from import_problems where import_id = ?", again)
            db.conn.execute(
                "update imports set unchanged = ?, problem_count = ?, remark_count = ? where id = ?",
                [read.unchanged, read.problems.count, read.problems.remarks, again[0]],
            )
            return again[0]
    return db.conn.execute(
        "insert into imports (id, client_id, task_id, filename, sha256, mapping, row_count, imported, unchanged, duplicates,"
        " problem_count, created, undoable, remark_count, aside) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
        [
            database.fresh_id(db, "imports"),
            marks["client"],
            marks["task"],
            filename,
            sha256,
            text,
            read.rows,
            read.imported,
            read.unchanged,
            marks["duplicates"],
            read.problems.count,
            marks["now"],
            read.problems.remarks,
            read.table.aside,
        ],
    ).lastrowid
