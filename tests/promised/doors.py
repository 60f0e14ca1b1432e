"""Every door by which a file comes in, and what is behind it: a workspace with a client that has all a door asks for.

A door is a function of an open database and a path; it returns the rows it says it read and how many of them it accounts for
(taken, there already, or listed), or None where rows are not counted. Only InputError and its kin are a refusal.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from core import database, jobs, settings, tasks, taxonomy, vendor
from core.assets import image_import, imports
from core.deploy import scoring
from core.exchanges import logs
from core.images import reading, words
from core.images.words import Word
from core.keeping.restore import restore
from core.review import files, queue
from core.train.registry import set_live
from core.vendor import sets
from core.watch import shadow_file
from core.write import briefs, desk_files, guide, pairs, vendors
from tests import small
from tests.write import drafted

Told = tuple[int, int] | None
THEIRS = "zzcanaryzz"  # a category of the client that has no assets yet, which no page of another may show
SORTS, WRITES, BARE = 2, 3, 4  # the tasks' numbers in the workspace
DOORS: dict[str, Callable[[Database, Path], Told]] = {}


def workspace() -> None:
    """Fill the workspace that settings name: a client with a task that sorts, labelled, with a student; and the rest."""
    with closing(database.connect()) as db:
        sorting = small.fill(db, settings.home() / "files", small.rows(300), client="Northwind")
        run = jobs.run_here(db, "label", {"task_id": sorting.id, "teacher": "recorded:label"}, sorting)
        params = {"task_id": sorting.id, "run_id": run.result["run_id"], "kind": "linear", "target": 0.9}
        jobs.run_here(db, "train", params, sorting)
        furnish(db)


def furnish(db: Database) -> None:
    """Give the client Northwind, its first task taken to a verdict, what the doors lead to: its student live, a list to review and
    a pack handed out; a task that writes, with pairs and drafts that wait; and another client that has no assets yet."""
    sorting = tasks.get(db, SORTS)
    set_live(db, 1)
    queue.build(db, sorting)
    sets.held_out(db, sorting)
    writing = drafted.task(db, settings.home() / "files")
    for number in range(5):
        drafted.draft(db, writing, None, f"A draft number {number}", author="teacher")
    bare = tasks.of(db, "Southgate")
    taxonomy.save(db, bare, [taxonomy.Category(label=name, name=name) for name in (*small.WORDS, THEIRS)], "t.csv")
    assert (writing.id, bare.id) == (WRITES, BARE)


def door(function: Callable[[Database, Path], Told]) -> Callable[[Database, Path], Told]:
    """Register a door under its function's name."""
    DOORS[function.__name__.replace("_", " ")] = function
    return function


def _imported(db: Database, summary: imports.ImportSummary) -> Told:
    """Rows in, and rows there or listed."""
    query = "select count(distinct row) from import_problems where import_id = ? and row is not null"
    listed = db.execute(query, [summary.import_id]).fetchone()[0]
    return summary.rows, summary.imported + summary.unchanged + listed


@door
def assets(db: Database, path: Path) -> Told:
    return _imported(db, imports.import_assets(db, tasks.get(db, SORTS), path))


@door
def recorded_labels(db: Database, path: Path) -> Told:
    """Assets of a client that has none yet, whose labels a run then takes over."""
    task = tasks.get(db, BARE)
    summary = imports.import_assets(db, task, path)
    query = "select distinct source from recordings where task_id = ?"
    for (source,) in db.execute(query, [task.id]).fetchall():
        jobs.run_here(db, "label", {"task_id": task.id, "teacher": f"recorded:{source}"}, task)
    return _imported(db, summary)


@door
def taxonomies(db: Database, path: Path) -> Told:
    found = taxonomy.read(path)
    taxonomy.save(db, tasks.get(db, BARE), found.categories, path.name)
    return None


@door
def approved_copy(db: Database, path: Path) -> Told:
    task, seen = tasks.get(db, WRITES), pairs.look(path)
    columns = pairs.find_columns(pairs.opened(path, []), [seen.brief], seen.copy)
    told = pairs.import_pairs(db, task, path, columns)
    listed = len({problem.row for problem in told.problems if problem.row is not None})
    return told.rows, told.imported + told.duplicates + listed


@door
def voice_guide(db: Database, path: Path) -> Told:
    guide.put(db, tasks.get(db, WRITES), guide.read(path))
    db.conn.commit()
    return None


@door
def vendors_answers(db: Database, path: Path) -> Told:
    vendor.import_file(db, tasks.get(db, SORTS), "Acme", path)
    return None


@door
def vendors_drafts(db: Database, path: Path) -> Told:
    vendors.import_file(db, tasks.get(db, WRITES), "Acme", path)
    return None


@door
def logs_of_calls(db: Database, path: Path) -> Told:
    logs.import_log(db, tasks.get(db, SORTS), [path])
    return None


@door
def shadow_runs(db: Database, path: Path) -> Told:
    told = shadow_file.run(db, tasks.get(db, SORTS), "live", path)
    return told.rows, told.compared + told.before + told.empty


@door
def decisions(db: Database, path: Path) -> Told:
    files.read(db, tasks.get(db, SORTS), path, "Ana")
    return None


@door
def decisions_on_drafts(db: Database, path: Path) -> Told:
    desk_files.read(db, tasks.get(db, WRITES), path, "Ana")
    return None


@door
def briefs_to_write(db: Database, path: Path) -> Told:
    briefs.read(path, [pairs.look(path).brief])
    return None


@door
def assets_to_score(db: Database, path: Path) -> Told:
    output = settings.home() / "scored.csv"
    told = scoring.score(db, task=tasks.get(db, SORTS), input=path, output=output)
    with output.open(newline="", encoding="utf-8-sig") as written:
        return told["rows"], sum(1 for _ in csv.reader(written)) - 1


@door
def images(db: Database, path: Path) -> Told:
    """Each is given the same word instead of being read: the reader is a program of its own, and takes half a second an image."""
    word = Word("Sale", (1, 1, 30, 12), 12, 0.9)
    reading._answers = lambda _, images, __: ((one.sha256, {"words": words.to_json([word])}) for one in images)
    reading.reader = lambda: "none"
    return _imported(db, image_import.import_images(db, tasks.get(db, SORTS), path))


@door
def backups(db: Database, path: Path) -> Told:
    """Put back into a folder that has nothing yet; one that is refused leaves nothing there."""
    to = settings.home() / "tmp" / "put back"
    try:
        restore(path, to)
    except Exception:
        left = [one.name for one in to.iterdir() if one.name != "worker.lock"] if to.exists() else []
        if left:
            raise RuntimeError(f"refused, and yet there: {left}") from None
        raise
    return None
