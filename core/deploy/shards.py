"""A shard of a file: some thousand rows answered and written as one part, whole or not at all.

run() depends on nothing but its arguments, so that any process on any machine which sees the same disk can do any shard,
and the parts are the same.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.assets.rows import join_text
from core.escape import Cells
from core.images.seen import Seen, Sight, apart, told_apart
from core.tables import name_parts
from core.train.students import Answers, Student, Together, said
from core.whole import whole, write_whole

RESULTS = ("category", "confidence", "handled")
COMPLETED = (*RESULTS, "answered_by")  # where the teacher answered what the student does not


@dataclass(frozen=True)
class Facet:
    """What answers one question about each row: the task's name, its student's folder, the names of the categories (by id) and the
    certified threshold."""

    name: str
    student: Path
    labels: dict[int, str]
    threshold: float | None


@dataclass(frozen=True)
class Scoring:
    """What all shards of a file have in common: who answers; the columns to read and to keep; where parts go, their kind
    (".csv" or ".arrow") and the key of the run they belong to; the columns that follow `columns`. `name`: the pattern of a name
    made of columns and answers, which is then the last of these (core/tables/name_parts.py). `sights`: of images, what may be
    looked at, by the hash that stands in the column `image`."""

    facets: tuple[Facet, ...]
    texts: tuple[str, ...]
    columns: tuple[str, ...]
    parts: Path
    kind: str
    key: str
    results: tuple[str, ...] = RESULTS
    name: tuple[tuple[str, str], ...] = ()
    image: str = ""
    sights: dict[str, Sight] = field(default_factory=dict)

    def load(self) -> Together:
        """Who answers, ready to. InputError where one of them cannot be loaded."""
        return Together([facet.student for facet in self.facets])

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
    texts (with their images) that are for the teacher, with their characters: of several facets also by those that wait (`waiting`:
    the facets' places, texts, characters)."""

    rows: int
    handled: int
    without_text: int
    bytes: int
    texts: int
    characters: int
    of_facets: tuple[int, ...] = ()  # rows that each of several facets handles; `handled` are those that all of them do
    waiting: tuple[tuple[tuple[int, ...], int, int], ...] = ()


def columns_of(facets: Sequence[Facet], results: tuple[str, ...] = RESULTS) -> tuple[str, ...]:
    """The columns that the answers to a file are given: `results`, of several facets as many each, called after them."""
    if len(facets) == 1:
        return results
    return tuple(f"{facet.name}{end}" for facet in facets for end in ("", *(f"_{name}" for name in results[1:])))


def run(scoring: Scoring, student: Together, number: int, table: pa.Table) -> Counts:
    """Answer the rows of shard `number` and write its part, then its note, each aside and renamed."""
    answered, part = answer(scoring, student, table), scoring.part(number)
    with whole(part) as aside:
        write_part(scoring, aside, answered)
    waiting = {apart(text): (len(text), places) for text, places in filter(None, for_teacher(scoring, answered))}
    groups: dict[tuple[int, ...], list[int]] = {}
    for characters, places in waiting.values():
        groups.setdefault(places, []).append(characters)
    each = [pc.sum(column).as_py() or 0 for column in _handled(scoring, answered)]
    counts = Counts(
        table.num_rows,
        each[0] if len(each) == 1 else pc.sum(_in_all(scoring, answered)).as_py() or 0,
        answered.column(len(scoring.columns)).null_count,
        part.stat().st_size,
        len(waiting),
        sum(characters for characters, _ in waiting.values()),
        tuple(each) if len(each) > 1 else (),
        tuple((places, len(texts), sum(texts)) for places, texts in groups.items()) if len(each) > 1 else (),
    )
    write_whole(scoring.note(number), json.dumps(asdict(counts)))
    return counts


def _handled(scoring: Scoring, answered: pa.Table) -> list[pa.ChunkedArray]:
    """The column of each facet that says whether its student answers by itself."""
    return [answered.column(at) for at in range(len(scoring.columns) + 2, answered.num_columns, len(RESULTS))]


def _in_all(scoring: Scoring, answered: pa.Table) -> pa.ChunkedArray:
    """Whether the students answer all facets of a row by themselves; nothing where one of them has no threshold."""
    first, *rest = _handled(scoring, answered)
    for column in rest:
        first = pc.and_(first, column)
    return first


def answer(scoring: Scoring, student: Together, table: pa.Table) -> pa.Table:
    """The kept columns of `table` and, after them, category, confidence and handled, of each facet. Equal texts are asked once.

    Rows without text have no category. Without a threshold `handled` is empty.
    """
    texts = texts_of(scoring, table)
    keys = told_apart(texts)
    asked = {key: text for key, text in zip(keys, texts) if text}
    places = {key: place for place, key in enumerate(asked)}
    # A row without text has place -1: the last of each of the arrays below, which is kept for it.
    at = np.array([places[key] if text else -1 for key, text in zip(keys, texts)], np.int64)
    answers = student.answer(list(asked.values())) if asked else [None] * len(scoring.facets)
    columns = [
        pa.array(values[at], kind, from_pandas=True)
        for facet, one, said in zip(scoring.facets, student.students, answers)
        for values, kind in _told(facet, one, said)
    ]
    answered = table.select(scoring.columns)
    names = names_after(scoring.columns, scoring.results)
    for name, column in zip(names, columns):
        answered = answered.append_column(name, column)
    return answered.append_column(names[-1], _names(scoring, answered)) if scoring.name else answered


def texts_of(scoring: Scoring, table: pa.Table) -> list[str]:
    """The text of each row, with its image where it has one."""
    texts = [join_text(cells) for cells in zip(*(strings(table[name]) for name in scoring.texts))]
    if not scoring.sights:
        return texts
    sights = map(scoring.sights.get, strings(table[scoring.image]))
    return [Seen(text, sight) if sight else text for text, sight in zip(texts, sights)]


def _names(scoring: Scoring, answered: pa.Table) -> pa.Array:
    """The name of each row by the pattern, of its columns and its answers by the tasks' names."""
    answers = {
        facet.name: len(scoring.columns) + at * len(RESULTS) for at, facet in enumerate(scoring.facets)
    }  # a column of the file that is called as a task is has its own
    places = {
        field: scoring.columns.index(field) if field in scoring.columns else answers[field]
        for _, field in scoring.name
        if field
    }
    fields = {field: strings(answered.column(at)) for field, at in places.items()}
    rows = (dict(zip(fields, row)) for row in zip(*fields.values()))
    return pa.array([name_parts.together(scoring.name, row) for row in rows], pa.string())


def _told(facet: Facet, student: Student, answers: Answers | None) -> Iterator[tuple[np.ndarray, pa.DataType]]:
    """What a facet's columns say of the texts that were asked, and at the end of a row without text, with their types."""
    names = [facet.labels[category] for category in student.categories]
    yield np.array([*(said(answers, names) if answers else []), None], object), pa.string()
    yield np.append(answers.confidence.astype(float).round(6) if answers else [], np.nan), pa.float64()
    handled = np.append(answers.handled(facet.threshold) if answers else np.zeros(0, bool), False).astype(object)
    if facet.threshold is None:
        handled[:] = None
    yield handled, pa.bool_()


def for_teacher(scoring: Scoring, answered: pa.Table) -> list[tuple[str, tuple[int, ...]] | None]:
    """For each row of an answered shard its text and the places of the facets that are for the teacher; None where none is."""
    handled = zip(*(column.to_pylist() for column in _handled(scoring, answered)))
    texts = texts_of(scoring, answered)
    rows = [(text, tuple(at for at, one in enumerate(each) if not one)) for each, text in zip(handled, texts)]
    return [row if all(row) else None for row in rows]


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
