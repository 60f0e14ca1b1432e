"""Assets: a file of creatives into the workspace, and what the workspace holds of them.

    summary = import_assets(db, task, Path("assets.csv"))

The file is read row by row into a scratch database, duplicates are grouped there, and one short transaction moves it all:
whatever kills an import leaves nothing behind, and other writers wait a moment only. What is there already is recognised by
its id (or, without ids, by its text), so that the same file twice adds nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import database, settings, tasks, taxonomy
from core.asset_columns import RECORDED, kept
from core.assets import copies, families, family_columns
from core.assets.duplicates import form_hash, normal_form
from core.assets.ids import AS_TEXT, is_damaged
from core.assets.known import Known, There
from core.assets.label_columns import LabelColumns, Unknown, check_map
from core.assets.previews import Preview, no_rows, preview
from core.assets.profiles import gold_count, problems_csv, problems_of, profile, splits
from core.assets.rows import Asset, RowReader, check, join_text, number_columns, text_id
from core.assets.staging import INSERT, KEPT, put, staging
from core.errors import InputError
from core.jobs.progress import NoProgress, Progress
from core.tables.columns import KNOWN_ASSET_NAMES, Mapping, guess_assets
from core.tables.files import AS_FOUND, MAX_ROWS, Problems, ReadAs, Table, open_table
from core.tasks import Task
from core.taxonomy.matching import Matcher, name_forms
from core.whole import write_whole
from core.words import counted

__all__ = [  # what pages and later stages import from here
    "ImportSummary",
    "Mapping",
    "Preview",
    "ReadAs",
    "Unknown",
    "gold_count",
    "import_assets",
    "import_job",
    "join_text",
    "keep_upload",
    "label_forms",
    "preview",
    "problems_csv",
    "problems_of",
    "profile",
    "splits",
    "unit_question",
    "unknown_labels",
]

_to_json = json.JSONEncoder(ensure_ascii=False).encode
CHUNK = 2_000  # rows read, looked up and staged at a time


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


def unit_question(seen: Preview, mapping: Mapping) -> tuple[str, ...]:
    """Up to three latencies of a file whose unit nothing tells, to ask a person with; () where there is nothing to ask."""
    if mapping.latency_ms is None or mapping.label is None:
        return ()
    head = [[row[column] for column in seen.columns] for row in seen.rows]
    return number_columns(replace(mapping, latency_unit=None), seen.columns, head)["latency_ms"].samples


def import_assets(
    db: Database,
    task: Task,
    path: Path,
    mapping: Mapping | None = None,
    progress: Progress | None = None,
    *,
    filename: str | None = None,
    read_as: ReadAs = AS_FOUND,
    accepted: dict[str, str] | None = None,
) -> ImportSummary:
    """Import a file of assets for a client; all of it or, where this raises or is killed, nothing.

    `mapping` None is guessed, and so is what `read_as` leaves open. Rows that cannot be used are listed with the import and the
    rest is imported. Labels of the file become recordings named after their column, gold labels become reviews by "file".
    `accepted` says which category a label means that is none (value to label). The same file again with it adds those labels.
    Raises InputError for a file that cannot be read, one without text or with more than 500,000 rows, and Cancelled.
    """
    path, report = Path(path), progress or NoProgress()
    table = open_table(path, KNOWN_ASSET_NAMES, read_as=read_as)
    mapping = mapping or family_columns.look(table, guess_assets(table.columns, table.head, label_forms(db, task)))[0]
    check(mapping, table)
    with alone(task.client_id, report), staging() as (stage, stage_path):
        read = _Reading(db, task, table, mapping, accepted)
        read.run(stage, report)
        if not read.rows:
            raise no_rows(path)
        if not read.imported + read.unchanged + read.conflicts:
            first = next((one for one in read.problems.kept if not one.remark), None)
            what = "Not one row of the file could be used" + (f": {first.what}" if first else ".")
            raise InputError(what, first.todo if first else "", where=path.name)
        resembling = copies.group_staged(db, task.client_id, stage, report) if read.imported else 0
        if resembling:
            read.problems.add(
                None,
                mapping.split,
                f"{counted(resembling, 'asset resembles', 'assets resemble')} assets of another split, which flatters the "
                "agreement; splits were kept as given.",
                "Give copies of one creative the same split.",
            )
        if mapping.family:
            _families(db, task, stage, read)
        report(read.rows, read.rows, "Step 3 of 3: saving")
        return _enter(db, task, filename or path.name, _sha256(path), mapping, read, stage_path)


def _families(db: Database, task: Task, stage: sqlite3.Connection, read: _Reading) -> None:
    """Join what the mapping's column says belongs together, or say why that column cannot say it."""
    column = read.mapping.family
    if why := families.unfit(stage, read.mapping):
        stage.execute("update rows set family = null")
        guess = guess_assets(read.table.columns, read.table.head, label_forms(db, task))
        if column == guess.family and read.mapping.family_stem is None:
            return  # nobody chose it
        read.problems.add(
            None,
            column,
            f"The column {why}, so it does not say which assets belong together; only copies were grouped.",
            "Choose another column, or none, if you know a better one.",
        )
        return
    cut = families.unite_staged(db, task.client_id, stage)
    if cut:
        read.problems.add(
            None,
            read.mapping.split,
            f"{counted(cut, 'concept has', 'concepts have')} assets in several splits, which flatters the agreement; splits were "
            "kept as given.",
            f"Give all assets of a concept ({family_columns.by_words(column, read.mapping.family_stem)}) the same split.",
        )


def import_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id", "path", "filename", "mapping" and "read_as" as dictionaries} to the summary as one."""
    given = params.get("mapping")
    mapping = Mapping.from_json(given) if given else None
    how = {name: params.get(name) for name in ("filename", "accepted")}
    how["read_as"] = ReadAs(**params.get("read_as") or {})
    summary = asdict(
        import_assets(db, tasks.get(db, params["task_id"]), Path(params["path"]), mapping, progress, **how)
    )
    del summary["unknown"]  # kept with the import
    return summary


def label_forms(db: Database, task: Task) -> frozenset[str]:
    """The forms in which cells may name the task's categories, to guess columns by; none where there is no taxonomy yet."""
    version = taxonomy.latest(db, task)
    return name_forms(taxonomy.load(db, version)) if version is not None else frozenset()


def keep_upload(name: str, data: bytes) -> Path:
    """Copy an upload to workspace/uploads/<12 hex of its SHA-256>/<safe name>, whole or not at all; returns the path."""
    safe = re.sub(r"[^\w.-]+", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip("._")[-80:] or "file"
    path = settings.subfolder("uploads") / hashlib.sha256(data).hexdigest()[:12] / safe
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        write_whole(path, data)
    return path


@contextmanager
def alone(client_id: int, report: NoProgress) -> Iterator[None]:
    """One import a client at a time: what one compares with must not change under it. The lock dies with its process."""
    lock = FileLock(settings.subfolder("tmp") / f"client-{client_id}.lock")
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            report.check()
    try:
        yield
    finally:
        lock.release()


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class _Reading:
    """Reads a table into the scratch database and counts."""

    def __init__(
        self, db: Database, task: Task, table: Table, mapping: Mapping, accepted: dict[str, str] | None = None
    ):
        self.db, self.task, self.table, self.mapping = db, task, table, mapping
        self.problems = Problems()
        version = taxonomy.latest(db, task)
        self.labels = None
        if version is not None:
            categories = taxonomy.load(db, version)
            known = check_map(accepted or {}, Matcher(categories))
            self.labels = LabelColumns(table, mapping, Matcher(categories, accepted=known))
        self.rows = self.imported = self.unchanged = self.conflicts = self.moved = 0
        self._texts: dict[str, bytes] = {}  # external id -> digest of its text, of this file's rows
        self._occurrences: Counter[str] = Counter()
        self._known = Known(db, task.client_id)
        self._changed: dict[str, str] = {}  # ids a spreadsheet changed, to those of the assets that they mean

    def run(self, stage: sqlite3.Connection, report: NoProgress) -> None:
        """Stage every row of the table. Raises InputError past 500,000 rows."""
        reader = RowReader(self.table, self.mapping, self.labels, self.problems)
        records = self.table.records(self.problems)
        while chunk := [reader.read(row, cells) for row, cells in islice(records, CHUNK)]:  # raw cells may be long
            self.rows += len(chunk)
            if self.rows > MAX_ROWS:
                raise InputError(
                    f"The file has more than {MAX_ROWS:,} rows.",
                    "Split it into several files and import them one after the other.",
                    where=self.table.path.name,
                )
            assets = [asset for asset in chunk if asset is not None]
            put(stage, INSERT, list(self._staged(assets)))
            total = round(self.rows / self.table.share) if self.table.share > 0 else 0
            report(self.rows, max(total, self.rows), "Step 1 of 3: reading")
        self.rows += self.table.left_out
        reader.tell()
        if self.labels:
            self.labels.tell(self.problems)
        if self._changed:
            shown = ", ".join(f"{given[:60]} for {meant[:60]}" for given, meant in islice(self._changed.items(), 3))
            what = f"{counted(len(self._changed), 'id was', 'ids were')} changed by a spreadsheet ({shown}); the assets were found."
            self.problems.add(None, self.mapping.id, what, AS_TEXT)
        if self.moved:
            self.problems.add(
                None,
                self.mapping.split,
                f"{counted(self.moved, 'asset that is there already has', 'assets that are there already have')} another split "
                f"than the file gives; {'its split' if self.moved == 1 else 'theirs'} was kept.",
                "A split can be given only when an asset is first imported.",
            )

    def _staged(self, assets: list[Asset]) -> Iterator[tuple]:
        there = self._known.by_id([asset.external_id for asset in assets if asset.external_id])
        lost = ((a.external_id, a.text) for a in assets if a.external_id and a.external_id not in there)
        changed = self._known.changed(lost)
        ids = [self._id(asset, there, changed) for asset in assets]
        there |= self._known.by_id([id for id in ids if id and id not in there])
        for external_id, asset in zip(ids, assets):
            if external_id is None:
                continue
            digest = hashlib.blake2b(asset.text.encode(), digest_size=8).digest()
            asset_id, _, text, split = there.get(external_id, (None, None, None, None))
            earlier = self._texts.get(external_id)
            if earlier is not None:
                self.unchanged += earlier == digest
                if earlier != digest:
                    self._conflict(
                        asset.row,
                        f"The id {external_id} stands in an earlier row with another text; this row was left out.",
                    )
                continue
            self._texts[external_id] = digest
            if asset_id is not None and text != asset.text:
                self._conflict(
                    asset.row, f"Asset {external_id} is already there with another text; it was left as it is."
                )
                continue
            self.moved += asset_id is not None and asset.split is not None and asset.split != split
            yield self._tuple(external_id, asset_id, asset)

    def _id(self, asset: Asset, there: dict[str, There], changed: dict[tuple[str, str], tuple]) -> str | None:
        """The id an asset goes by: its own, one made from its text, or that of the one asset it is that is there already.

        None, listed, where it may be one of several.
        """
        given = asset.external_id
        if given is None or given in there:
            return given or self._made_up(asset.text)
        same, others = changed.get((given, asset.text), ((), False))
        if len(same) == 1:
            self._changed[given] = same[0].external_id
            return same[0].external_id
        shown = given if len(given) <= 60 else given[:59] + "…"
        if same:
            what = (
                f"Several assets with this text have ids that a spreadsheet may show as {shown}; this row was left out."
            )
            return self._conflict(asset.row, what, AS_TEXT)
        if is_damaged(given):
            what = f"A spreadsheet shortened the id to {shown}; the row was given one made from its text."
            self.problems.add(asset.row, self.mapping.id, what, AS_TEXT)
            return self._made_up(asset.text)
        if others:
            what = f"The id {shown} may be another asset's as a spreadsheet writes it, but its text differs; it was taken as new."
            self.problems.add(asset.row, self.mapping.id, what, AS_TEXT)
        return given

    def _tuple(self, external_id: str, asset_id: int | None, asset: Asset) -> tuple:
        new = asset_id is None
        self.imported += new
        self.unchanged += not new
        form = normal_form(asset.text) if new else None
        return (
            asset_id,
            external_id if new else None,
            asset.text if new else None,
            form_hash(form) if new else None,
            form,
            asset.split if new else None,
            int(asset.split is not None),
            _to_json(asset.extra) if new and asset.extra else None,
            asset.label,
            asset.category,
            asset.gold,
            families.key(self.mapping, asset.family) if self.mapping.family else None,
            *(asset.kept[role] for role in KEPT),
        )

    def _made_up(self, text: str) -> str:
        made_up = text_id(text)
        self._occurrences[made_up] += 1
        return f"{made_up}-{self._occurrences[made_up]}"

    def _conflict(self, row: int, what: str, todo: str = "Give the new text an id of its own.") -> None:
        self.conflicts += 1
        self.problems.add(row, self.mapping.id, what, todo)


def _enter(
    db: Database, task: Task, filename: str, sha256: str, mapping: Mapping, read: _Reading, stage_path: Path
) -> ImportSummary:
    """Move the scratch rows into the workspace in one transaction."""
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
                [(marks["import"], p.row, p.column, p.what, p.todo, int(p.remark)) for p in read.problems.kept],
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


def unknown_labels(db: Database, import_id: int) -> list[Unknown]:
    """The values of an import's label columns that are no category, the commonest first."""
    query = 'select "column", value, assets, near from import_labels where import_id = ? order by assets desc, rowid'
    return [Unknown(*row[:3], tuple(json.loads(row[3]))) for row in db.execute(query, [import_id])]


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))


OF_ASSETS = "".join(f", {role}" for role in kept(False))
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


def _import_row(db: Database, marks: dict, filename: str, sha256: str, mapping: Mapping, read: _Reading) -> int:
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
