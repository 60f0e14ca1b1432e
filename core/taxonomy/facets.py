"""A taxonomy file of several facets put to use: a task of each, made where the client has none of that name.

plan(db, client_id, file) says what would become of each facet; make(db, client_id, file, "facets.csv") does it. What is in use is
never overwritten: a facet whose categories differ becomes a draft of its task, for its labels are at stake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from core import database, settings, tasks, taxonomy
from core.errors import InputError, Problem
from core.tables.names import same
from core.task_kinds import KINDS
from core.tasks import Task
from core.taxonomy import diff, versions
from core.taxonomy.categories import Category, TaxonomyFile

NEW, SAME, CHANGED = "new", "same", "changed"
MAY_BE_NONE = "may_be_none"  # the setting of a task


@dataclass(frozen=True)
class Facet:
    """A facet of a file: its categories, its task (None: none is called so), whether these are NEW to it, the SAME as in use, or
    CHANGED; `labels` are at stake then. `kind`: that of its task."""

    name: str
    categories: list[Category]
    task: Task | None
    change: str
    labels: int = 0
    kind: str = "choose_one"


def of_client(db: Database, client_id: int) -> list[Task]:
    """The client's tasks that are questions about an asset and have a taxonomy, the oldest first: what a teacher can be asked about
    together."""
    there = [task for task in tasks.of_client(db, client_id) if task.sorts]
    return [task for task in there if taxonomy.latest(db, task) is not None]


def chosen(db: Database, client_id: int, names: Sequence[str]) -> list[Task]:
    """The client's facets of these names (case ignored), the oldest first, each once; ["all"]: all of them. InputError for a name
    that none has, or none that has a taxonomy."""
    every = of_client(db, client_id)
    if not every:
        raise InputError("This client has no taxonomy yet.", "Upload one on the Assets page first.")
    if [same(name) for name in names] == ["all"]:
        return every
    by_name = {same(task.name): task for task in every}
    for name in names:
        if same(name) not in by_name:
            known = ", ".join(task.name for task in every)
            raise InputError(f"The client has no task {name} with categories to choose.", f"Those it has: {known}.")
    wanted = {by_name[same(name)].id for name in names}
    return [task for task in every if task.id in wanted]


def plan(db: Database, client_id: int, file: TaxonomyFile) -> list[Facet]:
    """What would become of each facet. InputError where a task of another kind has its name."""
    there = {same(task.name): task for task in tasks.of_client(db, client_id)}
    return [
        _facet(db, name, categories, there.get(same(name)), file.picks.get(name))
        for name, categories in file.facets.items()
    ]


def _facet(db: Database, name: str, categories: list[Category], task: Task | None, kind: str | None) -> Facet:
    if task is not None:
        must_be(task, kind)
    kind = kind or (task.kind if task else "choose_one")
    if task is None or (newest := taxonomy.latest(db, task)) is None:
        return Facet(name, categories, task, NEW, kind=kind)
    if taxonomy.is_in_use(db, task, categories):
        return Facet(name, categories, task, SAME, kind=kind)
    return Facet(name, categories, task, CHANGED, versions.labels_under(db, newest), kind)


def must_be(task: Task, kind: str | None) -> None:
    """InputError where the task is not of the kind that a taxonomy file asks for (None: of any that sorts assets)."""
    if task.kind == kind or (kind is None and task.sorts):
        return
    kind = kind or "choose_one"
    is_, asked = (f"“{KINDS[one].label}”" for one in (task.kind, kind))
    todo = "Call the facet otherwise"
    if task.sorts:
        todo += ", or say in its column `pick` what the task does: one or several"
    raise InputError(f"The client's task {task.name} is of the kind {is_}, the file asks for {asked}.", f"{todo}.")


def keep_pick(db: Database, task: Task, file: TaxonomyFile, name: str) -> None:
    """Keep whether an asset may have none of the facet's categories, where the file says that it may have several."""
    if file.picks.get(name) == "choose_several":
        may_be_none = name not in file.some
        if settings.get(db, MAY_BE_NONE, task) != may_be_none:
            settings.put(db, MAY_BE_NONE, may_be_none, task)


def renamed(db: Database, client_id: int, file: TaxonomyFile) -> list[Problem]:
    """The facets that seem to be a task of another name: the task has just these categories, and the file does not name it."""
    named = {same(name) for name in file.facets}
    others = [task for task in tasks.of_client(db, client_id) if task.sorts and same(task.name) not in named]
    found = []
    for facet in plan(db, client_id, file):
        task = next((one for one in others if taxonomy.is_in_use(db, one, facet.categories)), None)
        if facet.change == NEW and task is not None:
            whose = f"the categories of the task {task.name}, which the file does not name"
            what = f"The facet {facet.name} has {whose}; it is a new task."
            todo = (
                f"If it is the same question, rename the task first (tasks --task {task.name} --rename {facet.name})."
            )
            found.append(Problem(None, "facet", what, todo, remark=True))
    return found


def make(db: Database, client_id: int, file: TaxonomyFile, source: str) -> list[Facet]:
    """Make a task of each facet that has none, and its taxonomy; keep changed ones as drafts. All of it or nothing; returns the
    plan it carried out. A first task that nothing was ever done with becomes the first new facet. Raises as plan()."""
    with db.atomic():
        facets = plan(db, client_id, file)
        empty = _untouched(db, client_id)
        for facet in facets:
            task = facet.task
            if task is None and empty:
                task, empty = tasks.rename(db, empty, facet.name, facet.kind), None
            task = task or tasks.add(db, client_id, facet.name, facet.kind)
            keep_pick(db, task, file, facet.name)
            if facet.change == NEW:
                taxonomy.save(db, task, facet.categories, source)
            elif facet.change == CHANGED:
                base = versions.in_use(db, task)
                draft = diff.compare(taxonomy.load(db, base), facet.categories)
                versions.keep(db, task, versions.KeptDraft(base, source, draft))
    return facets


def _untouched(db: Database, client_id: int) -> Task | None:
    """The client's only task, where it is the one that every client starts with and nothing was done with it."""
    there = tasks.of_client(db, client_id)
    if len(there) != 1 or (there[0].name, there[0].kind) != database.FIRST_TASK:
        return None
    used = "select exists (select 1 from taxonomies where task_id = :id) or exists (select 1 from imports where task_id = :id)"
    return None if db.execute(used, {"id": there[0].id}).fetchone()[0] else there[0]
