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
import time
from contextlib import suppress

from filelock import FileLock, Timeout
from huey.consumer import Consumer
from sqlite_utils import Database

from core import db as database
from core import jobs, queue, room, settings
from core.errors import InputError
from core.progress import locked, stopping

THREADS = 2  # a short job must not wait behind a long one
LOOK = 5.0  # seconds between looks for jobs of dead processes or lost by the queue
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
    draft = note.with_suffix(".tmp")
    draft.write_text(json.dumps({"pid": os.getpid(), "version": jobs.code_version(), "started": database.now()}))
    draft.replace(note)
    db = database.connect()
    consumer = queue.consumer(jobs.run_queued, THREADS)
    with jobs.heartbeats(db):
        _look(db)
        consumer.start()
        signal.signal(signal.SIGTERM, _stop)  # the consumer has just set its own
        signal.signal(signal.SIGINT, _stop)
        log.info("The worker is ready.")
        _serve(db, consumer)
        note.unlink(missing_ok=True)
        _finish(db, consumer)
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


def _serve(db: Database, consumer: Consumer) -> None:
    looked = time.monotonic()
    while not stopping.wait(1.0):
        if jobs.worker_note().get("pid") != os.getpid():
            log.info("The workspace is gone.")
            stopping.set()
        elif time.monotonic() - looked >= LOOK:
            looked = time.monotonic()
            consumer.check_worker_health()
            _look(db)


def _look(db: Database) -> None:
    room.keep()
    try:
        jobs.recover(db)
    except InputError as error:  # the queue's server is away
        log.warning("%s", error)
    except sqlite3.OperationalError as error:
        if not locked(error) and not room.no_room(error):
            raise
        log.warning("%s", error)


def _finish(db: Database, consumer: Consumer) -> None:
    """Wait for bodies to reach their next unit; those that do not are cut off, and their rows say so."""
    consumer.stop()
    deadline = time.monotonic() + GRACE
    for _, thread in consumer.worker_threads:
        thread.join(max(deadline - time.monotonic(), 0))
    if any(thread.is_alive() for _, thread in consumer.worker_threads):
        db.conn.execute("PRAGMA busy_timeout = 2000")
        jobs.interrupt_mine(db)
        os._exit(0)
