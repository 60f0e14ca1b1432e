"""A file of briefs to a table of drafts: every row back with what was written for it, resumable, each brief written for once.

    write_file(db, task, input=Path("briefs.csv"), output=Path("drafts.xlsx"), columns=["product", "audience"])

Briefs are drafted some at a time; what is finished lies in the folder `.NAME.parts` beside the output NAME, which appears under its
name only when it is whole. Killed or stopped, the same call takes it over; where briefs, student or what is asked for have changed
since, it starts afresh. A brief of which no draft passes goes to the teacher, where the task has one behind its student.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from sqlite_utils import Database

from core import jobs, settings, tasks
from core.deploy.scoring import SHEET, parts_folder
from core.deploy.shards import names_after
from core.errors import InputError, Problem
from core.escape import Cells, defuse
from core.jobs import NoProgress
from core.tables.files import AS_FOUND, Problems, ReadAs
from core.tasks import Task
from core.whole import whole, write_whole
from core.words import counted
from core.write import briefs, teacher_behind, use

AT_ONCE = 20  # briefs of a part
MOST_DRAFTS = 8
FORMATS = (".csv", ".xlsx")
TEACHER_S = 600.0  # that a file waits for the teacher's drafts of a part
LISTED = 1_000  # rows left out that come back with the counts
HEAD = ("row", "handled", "answered_by")


@dataclass(frozen=True)
class Part:
    """What was written of some briefs: `drafts` of each as Draft.as_dict() says them, and who answered it: student, teacher, or ""
    where no draft passes."""

    drafts: list[list[dict]]
    by: list[str]


def write_file(
    db: Database,
    task: Task,
    *,
    input: Path,
    output: Path,
    columns: Sequence[str],
    count: int = 3,
    seed: int = 0,
    student: str | int = "live",
    read_as: ReadAs = AS_FOUND,
    progress: NoProgress | None = None,
) -> dict[str, Any]:
    """Write up to `count` drafts for every row of a table whose `columns` hold a brief; returns what came of the rows.

    The output (CSV or XLSX) has the row's number, the row as it was, whether the student handles it and who answered, then each
    draft with what stops it. Rows without a usable brief are left out and listed, in XLSX in a sheet of their own, so that `rows`
    and `left_out` together are those of the file. InputError for a file, column, count or student that cannot be used.
    """
    step = progress or NoProgress()
    _must_be_right(output, input, count)
    row = use.may_write(db, task, student)
    step(0, 0, "Reading the briefs")
    table = briefs.rows(input, columns, read_as)
    asked = list(dict.fromkeys(brief for _, _, brief in table.rows))
    made_of = [row["id"], count, seed, [_digest(brief) for brief in asked], jobs.code_version()]
    folder, key = output.absolute().with_name(f".{output.name}.parts"), _digest(json.dumps(made_of))
    numbers = range(0, len(asked), AT_ONCE)
    with parts_folder(folder, {"made of": key}, lambda: any(_finished(folder, key, start) for start in numbers)):
        there = {start: part for start in numbers if (part := _finished(folder, key, start))}
        taken_over = sum(len(part.drafts) for part in there.values())
        writer = use.writer_of(row, db) if len(there) < len(numbers) else None
        for start in numbers:
            step(min(start, len(asked)), len(asked), "Writing drafts")
            if start not in there:
                some = asked[start : start + AT_ONCE]
                there[start] = _written(db, task, row, some, writer.drafts(some, count, seed), seed)
                write_whole(_path(folder, key, start), json.dumps(vars(there[start])))
        step(len(asked), len(asked), "Writing drafts")
        found = {
            brief: (part.drafts[place], part.by[place])
            for start, part in there.items()
            for place, brief in enumerate(asked[start : start + AT_ONCE])
        }
        with whole(output, folder) as aside, aside.open("wb") as file:
            most = max((len(drafts) for drafts, _ in found.values()), default=count)
            lines = _lines(table, found, most)
            (_as_xlsx if output.suffix.lower() == ".xlsx" else _as_csv)(file, lines, table.problems)
    by = [found[brief][1] for _, _, brief in table.rows]
    return {
        "rows": len(table.rows),
        "left_out": table.left_out,
        "briefs": len(asked),
        "drafts": sum(len(drafts) for drafts, _ in found.values()),
        "handled": by.count("student"),
        "by_teacher": by.count("teacher"),
        "taken_over": taken_over,
        "problems": table.problems.count,
        "problem_list": [one.as_dict() for one in _worst(table.problems)[:LISTED]],
        "student": str(row["id"]),
        "task": task.name,
        "output": str(output),
    }


def write_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body: the arguments of write_file() by name, files as paths, "read_as" as a dictionary."""
    named = dict(params)
    task = tasks.get(db, named.pop("task_id"))
    files = {name: Path(named.pop(name)) for name in ("input", "output")}
    how = ReadAs(**named.pop("read_as", None) or {})
    return write_file(db, task, **files, **named, read_as=how, progress=progress)


def output_of(input: Path, student: int, kind: str) -> Path:
    """Where the drafts of an upload go in the workspace; `kind`: XLSX or CSV."""
    folder = settings.subfolder("output") / input.parent.name
    folder.mkdir(exist_ok=True)
    return folder / f"{input.stem}-drafts-{student}.{kind.lower()}"


def in_words(result: dict[str, Any]) -> str:
    """What came of a file, in words."""
    said = [counted(result["rows"], "row"), f"{result['handled']:,} with a draft that passes every gate"]
    said += [f"{result['by_teacher']:,} answered by the teacher"] if result["by_teacher"] else []
    said += [f"{counted(result['left_out'], 'row')} left out"] if result["left_out"] else []
    same = result["rows"] - result["briefs"]
    return ", ".join(said) + (f"; {counted(same, 'row')} repeat another's brief" if same else "")


def _must_be_right(output: Path, input: Path, count: int) -> None:
    if output.suffix.lower() not in FORMATS:
        raise InputError(
            f"A file ending in '{output.suffix}' cannot be written.", "Name it .csv or .xlsx.", where=output.name
        )
    if not output.parent.is_dir():
        raise InputError("There is no such folder.", "Make it first, or choose another.", where=str(output.parent))
    if output.exists() and input.exists() and output.samefile(input):
        raise InputError("Input and output are the same file.", "Give the output another name.", where=output.name)
    if not 1 <= count <= MOST_DRAFTS:
        raise InputError(f"{count} drafts of a brief are not written.", f"Ask for 1 to {MOST_DRAFTS}.")


# --- parts --------------------------------------------------------------------------------------------------------------


def _written(db: Database, task: Task, row: dict, some: list[str], drafted: list[list], seed: int) -> Part:
    """A student's drafts of some briefs, kept for the desk, and the teacher's where none passes and it is there."""
    for brief, one in zip(some, drafted):
        use.keep(db, row, brief, one, seed)
    drafts = [[draft.as_dict() for draft in one] for one in drafted]
    by = ["student" if any(draft["passed"] for draft in records) else "" for records in drafts]
    waiting = [brief for brief, who in zip(some, by) if not who]
    if waiting:
        bought = teacher_behind.behind(db, task, waiting, TEACHER_S).drafts
        for place, brief in enumerate(some):
            if more := bought.get(brief.strip()):
                drafts[place] = [*more, *drafts[place]]
                by[place] = "teacher" if any(draft["passed"] for draft in more) else ""
    return Part(drafts, by)


def _path(folder: Path, key: str, start: int) -> Path:
    return folder / f"{start:07d}-{key}.json"


def _finished(folder: Path, key: str, start: int) -> Part | None:
    with suppress(OSError, ValueError, TypeError):
        return Part(**json.loads(_path(folder, key, start).read_text(encoding="utf-8")))
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# --- the output -----------------------------------------------------------------------------------------------------------


def _lines(table: briefs.Rows, found: dict[str, tuple[list[dict], str]], most: int) -> Iterator[list[str]]:
    """The head, then a line a row; what the file's own columns are called stays, ours give way."""
    ours = [*HEAD, *(f"{name}_{n}" for n in range(1, most + 1) for name in ("draft", "stopped_by"))]
    named = names_after(table.columns, ours)
    yield [named[0], *table.columns, *named[1:]]
    for number, cells, brief in table.rows:
        drafts, by = found[brief]
        told = [part for draft in drafts for part in (draft["text"], _stopped(draft))]
        handled = "true" if by == "student" else "false"
        yield [str(number), *cells, handled, by, *told, *[""] * (2 * (most - len(drafts)))]


def _stopped(draft: dict) -> str:
    return " ".join(f"{gate['name']}: {gate['why']}" for gate in draft["gates"] if not gate["passed"])


def _worst(problems: Problems) -> list[Problem]:
    return sorted(problems.listed, key=lambda one: one.remark)


def _as_csv(file: BinaryIO, lines: Iterator[list[str]], problems: Problems) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", errors="replace", write_through=True)
    Cells(text).rows(lines)
    text.detach()


def _as_xlsx(file: BinaryIO, lines: Iterator[list[str]], problems: Problems) -> None:
    """The drafts, and the rows that are left out, as sheets; every cell is text, and defused."""
    book, head = Workbook(write_only=True), next(lines)
    sheet, room = _sheet(book, "Drafts", head), SHEET
    for line in lines:
        if not room:
            sheet, room = _sheet(book, f"Drafts {len(book.worksheets) + 1}", head), SHEET
        sheet.append([_cell(cell) for cell in line])
        room -= 1
    if problems.listed:
        left_out = _sheet(book, "Left out", ["row", "column", "what", "what to do"])
        for one in _worst(problems):
            left_out.append([_cell(str(cell or "")) for cell in (one.row, one.column, one.what, one.todo)])
    book.save(file)


def _sheet(book: Workbook, name: str, head: list[str]):
    sheet = book.create_sheet(name)
    sheet.append([_cell(cell) for cell in head])
    return sheet


def _cell(text: str) -> str:
    return defuse(ILLEGAL_CHARACTERS_RE.sub("", text))
