"""Score a file: a category, a confidence and "handled" for every row, streamed, in memory that does not grow with rows.

    score(db, client_id=1, student="live", input=Path("assets.csv"), output=Path("scored.parquet"))

Rows are read, answered and written in chunks; the output appears under its name only when it is whole.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlite_utils import Database

from core import settings
from core.errors import InputError
from core.evaluate.run import figures
from core.ingest import taxonomy
from core.ingest.columns import KNOWN_ASSET_NAMES, guess_assets
from core.ingest.files import Problems, defuse, open_table
from core.ingest.rows import join_text
from core.jobs import NoProgress, Progress
from core.train import students
from core.train.run import find, folder_of

CHUNK = 4096  # rows held at a time
ANY_SIZE = 1 << 62
RESULTS = ("category", "confidence", "handled")
FORMATS = (".csv", ".parquet")


@dataclass(frozen=True)
class Source:
    """An input opened: its columns, its rows if known (else 0), and its chunks as tables of those columns."""

    columns: list[str]
    rows: int
    chunks: Callable[[], Iterator[pa.Table]]
    problems: Problems


def score(
    db: Database,
    *,
    client_id: int,
    student: str | int = "live",
    input: Path,
    output: Path,
    text_columns: list[str] | None = None,
    id_column: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Answer every row of `input` (any table file) into `output` (CSV or Parquet) and return counts and rate.

    The texts are read from `text_columns`, else those of the client's last import, else guessed. The output has all
    input columns, `id_column` first where it is named, then category, confidence and handled: whether the
    student's certified threshold lets it answer by itself (empty where nothing is certified). Rows without text get
    no category. Raises InputError for a file, column or format that cannot be used.
    """
    _check_paths(input, output)
    row = find(db, client_id, student)
    source = _open(input)
    chunks = source.chunks()
    first = next(chunks, None)
    if first is None:
        raise InputError("The file has no row below its header.", "Choose a file with rows to score.", where=input.name)
    texts = _text_columns(db, client_id, source, first, input, text_columns)
    kept = _kept(source, input, id_column)
    answer = _answerer(db, row)
    report, started = progress or NoProgress(), time.perf_counter()
    counts = {"rows": 0, "handled": 0, "without_text": 0}
    part = output.with_name(f".{output.name}.part")
    try:
        with _writer(part, output.suffix.lower()) as write:
            report(0, source.rows, "Scoring")
            for table in chain([first], chunks):
                joined = [join_text(cells) for cells in zip(*(_strings(table[name]) for name in texts))]
                answers = answer(joined)
                write(_with_answers(table.select(kept), answers))
                counts["rows"] += len(joined)
                counts["handled"] += int((answers["handled"] == True).sum())  # noqa: E712 - missing is not handled
                counts["without_text"] += int(answers["category"].isna().sum())
                report(counts["rows"], source.rows, "Scoring")
        os.replace(part, output)
    finally:
        part.unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    return counts | {
        "problems": source.problems.count,
        "student": row["id"],
        "seconds": seconds,
        "rows_per_second": counts["rows"] / max(seconds, 1e-9),
        "text_columns": texts,
        "output": str(output),
    }


def score_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: the arguments of score() by name, files as paths; without "output" into the workspace's output."""
    given = dict(params)
    source = Path(given.pop("input"))
    name = given.pop("output", None)
    output = Path(name) if name else settings.subfolder("output") / f"{source.stem}-scored.csv"
    return score(db, **given, input=source, output=output, progress=progress)


def _check_paths(input: Path, output: Path) -> None:
    if output.suffix.lower() not in FORMATS:
        raise InputError(
            f"A file ending in '{output.suffix}' cannot be written.", "Name it .csv or .parquet.", where=output.name
        )
    if not output.parent.is_dir():
        raise InputError("There is no such folder.", "Make it first, or choose another.", where=str(output.parent))
    if output.exists() and input.exists() and output.samefile(input):
        raise InputError("Input and output are the same file.", "Give the output another name.", where=output.name)


def _open(path: Path) -> Source:
    problems = Problems()
    table = open_table(path, KNOWN_ASSET_NAMES, max_bytes=ANY_SIZE)
    if table.kind == "parquet":
        # Read by columns and types, not as text: what was a number or a date stays one.
        file = pq.ParquetFile(path)

        def batches() -> Iterator[pa.Table]:
            return (pa.Table.from_batches([batch]) for batch in file.iter_batches(CHUNK))

        return Source(file.schema_arrow.names, file.metadata.num_rows, batches, problems)

    def chunks() -> Iterator[pa.Table]:
        records = (cells for _, cells in table.records(problems, pad=True))
        while rows := list(islice(records, CHUNK)):
            yield pa.table([pa.array(column, pa.string()) for column in zip(*rows)], names=table.columns)

    return Source(table.columns, _lines(path) if table.kind in ("csv", "tsv") else 0, chunks, problems)


def _lines(path: Path) -> int:
    """Lines after the header: the number of rows, or a little more where cells hold line breaks."""
    with path.open("rb") as handle:
        return max(sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b"")) - 1, 1)


def _text_columns(
    db: Database, client_id: int, source: Source, first: pa.Table, path: Path, named: list[str] | None
) -> list[str]:
    if named:
        for column in named:
            _must_have(source, path, column)
        return list(named)
    last = next(db.query("select mapping from imports where client_id = ? order by id desc limit 1", [client_id]), None)
    learnt = (json.loads(last["mapping"]).get("text") or []) if last else []
    if learnt and all(column in source.columns for column in learnt):
        return list(learnt)
    head = first.slice(0, 20)
    guessed = list(guess_assets(source.columns, list(zip(*(_strings(head[name]) for name in source.columns)))).text)
    if not guessed:
        raise InputError("No column of text was found.", f"Name one of: {', '.join(source.columns)}.", where=path.name)
    return guessed


def _kept(source: Source, path: Path, id_column: str | None) -> list[str]:
    if id_column is None:
        return list(source.columns)
    _must_have(source, path, id_column)
    return [id_column, *(column for column in source.columns if column != id_column)]


def _must_have(source: Source, path: Path, column: str) -> None:
    if column not in source.columns:
        raise InputError(
            f"There is no column '{column}'.", f"The columns are: {', '.join(source.columns)}.", where=path.name
        )


def _strings(column: pa.ChunkedArray) -> list[str]:
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _answerer(db: Database, row: dict) -> Callable[[list[str]], pd.DataFrame]:
    """A function from texts to category (label), confidence and handled; equal texts are answered once."""
    student = students.load(folder_of(db, row["id"]))
    labels = {category.id: category.label for category in taxonomy.load(db, row["taxonomy_id"])}
    names = np.array([labels[category] for category in student.categories], object)
    found = figures(db, row["id"])
    threshold = found["certificate"]["threshold"] if found else None

    def answer(texts: list[str]) -> pd.DataFrame:
        codes, unique = pd.factorize(np.array([text.strip() or None for text in texts], object))
        answers = pd.DataFrame({"category": None, "confidence": np.nan, "handled": None}, index=range(len(unique)))
        if len(unique):
            table = student.predict_proba(list(unique))
            answers["category"] = names[table.argmax(1)]
            sure = table.max(1).astype(float)
            answers["confidence"] = sure.round(6)
            if threshold is not None:
                answers["handled"] = (sure >= threshold).astype(object)
        answers = answers.reindex(codes)  # -1, no text, becomes an empty answer
        if threshold is not None:
            answers.loc[codes == -1, "handled"] = False
        return answers.reset_index(drop=True)

    return answer


def _with_answers(table: pa.Table, answers: pd.DataFrame) -> pa.Table:
    types = (pa.string(), pa.float64(), pa.bool_())
    for column, kind in zip(RESULTS, types):
        values = pa.array(answers[column].tolist(), kind, from_pandas=True)
        table = table.append_column(_free_name(column, table.column_names), values)
    return table


def _free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or "student_<name>", numbered if need be, where the file has such a column already."""
    free, count = name, 1
    while free in taken:
        free = f"student_{name}" if count == 1 else f"student_{name}_{count}"
        count += 1
    return free


class _writer:
    """Writes tables of one schema to a CSV (for spreadsheets: byte-order mark, formulas defused) or Parquet file."""

    def __init__(self, path: Path, kind: str):
        self.path, self.kind = path, kind
        self.parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> Callable[[pa.Table], None]:
        if self.kind == ".parquet":
            return self._parquet
        self.handle = self.path.open("w", encoding="utf-8-sig", newline="")
        self.csv = csv.writer(self.handle)
        self.empty = True
        return self._csv

    def __exit__(self, *_: object) -> None:
        if self.kind == ".csv":
            self.handle.close()
        elif self.parquet:
            self.parquet.close()

    def _parquet(self, table: pa.Table) -> None:
        if self.parquet is None:
            self.parquet = pq.ParquetWriter(self.path, table.schema)
        self.parquet.write_table(table)

    def _csv(self, table: pa.Table) -> None:
        if self.empty:
            self.csv.writerow([defuse(name) for name in table.column_names])
            self.empty = False
        self.csv.writerows(zip(*(_cells(column) for column in table.columns)))


def _cells(column: pa.ChunkedArray) -> list[str]:
    if pa.types.is_boolean(column.type):
        return ["" if value is None else str(value).lower() for value in column.to_pylist()]
    return [defuse(cell) for cell in _strings(column)]
