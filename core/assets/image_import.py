"""A folder or ZIP of images into the workspace, alone or with a table whose rows name them, or those whose paths a table holds:
they are looked at, read, then imported.

    summary = import_images(db, task, Path("creatives.zip"))

What was looked at and read is kept by each image's content as it comes, and the assets enter in one transaction at the end: an
import that was killed goes on where it was, and leaves no half of it behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from sqlite_utils import Database

from core import settings, tasks
from core.assets import family_columns, image_names, image_rows, imports, previews
from core.assets.entering import ImportSummary
from core.assets.family_columns import Families
from core.assets.image_rows import Taken
from core.assets.previews import Preview
from core.errors import InputError
from core.images import kept, reading, sources
from core.images.looking import misnamed
from core.images.reading import WITHOUT_READER
from core.images.sources import Entry, Unfit
from core.jobs.progress import NoProgress, Progress
from core.tables.columns import KNOWN_ASSET_NAMES, Mapping, correct, guess_assets
from core.tables.files import AS_FOUND, Problems, ReadAs, Table, open_table
from core.tasks import Task

AT_ONCE = 16  # images in memory
NOTHING = Taken({}, {}, {}, {}, {})
LOOK, READ = "Looking at the images", "Reading the words on them"


@dataclass(frozen=True)
class Opened:
    """Images that were looked at and read, as a table, what their columns are taken for, what the source is known by, and the
    images with the words on them."""

    table: Table
    mapping: Mapping
    sha256: str
    taken: Taken
    families: tuple[Families, ...] = ()

    def preview(self) -> Preview:
        """The same as what is seen of a file of assets before it is imported."""
        rows = [dict(zip(self.table.columns, cells)) for cells in self.table.head[: previews.ROWS]]
        return Preview(self.table.columns, self.mapping, rows, families=list(self.families))


def import_images(
    db: Database,
    task: Task,
    path: Path | None,
    progress: Progress | None = None,
    *,
    rows: Path | None = None,
    image_column: str | None = None,
    label: str | None = None,
    read_as: ReadAs = AS_FOUND,
    filename: str | None = None,
    accepted: dict[str, str] | None = None,
) -> ImportSummary:
    """Import the images of a folder or ZIP; `rows`: the table whose `image_column` (None: found) names them, which may also lie
    among them; `label`: its column of recorded labels, where it is not to be guessed. `path` None: the column holds paths to the
    images, from the table's folder.

    Raises InputError where there is no image, several tables, or nothing to read by and nothing typed; Cancelled.
    """
    report = progress or NoProgress()
    opened = open_images(db, task, path, report, rows=rows, image_column=image_column, label=label, read_as=read_as)
    return imports.import_assets(
        db, task, path or rows, opened.mapping, report,
        filename=filename, accepted=accepted, table=opened.table, sha256=opened.sha256,
    )  # fmt: skip


def open_images(
    db: Database,
    task: Task,
    path: Path | None,
    progress: NoProgress,
    *,
    rows: Path | None = None,
    image_column: str | None = None,
    label: str | None = None,
    text: Sequence[str] = (),
    read_as: ReadAs = AS_FOUND,
) -> Opened:
    """Look at the images, read their words, and lay them out as a table; `text`: the columns that hold what was typed, where the
    table has any of them and they are not to be guessed. InputError as import_images() raises it."""
    if path is None:
        source, path = _paths(rows, image_column, read_as), rows
        digest = imports.sha256_of(rows)
    else:
        source, digest = partial(sources.entries, path), imports.sha256_of(path) if path.is_file() else None
    taken, inside, found = _look(db, task.client_id, source, progress)
    digest = digest or found
    if rows is None and len(inside) > 1:
        raise InputError(
            f"It holds {len(inside)} tables: {', '.join(name for name, _ in inside[:5])}.",
            "Leave one, or name the table that says what the images are.",
            where=path.name,
        )
    if rows is None and inside:
        rows = imports.keep_upload(*inside[0], digest)
    if not taken.images:
        why = next((f"{name} {what}" for name, (what, _) in taken.unfit.items()), "")
        raise InputError(
            "It holds no image that can be used." + (f" {why}" if why else ""),
            "Bring PNG, JPEG, WebP, GIF, BMP or TIFF files.",
            where=path.name,
        )
    if rows is None:
        guess, taken = None, _read(db, task.client_id, taken, progress)
        table = image_rows.alone(path, taken)
    else:
        beside = open_table(rows, KNOWN_ASSET_NAMES, read_as=read_as)
        image_column = _image_column(beside, image_column, taken)
        guess = guess_assets(beside.columns, beside.head, imports.label_forms(db, task))
        said = [column for column in text if column in beside.columns] or image_rows.typed(guess)
        typed = tuple(column for column in said if column not in (image_column, label))
        guess = replace(guess, text=typed)
        taken = _read(db, task.client_id, taken, progress, can_do_without=bool(typed))
        table = image_rows.beside(path, taken, beside, image_column, typed)
    if not table.head:
        first = next(iter(taken.unread.values()), "")
        raise InputError(
            "There is not one image with words on it or words typed beside it." + (f" {first}" if first else ""),
            "Bring a table in which the words are typed.",
            where=path.name,
        )
    mapping = image_rows.mapping(table, guess)
    if label is not None and label not in table.columns:
        raise InputError(
            f"There is no column '{label}'.", f"The columns are: {', '.join(table.columns)}.", where=path.name
        )
    if label is not None:
        mapping = correct(mapping, (), {"label": label})
    mapping, families = family_columns.look(table, mapping)
    return Opened(table, mapping, digest, taken, tuple(families))


def _image_column(table: Table, named: str | None, taken: Taken) -> str:
    """The column of a table that names the images: the one that was `named`, else the one whose cells do. InputError where there
    is none, or no row."""
    if not table.head:
        raise previews.no_rows(table.path)
    if named is None:
        return image_names.column(table.columns, table.head, image_rows.names_of(taken), table.path.name)
    if named not in table.columns:
        raise InputError(
            f"There is no column '{named}'.", f"The columns are: {', '.join(table.columns)}.", where=table.path.name
        )
    return named


def _paths(rows: Path | None, image_column: str | None, read_as: ReadAs) -> Callable[[], Iterator[Entry]]:
    """The images whose paths a column of a table holds. InputError where there is no such column."""
    if rows is None or image_column is None:
        raise InputError("No column of paths is named.", "Name the table and its column of paths.")
    table = open_table(rows, KNOWN_ASSET_NAMES, read_as=read_as)
    at = table.columns.index(_image_column(table, image_column, NOTHING))
    cells = [cells[at] for _, cells in table.records(Problems())]
    return lambda: sources.named(rows.resolve().parent, cells)


def _look(
    db: Database, client_id: int, source: Callable[[], Iterator[Entry]], progress: NoProgress
) -> tuple[Taken, list[tuple[str, bytes]], str]:
    """Keep every image of a source; what it holds, the tables among it, and what its content is known by."""
    taken, tables, digest = Taken({}, {}, {}, {}, {}), [], hashlib.sha256()
    total = sum(1 for _ in source())
    done = 0
    progress(done, total, LOOK)
    with ThreadPoolExecutor(settings.processors()) as pool:
        for files in _batches(source(), taken):
            for entry, data in files:
                digest.update(entry.name.encode() + b"\0" + hashlib.sha256(data).digest())
            tables += [(entry.name, data) for entry, data in files if entry.is_table]
            _keep(db, client_id, [(entry.name, data) for entry, data in files if not entry.is_table], taken, pool)
            done = min(done + AT_ONCE, total)
            progress(done, total, LOOK)
    return taken, tables, digest.hexdigest()


def _batches(entries: Iterator[Entry], taken: Taken) -> Iterator[list[tuple[Entry, bytes]]]:
    """The files of a source with their bytes, a few at a time; what cannot be read is put down as unfit."""
    files = []
    for count, entry in enumerate(entries, 1):
        try:
            files.append((entry, entry.read()))
        except Unfit as why:
            taken.unfit[entry.name] = (why.what, why.todo)
        except OSError as error:
            taken.unfit[entry.name] = (f"cannot be opened ({error.strerror}).", "Check its rights.")
        if count % AT_ONCE == 0:
            yield files
            files = []
    yield files


def _keep(db: Database, client_id: int, files: list[tuple[str, bytes]], taken: Taken, pool: ThreadPoolExecutor) -> None:
    """Look at those files that are not kept already, each content once, and put down what they are."""
    shas = {name: kept.sha256(data) for name, data in files}
    there = kept.load(db, client_id, shas.values())
    fresh = {shas[name]: (name, data) for name, data in files if shas[name] not in there}
    looked = dict(zip(fresh, pool.map(lambda one: _looked(client_id, *one), fresh.values())))
    kept.enter(db, [row for row, _ in looked.values() if isinstance(row, tuple)])
    there |= kept.load(db, client_id, fresh)
    for name, sha in shas.items():
        if sha in there:
            taken.images[name] = there[sha]
            if remark := misnamed(there[sha].format, name):
                taken.remarks[name] = remark
        else:
            why = looked[sha][1]
            taken.unfit[name] = (why.what, why.todo)


def _looked(client_id: int, name: str, data: bytes) -> tuple[tuple | None, Unfit | None]:
    """The row of an image whose files are written, or why it is unfit."""
    try:
        return kept.keep(client_id, data), None
    except Unfit as why:
        return None, why


def _read(db: Database, client_id: int, taken: Taken, progress: NoProgress, *, can_do_without: bool = False) -> Taken:
    """With the words on the images. Where no reader is installed, those that were typed do, if any were."""
    images = list({image.sha256: image for image in taken.images.values()}.values())
    shas = [image.sha256 for image in images]
    unread = {}
    try:
        unread = reading.read(db, client_id, images, progress, READ)
    except InputError as missing:
        if not can_do_without or missing is not WITHOUT_READER:
            raise
        unread = dict.fromkeys(shas, missing.what)
    return replace(taken, words=reading.known(db, client_id, shas), unread=unread)


def import_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id", "path" (None: the rows hold paths), "rows", "image_column", "label", "filename", "accepted"} to the
    summary as one."""
    task = tasks.get(db, params["task_id"])
    rows, path = params.get("rows"), params["path"]
    how = {name: params.get(name) for name in ("image_column", "label", "filename", "accepted")}
    summary = asdict(import_images(db, task, path and Path(path), progress, rows=Path(rows) if rows else None, **how))
    del summary["unknown"]  # kept with the import
    return summary
