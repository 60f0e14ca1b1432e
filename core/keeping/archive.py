"""All that is kept of one client, as files in one ZIP: to hand over, or to read without this program.

    archive(db, client_id, Path("northwind.zip"))        # the file is whole or absent

    assets.csv, images/            the assets with every column of their files, and their images as they came
    tasks/NAME/                    taxonomy-vN.csv of each version, labels.csv (teachers'), recorded.csv, reviews.csv (people's),
                                   pairs.csv (briefs and copy), report.html where a live student was judged
    tasks/NAME/students/           the folders of the students, which answer wherever `export` says
    served.csv, ledger.csv         what was served and is still kept of it; every paid call
    tables/                        every table of the database that holds anything of the client, as it is

Which tables hold anything of a client is read off the schema (core/removal_rows.py): one that is added later is not forgotten.
Every cell is defused; secrets are in none. Rows are streamed: memory does not grow with them.
"""

from __future__ import annotations

import io
import re
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from core import audit, settings, tasks, taxonomy
from core.errors import InputError
from core.escape import Cells
from core.images.kept import ENDINGS
from core.jobs.progress import NoProgress
from core.keeping.backup import PACKED, chunks
from core.removal_rows import LEDGER, belonging
from core.report import content, html
from core.tasks import Task
from core.taxonomy.files import to_csv
from core.watch import served
from core.whole import whole
from core.words import counted

SECRET = {("tokens", "hash")}  # columns that stay here
LABELS = """select a.external_id as asset_id, c.label, r.teacher, r.id as run, l.confidence, l.tokens_in, l.tokens_out, l.cost_usd,
    l.latency_ms, l.error, l.created from labels l join label_runs r on r.id = l.run_id join assets a on a.id = l.asset_id
    left join categories c on c.id = l.category_id where r.task_id = ? order by r.id, a.id"""
REVIEWS = """select a.external_id as asset_id, c.label, v.reviewer, v.note, v.adjudicates as settles, v.created from reviews v
    join assets a on a.id = v.asset_id join categories c on c.id = v.category_id where v.task_id = ? order by v.id"""
RECORDED = """select a.external_id as asset_id, r.source, r.label, r.category from recordings r join assets a on a.id = r.asset_id
    where r.task_id = ? order by r.source, a.id"""
ABOUT = """All that Understudy kept of {client}, as files.

assets.csv and images/: the assets, with every column of their files, and their images.
tasks/: of each task its taxonomy versions, the labels of teachers, those that came with files, what people decided, its students
and its report. A student's folder answers with Understudy; `export` makes one that answers without it.
served.csv: what was served, as far as it is kept. ledger.csv: every paid call, in US dollars.
tables/: every table of the database that holds anything of the client.
A cell that a spreadsheet would run as a formula begins with an apostrophe. Times are UTC.
"""


@dataclass(frozen=True)
class Archived:
    """What was written: where, its size in bytes, how many files, and how many rows each table of them has."""

    path: str
    bytes: int
    files: int
    rows: dict[str, int]

    def sentence(self) -> str:
        """In words."""
        total = counted(sum(self.rows.values()), "row")
        return f"{self.path}, {self.bytes / 1e6:,.1f} MB: {counted(self.files, 'file')} with {total} in {len(self.rows)} tables."


class _Zip:
    """The archive being written, with what is in it."""

    def __init__(self, zip: zipfile.ZipFile):
        self.zip, self.files, self.rows = zip, 0, {}

    def text(self, name: str, content: str) -> None:
        self.files += 1
        self.zip.writestr(name, content.encode("utf-8"), zipfile.ZIP_DEFLATED)

    def file(self, name: str, source: Path) -> None:
        """A file as it is; nothing where it is not there (`check` says so)."""
        if not source.is_file():
            return
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_STORED if source.suffix.lower() in PACKED else zipfile.ZIP_DEFLATED
        self.files += 1
        with source.open("rb") as file, self.zip.open(info, "w", force_zip64=True) as out:
            for part in chunks(file):
                out.write(part)

    def table(self, name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """A CSV."""
        with self._open(name) as out:
            table, count = Cells(out), 0
            table.row(*columns)
            for row in rows:
                table.row(*(cell.hex() if isinstance(cell, bytes) else cell for cell in row))
                count += 1
        self.files += 1
        self.rows[name] = count

    @contextmanager
    def _open(self, name: str) -> Iterator[io.TextIOWrapper]:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        with self.zip.open(info, "w", force_zip64=True) as raw:
            out = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="", write_through=False)
            yield out
            out.flush()
            out.detach()


def archive(db: Database, client_id: int, to: Path, progress: NoProgress | None = None) -> Archived:
    """Write everything of a client to a ZIP. InputError where `to` is none, or there is no such client."""
    if to.suffix.lower() != ".zip":
        raise InputError("All of a client goes into a ZIP.", "Let the name end in .zip.", where=str(to))
    row = db.execute("select name from clients where id = ?", [client_id]).fetchone()
    if row is None:
        raise InputError("This client is not there any more.", "Choose another one.")
    progress = progress or NoProgress()
    to.parent.mkdir(parents=True, exist_ok=True)
    with whole(to) as aside, zipfile.ZipFile(aside, "w", allowZip64=True) as zip:
        into = _Zip(zip)
        into.text("about.txt", ABOUT.format(client=row[0]))
        progress(0, 0, "Assets")
        _assets(db, client_id, into)
        for task in tasks.of_client(db, client_id):
            progress.check()
            progress(0, 0, f"Task {task.name}")
            _task(db, task, f"tasks/{task.id}-{_plain(task.name)}", into)
        progress(0, 0, "What was served and paid")
        _served(client_id, into)
        _query(db, into, "ledger.csv", "select * from calls where client_id = ? order by id", client_id)
        for table, where in sorted(belonging(db, "client_id")):
            progress.check()
            left = {column for name, column in SECRET if name == table}
            columns = ", ".join(f'"{name}"' for name in db[table].columns_dict if name not in left)
            _query(db, into, f"tables/{table}.csv", f'select {columns} from "{table}" where {where}', client_id)
        for table in sorted(LEDGER - {"calls"}):
            _query(db, into, f"tables/{table}.csv", f"select * from {table} where client_id = ?", client_id)
    made = Archived(str(to), to.stat().st_size, into.files, into.rows)
    audit.record(
        db, "export", client_id=client_id, what="all of the client", detail={"bytes": made.bytes, "files": made.files}
    )
    return made


def archive_job(db: Database, params: dict, progress: NoProgress) -> dict:
    """The job `archive`: params {"client_id", "to"}."""
    made = archive(db, params["client_id"], Path(params["to"]), progress)
    return {"output": made.path, "bytes": made.bytes, "files": made.files}


def _query(db: Database, into: _Zip, name: str, query: str, *parameters: object) -> None:
    rows = db.execute(query, parameters)
    into.table(name, [column[0] for column in rows.description], rows)


def _assets(db: Database, client_id: int, into: _Zip) -> None:
    keys = "select distinct e.key from assets a, json_each(a.extra) e where a.client_id = ? and a.extra is not null order by 1"
    extra = [row[0] for row in db.execute(keys, [client_id]).fetchall()]
    picked = "".join(", json_extract(extra, '$.' || ?)" for _ in extra)
    quoted = ['"' + key.replace('"', '\\"') + '"' for key in extra]
    rows = db.execute(
        f"select external_id, text, split, image{picked} from assets where client_id = ? order by id",
        [*quoted, client_id],
    )
    into.table("assets.csv", ["asset_id", "text", "split", "image", *extra], rows)
    images = "select sha256, format from images where client_id = ? order by sha256"
    for sha, format in db.execute(images, [client_id]).fetchall():
        name = f"{sha}.{ENDINGS[format]}"
        into.file(f"images/{name}", settings.home() / "images" / str(client_id) / sha[:2] / name)


def _task(db: Database, task: Task, folder: str, into: _Zip) -> None:
    versions = db.execute("select id, version from taxonomies where task_id = ? order by version", [task.id]).fetchall()
    for id, version in versions:
        into.text(f"{folder}/taxonomy-v{version}.csv", "\ufeff" + to_csv(taxonomy.load(db, id)))
    for name, query in (("labels", LABELS), ("recorded", RECORDED), ("reviews", REVIEWS)):
        _query(db, into, f"{folder}/{name}.csv", query, task.id)
    if task.kind == "write":
        _query(db, into, f"{folder}/pairs.csv", "select * from pairs where task_id = ? order by id", task.id)
    for table in ("students", "writers"):
        query = f"select id, kind, path from {table} where task_id = ? and ready = 1 order by id"
        for id, kind, path in db.execute(query, [task.id]).fetchall():
            source = settings.home() / path
            for file in sorted(source.rglob("*")) if source.is_dir() else ():
                into.file(f"{folder}/students/{kind}-{id}/{file.relative_to(source).as_posix()}", file)
    with suppress(InputError):  # no student is live, or it was not judged: there is nothing to report
        into.text(f"{folder}/report.html", html.render(content.of(db, task, "live")))


def _served(client_id: int, into: _Zip) -> None:
    """What was served; nothing where the file cannot be read, which `check` says."""
    try:
        file = served.there(client_id)
    except sqlite3.Error:
        file = None
    if file is None:
        return
    with closing(file):
        for table, name in (("answers", "served.csv"), ("audits", "served-audits.csv")):
            rows = file.execute(f"select * from {table} order by id")
            into.table(name, [column[0] for column in rows.description], rows)


def _plain(name: str) -> str:
    return re.sub(r"[^0-9A-Za-z]+", "-", name).strip("-") or "task"
