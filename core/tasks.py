"""Tasks: the narrow jobs of a client, each with its own taxonomy, prompts, label runs, decisions and students over the same assets.

task = tasks.of(db, "Northwind")             # the client's only one; client and task made if new
offer = tasks.add(db, task.client_id, "Offer")
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from core import audit, database
from core.errors import InputError
from core.task_kinds import KINDS


@dataclass(frozen=True)
class Task:
    """One narrow job of a client."""

    id: int
    client_id: int
    name: str
    kind: str

    @property
    def sorts(self) -> bool:
        """Whether its answers are categories of a taxonomy, one or several an asset."""
        return KINDS[self.kind].sorts

    @property
    def several(self) -> bool:
        """Whether an asset may have several of its categories, or none."""
        return self.kind == "choose_several"


def one_category(
    task: Task, what: str, instead: str = "Train it on all labels, and read its figures on Compare."
) -> None:
    """InputError where the task chooses several categories and `what` is not there for that (Labelling in rounds …), with what to
    do `instead`."""
    if task.several:
        raise InputError(
            f"{what} is not there yet for a task that chooses several categories, as {task.name} does.", instead
        )


def get(db: Database, task_id: int) -> Task:
    """The task of this id. InputError where it is gone."""
    rows = _select(db, "id = ?", [task_id])
    if not rows:
        raise InputError("This task is not there any more; it may have been deleted.", "Choose another one.")
    return rows[0]


def of_client(db: Database, client_id: int) -> list[Task]:
    """The client's tasks, the oldest first."""
    return _select(db, "client_id = ?", [client_id])


def find(db: Database, client_id: int, name: str | None = None) -> Task:
    """The client's task called `name` (case ignored); without a name the only one. InputError where none or several are meant."""
    there = of_client(db, client_id)
    known = ", ".join(task.name for task in there)
    if name is None:
        if len(there) > 1:
            raise InputError(f"The client has {len(there)} tasks.", f"Name one with --task: {known}.")
        return there[0]
    wanted = " ".join(name.split()).casefold()
    for task in there:
        if task.name.casefold() == wanted:
            return task
    raise InputError(f"The client has no task {name}.", f"Name one of its own: {known}.")


def named(db: Database, client: str, name: str | None = None) -> Task:
    """The task that a command means, by its client's name and its own; both must be there already. InputError as find() does."""
    return find(db, client_named(db, client), name)


def client_named(db: Database, name: str) -> int:
    """The id of a client that is there already: asking about an unknown one must not make it. InputError where it is not."""
    name = " ".join(name.split())
    row = db.execute("select id from clients where name = ?", [name]).fetchone()
    if row:
        return row[0]
    now = db.execute("select name from clients where id = ?", [database.formerly(db, name)]).fetchone()
    if now:
        raise InputError(f"The client {name} was renamed.", f"Name it with --client: {now[0]}.")
    known = ", ".join(row["name"] for row in db.query("select name from clients order by name"))
    raise InputError(
        f"There is no client {name}.", f"Name one with --client: {known}." if known else "Run `distil` first."
    )


def of(
    db: Database, client: str, name: str | None = None, *, synthetic: bool = False, kind: str = "choose_one"
) -> Task:
    """The task of the client called `client`, either made if new, then of this `kind`; without a name the client's only one.

    InputError for what is no name, and without a name where the client has several.
    """
    first = (database.FIRST_TASK[0] if name is None else database.plain_name(name, "task"), kind)
    client_id = database.client_id(db, client, synthetic=synthetic, first=first)
    if name is None:
        return find(db, client_id)
    there = [task for task in of_client(db, client_id) if task.name.casefold() == " ".join(name.split()).casefold()]
    return there[0] if there else add(db, client_id, name, kind)


def add(db: Database, client_id: int, name: str, kind: str = "choose_one") -> Task:
    """A further task of the client. InputError for what is no name, or one taken."""
    name = database.plain_name(name, "task")
    with db.atomic():
        row = {"id": database.fresh_task_id(db, client_id), "client_id": client_id, "name": name, "kind": kind}
        _must_be_free(db, client_id, name)
        db["tasks"].insert(row | {"created": database.now()})
        audit.record(db, "settings", task=Task(**row), what="a task of its own", detail={"kind": kind})
    return Task(**row)


def rename(db: Database, task: Task, name: str, kind: str | None = None) -> Task:
    """Call the task otherwise; one that nothing was done with yet may become of another `kind` by it. InputError for what is no
    name, or one taken."""
    name = database.plain_name(name, "task")
    with db.atomic():
        db.execute("update tasks set name = name where id = ?", [task.id])  # the write lock
        _must_be_free(db, task.client_id, name, but=task.id)
        db.execute("update tasks set name = ?, kind = ? where id = ?", [name, kind or task.kind, task.id])
        changed = {"before": task.name} | ({"kind": kind} if kind not in (None, task.kind) else {})
        audit.record(db, "settings", task=task, what="the task's name", detail=changed)
    return get(db, task.id)


def _must_be_free(db: Database, client_id: int, name: str, but: int = 0) -> None:
    for task in of_client(db, client_id):
        if task.id != but and task.name.casefold() == name.casefold():
            raise InputError(f"The client has a task {task.name} already.", "Choose another name.")


def _select(db: Database, where: str, values: list) -> list[Task]:
    return [
        Task(**row)
        for row in db.query(f"select id, client_id, name, kind from tasks where {where} order by id", values)
    ]
