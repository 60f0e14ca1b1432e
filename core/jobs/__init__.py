"""Long work: a row a job, and a worker that runs it.

The row is all there is of a job: those that wait are the queue, the oldest first. Claiming one is one UPDATE, so that it runs once
at a time however many would like to. Bodies are resumable: run again with the same parameters they carry on from what
is on disk, which is how a job survives a killed worker. core/jobs/worker.py is the worker's own part.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import math
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TypeVar

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import audit, database, room, settings
from core.errors import Cancelled, InputError, outside
from core.jobs.kinds import KINDS
from core.jobs.progress import ACTIVE, VALUES, Interrupted, Job, NoProgress, Progress, Report, locked, stopping
from core.room import no_room
from core.tasks import Task

__all__ = ["Cancelled", "Interrupted", "Job", "NoProgress", "Progress"]

BEAT = 2.0  # seconds between heartbeats
STALE = 600.0  # seconds without one after which even a living process has lost its job; waits for locks end at 60
PATIENCE = 5.0  # seconds that a command waits for room on a full disk to write how its job ended; the worker waits on
MAX_CRASHES = 3
TOLD = {"teacher", "budget_usd", "student", "kind", "limit", "name"}  # parameters that the audit trail names
log = logging.getLogger("understudy")
Done = TypeVar("Done")


# --- rows ---------------------------------------------------------------------------------------------------------


def start(db: Database, kind: str, params: dict, task: Task | None = None) -> Job:
    """Queue a job, or find the active one with the same kind, task and parameters: two clicks make one job.

    `params` must survive JSON. KeyError for an unknown kind.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    text = json.dumps(params, sort_keys=True)
    dedup = hashlib.sha256(json.dumps([kind, task and task.id, text]).encode()).hexdigest()
    while True:  # the twin can end between the two statements
        with db.atomic():
            made = db.execute(
                "insert or ignore into jobs (client_id, task_id, kind, params, dedup, state, created, who)"
                " values (?, ?, ?, ?, ?, 'queued', ?, ?)",
                [task and task.client_id, task and task.id, kind, text, dedup, database.now(), audit.person()],
            )
            if made.rowcount > 0 and not KINDS[kind].tells:
                detail = {name: params[name] for name in TOLD & params.keys() if params[name] is not None}
                audit.record(db, KINDS[kind].deed, task=task, what=KINDS[kind].doing, detail=detail)
        rows = _select(db, f"dedup = ? and state in {ACTIVE}", [dedup])
        if rows:
            return rows[0]


def _select(db: Database, where: str, params: list | dict) -> list[Job]:
    return [Job.of(row) for row in db.query(f"select * from jobs where {where}", params)]


def get(db: Database, id: int) -> Job:
    """The job with this number; InputError where there is none."""
    rows = _select(db, "id = ?", [id])
    if not rows:
        raise InputError(f"There is no job {id}.", "List the jobs to see their numbers.")
    return rows[0]


def active(db: Database, task: Task | None = None) -> list[Job]:
    """Jobs queued, running or waiting to be resumed, oldest first; of one task, or of all."""
    return _select(
        db, f"state in {ACTIVE} and (:task is null or task_id = :task) order by id", {"task": task and task.id}
    )


def recent(db: Database, task: Task | None = None, limit: int = 20) -> list[Job]:
    """The newest jobs first; of one task, or of all."""
    where = "(:task is null or task_id = :task) order by id desc limit :limit"
    return _select(db, where, {"task": task and task.id, "limit": limit})


def cancel(db: Database, id: int) -> None:
    """Ask a job to stop. A running one stops after its current unit; a waiting one is cancelled at once."""
    job = get(db, id)
    db.execute(
        "update jobs set state = 'cancelled', cancel_asked = 1, finished = ?"
        " where id = ? and state in ('queued', 'interrupted')",
        [database.now(), id],
    )
    db.execute("update jobs set cancel_asked = 1 where id = ? and state = 'running'", [id])
    if job.state == "running" and not _owner_lives(job):
        _bury(db, get(db, id))


def resume(db: Database, id: int) -> Job:
    """Queue a cancelled, failed or interrupted job again; it carries on from what is on disk.

    InputError for one that is done. Where the same work was started anew meanwhile, that job is returned.
    """
    job = get(db, id)
    if job.state == "done":
        raise InputError(f"Job {id} is already done.", "Start a new one instead.")
    try:
        db.execute(
            "update jobs set state = 'queued', cancel_asked = 0, attempts = 0, error = null, finished = null"
            " where id = ? and state in ('cancelled', 'failed', 'interrupted')",
            [id],
        )
    except sqlite3.IntegrityError:
        return _select(db, f"dedup = (select dedup from jobs where id = ?) and state in {ACTIVE}", [id])[0]
    return get(db, id)


def _claim(db: Database, id: int) -> Job | None:
    """Take a waiting job for this process; None where another was quicker or it was cancelled."""
    now = database.now()
    rows = list(
        db.query(
            "update jobs set state = 'running', pid = ?, heartbeat = ?, started = coalesce(started, ?),"
            " attempts = attempts + 1, error = null, phase_started = null"
            " where id = ? and state in ('queued', 'interrupted') returning *",
            [os.getpid(), now, now, id],
        )
    )
    return Job.of(rows[0]) if rows else None


# --- running ------------------------------------------------------------------------------------------------------


def run_here(db: Database, kind: str, params: dict, task: Task | None = None, on_progress: Report | None = None) -> Job:
    """Run a job in this process, for the command line: the same row and the same body as in the worker.

    `on_progress(done, total, message, spent_usd)` is called at most four times a second. Whatever the body raises
    surfaces: InputError, a bug, or Cancelled where somebody cancelled it. Ctrl-C cancels it too. InputError where the
    very same job is running elsewhere.
    """
    job = start(db, kind, params, task)
    if job.state == "running" and not _owner_lives(job):
        _bury(db, job)
        job = start(db, kind, params, task)  # the same one, or another where it has crashed too often
    room.keep()
    with heartbeats(db):
        claimed = _claim(db, job.id)
        if claimed is None:
            raise InputError(f"The same work is already running as job {job.id}.", "Wait for it, or cancel it first.")
        failure = _perform(db, claimed, on_progress, PATIENCE)
    if failure:
        raise failure
    return get(db, job.id)


def next_queued(db: Database) -> int | None:
    """The number of the job that has waited longest; None where none waits."""
    row = db.execute("select min(id) from jobs where state in ('queued', 'interrupted')").fetchone()
    return row[0]


def run_queued(id: int) -> None:
    """What the worker does with a job that waits: claim it and run it, or nothing where it is taken."""
    db = database.connect()
    try:
        with _owner_lock(os.getpid(), own=True):
            job = _claim(db, id)
            if job:
                _perform(db, job)
    finally:
        db.close()


def _perform(
    db: Database, job: Job, on_progress: Report | None = None, patience: float = math.inf
) -> BaseException | None:
    """Run the body of a claimed job and write into its row how it ended; returns what the body raised.

    On a full disk that row waits for room, `patience` seconds at most; left unwritten, it tells of a dead process.
    """
    progress = Progress(db, job, on_progress)
    state, result, error, raised = "done", None, None, None
    try:
        module, function = KINDS[job.kind].body.split(":")
        with audit.acting(job.who) if job.who else nullcontext():  # what it does is done by whoever started it
            result = json.dumps(getattr(importlib.import_module(module), function)(db, job.params, progress))
    except BaseException as caught:  # whatever a body does, the worker lives and the row tells
        raised = caught
        state, error = _ending(job, caught)
    if db.conn.in_transaction:
        db.conn.rollback()
    interrupted = state == "interrupted"  # no crash, so it takes back the attempt it cost
    finished = None if interrupted else database.now()
    ended = (
        f"update jobs set {VALUES}, state = ?, result = ?, error = ?, finished = ?, attempts = max(attempts - ?, 0)"
        " where id = ? and pid = ? and state = 'running'"
    )
    values = [*progress.values(), state, result, error, finished, int(interrupted), job.id, os.getpid()]
    try:
        insist(lambda: db.execute(ended, values), patience)
    except sqlite3.OperationalError:
        if raised is None:
            raise
    finally:
        progress.close()
    return raised


def _ending(job: Job, raised: BaseException) -> tuple[str, str | None]:
    """The state a body's exception leaves its job in, and the sentence for it."""
    if isinstance(raised, Interrupted):
        return "interrupted", None
    if isinstance(raised, Cancelled | KeyboardInterrupt):
        return "cancelled", None
    fault = outside(raised)
    return "failed", str(fault) if fault else _log(job, raised)


def _log(job: Job, bug: BaseException) -> str:
    what = f"Something unexpected went wrong ({type(bug).__name__})"
    try:
        file = settings.subfolder("logs") / f"job-{job.id}.log"
        with file.open("a", encoding="utf-8", errors="replace") as out:
            out.write(f"{database.now()} job {job.id} {job.kind} {json.dumps(job.params)}\n")
            out.writelines(traceback.format_exception(bug))
    except (OSError, InputError) as error:
        return f"{what}, and its details could not be kept ({error}); carry the job on to try again."
    return f"{what}: the details are in {file}; carry the job on to try again."


def insist(write: Callable[[], Done], patience: float) -> Done:
    """Do a write that must not be lost, however long others hold the database; returns what it returns.

    Where the disk is full it goes into the room kept aside; where that is used up, the write is tried again for `patience` seconds
    while this process need not end. Raises what the last try did.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return write()
        except sqlite3.OperationalError as error:
            if locked(error) or (no_room(error) and room.give()):
                continue
            if not no_room(error) or time.monotonic() > deadline or stopping.wait(0.5):
                raise


@contextmanager
def heartbeats(db: Database) -> Iterator[None]:
    """Hold this process's lock, which tells others that its running jobs live, and keep their heartbeats fresh.

    What runs under this process's number when it begins was left by a dead one that had the same.
    """
    with _owner_lock(os.getpid(), own=True) as lock:
        if lock.lock_counter == 1:
            for job in _select(db, "state = 'running' and pid = ?", [os.getpid()]):
                _bury(db, job)
        over = threading.Event()
        thread = threading.Thread(target=_beat, args=(over,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _beat(over: threading.Event) -> None:
    db = database.connect()
    db.conn.execute("PRAGMA busy_timeout = 500")
    while not over.wait(BEAT):
        try:
            db.execute(
                "update jobs set heartbeat = ? where state = 'running' and pid = ?", [database.now(), os.getpid()]
            )
        except sqlite3.OperationalError as error:
            # Somebody writes for long, or the disk is full: the next beat tries again.
            if not locked(error) and not no_room(error):
                raise
    db.close()


# --- dead processes -----------------------------------------------------------------------------------------------


def recover(db: Database) -> None:
    """Give back what dead processes left running."""
    for job in _select(db, "state = 'running'", []):
        if not _owner_lives(job):
            _bury(db, job)


def interrupt_mine(db: Database) -> None:
    """Mark this process's running jobs interrupted, where it must end before they have noticed."""
    db.execute(
        "update jobs set state = 'interrupted', attempts = max(attempts - 1, 0) where state = 'running' and pid = ?",
        [os.getpid()],
    )


_seen: dict[
    int, tuple[str | None, float]
] = {}  # job -> its last heartbeat, and when this process first saw it (monotonic)


def _owner_lives(job: Job) -> bool:
    """Whether the process that claimed the job still runs and works on it.

    No clock is compared with another one's, for clocks are set: a process that lives holds the lock of its number, which the
    system drops however it dies. One that lives and whose heartbeat has not changed for STALE seconds has lost its job.
    """
    if job.pid == os.getpid():
        return _owner_lock(job.pid, own=True).is_locked
    try:
        with _owner_lock(job.pid).acquire(timeout=0):
            return False
    except Timeout:
        pass
    if _seen.get(job.id, (None, 0.0))[0] != job.heartbeat:
        _seen[job.id] = (job.heartbeat, time.monotonic())
    return time.monotonic() - _seen[job.id][1] < STALE


def _owner_lock(pid: int, own: bool = False) -> FileLock:
    """The lock that process `pid` holds while it runs jobs of this workspace. `own`: the one object by which this process holds its
    own, as often as it likes."""
    return FileLock(settings.subfolder("owners") / f"{pid}.lock", thread_local=False, is_singleton=own)


def _bury(db: Database, job: Job) -> None:
    sentence = (
        f"The job brought the worker down {MAX_CRASHES} times without getting further, most often for want of memory:"
        " close other programs or use fewer rows, then carry it on."
    )
    state, error = ("failed", sentence) if job.attempts >= MAX_CRASHES else ("interrupted", None)
    if job.cancel_asked:
        state, error = "cancelled", None
    over = (
        "update jobs set state = ?, error = ?, finished = ?"
        " where id = ? and state = 'running' and pid = ? and heartbeat = ?"
    )
    values = [state, error, None if state == "interrupted" else database.now(), job.id, job.pid, job.heartbeat]
    insist(lambda: db.execute(over, values), 0)


# --- the worker, seen from outside --------------------------------------------------------------------------------


def worker_alive() -> bool:
    """Whether a worker serves this workspace, by the lock it holds: the system drops it however the worker dies."""
    try:
        with worker_lock().acquire(timeout=0):
            return False
    except Timeout:
        return True


def worker_lock() -> FileLock:
    """The lock that makes the worker of a workspace the only one."""
    return FileLock(settings.home() / "worker.lock")


def worker_outdated() -> bool:
    """Whether the live worker runs other code than is on disk now, after an upgrade. False where none is alive."""
    return worker_alive() and worker_note().get("version") != code_version()


def worker_note() -> dict:
    """What the worker wrote of itself: pid, version, started. Empty where there is none, or it is ending."""
    try:
        return json.loads((settings.home() / "worker.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def code_version() -> str:
    """A hash of the code on disk: what a worker started now would run."""
    digest = hashlib.sha256()
    for file in sorted((settings.ROOT / "core").rglob("*.py")):
        digest.update(file.relative_to(settings.ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def start_worker() -> None:
    """Start the worker in the background, in the place of an outdated one; nothing where one is alive and up to date.

    Returns once it is alive, after at most 10 s. Its output goes to logs/worker.log.
    """
    if worker_alive() and not worker_outdated():
        return
    with (settings.subfolder("logs") / "worker.log").open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, "-m", "core", "worker"],
            cwd=settings.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # closing the terminal or the app leaves it running
        )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and started.poll() is None and worker_note().get("pid") != started.pid:
        time.sleep(0.05)


def stop_worker() -> None:
    """End the live worker, if any, and wait until it is gone; its running jobs are interrupted and carry on later."""
    pid = worker_note().get("pid")
    for patience, strength in ((10, signal.SIGTERM), (5, signal.SIGKILL)):
        if not worker_alive():
            return
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, strength)
        deadline = time.monotonic() + patience
        while worker_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
