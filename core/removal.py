"""Taking back an import, removing assets, students and clients: what hangs on them, said before, and then all of it or nothing.

    hanging = of_import(db, client_id, 3)      # counts, and sentences for a person to read
    undo_import(db, client_id, 3)

Each is one transaction; files go once it is committed, after a kill at the next start (core/database.py: sweep). Money that was
spent stays in the ledger: what was bought is gone, that it was paid for is not. What hangs on a row is read off the schema's
foreign keys, so that a new table is removed with what it is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlite_utils import Database

from core import audit, jobs, removal_files, settings, tasks
from core.assets.imports import alone
from core.database import now, plain_name, sweep
from core.errors import InputError
from core.images import kept
from core.jobs.progress import NoProgress
from core.removal_rows import (
    HEIRS,
    belonging,
    children,
    count,
    gone,
    remove_gone,
    undo_families,
    undo_recordings,
    undo_reviews_and_splits,
)
from core.tasks import Task
from core.watch import served
from core.words import counted, money


@dataclass(frozen=True)
class Hanging:
    """What goes with something: `what` it is, counts, and what is to be known first. Money in USD, as billed."""

    kind: str  # the table it is in
    number: int
    what: str
    counts: dict[str, int] = field(default_factory=dict)  # of what goes: name in the plural -> how many
    labels_usd: float = 0.0  # what the labels that go have cost
    warnings: tuple[str, ...] = ()
    after: tuple[str, ...] = ()  # what became of it, once it is removed

    def sentences(self) -> list[str]:
        """In words: what goes, what that has cost, and the warnings."""
        parts = [counted(n, *NOUNS[name]) for name, n in self.counts.items() if n]
        lines = [f"Gone with {self.what}: {_listed(parts)}." if parts else f"Nothing hangs on {self.what}."]
        if self.labels_usd:
            lines.append(
                f"The labels have cost {money(self.labels_usd, exact=True)}; that stays in the ledger, the labels do not."
            )
        return lines + list(self.warnings)


NOUNS = {
    "assets": ("asset",),
    "recorded": ("label that came with files", "labels that came with files"),
    "labels": ("label of a teacher", "labels of teachers"),
    "reviews": ("decision of people", "decisions of people"),
    "answers": ("answer of a vendor", "answers of vendors"),
    "imports": ("import",),
    "taxonomies": ("version of the taxonomy", "versions of the taxonomy"),
    "students": ("student",),
    "pairs": ("pair of brief and copy", "pairs of brief and copy"),
    "writers": ("student that writes", "students that write"),
    "connections": ("connection of its own", "connections of its own"),
    "predictions": ("answer on test assets", "answers on test assets"),
    "images": ("image",),
    "served": ("answer that was served", "answers that were served"),
    "replies": ("kept reply of a model", "kept replies of models"),
    "passed": ("call that waits to become a label", "calls that wait to become labels"),
    "jobs": ("job with its files", "jobs with their files"),
    "tokens": ("token of its service", "tokens of its service"),
    "keys": ("key in this computer's keyring", "keys in this computer's keyring"),
}


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def answer(hanging: Hanging, done: bool) -> tuple[dict, str]:
    """What goes, or has gone, as a command says it: as a dict and as text."""
    result = {"what": hanging.what, "goes": hanging.counts, "labels_usd": hanging.labels_usd, "removed": done}
    last = (
        " ".join(["Removed.", *hanging.after]) if done else "Nothing was removed yet: give the same command with --yes."
    )
    return result | {"sentences": hanging.sentences(), "after": list(hanging.after)}, "\n".join(
        [*hanging.sentences(), last]
    )


# --- what there is ------------------------------------------------------------------------------------------------


def imports(db: Database, client_id: int) -> list[dict]:
    """The client's imports, newest first: id, filename, created, rows, assets (of those it brought, still there), problems."""
    query = """select i.id, i.filename, i.created, i.row_count - i.aside as rows, i.problem_count as problems,
               (select count(*) from assets a where a.client_id = i.client_id and a.import_id = i.id) as assets
               from imports i where i.client_id = ? order by i.id desc"""
    return list(db.query(query, [client_id]))


def of_import(db: Database, client_id: int, import_id: int) -> Hanging:
    """What hangs on an import. InputError where the client has none of that number."""
    row = _import(db, client_id, import_id)
    with gone(db, "select id from assets where client_id = ? and import_id = ?", [client_id, import_id]):
        hanging = _of_gone(db, client_id, "imports", import_id, f"import {import_id} ({row['filename']})")
    changed = count(db, "recordings_before where import_id = ?", import_id)
    warnings = list(hanging.warnings)
    if changed:
        labels = counted(changed, "label")
        warnings.append(f"Back to what stood there before: {labels} it brought for assets of other imports.")
    if not row["undoable"]:
        warnings.append(
            "It was made before imports could be undone: labels it brought for assets of other imports stay as they are."
        )
    later = "imports where client_id = ? and id > ? and unchanged > 0"
    if hanging.counts["assets"] and count(db, later, client_id, import_id):
        warnings.append("Later files held assets that were there already: import those again to have them back.")
    return _with(hanging, warnings)


def of_assets(db: Database, client_id: int, external_ids: Iterable[str]) -> Hanging:
    """What hangs on the assets with these ids. InputError where one is not the client's."""
    ids = _wanted(db, client_id, external_ids)
    with gone(db, "select value from json_each(?)", [json.dumps(ids)]):
        return _of_gone(db, client_id, "assets", len(ids), counted(len(ids), "asset"))


def of_student(db: Database, task: Task, student_id: int) -> Hanging:
    """What hangs on a student. InputError where the task has none of that number."""
    row = _student(db, task, student_id)
    name = f"{row['kind']} {student_id}"
    warnings = [f"{name} is live: without it no student answers until another is made live."] if row["live"] else []
    exported = settings.subfolder("output") / f"understudy-student-{student_id}.zip"
    if exported.exists():
        warnings.append("Its ZIP in the workspace goes as well; copies elsewhere go on working.")
    counts = {"predictions": count(db, "predictions where student_id = ?", student_id)}
    return Hanging("students", student_id, name, counts, 0.0, tuple(warnings))


def of_client(db: Database, client_id: int) -> Hanging:
    """What hangs on a client. InputError where there is none of that number."""
    name = _client(db, client_id)
    mine = "(select id from tasks where client_id = ?)"
    live = db.execute(f"select kind, id from students where task_id in {mine} and live = 1", [client_id]).fetchone()
    assets = "(select id from assets where client_id = ?)"
    runs = f"(select id from label_runs where task_id in {mine})"
    counts = {
        "assets": count(db, "assets where client_id = ?", client_id),
        "images": count(db, "images where client_id = ?", client_id),
        "imports": count(db, "imports where client_id = ?", client_id),
        "recorded": count(db, f"recordings where task_id in {mine}", client_id),
        "taxonomies": count(db, f"taxonomies where task_id in {mine}", client_id),
        "labels": count(db, f"labels where run_id in {runs}", client_id),
        "reviews": count(db, f"reviews where asset_id in {assets}", client_id),
        "students": count(db, f"students where task_id in {mine} and ready = 1", client_id),
        "pairs": count(db, f"pairs where task_id in {mine}", client_id),
        "writers": count(db, f"writers where task_id in {mine} and ready = 1", client_id),
        "connections": count(db, "connections where client_id = ?", client_id),
        "replies": count(db, "kept_replies where client_id = ?", client_id),
        "passed": count(db, "passed_answers where client_id = ?", client_id),
        "served": served.count(client_id),
        "jobs": count(db, "jobs where client_id = ?", client_id),
        "tokens": count(db, "tokens where client_id = ?", client_id),
        "keys": len(removal_files.own_keys(db, client_id)),
    }
    usd = db.execute(f"select total(cost_usd) from labels where run_id in {runs}", [client_id]).fetchone()[0]
    warnings = [f"{live[0]} {live[1]} is live: what answers with it must be stopped."] if live else []
    return Hanging("clients", client_id, name, counts, usd, tuple(warnings))


# --- removing -----------------------------------------------------------------------------------------------------


def undo_import(db: Database, client_id: int, import_id: int) -> Hanging:
    """Take an import back: its assets with all that hangs on them, and what it changed of others; returns what went.

    A label bought for an asset whose copy stays goes to the copy. InputError while a job of the client is under way.
    """
    with _at_rest(db, client_id):
        hanging = of_import(db, client_id, import_id)
        row = _import(db, client_id, import_id)
        with (
            _removing(db, client_id, hanging),
            gone(db, "select id from assets where client_id = ? and import_id = ?", [client_id, import_id]),
        ):
            undo_reviews_and_splits(db, client_id, row)
            undo_recordings(db, import_id)
            undo_families(db, import_id)
            remove_gone(db, client_id)
            for table, column in children(db, "imports"):
                db.conn.execute(f"delete from {table} where {column} = ?", [import_id])
            db.conn.execute("delete from imports where id = ?", [import_id])
            _doom(db, [*removal_files.uploads(db, [row["sha256"]]), *kept.unused(db, client_id)])
    sweep(db)
    return hanging


def remove_assets(db: Database, client_id: int, external_ids: Iterable[str]) -> Hanging:
    """Remove assets by their ids, with all that hangs on them; returns what went. InputError as for undo_import()."""
    with _at_rest(db, client_id):
        ids = _wanted(db, client_id, external_ids)
        hanging = of_assets(db, client_id, external_ids)
        with _removing(db, client_id, hanging), gone(db, "select value from json_each(?)", [json.dumps(ids)]):
            remove_gone(db, client_id)
            _doom(db, kept.unused(db, client_id))
    sweep(db)
    return hanging


def remove_student(db: Database, task: Task, student_id: int, *, even_live: bool = False) -> Hanging:
    """Remove a student, its figures and files; returns what went. InputError for the live one unless `even_live`."""
    hanging = of_student(db, task, student_id)
    row = _student(db, task, student_id)
    if row["live"] and not even_live:
        raise InputError(
            f"{hanging.what} is live.", "Make another student live first, or say that the live one may go."
        )
    with _removing(db, task.client_id, hanging):
        before = "(select b.before_id from live_history b where b.id = live_history.before_id)"
        dropped = "(select id from live_history where student_id = ?)"
        while db.conn.execute(f"select 1 from live_history where before_id in {dropped}", [student_id]).fetchone():
            db.conn.execute(f"update live_history set before_id = {before} where before_id in {dropped}", [student_id])
        db.conn.execute("update students set parent_id = ? where parent_id = ?", [row["parent_id"], student_id])
        for table, column in children(db, "students"):
            if table != "students":
                db.conn.execute(f"delete from {table} where {column} = ?", [student_id])
        db.conn.execute("delete from students where id = ?", [student_id])
        _doom(db, [row["path"], f"output/understudy-student-{student_id}.zip"])
    sweep(db)
    return hanging


def remove_client(db: Database, client_id: int) -> Hanging:
    """Remove a client and everything of it but its rows of the ledger, which keep its name; returns what went, and in its `after`
    what became of the bytes: those that the database had freed are overwritten, keys of its own leave the keyring."""
    with _at_rest(db, client_id):
        hanging = of_client(db, client_id)
        with _removing(db, client_id, hanging):
            own_keys = removal_files.own_keys(db, client_id)
            _doom(db, removal_files.of_client(db, client_id))
            db.conn.execute(
                "update calls set run_id = null, joint_id = null, tasks = null where client_id = ?", [client_id]
            )
            for table, where in belonging(db, "client_id"):
                db.conn.execute(f"delete from {table} where {where}", [client_id])
            db.conn.execute("delete from clients where id = ?", [client_id])
            # What was said of its earlier removals names its files.
            db.conn.execute("update removals set name = '', what = '[]' where client_id = ?", [client_id])
            _doom(db, removal_files.uploads_of_nobody(db))
    sweep(db)
    return replace(hanging, after=tuple(removal_files.afterwards(db, own_keys)))


def of_task(db: Database, task: Task) -> Hanging:
    """What hangs on a task; the assets are the client's and stay. InputError for the client's only one."""
    if len(tasks.of_client(db, task.client_id)) == 1:
        raise InputError(f"{task.name} is the client's only task.", "Delete the client, or add another task first.")
    live = db.execute("select kind, id from students where task_id = ? and live = 1", [task.id]).fetchone()
    runs = "(select id from label_runs where task_id = ?)"
    counts = {
        "taxonomies": count(db, "taxonomies where task_id = ?", task.id),
        "recorded": count(db, "recordings where task_id = ?", task.id),
        "labels": count(db, f"labels where run_id in {runs}", task.id),
        "reviews": count(db, "reviews where task_id = ?", task.id),
        "students": count(db, "students where task_id = ? and ready = 1", task.id),
        "pairs": count(db, "pairs where task_id = ?", task.id),
        "writers": count(db, "writers where task_id = ? and ready = 1", task.id),
    }
    usd = db.execute(f"select total(cost_usd) from labels where run_id in {runs}", [task.id]).fetchone()[0]
    warnings = [f"{live[0]} {live[1]} is live: what answers with it must be stopped."] if live else []
    return Hanging("tasks", task.id, f"the task {task.name}", counts, usd, tuple(warnings))


def remove_task(db: Database, task: Task) -> Hanging:
    """Remove a task and everything of it but its rows of the ledger and the client's assets; returns what went."""
    with _at_rest(db, task.client_id):
        hanging = of_task(db, task)
        with _removing(db, task.client_id, hanging):
            students = db.execute("select id, path from students where task_id = ?", [task.id]).fetchall()
            _doom(db, [path for _, path in students] + [f"output/understudy-student-{id}.zip" for id, _ in students])
            _doom(db, [row[0] for row in db.execute("select path from writers where task_id = ?", [task.id])])
            runs = "(select id from label_runs where task_id = ?)"
            db.conn.execute(f"update calls set run_id = null where run_id in {runs}", [task.id])
            db.conn.execute(
                """update calls set tasks = (select json_group_array(value) from json_each(tasks) where value != ?)
                   where client_id = ? and tasks is not null""",
                [task.id, task.client_id],
            )
            for table, where in belonging(db, "task_id"):
                db.conn.execute(f"delete from {table} where {where}", [task.id])
            db.conn.execute(
                "delete from token_months where token_id in (select id from tokens where task_id = ?)", [task.id]
            )
            db.conn.execute("delete from tokens where task_id = ?", [task.id])
            for table in ("imports", "jobs"):  # the client's, which go on without it
                db.conn.execute(f"update {table} set task_id = null where task_id = ?", [task.id])
            db.conn.execute("delete from tasks where id = ?", [task.id])
    served.erase_task(task.client_id, task.id)
    sweep(db)
    return hanging


def rename_client(db: Database, client_id: int, name: str) -> str:
    """Give a client another name, to which addresses with the old one lead from now on; returns it as kept.

    InputError for what is no name, or another client's.
    """
    name = plain_name(name, "client")
    before = _client(db, client_id)
    with db.atomic():
        if db.execute("select 1 from clients where name = ? and id != ?", [name, client_id]).fetchone():
            raise InputError(f"There is a client called {name} already.", "Take another name.")
        db.execute("update clients set name = ? where id = ?", [name, client_id])
        db.execute("insert or replace into former_names (name, client_id) values (?, ?)", [before, client_id])
        audit.record(
            db, "settings", client_id=client_id, what="the client's name", detail={"before": before, "now": name}
        )
        db.execute("delete from former_names where name = ?", [name])
    return name


# --- how ----------------------------------------------------------------------------------------------------------


@contextmanager
def _removing(db: Database, client_id: int, hanging: Hanging) -> Iterator[None]:
    """One transaction, noted in `removals`. InputError, and nothing done, while a job of the client is under way.

    Foreign keys are checked once, at its end: checked row by row, each asset would be looked for in every table.
    """
    db.execute("pragma foreign_keys = off")
    db.execute("pragma secure_delete = on")  # what is deleted is overwritten
    try:
        db.conn.execute("begin immediate")
        with db.conn:
            _must_rest(db, client_id)
            audit.record(
                db, "delete", client_id=client_id, what=hanging.what, detail=hanging.counts
            )  # while its name stands
            yield
            row = (client_id, hanging.kind, hanging.number, hanging.what, json.dumps(hanging.sentences()), now())
            db.conn.execute(
                "insert into removals (client_id, kind, number, name, what, created) values (?, ?, ?, ?, ?, ?)", row
            )
            broken = db.execute("pragma foreign_key_check").fetchone()
            if broken:
                raise RuntimeError(f"a removal would leave rows of {broken[0]} about what is gone from {broken[2]}")
    finally:
        db.execute("pragma foreign_keys = on")


@contextmanager
def _at_rest(db: Database, client_id: int) -> Iterator[None]:
    """No job of the client is under way, and no import begins."""
    _must_rest(db, client_id)
    with alone(client_id, NoProgress()):
        yield


def _must_rest(db: Database, client_id: int) -> None:
    busy = [job for job in jobs.active(db) if job.client_id == client_id]
    if busy:
        raise InputError(
            f"Job {busy[0].id} of this client is under way or waiting ({busy[0].kind.replace('_', ' ')}); nothing was removed.",
            "Wait until it is done, or cancel it first.",
        )


def _of_gone(db: Database, client_id: int, kind: str, number: int, what: str) -> Hanging:
    """What hangs on the assets in `gone`."""
    mine = "(select id from tasks where client_id = ?)"
    runs = f"run_id in (select id from label_runs where task_id in {mine}) and asset_id in (select id from gone)"
    bought = "run_id not in (select id from label_runs where teacher like 'recorded:%')"  # those came with files: counted once
    counts = {
        "assets": count(db, "gone"),
        "recorded": count(db, "recordings where asset_id in (select id from gone)"),
        "labels": count(db, f"labels where {runs} and {bought}", client_id),
        "reviews": count(db, "reviews where asset_id in (select id from gone)"),
        "answers": count(db, "vendor_answers where asset_id in (select id from gone)"),
    }
    usd = db.execute(f"select total(cost_usd) from labels where {runs}", [client_id]).fetchone()[0]
    copies = count(
        db, f"labels where {runs} and asset_id in (select old from ({HEIRS}) where new is not null)", client_id
    )
    warnings = []
    if copies:
        warnings.append(
            f"{counted(copies, 'label')} of them {'stays' if copies == 1 else 'stay'} with a copy that is kept."
        )
    learned = db.execute(
        f"""select s.kind, s.id, s.live, (select count(*) from labels l where l.run_id = s.label_run_id
            and l.asset_id in (select id from gone)) as n from students s where s.task_id in {mine} and s.ready = 1 and n > 0""",
        [client_id],
    ).fetchall()
    for name, id, live, n in learned:
        warnings.append(
            f"{name} {id}{', which is live,' if live else ''} learned from or was judged on {n:,} of these labels; it goes on "
            "answering as it does, and its figures stay as measured, until another is trained."
        )
    return Hanging(kind, number, what, counts, usd, tuple(warnings))


def _with(hanging: Hanging, warnings: list[str]) -> Hanging:
    return Hanging(hanging.kind, hanging.number, hanging.what, hanging.counts, hanging.labels_usd, tuple(warnings))


# --- rows and files -----------------------------------------------------------------------------------------------


def _client(db: Database, client_id: int) -> str:
    row = db.execute("select name from clients where id = ?", [client_id]).fetchone()
    if row is None:
        raise InputError("This client is not there any more.", "Choose another one.")
    return row[0]


def _import(db: Database, client_id: int, import_id: int) -> dict:
    row = next(db.query("select * from imports where client_id = ? and id = ?", [client_id, import_id]), None)
    if row is None:
        raise InputError(
            f"This client has no import {import_id}.", "The Assets page and the command `imports` list them."
        )
    return row


def _student(db: Database, task: Task, student_id: int) -> dict:
    row = next(db.query("select * from students where task_id = ? and id = ?", [task.id, student_id]), None)
    if row is None:
        raise InputError(f"This task has no student number {student_id}.", "The Student page lists them.")
    return row


def _wanted(db: Database, client_id: int, external_ids: Iterable[str]) -> list[int]:
    """The ids of the assets; InputError naming the first that the client does not have."""
    wanted = list(dict.fromkeys(external_ids))
    ids = dict(
        db.execute(
            "select external_id, id from assets where client_id = ? and external_id in (select value from json_each(?))",
            [client_id, json.dumps(wanted)],
        ).fetchall()
    )
    for external_id in wanted:
        if external_id not in ids:
            raise InputError(
                f"This client has no asset {external_id[:80]}.", "Write the ids as the Assets page has them."
            )
    return list(ids.values())


def _doom(db: Database, paths: Iterable[str]) -> None:
    """Have these files or folders of the workspace removed once the transaction is committed; what is elsewhere is a person's."""
    home = settings.home()
    for path in paths:
        if path and (home / path).resolve().is_relative_to(home) and (home / path).resolve() != home:
            db.conn.execute("insert or ignore into doomed_files values (?)", [path])
