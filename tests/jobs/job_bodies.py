"""Bodies for the tests of jobs, and a worker that knows them: `python -m tests.jobs.job_bodies`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from core import jobs
from core.errors import InputError
from core.jobs import worker
from core.jobs.kinds import KINDS, JobKind


def units(db, params: dict, progress) -> dict:
    """Write one file a unit; a unit that is there is never done again (the file would be there: an error)."""
    folder = Path(params["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    there = len(list(folder.glob("*.unit")))
    progress(there, params["units"], "Counting")
    for number in range(there, params["units"]):
        with (folder / "begun.txt").open("a") as begun:
            begun.write(f"{number}\n")
        time.sleep(params["seconds"])
        (folder / f"{number:05}.unit").open("x").close()
        progress(number + 1, params["units"], "Counting")
    return {"units": params["units"]}


def blocks(db, params: dict, progress) -> dict:
    """Write so many blocks to the disk."""
    folder = Path(params["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(params["units"]):
        time.sleep(params["seconds"])
        (folder / f"{number}.block").write_bytes(bytes(8192))
        progress(number + 1, params["units"], "Writing")
    return {}


def wrong(db, params: dict, progress) -> dict:
    raise InputError("The column is missing.", "Choose another.")


def bug(db, params: dict, progress) -> dict:
    db.execute("begin")
    db.execute("insert into clients (name, created) values ('half', 'written')")
    raise ZeroDivisionError("a bug")


def fatal(db, params: dict, progress) -> dict:
    """As a body that exhausts the memory: the whole process dies."""
    with Path(params["folder"]).open("a") as out:
        out.write("died\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def deaf(db, params: dict, progress) -> dict:
    """Never looks whether it should stop."""
    progress(0, 1, "Busy")
    time.sleep(60)
    return {}


def pressed(db, params: dict, progress) -> dict:
    progress(1, 2, "Half way")
    raise KeyboardInterrupt


def writer(db, params: dict, progress) -> dict:
    """Reports from inside a transaction of its own, from two threads."""
    with db.atomic():
        db.execute("insert into clients (name, created) values ('one', 'now')")
        threads = [threading.Thread(target=progress, args=(number, 10, "Writing")) for number in range(2)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        progress(10, 10, "Writing", 0.5)
    progress(1, 1, "Tidying")
    return {"clients": db["clients"].count}


KINDS |= {
    body.__name__: JobKind(f"tests.jobs.job_bodies:{body.__name__}", "Testing", "use", "units")
    for body in (units, blocks, wrong, bug, fatal, deaf, pressed, writer)
}

if __name__ == "__main__":
    worker.GRACE, worker.LOOK = 0.5, 1.0
    if sys.argv[1:] == ["here"]:  # a command line that runs a job and is killed
        from core import database

        jobs.run_here(
            database.connect(), "units", {"folder": sys.argv[0] and os.environ["FOLDER"], "units": 20, "seconds": 0.1}
        )
    else:
        worker.work()
