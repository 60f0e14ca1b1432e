"""Pairs of a brief and its approved copy: out of any table, into the database, split so that none is in two splits.

    imported = import_pairs(db, task, Path("copy.csv"), Columns(brief=("brief",), copy="copy"))

Pairs with one brief, or nearly the same copy, stay together; a split column is obeyed.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from sqlite_utils import Database

from core.assets import duplicates
from core.assets.duplicates import form_hash, normal_form
from core.assets.rows import MAX_TEXT, SPLITS, join_text
from core.chance import chance
from core.database import now
from core.errors import InputError, Problem
from core.jobs.progress import NoProgress
from core.tables.dialects import DELIMITERS
from core.tables.files import AS_FOUND, Problems, ReadAs, Table, open_table
from core.tables.problems import Doubt
from core.tasks import Task
from core.words import counted
from core.write import returned, telling

FEWEST = 100  # approved pairs, below which a student would only repeat them
MOST_COPY = 4_000  # characters
TEST, CALIBRATION = 0.15, 0.08
STATUSES = {
    **dict.fromkeys(("", "approved", "ok", "accepted", "yes", "final", "published", "live"), "approved"),
    **dict.fromkeys(("edited", "approved with edits", "changed", "revised"), "edited"),
    **dict.fromkeys(("rejected", "declined", "no", "killed"), "rejected"),
}
NAMED = {  # columns that are taken without being asked for, by what they are called
    "status": ("status", "state", "decision"),
    "first_version": ("first_version", "first version", "draft", "before"),
    "channel": ("channel", "platform"),
    "market": ("market", "country", "locale"),
    "writer": ("writer", "author"),
    "written": ("date", "written"),
    "split": ("split",),
}


@dataclass(frozen=True)
class Columns:
    """Which columns hold what; several of briefs are joined, each after its name."""

    brief: tuple[str, ...]
    copy: str
    status: str | None = None
    first_version: str | None = None
    channel: str | None = None
    market: str | None = None
    writer: str | None = None
    written: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Pair:
    """One brief with its copy, as it stands in the database."""

    id: int
    brief: str
    copy: str
    status: str
    split: str
    group_id: int


@dataclass(frozen=True)
class Imported:
    """What an import brought: rows of the file, pairs of it that are there now, rows that repeat one, problems and remarks. The
    rows that are none of these were left out, each with a problem of its own."""

    rows: int
    imported: int
    duplicates: int
    problems: list[Problem]

    @property
    def left_out(self) -> int:
        """Rows that could not be used."""
        return self.rows - self.imported - self.duplicates


def find_columns(table: Table, brief: Sequence[str], copy: str) -> Columns:
    """The columns named, and those that are called what they hold; of a file of drafts that comes back, its own where none is
    named. InputError for one that the file lacks, or copy among briefs."""
    if not brief and not copy and returned.is_returned(table.columns):
        brief, copy = [returned.BRIEF], returned.FINAL
    for column in [*brief, copy]:
        if column not in table.columns:
            listed = ", ".join(table.columns)[:500]
            raise InputError(f"The file has no column {column}.", f"Choose from: {listed}.", where=table.path.name)
    if copy in brief or not brief:
        raise InputError(
            "The copy needs a column of its own, beside at least one of briefs.",
            "Name them with --brief-columns and --copy-column.",
            where=table.path.name,
        )
    free = {column.casefold(): column for column in table.columns if column not in {*brief, copy}}
    columns = {role: next((free[name] for name in names if name in free), None) for role, names in NAMED.items()}
    return Columns(tuple(brief), copy, **columns)


def opened(path: Path, wanted: Sequence[str], read_as: ReadAs = AS_FOUND) -> Table:
    """The table; where it lacks the columns that a person names, cut at the delimiter by which it has them."""
    table = open_table(path, read_as=read_as)
    if set(wanted) <= set(table.columns) or read_as.delimiter or table.kind in ("xlsx", "json", "parquet"):
        return table
    cut = (open_table(path, read_as=replace(read_as, delimiter=one)) for one in DELIMITERS)
    return next((one for one in cut if set(wanted) <= set(one.columns)), table)


@dataclass(frozen=True)
class Look:
    """A file before it is imported: its columns, those that look like brief and copy, its first rows, and what it leaves open."""

    columns: list[str]
    brief: str
    copy: str
    head: list[list[str]]
    doubts: list[Doubt]


def look(path: Path, read_as: ReadAs = AS_FOUND) -> Look:
    """What a file holds. The brief is guessed by its name, else the first column; the copy by its name, else the next one."""
    table = open_table(path, read_as=read_as)
    if returned.is_returned(table.columns):
        return Look(table.columns, returned.BRIEF, returned.FINAL, table.head[:3], table.doubts)
    named = {column.casefold(): column for column in reversed(table.columns)}
    brief = next((named[name] for name in ("brief", "source", "prompt", "input") if name in named), table.columns[0])
    others = [column for column in table.columns if column != brief] or table.columns
    copy = next((named[name] for name in ("copy", "target", "headline", "line", "output") if name in named), others[0])
    return Look(table.columns, brief, copy, table.head[:3], table.doubts)


def sizes(path: Path, brief: Sequence[str], copy: str, read_as: ReadAs = AS_FOUND) -> list[int]:
    """Characters of brief and copy together, of each row of a file that has both."""
    table = opened(path, [*brief, copy], read_as)
    rows = (dict(zip(table.columns, cells)) for _, cells in table.records(Problems()))
    told = ((brief_of(row, brief), row.get(copy, "").strip()) for row in rows)
    return [len(asked) + len(written) for asked, written in told if asked and written]


def import_pairs(
    db: Database,
    task: Task,
    path: Path,
    columns: Columns,
    read_as: ReadAs = AS_FOUND,
    progress: NoProgress | None = None,
) -> Imported:
    """Read the file's pairs into the task and deal the splits anew. InputError where no row of it can be used."""
    table, problems = opened(path, [*columns.brief, columns.copy], read_as), Problems()
    back = returned.is_returned(table.columns) and columns.copy == returned.FINAL
    rows, numbers, count, undecided = [], [], 0, 0
    for row, listed in table.records(problems):
        count += 1
        cells = dict(zip(table.columns, listed))
        if back and (cells := returned.settled(cells)) is None:
            undecided += 1
            continue
        read = _read(row, cells, columns, problems)
        rows += [read] if read else []
        numbers += [row] if read else []
        if progress and count % 500 == 0:
            progress(count, 0, "Reading pairs")
    if undecided:
        what = f"{counted(undecided, 'draft')} without a decision left out."
        problems.remark(None, columns.status, what, "Write approved, edited or rejected under status to bring them in.")
    distinct = {row["text_hash"]: row for row in rows}
    same = sum(normal_form(row["brief"]) == normal_form(row["copy"]) for row in rows)
    if not distinct or same > len(rows) / 2:
        raise InputError(
            "No row has both a brief and a copy." if not distinct else "Most briefs are the copy itself.",
            f"Check which columns hold them: {', '.join(table.columns)[:500]}.",
            where=path.name,
        )
    telling.note(list(zip(numbers, rows)), (", ".join(columns.brief), columns.copy), problems)
    telling.contradictions(list(zip(numbers, rows)), columns.status, problems)
    imported = Imported(count, len(distinct), len(rows) - len(distinct), problems.listed)
    with db.atomic():
        save(db, task, path, columns, imported, distinct)
        deal(db, task, problems)
    return imported


def _read(row: int, cells: dict[str, str], columns: Columns, problems: Problems) -> dict | None:
    """A row as a row of `pairs`; None, with a problem, where it cannot be used."""
    brief = brief_of(cells, columns.brief)
    copy = " ".join(cells[columns.copy].split())
    cell_of = {
        field.name: " ".join(cells[name].split()) if (name := getattr(columns, field.name)) else ""
        for field in fields(Columns)[2:]
    }
    status = STATUSES.get(cell_of["status"].casefold())
    split = SPLITS.get(cell_of["split"].casefold()) if cell_of["split"] else None
    amiss = [
        (columns.brief[0], not brief, "The row has no brief; it was left out.", "Fill it in or delete the row."),
        (columns.copy, not copy, "The row has no copy; it was left out.", "Fill it in or delete the row."),
        (columns.copy, len(copy) > MOST_COPY, f"The copy is longer than {MOST_COPY:,} characters.", "Shorten it."),
        (
            columns.copy,
            bool(copy) and normal_form(brief) == normal_form(copy),
            "The brief is the copy itself.",
            "Correct it.",
        ),
        (columns.status, status is None, "The status is not known.", "Write approved, edited or rejected."),
        (
            columns.split,
            bool(cell_of["split"]) and split is None,
            "The split is not known.",
            "Write train, validation or test.",
        ),
    ]
    for column, wrong, what, todo in amiss:
        if wrong:
            problems.add(row, column, what if "left out" in what else f"{what[:-1]}; the row was left out.", todo)
            return None
    if sum(len(cells[name]) for name in columns.brief) > MAX_TEXT:
        problems.add(
            row, columns.brief[0], f"The brief was cut to {MAX_TEXT:,} characters.", "Shorten it if its end matters."
        )
    written = day_of(cell_of["written"])
    if cell_of["written"] and not written:
        problems.remark(
            row, columns.written, "The date is not understood; the row is kept without it.", "Write 2026-05-31."
        )
    cell_of["written"] = written
    optional = {name: cell_of[name] or None for name in ("first_version", "channel", "market", "writer", "written")}
    return {
        "text_hash": hash_of(brief, copy),
        "brief": brief,
        "copy": copy,
        "status": status,
        "split": split or "",
        **optional,
    }


def day_of(cell: str) -> str:
    """A date as 2026-05-31, or 2026-05 where it has no day; "" where it is none, or may be two."""
    if match := re.match(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?!\d)", cell):
        year, month, day = match[1], int(match[2]), match[3] and int(match[3])
    elif match := re.match(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?!\d)", cell):
        first, second, year = int(match[1]), int(match[3]), match[4]
        if match[2] != "." and first <= 12 and second <= 12 and first != second:
            return ""
        day, month = (first, second) if second <= 12 else (second, first)
    else:
        return ""
    if not 1 <= month <= 12 or (day is not None and not 1 <= day <= 31):
        return ""
    return f"{year}-{month:02}" + (f"-{day:02}" if day else "")


def hash_of(brief: str, copy: str) -> str:
    """What a pair is told by: the same brief with the same copy, but for case and signs."""
    return form_hash(f"{normal_form(brief)}\n{normal_form(copy)}")


def brief_of(cells: dict[str, str], columns: Sequence[str]) -> str:
    """The brief in a row: its cell, or several, each after its column's name."""
    parts = [(name, cells[name].strip()) for name in columns]
    return join_text(f"{name}: {cell}" if len(parts) > 1 else cell for name, cell in parts if cell)


def save(db: Database, task: Task, path: Path, columns: Columns, summary: Imported, rows: dict[str, dict]) -> int:
    """Put rows of pairs, by their hashes, into the task as one import; its id. They have no group until deal()."""
    problems = json.dumps([one.as_dict() for one in summary.problems[:1_000]])
    counts = {"row_count": summary.rows, "imported": summary.imported, "duplicates": summary.duplicates}
    file = {"filename": path.name, "columns": json.dumps(asdict(columns)), "problem_count": len(summary.problems)}
    row = {"task_id": task.id, **file, **counts, "problems": problems, "created": now()}
    import_id = db["pair_imports"].insert(row).last_pk
    names = ["text_hash", "brief", "copy", "status", "first_version", "channel", "market", "writer", "written", "split"]
    changed = ", ".join(f"{name} = excluded.{name}" for name in names[3:-1])
    db.conn.executemany(
        f"""insert into pairs (task_id, import_id, group_id, split_given, {", ".join(names)})
            values (?, ?, 0, ?{", ?" * len(names)})
            on conflict (task_id, text_hash) do update set {changed}, import_id = excluded.import_id,
            split_given = max(split_given, excluded.split_given),
            split = case when excluded.split != '' then excluded.split else split end""",
        [(task.id, import_id, int(bool(row["split"])), *(row[name] for name in names)) for row in rows.values()],
    )
    return import_id


def deal(db: Database, task: Task, problems: Problems) -> None:
    """Group all pairs of the task and give those without a split one: that of their group, else by chance."""
    rows = list(
        db.query("select id, brief, copy, split, split_given from pairs where task_id = ? order by id", [task.id])
    )
    groups = _groups(rows)
    in_file = {row["split"] for row in rows if row["split_given"]}
    moves, torn = [], 0
    for members in groups.values():
        there = Counter(row["split"] for row in members if row["split"])
        torn += len(there) > 1
        drawn = _drawn(normal_form(members[0]["brief"]), in_file)
        for row in members:
            split = row["split"] or (there.most_common(1)[0][0] if there else drawn)
            if row["split"] == "train" and row["split_given"] and drawn != "train" and len(there) == 1:
                split = drawn  # the file has splits, but none of this kind: it comes out of train
            moves.append((split, members[0]["id"], row["id"]))
    db.conn.executemany("update pairs set split = ?, group_id = ? where id = ?", moves)
    if torn:
        problems.add(
            None, None, f"{counted(torn, 'group')} of pairs with the same brief or nearly the same copy stand in two splits.",
            "Leave the split column out, or give them one split: figures on them look better than they are.",
        )  # fmt: skip


def _drawn(name: str, in_file: set[str]) -> str:
    lot = chance(name)
    if lot < TEST and "test" not in in_file:
        return "test"
    return "calibration" if TEST <= lot < TEST + CALIBRATION and "calibration" not in in_file else "train"


def _groups(rows: Sequence[dict]) -> dict[int, list[dict]]:
    """The rows by group: joined where their briefs are copies of each other, or their copy is."""
    parent = list(range(len(rows)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for part in ("brief", "copy"):
        forms: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            forms[normal_form(row[part])].append(place)
        names = list(forms)
        for name, to in zip(names, duplicates.group(names, [None] * len(names), [0] * len(names)).root):
            for place in forms[name]:
                first, second = sorted((root(forms[names[to]][0]), root(place)))
                parent[second] = first
    groups: dict[int, list[dict]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[root(place)].append(row)
    return groups


def load(db: Database, task: Task) -> list[Pair]:
    """The task's pairs, the oldest first."""
    query = "select id, brief, copy, status, split, group_id from pairs where task_id = ? order by id"
    return [Pair(**row) for row in db.query(query, [task.id])]


def approved(pairs: Iterable[Pair], split: str) -> list[tuple[str, str]]:
    """(brief, copy) of the pairs of a split that people approved, as they were or edited."""
    return [(pair.brief, pair.copy) for pair in pairs if pair.split == split and pair.status != "rejected"]


def must_suffice(pairs: Sequence[Pair]) -> None:
    """InputError where too few pairs are approved, or a split is empty."""
    count = sum(pair.status != "rejected" for pair in pairs)
    if count < FEWEST:
        raise InputError(
            f"{counted(count, 'approved pair')}: too few to learn a voice from.",
            f"Bring at least {FEWEST}; 500 and more make drafts worth reading.",
        )
    for split in ("train", "test"):
        if not approved(pairs, split):
            raise InputError(
                f"No approved pair is in the split {split}.", "Give some rows that split, or leave the column out."
            )
