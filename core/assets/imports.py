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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import settings, tasks, taxonomy
from core.assets import copies, families, family_columns
from core.assets.entering import ImportSummary, enter
from core.assets.label_columns import Unknown
from core.assets.previews import Preview, no_rows
from core.assets.reading import Reading
from core.assets.rows import check, number_columns
from core.assets.staging import staging
from core.errors import InputError
from core.jobs.progress import NoProgress, Progress
from core.tables.columns import KNOWN_ASSET_NAMES, Mapping, guess_assets
from core.tables.files import AS_FOUND, ReadAs, Table, open_table
from core.tasks import Task
from core.taxonomy.matching import name_forms
from core.whole import write_whole
from core.words import counted


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
    table: Table | None = None,
    sha256: str | None = None,
    into: int | None = None,
) -> ImportSummary:
    """Import a file of assets for a client; all of it or, where this raises or is killed, nothing.

    `mapping` None is guessed, and so is what `read_as` leaves open. Rows that cannot be used are listed with the import and the
    rest is imported. Labels of the file become recordings named after their column, gold labels become reviews by "file".
    `accepted` says which category a label means that is none (value to label). The same file again with it adds those labels.
    `table`: what is imported where it is no plain table of `path`; `sha256`: what it is known by where it is no file. `into`: the
    import that it goes on with, which counts it as well.
    Raises InputError for a file that cannot be read, one without text or with more than 500,000 rows, and Cancelled.
    """
    path, report = Path(path), progress or NoProgress()
    table = table or open_table(path, KNOWN_ASSET_NAMES, read_as=read_as)
    mapping = mapping or family_columns.look(table, guess_assets(table.columns, table.head, label_forms(db, task)))[0]
    check(mapping, table)
    with alone(task.client_id, report), staging() as (stage, stage_path):
        read = Reading(db, task, table, mapping, accepted)
        read.run(stage, report)
        if not read.rows:
            raise no_rows(path)
        if not read.imported + read.unchanged + read.conflicts:
            first = next((one for one in read.problems.listed if not one.remark), None)
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
        return enter(db, task, filename or path.name, sha256 or sha256_of(path), mapping, read, stage_path, into)


def _families(db: Database, task: Task, stage: sqlite3.Connection, read: Reading) -> None:
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
    stored = params.get("mapping")
    mapping = Mapping.from_json(stored) if stored else None
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


def keep_upload(name: str, data: bytes, sha256: str | None = None) -> Path:
    """Copy an upload to workspace/uploads/<12 hex of its SHA-256>/<safe name>, whole or not at all; returns the path. `sha256`:
    that of the upload it belongs to, with which it goes."""
    safe = re.sub(r"[^\w.-]+", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip("._")[-80:] or "file"
    path = settings.subfolder("uploads") / (sha256 or hashlib.sha256(data).hexdigest())[:12] / safe
    path.parent.mkdir(exist_ok=True)
    if sha256 or not path.exists():
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


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def unknown_labels(db: Database, import_id: int) -> list[Unknown]:
    """The values of an import's label columns that are no category, the commonest first."""
    query = 'select "column", value, assets, near from import_labels where import_id = ? order by assets desc, rowid'
    return [Unknown(*row[:3], tuple(json.loads(row[3]))) for row in db.execute(query, [import_id])]
