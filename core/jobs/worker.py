"""The worker: the one process of a workspace that runs queued jobs.

    python -m core worker

It takes jobs back from processes that died, runs two at a time, and on SIGINT or SIGTERM leaves its running jobs
interrupted, to be carried on by the next one.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from contextlib import suppress

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import database, jobs, room, settings
from core.apart import apart
from core.jobs.progress import locked, stopping
from core.whole import write_whole

THREADS = 2  # a short job must not wait behind a long one
IDLE = 0.4  # seconds between looks for a job that waits, of each thread that has none
LOOK = 5.0  # seconds between looks for jobs of dead processes
GRACE = 5.0  # seconds that running bodies have to reach their next unit when the worker ends
log = logging.getLogger("understudy")


def work(stand_by: bool = False) -> None:
    """Serve this workspace until told to stop; returns at once where a worker with the same code is alive, or, where it is to
    `stand_by`, waits until that one is gone and takes its place."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    lock = _take_over()
    if lock is None:
        log.info("A worker is already running.")
        lock = _stand_by() if stand_by else None
    if lock is None:
        return
    note = settings.home() / "worker.json"
    write_whole(note, json.dumps({"pid": os.getpid(), "version": jobs.code_version(), "started": database.now()}))
    db = database.connect()
    threads = [threading.Thread(target=_run_jobs, name=f"jobs-{n}", daemon=True) for n in range(THREADS)]
    with jobs.heartbeats(db):
        _look(db)
        for thread in threads:
            thread.start()
        log.info("The worker is ready.")
        _serve(db)
        note.unlink(missing_ok=True)
        _finish(db, threads)
    db.close()
    lock.release()
    log.info("The worker has stopped.")


def _stop(signum: int, frame: object) -> None:
    stopping.set()


def _take_over() -> FileLock | None:
    """The worker's lock, from an outdated or ending worker if need be; None where an up-to-date one holds it."""
    lock = jobs.worker_lock()
    for patience in (2, 10):
        try:
            lock.acquire(timeout=patience)
            return lock
        except Timeout:
            if not jobs.worker_outdated():
                break
            jobs.stop_worker()
    return None


def _stand_by() -> FileLock | None:
    """The worker's lock, once the worker that holds it is gone; None where this process is told to end before."""
    lock = jobs.worker_lock()
    while not stopping.is_set():
        with suppress(Timeout):
            lock.acquire(timeout=0)
            return lock
        stopping.wait(1.0)
    return None


def _run_jobs() -> None:
    """What each thread does: run the job that has waited longest, then the next."""
    db = database.connect()  # held: opened anew, it would bring back a workspace that is gone
    while not stopping.is_set():
        waiting = None
        try:
            if (waiting := jobs.next_queued(db)) is not None:
                apart(jobs.run_queued, waiting)
        except Exception as error:  # what a body raises is in its row: here the row itself could not be written
            log.warning("Job %s could not be run (%s).", waiting, error)
            waiting = None
        if waiting is None:
            stopping.wait(IDLE)
    db.close()


def _serve(db: Database) -> None:
    looked = time.monotonic()
    while not stopping.wait(1.0):
        if jobs.worker_note().get("pid") != os.getpid():
            log.info("The workspace is gone.")
            stopping.set()
        elif time.monotonic() - looked >= LOOK:
            looked = time.monotonic()
            _look(db)


def _look(db: Database) -> None:
    room.keep()
    try:
        jobs.recover(db)
    except sqlite3.OperationalError as error:
        if not locked(error) and not room.no_room(error):
            raise
        log.warning("%s", error)


def _finish(db: Database, threads: list[threading.Thread]) -> None:
    """Wait for bodies to reach their next unit; those that do not are cut off, and their rows say so."""
    deadline = time.monotonic() + GRACE
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    if any(thread.is_alive() for thread in threads):
        db.conn.execute("PRAGMA busy_timeout = 2000")
        jobs.interrupt_mine(db)
        os._exit(0)
