"""Reading the words on images with every processor; each image's are kept by its content the moment they are there.

Run again, what was read is not read again: a killed job goes on where it was.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlite_utils import Database

from core import settings
from core.errors import InputError
from core.images import kept, words
from core.images.kept import Image
from core.jobs.progress import NoProgress

STEP = "Reading the words"
PROCESS_BYTES = 700_000_000  # of memory, that one reader takes at most, by measurement
LOOK = 0.5  # seconds between looks at whether to stop
WITHOUT_READER = InputError(
    "The package that reads the words on images is not installed.",
    "Install it with: .venv/bin/pip install -r requirements-images.lock, or give a table in which the words are typed.",
)
NOT_STARTING = InputError(
    "The package that reads the words on images does not start.",
    "Install it anew with: .venv/bin/pip install -r requirements-images.lock; if it still does not, close other programs.",
)
CRASHED = "brings the reader down."


def reader() -> str:
    """The reader and its version, by which its results are known. Raises WITHOUT_READER where it is not installed."""
    if not words.installed():
        raise WITHOUT_READER
    return f"rapidocr {importlib.metadata.version('rapidocr')}"


def read(
    db: Database,
    client_id: int,
    images: Iterable[Image],
    progress: NoProgress,
    step: str = STEP,
    *,
    anew: bool = False,
    keep: Callable[[str, str], None] | None = None,
) -> dict[str, str]:
    """Read those images that were not read yet, or all `anew`; returns why those could not be that cannot, by sha256.

    `keep`: what is done with the words (as kept, JSON) of an image (sha256), in the transaction that says who read them, in place
    of keeping them. Raises WITHOUT_READER where there is no reader and something to read, NOT_STARTING where it does not come
    up; Cancelled.
    """
    images = list({image.sha256: image for image in images}.values())
    done = {} if anew else known(db, client_id, [image.sha256 for image in images])
    left = [image for image in images if image.sha256 not in done]
    progress(len(images) - len(left), len(images), step)
    if not left:
        return {}
    name = reader()
    failed: dict[str, str] = {}
    at = len(images) - len(left)
    for sha, answer in _answers(client_id, left, progress):
        if "words" in answer:
            with db.atomic():
                if keep:
                    keep(sha, answer["words"])
                else:
                    _keep(db, client_id, sha, answer["words"])
                db.execute("update images set read_by = ? where client_id = ? and sha256 = ?", [name, client_id, sha])
        else:
            failed[sha] = answer["what"]
        at += 1
        progress(at, len(images), step)
    return failed


def _keep(db: Database, client_id: int, sha: str, stored: str) -> None:
    db.execute("update images set words = ? where client_id = ? and sha256 = ?", [stored, client_id, sha])


def read_one(data: bytes) -> list[words.Word]:
    """The words on one image, which is not kept. InputError where it cannot be read, or by nothing."""
    reader()
    with started() as readers:
        answer = readers.ask(data)
    if "words" not in answer:
        raise InputError(f"The image {answer['what']}", answer.get("todo", ""))
    return words.from_json(answer["words"])


def known(db: Database, client_id: int, shas: Iterable[str]) -> dict[str, list[words.Word]]:
    """The words of those of these images that were read."""
    query = """select sha256, words from images where client_id = ? and words is not null
               and sha256 in (select value from json_each(?))"""
    rows = db.execute(query, [client_id, json.dumps(list(shas))])
    return {sha: words.from_json(stored) for sha, stored in rows.fetchall()}


def _answers(client_id: int, images: list[Image], progress: NoProgress) -> Iterator[tuple[str, dict]]:
    """(sha256, answer) of each image, as they come."""
    room = max(1, int(psutil.virtual_memory().available // PROCESS_BYTES))
    count = min(settings.processors(), room, len(images))
    with started() as readers, ThreadPoolExecutor(count) as pool:
        waiting = iter(images)
        running: dict[Future, str] = {}
        try:
            while True:
                while len(running) < 2 * count and (image := next(waiting, None)):
                    path = kept.original(client_id, image.sha256, image.format)
                    running[pool.submit(readers.ask, path)] = image.sha256
                if not running:
                    return
                over, _ = wait(running, timeout=LOOK, return_when=FIRST_COMPLETED)
                progress.check()
                for future in over:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()
            readers.stop()


class Readers:
    """Reader processes, each asked by one thread at a time; one that dies is started anew."""

    def __init__(self) -> None:
        self._free: list[subprocess.Popen] = []
        self._all: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def ask(self, source: Path | bytes) -> dict:
        """The answer of a reader about an image: {"words": as words.to_json()}, or {"what", "todo"} why there are none; of one that
        brings two of them down, that. InputError where no reader comes up."""
        for _ in range(2):
            if self._stopped:
                break
            process = self._take()
            answer = _asked(process, source)
            if answer is not None:
                with self._lock:
                    self._free.append(process)
                return answer
            self._bury(process)
        return {"what": CRASHED}

    def warm(self) -> None:
        """Have a reader wait. InputError where none comes up."""
        process = self._take()
        with self._lock:
            self._free.append(process)

    def _take(self) -> subprocess.Popen:
        """A reader that waits, else a new one. Raises NOT_STARTING where it does not come up."""
        with self._lock:
            if self._free:
                return self._free.pop()
            process = subprocess.Popen(
                [sys.executable, "-m", "core.images.reader"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=settings.ROOT,
            )  # fmt: skip
            self._all.add(process)
        if not process.stdout.readline():
            raise NOT_STARTING
        return process

    def _bury(self, process: subprocess.Popen) -> None:
        process.kill()
        process.wait()
        with self._lock:
            self._all.discard(process)
        for pipe in (process.stdin, process.stdout):
            pipe.close()

    def stop(self) -> None:
        """End them all; whoever waits for one hears that it died."""
        with self._lock:
            self._stopped = True
            for process in self._all:
                process.kill()

    def close(self) -> None:
        self.stop()
        for process in list(self._all):
            self._bury(process)


def _asked(process: subprocess.Popen, source: Path | bytes) -> dict | None:
    """What a process answers; None where it is dead, or dies of it."""
    sent = isinstance(source, bytes)
    try:
        process.stdin.write(
            json.dumps(len(source) if sent else str(source)).encode() + b"\n" + (source if sent else b"")
        )
        process.stdin.flush()
        line = process.stdout.readline()
    except (OSError, ValueError):
        return None
    return json.loads(line) if line.endswith(b"\n") else None


@contextmanager
def started() -> Iterator[Readers]:
    """Readers that are ended whatever happens."""
    readers = Readers()
    try:
        yield readers
    finally:
        readers.close()
