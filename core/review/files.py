"""Review away from the screen: the list as CSV, to be filled in a spreadsheet, and the decisions read back."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from core import audit, review, taxonomy
from core.assets import tag_columns
from core.assets.ids import AS_TEXT, Ids
from core.assets.label_columns import Unknown, check_map, unknown_of
from core.errors import InputError, Problem
from core.escape import Cells
from core.review import decisions
from core.review.decisions import COLUMNS, Decisions
from core.tables.files import AS_FOUND, Problems, ReadAs
from core.tasks import Task
from core.taxonomy import Matcher

MODES = ("queue", "random", "conflict")


@dataclass(frozen=True)
class Read:
    """What came of a file of decisions: rows with a category, those that were new, and what could not be used; `unknown`: what was
    said that is no category, with what it is near to."""

    rows: int
    new: int
    problems: list[Problem]
    unknown: tuple[Unknown, ...] = ()


def to_csv(db: Database, task: Task) -> str:
    """Everything decided, then what still waits in queue and random sample with an empty category to fill in.

    Cells are safe to open in a spreadsheet. The random sample's rows say nothing of what was said before.
    """
    out = io.StringIO()
    table = Cells(out)
    table.row(*COLUMNS)
    decided = db.execute(
        """select a.external_id, a.text, '', '', c.label, r.reviewer, r.note, r.mode, r.created from reviews r
           join assets a on a.id = r.asset_id join categories c on c.id = r.category_id where r.task_id = ? order by r.id""",
        [task.id],
    )
    names = dict(
        db.execute(
            "select c.id, c.label from categories c join taxonomies t on t.id = c.taxonomy_id where t.task_id = ?",
            [task.id],
        )
    )
    table.rows(decided)
    waiting = db.execute(
        """select a.external_id, a.text, i.reasons, i.suggestions, i.mode from review_items i join assets a on a.id = i.asset_id
           where i.task_id = ? and not exists (select 1 from reviews r where r.asset_id = i.asset_id
                                               and r.task_id = i.task_id and (i.mode = 'queue' or r.mode = 'random'))
           order by i.mode, i.place""",
        [task.id],
    )
    for asset, text, reasons, suggestions, mode in waiting:
        blind = mode == "random"
        why = "" if blind else " ".join(reason["words"] for reason in json.loads(reasons))
        offered = json.loads(suggestions)
        shown = [s for s in offered if s.get("given")] if task.several else offered[:3]
        likely = "" if blind else "; ".join(names.get(s["category_id"], "") for s in shown)
        table.row(asset, text, why, likely, "", "", "", mode, "")
    return out.getvalue()


def read(
    db: Database,
    task: Task,
    path: Path,
    reviewer: str = "",
    read_as: ReadAs = AS_FOUND,
    accepted: Mapping[str, str] | None = None,
    reader: Callable[[Path, ReadAs], Decisions] = decisions.read,
) -> Read:
    """Keep the decisions of a file with columns asset and category (reviewer, note, mode are read where they are there).

    Rows without a category are passed over, and so is a decision that is its reviewer's last word on the asset already. `reviewer`
    stands in where a row names none. A row counts for the random sample only where its asset is in it; a row of another mode, or of
    none, counts as one of the queue. The column of categories is read as names or as codes throughout (names where it could be
    either), of a task that chooses several as tags (core/assets/tag_columns.py); what is only near a category is offered
    (`unknown`) and taken where `accepted` says so (value to label). Ids are found that a spreadsheet changed.
    `reader` reads the file. Raises InputError where it cannot be read or lacks a column.
    """
    taxonomy_id = taxonomy.latest(db, task)
    if taxonomy_id is None:
        raise InputError("This task has no taxonomy yet.", "Upload one on the Assets page first.")
    sheet = reader(path, read_as)
    values = Counter(cell["category"] for _, cell in sheet.rows)
    categories = taxonomy.load(db, taxonomy_id)
    meant = check_map(accepted or {}, Matcher(categories))
    match: Callable[[str], int | None] = Matcher(categories, accepted=meant)
    if task.several:
        sets, tags = tag_columns.whole(db, taxonomy_id, values, match)
        unknown, match = unknown_of(tags, "category", match), sets.get
    else:
        match = match.for_column(values, tie="names")
        unknown = unknown_of(values, "category", match)
    ids = Ids(db.execute("select id, external_id from assets where client_id = ?", [task.client_id]))
    sampled = {row[0] for row in db.execute(SAMPLED, [task.id])}
    new, problems = 0, Problems()
    problems.listed += sheet.problems
    with db.atomic():
        for number, cell in sheet.rows:
            try:
                new += _keep(db, task, _asset(ids, cell["asset"]), cell, match, sampled, reviewer)
            except InputError as error:
                problems.add(number, None, error.what, error.todo)
        if new:
            audit.record(db, "review", task=task, what=path.name, detail={"decisions": new})
    return Read(len(sheet.rows), new, problems.listed, tuple(unknown))


SAMPLED = "select asset_id from review_items where task_id = ? and mode = 'random'"


def _keep(
    db: Database,
    task: Task,
    asset: int,
    cell: dict,
    match: Callable[[str], int | None],
    sampled: set[int],
    reviewer: str,
) -> bool:
    """Keep one row's decision on an asset; whether it was new. InputError where it cannot be used."""
    category = match(cell["category"])
    if category is None:
        todo = (
            "Write tags of the taxonomy, parted by semicolons, or [] for none."
            if task.several
            else "Write a category's name."
        )
        raise InputError(f"“{cell['category'][:80]}” is not in the taxonomy.", todo)
    name = " ".join((cell.get("reviewer") or reviewer).split())
    mode = cell.get("mode", "").casefold()
    mode = mode if mode in MODES and (mode != "random" or asset in sampled) else "queue"
    last = db.execute(
        """select c.label = (select label from categories where id = ?), r.mode from reviews r
           join categories c on c.id = r.category_id
           where r.task_id = ? and r.asset_id = ? and r.reviewer = ? and r.adjudicates = ? order by r.id desc limit 1""",
        [category, task.id, asset, name, int(mode == "conflict")],
    ).fetchone()
    if last and last[0] and last[1] in (mode, "given"):
        return False
    review.decide(db, asset, name, category, mode, note=cell.get("note", ""), told=False)
    return True


def _asset(ids: Ids, external_id: str) -> int:
    asset = ids(external_id)
    if asset is not None:
        return asset
    if why := ids.why(external_id):
        raise InputError(why, AS_TEXT)
    raise InputError(f"There is no asset “{external_id[:80]}”.", "Keep the column asset as it was exported.")
