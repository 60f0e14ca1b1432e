"""Calls that were passed on, read and written down in a thread of their own: no answer ever waits for it, or fails by it.

Twice a second what has ended is kept in one transaction (core/exchanges/kept.py), so that a kill loses no more than the last
second. Once a minute a process of its own has the answers become assets and labels, at low priority: it must not hold up
whoever is answered here.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil
from sqlite_utils import Database

from core import database, settings
from core.exchanges import kept, patterns
from core.exchanges.exchange import Exchange, read, streamed
from core.exchanges.kept import KEPT, TOO_MANY, Outcome
from core.exchanges.patterns import FAILED, NO_PATTERN, UNKNOWN, UNREADABLE, Matched, Reading
from core.tasks import Task

WRITE_S = 0.5  # between writes
TAKE_S = 60.0  # between looks at answers that wait to become labels
ROOM = 64 * 1024 * 1024  # bytes of calls that may wait to be written
MOST_READ = 16 * 1024 * 1024  # bytes of a reply, uncompressed
LAST = 10.0  # seconds that the end of a server waits for what is left to write
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class Call:
    """A call that is over: the bodies as they went over the line, without any header that may hold a key. `status` 0: it never
    came to a reply, or broke off."""

    request: bytes
    reply: bytes
    status: int
    content_type: str
    encoding: str
    ms: float


class Recorder:
    """Writes a client's calls down. `count(outcome)` is called once a call, in the thread."""

    def __init__(self, client_id: int, client: str):
        self.client_id, self.client = client_id, client
        self.count: Callable[[str], None] = lambda outcome: None
        self._calls: deque[Call] = deque()
        self._held = 0
        self._lost: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._readings: list[Reading] = []
        self._seen_version = -1
        self._taking: subprocess.Popen | None = None
        self._since = TAKE_S
        self._said = ""

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, call: Call) -> None:
        """Have a call written down, soon. Too many at once are only counted."""
        size = len(call.request) + len(call.reply)
        with self._lock:
            if self._held + size > ROOM:
                self._lost[TOO_MANY] += 1
                return
            self._held += size
            self._calls.append(call)

    def stop(self) -> None:
        """Write what is left, and end. Blocks until then."""
        self._over.set()
        if self._thread.ident:
            self._thread.join(LAST)

    def _run(self) -> None:
        db, over = None, False
        while not over:
            over = self._over.wait(WRITE_S)
            try:
                db = db or database.connect()
                self._write(db)
                if not over:
                    self._take(db)
            except Exception as error:
                # Whatever is wrong here, answers go on; what could not be written is tried again.
                self._say(f"Calls that were passed on could not be written down ({type(error).__name__}).")
        if db:
            db.close()

    def _write(self, db: Database) -> None:
        """Write what has ended; put back where the database cannot be written."""
        with self._lock:
            calls, self._calls = list(self._calls), deque()
            lost, self._lost = self._lost, Counter()
            self._held = 0
        outcomes = [Outcome(why) for why, n in lost.items() for _ in range(n)]
        if not calls and not outcomes:
            return
        try:
            self._look(db)
            outcomes += [self._outcome(call) for call in calls]
            if not db.execute("select 1 from clients where id = ?", [self.client_id]).fetchone():
                return  # the client was removed: nothing of it is kept any more
            kept.write(db, self.client_id, outcomes)
        except sqlite3.Error:
            with self._lock:
                self._calls.extendleft(reversed(calls))
                self._lost.update(lost)
                self._held += sum(len(call.request) + len(call.reply) for call in calls)
            raise
        self._said = ""
        for one in outcomes:
            self.count(one.why)

    def _look(self, db: Database) -> None:
        """Read the patterns and categories anew where another process has changed the database."""
        (version,) = db.execute("pragma data_version").fetchone()
        if version != self._seen_version:
            found = patterns.of_client(db, self.client_id)
            self._readings = [Reading(db, task, pattern) for task, pattern in found]
            self._seen_version = version

    def _outcome(self, call: Call) -> Outcome:
        if not 200 <= call.status < 300:
            return Outcome(FAILED)
        try:
            exchange = exchange_of(call)
        except Exception as error:  # a reply nobody foresaw must not end the thread; it is counted
            log.warning("A call that was passed on could not be read (%s).", type(error).__name__)
            exchange = None
        if exchange is None:
            return Outcome(UNREADABLE)
        return outcome_of(exchange, self._readings)

    def _take(self, db: Database) -> None:
        """Start the process that makes labels of what waits, once a minute at most and one at a time."""
        if self._taking and (code := self._taking.poll()) is not None:
            self._taking = None
            if code:
                self._say(f"Answers wait to become labels: `passing --take` ended with status {code}.")
        self._since += WRITE_S
        if self._taking or self._since < TAKE_S or not kept.waiting(db, self.client_id):
            return
        self._since = 0.0
        line = [sys.executable, "-m", "core", "passing", "--take", "--client", self.client]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._taking = subprocess.Popen(line, cwd=settings.ROOT, **quiet)
        with suppress(psutil.Error):
            psutil.Process(self._taking.pid).nice(10 if psutil.POSIX else psutil.BELOW_NORMAL_PRIORITY_CLASS)

    def _say(self, what: str) -> None:
        """Log it, once until it is well again."""
        if what != self._said:
            log.warning(what)
        self._said = what


def outcome_of(exchange: Exchange, readings: list[Reading]) -> Outcome:
    """What the patterns of a client's tasks make of an exchange: labels where one fits, else the reason that says most."""
    told: list[tuple[Task, Matched | str]] = [(reading.task, reading(exchange)) for reading in readings]
    matched = tuple((task.id, one) for task, one in told if isinstance(one, Matched) and one.category is not None)
    if matched:
        return Outcome(KEPT, exchange, matched)
    whys = [UNKNOWN if isinstance(one, Matched) else one for _, one in told]
    return Outcome(next((why for why in whys if why != NO_PATTERN), NO_PATTERN), exchange)


def exchange_of(call: Call) -> Exchange | None:
    """The exchange of a call's bodies; None where they hold none."""
    try:
        request = json.loads(call.request)
        content = _plain(call.reply, call.encoding)
        if content is None:
            return None
        reply = streamed(content) if call.content_type == "text/event-stream" else json.loads(content)
    except (ValueError, RecursionError, zlib.error):
        return None
    return read(request, reply, latency_ms=call.ms) if isinstance(request, dict) and isinstance(reply, dict) else None


def _plain(content: bytes, encoding: str) -> bytes | None:
    """A body uncompressed; None where that is too large, or compressed in another way than was offered."""
    if encoding.lower() in ("", "identity"):
        return content
    if encoding.lower() not in ("gzip", "deflate"):
        return None
    undo = zlib.decompressobj(47)
    plain = undo.decompress(content, MOST_READ)
    return plain if undo.eof else None
