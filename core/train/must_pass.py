"""Must-pass examples: a text and its category, of a task. No student goes live that answers one of them otherwise.

pin(db, task, "Winter tyres fitted while you wait.", "Automotive", asset_id=7)
missed(db, student_row)      # which of them the student gets wrong, and what it says instead
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from core import tasks, taxonomy
from core.database import now
from core.errors import InputError
from core.images import kept
from core.tasks import Task
from core.taxonomy import versions

MOST = 1000  # examples of a task: they are all asked each time a student goes live
SHOWN = 3  # of those missed, in a sentence


@dataclass(frozen=True)
class Example:
    """A text that every live student must answer with `category` (its label), and the asset it was pinned from, if any."""

    id: int
    text: str
    category: str
    asset: str | None


@dataclass(frozen=True)
class Miss:
    """An example that a student answers otherwise."""

    example: Example
    said: str


def pin(db: Database, task: Task, text: str, category: str, asset_id: int | None = None) -> None:
    """Have every student that goes live answer `text` with `category`; of a text pinned before the new category holds.

    InputError for an empty text, a category that the newest taxonomy does not have, and beyond MOST examples.
    """
    text = text.strip()
    if not text:
        raise InputError("The example has no words.", "Give the asset's words, or its id.")
    known = [one for one in taxonomy.load(db, taxonomy.latest(db, task)) if one.assignable]
    found = next((one for one in known if one.label.casefold() == category.strip().casefold()), None)
    if found is None:
        raise InputError(f"The task {task.name} has no category {category}.", "Name one of its taxonomy's.")
    with db.atomic():
        db.execute("delete from must_pass where task_id = ? and text = ?", [task.id, text])
        if db.execute("select count(*) from must_pass where task_id = ?", [task.id]).fetchone()[0] >= MOST:
            raise InputError(f"There are {MOST:,} must-pass examples already.", "Take one away first.")
        row = {"task_id": task.id, "asset_id": asset_id, "text": text, "category_id": found.id, "created": now()}
        db["must_pass"].insert(row)


def unpin(db: Database, task: Task, example_id: int) -> None:
    """Take an example away. InputError where the task has none of this number."""
    with db.atomic():
        gone = db.execute("delete from must_pass where id = ? and task_id = ?", [example_id, task.id]).rowcount
    if not gone:
        raise InputError(f"There is no must-pass example {example_id}.", "List them to see their numbers.")


def listed(db: Database, task: Task) -> list[Example]:
    """The task's examples, the oldest first."""
    rows = db.execute(
        """select m.id, m.text, c.label, a.external_id from must_pass m join categories c on c.id = m.category_id
           left join assets a on a.id = m.asset_id where m.task_id = ? order by m.id""",
        [task.id],
    )
    return [Example(*row) for row in rows.fetchall()]


def missed(db: Database, student: dict) -> list[Miss]:
    """The examples that a student (its row) answers otherwise; of a task that chooses several, where it does not give the tag. One
    whose category the student's taxonomy does not have is missed, too. InputError where its files cannot be read."""
    from core.train import registry, students  # the registry asks here before a student goes live

    rows = list(
        db.query(
            "select id, text, category_id, asset_id from must_pass where task_id = ? order by id", [student["task_id"]]
        )
    )
    if not rows:
        return []
    loaded = students.load(registry.folder_of(db, student["id"]))
    task = tasks.get(db, student["task_id"])
    texts = kept.seen(db, task.client_id, [row["asset_id"] or 0 for row in rows], [row["text"] for row in rows])
    answers = loaded.answer(texts)
    said, means = students.said(answers, loaded.labels), versions.carried(db, student["taxonomy_id"])
    column = {category: at for at, category in enumerate(loaded.categories)}
    examples = {one.id: one for one in listed(db, task)}
    misses = []
    for place, row in enumerate(rows):
        at = column.get(means.get(row["category_id"]))
        right = at is not None and bool(answers.given[place, at] if loaded.several else answers.best[place] == at)
        misses += [] if right else [Miss(examples[row["id"]], said[place])]
    return misses


def in_words(misses: list[Miss]) -> str:
    """Which examples a student misses, in a sentence; "" where it misses none."""
    if not misses:
        return ""
    told = "; ".join(
        f"“{one.example.text[:60]}” is {one.example.category}, it says {one.said}" for one in misses[:SHOWN]
    )
    more = f", and {len(misses) - SHOWN:,} more" if len(misses) > SHOWN else ""
    return f"It misses {len(misses):,} must-pass {'example' if len(misses) == 1 else 'examples'}: {told}{more}."


def check(db: Database, student_id: int) -> None:
    """InputError where the student misses a must-pass example."""
    student = next(db.query("select * from students where id = ?", [student_id]))
    if words := in_words(missed(db, student)):
        raise InputError(
            f"{student['kind']} {student_id} cannot go live. {words}",
            "Train one that answers them right, or take the examples away.",
        )
