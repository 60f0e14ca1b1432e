"""A shard of a file: some thousand rows answered and written as one part, whole or not at all.

run() depends on nothing but its arguments, so that any process on any machine which sees the same disk can do any shard,
and the parts are the same.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.assets.rows import join_text
from core.escape import Cells
from core.train.students import Student
from core.whole import whole, write_whole

RESULTS = ("category", "confidence", "handled")
COMPLETED = (*RESULTS, "answered_by")  # where the teacher answered what the student does not


@dataclass(frozen=True)
class Scoring:
    """What all shards of a file have in common: the student's folder, the names of the categories (by id) and the
    certified threshold; the columns to read and to keep; where parts go, their kind (".csv" or ".arrow") and the key of
    the run they belong to; the columns that follow `columns`."""

    student: Path
    labels: dict[int, str]
    threshold: float | None
    texts: tuple[str, ...]
    columns: tuple[str, ...]
    parts: Path
    kind: str
    key: str
    results: tuple[str, ...] = RESULTS

    def part(self, number: int) -> Path:
        """Where the part of a shard is; it counts only beside its note."""
        return self.parts / f"{number:06d}-{self.key}{self.kind}"

    def note(self, number: int) -> Path:
        """Where a finished shard's Counts are."""
        return self.parts / f"{number:06d}-{self.key}.json"

    def finished(self, number: int) -> Counts | None:
        """The counts of a shard that is finished, None of one that is not."""
        try:
            counts = Counts(**json.loads(self.note(number).read_text()))
            return counts if counts.bytes == self.part(number).stat().st_size else None
        except (FileNotFoundError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Counts:
    """Rows of one shard: all, those the student answers by itself, those without text; the size of its part; and the different
    texts that are for the teacher, with their characters."""

    rows: int
    handled: int
    without_text: int
    bytes: int
    texts: int
    characters: int


def run(scoring: Scoring, student: Student, number: int, table: pa.Table) -> Counts:
    """Answer the rows of shard `number` and write its part, then its note, each aside and renamed."""
    answered, part = answer(scoring, student, table), scoring.part(number)
    with whole(part) as aside:
        write_part(scoring, aside, answered)
    waiting = set(filter(None, for_teacher(scoring, answered)))
    counts = Counts(
        table.num_rows,
        pc.sum(answered.column(answered.num_columns - 1)).as_py() or 0,
        answered.column(answered.num_columns - 3).null_count,
        part.stat().st_size,
        len(waiting),
        sum(map(len, waiting)),
    )
    write_whole(scoring.note(number), json.dumps(asdict(counts)))
    return counts


def answer(scoring: Scoring, student: Student, table: pa.Table) -> pa.Table:
    """The kept columns of `table` and, after them, category, confidence and handled. Equal texts are asked once.

    Rows without text have no category. Without a threshold `handled` is empty.
    """
    texts = [join_text(cells) for cells in zip(*(strings(table[name]) for name in scoring.texts))]
    places: dict[str, int] = {}
    # A row without text has place -1: the last of each of the arrays below, which is kept for it.
    at = np.array([places.setdefault(text, len(places)) if text else -1 for text in texts], np.int64)
    answers = student.answer(list(places)) if places else None
    best = answers.best if answers else np.zeros(0, int)
    names = np.array([scoring.labels[category] for category in student.categories], object)
    category = np.append(names[best], None)
    confidence = np.append(answers.confidence.astype(float).round(6) if answers else [], np.nan)
    handled = np.append(answers.handled(scoring.threshold) if answers else np.zeros(0, bool), False).astype(object)
    if scoring.threshold is None:
        handled[:] = None
    answered = table.select(scoring.columns)
    for name, values, kind in zip(
        names_after(scoring.columns), (category, confidence, handled), (pa.string(), pa.float64(), pa.bool_())
    ):
        answered = answered.append_column(name, pa.array(values[at], kind, from_pandas=True))
    return answered


def for_teacher(scoring: Scoring, answered: pa.Table) -> list[str | None]:
    """For each row of an answered shard its text where that is for the teacher, else None."""
    rows = zip(
        answered.column(answered.num_columns - 1).to_pylist(), *(strings(answered[name]) for name in scoring.texts)
    )
    return [None if handled else join_text(cells) or None for handled, *cells in rows]


def names_after(columns: Sequence[str], results: Sequence[str] = RESULTS) -> list[str]:
    """The names of the columns that follow those of the input."""
    names: list[str] = []
    for name in results:
        names.append(_free_name(name, [*columns, *names]))
    return names


def _free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or "student_<name>", numbered if need be, where the file has such a column already."""
    free, count = name, 1
    while free in taken:
        free = f"student_{name}" if count == 1 else f"student_{name}_{count}"
        count += 1
    return free


def strings(column: pa.ChunkedArray) -> list[str]:
    """A column as text, nothing as ""."""
    if pa.types.is_string(column.type):
        values = column.to_numpy(zero_copy_only=False).tolist()
        return ["" if value is None else value for value in values] if column.null_count else values
    return ["" if value is None else str(value) for value in column.to_pylist()]


def header(columns: Sequence[str], results: Sequence[str] = RESULTS) -> bytes:
    """The first line of a CSV file, with a byte-order mark: spreadsheets take a file without one for Windows' cp1252."""
    line = io.StringIO(newline="")
    Cells(line).row(*columns, *names_after(columns, results))
    return ("\ufeff" + line.getvalue()).encode()


def write_part(scoring: Scoring, path: Path, table: pa.Table) -> None:
    """Write a table in the scoring's kind of part."""
    (write_csv if scoring.kind == ".csv" else write)(path, table)


def write_csv(path: Path, table: pa.Table) -> None:
    """Write a table as the rows of a CSV file, without a head."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        Cells(handle).rows(zip(*(_cells(column) for column in table.columns)))


def _cells(column: pa.ChunkedArray) -> list[str]:
    if pa.types.is_boolean(column.type):
        return ["" if value is None else str(value).lower() for value in column.to_pylist()]
    return strings(column)


def write(path: Path, table: pa.Table) -> None:
    """Write a table as an Arrow file, every type as it is."""
    with pa.ipc.new_stream(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)


def read(path: Path) -> pa.Table:
    """The table of an Arrow file."""
    with pa.ipc.open_stream(path) as stream:
        return stream.read_all()
