"""The input of a file that is scored: any table, or images, read in shards, and which of its columns are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlite_utils import Database

from core.assets import image_import
from core.assets.imports import label_forms
from core.deploy.shards import strings
from core.errors import InputError
from core.images import kept, words
from core.images.seen import Sight
from core.jobs import NoProgress
from core.tables.columns import KNOWN_ASSET_NAMES, guess_assets
from core.tables.files import Doubt, Problems, ReadAs, open_table
from core.tasks import Task

SHARD, SHARD_CHARACTERS = 2048, 8_000_000  # rows of a shard, and their characters: what is in memory at a time
ANY_SIZE = 1 << 62


@dataclass(frozen=True)
class Source:
    """An input opened: its columns, about how many rows (0 if unknown), what is in doubt, its shards as functions that give the
    table, and once these were read its problems and how many rows were left out for them. Of images also the columns that are read
    (`texts`), what may be looked at by the hash in the last column (`sights`), and what was read on them, as one hash (`read`)."""

    columns: list[str]
    rows: int
    doubts: list[Doubt]
    shards: Callable[[], Iterator[Callable[[], pa.Table]]]
    problems: Problems
    left_out: Callable[[], int]
    texts: tuple[str, ...] = ()
    sights: dict[str, Sight] = field(default_factory=dict)
    read: str = ""


@dataclass(frozen=True)
class Beside:
    """What goes with images: the table whose rows name them (None: one among them, or none), and its column that does (None:
    found)."""

    rows: Path | None = None
    column: str | None = None


ALONE = Beside()


def opened_images(
    db: Database,
    task: Task,
    path: Path,
    read_as: ReadAs,
    progress: NoProgress,
    beside: Beside,
    named: list[str] | None,
) -> Source:
    """The images of a folder or ZIP as a table: looked at and read as an import does it, and kept by their content. InputError as
    image_import.import_images() raises it."""
    problems = Problems()
    found = image_import.open_images(
        db, task, path, progress,
        rows=beside.rows, image_column=beside.column, text=named or _last_text(db, task), read_as=read_as,
    )  # fmt: skip
    table, taken = found.table, found.taken
    read = sorted((sha, words.text_of(one)) for sha, one in taken.words.items())
    records = lambda: (cells for _, cells in table.records(problems, pad=True))  # noqa: E731
    return Source(
        table.columns,
        _lines(beside.rows) if beside.rows else len(taken.images) + len(taken.unfit),
        table.doubts,
        lambda: (partial(_text_table, rows, table.columns) for rows in _row_shards(records())),
        problems,
        lambda: table.left_out,
        tuple(found.mapping.text),
        {image.sha256: kept.sight(task.client_id, image) for image in taken.images.values()},
        kept.sha256(json.dumps([found.sha256, read]).encode()),
    )


def opened(path: Path, read_as: ReadAs) -> Source:
    """The table in a file. InputError where it cannot be read."""
    problems = Problems()
    table = open_table(path, KNOWN_ASSET_NAMES, read_as=read_as, max_bytes=ANY_SIZE)
    if table.kind == "parquet":
        # Read by columns and types, not as text: what was a number or a date stays one.
        file = pq.ParquetFile(path)
        return Source(
            file.schema_arrow.names, file.metadata.num_rows, [], lambda: _parquet_shards(file), problems, lambda: 0
        )
    records = lambda: (cells for _, cells in table.records(problems, pad=True))  # noqa: E731
    return Source(
        table.columns,
        0 if table.kind == "xlsx" else _lines(path),
        table.doubts,
        lambda: (partial(_text_table, rows, table.columns) for rows in _row_shards(records())),
        problems,
        lambda: table.left_out,
    )


def _row_shards(records: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    rows, characters = [], 0
    for cells in records:
        rows.append(cells)
        characters += sum(map(len, cells))
        if len(rows) == SHARD or characters > SHARD_CHARACTERS:
            yield rows
            rows, characters = [], 0
    if rows:
        yield rows


def _text_table(rows: list[list[str]], columns: list[str]) -> pa.Table:
    return pa.table([pa.array(column, pa.string()) for column in zip(*rows)], names=columns)


def _parquet_shards(file: pq.ParquetFile) -> Iterator[Callable[[], pa.Table]]:
    """Shards of SHARD rows, whatever the row groups; smaller where rows are large."""
    waiting, rows = [], 0
    for batch in file.iter_batches(SHARD):
        pieces = -(-batch.nbytes // SHARD_CHARACTERS)
        size = -(-batch.num_rows // pieces)
        for start in range(0, batch.num_rows, size):
            piece = batch.slice(start, size)
            if waiting and (rows + piece.num_rows > SHARD or pieces > 1):
                yield partial(pa.Table.from_batches, waiting)
                waiting, rows = [], 0
            waiting.append(piece)
            rows += piece.num_rows
    if waiting:
        yield partial(pa.Table.from_batches, waiting)


def _lines(path: Path) -> int:
    """Lines after the header: the number of rows, or a little more where cells hold line breaks."""
    with path.open("rb") as handle:
        return max(sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b"")) - 1, 1)


def learnt_columns(db: Database, task: Task, columns: Collection[str]) -> list[str]:
    """The text columns of the client's last import; none where `columns`, those of a file, lack one of them."""
    learnt = _last_text(db, task)
    return learnt if all(column in columns for column in learnt) else []


def _last_text(db: Database, task: Task) -> list[str]:
    """The text columns of the client's last import."""
    last = next(
        db.query("select mapping from imports where client_id = ? order by id desc limit 1", [task.client_id]), None
    )
    return list(json.loads(last["mapping"]).get("text") or []) if last else []


def text_columns(
    db: Database, task: Task, source: Source, head: pa.Table, path: Path, named: list[str] | None
) -> list[str]:
    """The columns that are read: those that were named, else those of the client's last import, else guessed from the first rows
    (`head`). InputError where one is not there, or none is text."""
    if named:
        for column in named:
            _must_have(source, path, column)
    if source.texts:
        return list(source.texts)
    if named:
        return list(named)
    learnt = learnt_columns(db, task, source.columns)
    if learnt:
        return learnt
    head = head.slice(0, 20)
    rows = list(zip(*(strings(head[name]) for name in source.columns)))
    guessed = list(guess_assets(source.columns, rows, label_forms(db, task)).text)
    if not guessed:
        raise InputError("No column of text was found.", f"Name one of: {', '.join(source.columns)}.", where=path.name)
    return guessed


def columns_first(source: Source, path: Path, id_column: str | None) -> list[str]:
    """All columns, that of the ids first where it is named. InputError where it is not there."""
    if id_column is None:
        return list(source.columns)
    _must_have(source, path, id_column)
    return [id_column, *(column for column in source.columns if column != id_column)]


def _must_have(source: Source, path: Path, column: str) -> None:
    if column not in source.columns:
        raise InputError(
            f"There is no column '{column}'.", f"The columns are: {', '.join(source.columns)}.", where=path.name
        )
