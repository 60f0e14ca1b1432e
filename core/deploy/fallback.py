"""The teacher behind a served student: asked about texts the student does not answer by itself, within a budget.

Money is reserved in the database before a call, at the most the call can cost, and set right after it; a server that
dies in between has spent too much on paper, never in truth. The budget is one client's, for a calendar month (UTC).
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database

from core import db as database
from core.deploy.live import Served
from core.errors import InputError
from core.ingest import taxonomy
from core.label.teachers import Answer, Asset, Teacher, make
from core.label.teachers.recorded import Recorded

KEPT = 10_000  # answers remembered, so that no text is bought twice while the server runs
TEACHERS = 2  # kept ready: of the student at work and of the one before
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class Said:
    """What the teacher says of a text: a category's label and, where it gives one, its confidence."""

    category: str
    confidence: float | None


@dataclass(frozen=True)
class _Ready:
    teacher: Teacher
    labels: dict[int, str]


class Fallback:
    """Asks the teacher who taught the student. Everything here runs in one thread, whose database connection it opens.

    `count(outcome)` is called once a text: "answered", "kept" (asked before), "unknown" (to recorded labels), "budget"
    (spent) or "failed".
    """

    def __init__(self, client_id: int, budget_usd: float | None):
        self.client_id, self.budget_usd = client_id, budget_usd
        self.count: Callable[[str], None] = lambda outcome: None
        self._db: Database | None = None
        self._ready: OrderedDict[tuple[str, int], _Ready] = OrderedDict()
        self._kept: OrderedDict[bytes, Said] = OrderedDict()
        self.spent_usd = 0.0  # this month, as last seen

    def prepare(self, served: Served) -> None:
        """Have the student's teacher ready. InputError where there is none, or it costs money and there is no budget."""
        ready = self._teacher(served)
        if self.budget_usd is None and ready.teacher.most_usd(Asset(0, "a text")) > 0:
            raise InputError(
                f"The teacher {ready.teacher.name} costs money.", "Say how much a month with --fallback-budget USD."
            )
        self.spent_usd = spent(self._db, self.client_id)

    def answer(self, served: Served, texts: list[str]) -> list[Said | None]:
        """What the teacher says of each text; None where it has no answer, cannot be reached, or the budget is spent."""
        try:
            ready = self._teacher(served)
        except Exception as error:  # the student's answers go out without the teacher's
            return self._failed(error, texts)
        keys = [_key(served, text) for text in texts]
        wanted = {key: text for key, text in zip(keys, texts) if key not in self._kept}
        found: dict[bytes, Said | None] = {}
        for key in keys:
            if key not in wanted:
                self._kept.move_to_end(key)
                found[key] = self._kept[key]
                self.count("kept")
        if wanted:
            bought = dict(zip(wanted, self._ask(ready, list(wanted.values()))))
            self._keep({key: said for key, said in bought.items() if said})
            found |= bought
        return [found[key] for key in keys]

    def _teacher(self, served: Served) -> _Ready:
        key = served.teacher, served.taxonomy_id
        if key not in self._ready:
            self._db = self._db or database.connect()
            categories = taxonomy.load(self._db, served.taxonomy_id)
            teacher = make(self._db, self.client_id, served.teacher, categories)
            self._ready[key] = _Ready(teacher, {category.id: category.label for category in categories})
            while len(self._ready) > TEACHERS:
                self._ready.popitem(last=False)
        return self._ready[key]

    def _ask(self, ready: _Ready, texts: list[str]) -> list[Said | None]:
        """Ask about each text that the teacher can answer and the budget allows."""
        said: list[Said | None] = [None] * len(texts)
        asked: dict[int, Asset] = {}
        reserved = 0.0
        month = _month()
        try:
            for place, text in enumerate(texts):
                recorded = isinstance(ready.teacher, Recorded)
                asset = ready.teacher.known(self.client_id, text) if recorded else Asset(place, text)
                if asset is None:
                    self.count("unknown")
                    continue
                most = ready.teacher.most_usd(asset)
                if most > 0 and not reserve(self._db, self.client_id, month, most, self.budget_usd or 0.0):
                    self.count("budget")
                    continue
                asked[place] = asset
                reserved += most
            answers = ready.teacher.answer(list(asked.values())) if asked else []
        except Exception as error:  # what it has cost is not known, so the reservation stands
            self._failed(error, list(asked))
            return said
        self._settle(month, reserved, asked, answers, ready.teacher)
        for place, answer in zip(asked, answers):
            said[place] = self._said(answer, ready)
        return said

    def _settle(
        self, month: str, reserved: float, asked: dict[int, Asset], answers: list[Answer], teacher: Teacher
    ) -> None:
        if reserved <= 0:
            return
        cost = sum(
            teacher.most_usd(asset) if answer.cost_usd is None else answer.cost_usd
            for asset, answer in zip(asked.values(), answers)
        )
        try:
            settle(self._db, self.client_id, month, reserved, cost)
            self.spent_usd = spent(self._db, self.client_id)
        except sqlite3.Error as error:  # the reservation stands
            log.warning("What the teacher cost could not be written down (%s).", type(error).__name__)

    def _said(self, answer: Answer, ready: _Ready) -> Said | None:
        label = ready.labels.get(answer.category_id)
        self.count("failed" if label is None else "answered")
        return None if label is None else Said(label, answer.confidence)

    def _failed(self, error: Exception, texts: list) -> list[None]:
        log.warning("The teacher could not be asked (%s).", type(error).__name__)
        for _ in texts:
            self.count("failed")
        return [None] * len(texts)

    def _keep(self, bought: dict[bytes, Said]) -> None:
        """Remember answers; the ones longest not asked for are forgotten."""
        self._kept |= bought
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _key(served: Served, text: str) -> bytes:
    return hashlib.sha256(f"{served.teacher}\0{served.taxonomy_id}\0{text}".encode("utf-8", "surrogatepass")).digest()


# --- money --------------------------------------------------------------------------------------------------------


def _month() -> str:
    """The settings key under which this month's spending stands."""
    return f"serve_spent_usd {datetime.now(UTC):%Y-%m}"


def spent(db: Database, client_id: int) -> float:
    """USD that the fallback has cost this client this month, calls under way at the most they can cost."""
    row = db.execute(
        "select cast(value as real) from settings where client_id = ? and key = ?", [client_id, _month()]
    ).fetchone()
    return row[0] if row else 0.0


def reserve(db: Database, client_id: int, month: str, usd: float, budget_usd: float) -> bool:
    """Set `usd` aside, in one statement, so that all servers together stay within the budget; False where it is spent."""
    with db.atomic():
        return bool(
            db.execute(
                """insert into settings (client_id, key, value) select :client, :month, :usd where :usd <= :budget
                   on conflict (client_id, key) do update set value = cast(value as real) + :usd
                   where cast(value as real) + :usd <= :budget""",
                {"client": client_id, "month": month, "usd": usd, "budget": budget_usd},
            ).rowcount
        )


def settle(db: Database, client_id: int, month: str, reserved: float, cost: float) -> None:
    """Put what the calls cost in the place of what was set aside."""
    with db.atomic():
        db.execute(
            "update settings set value = max(0.0, cast(value as real) - ? + ?) where client_id = ? and key = ?",
            [reserved, cost, client_id, month],
        )
