"""How long a training will take: by the last one of this machine, else estimated from tokens.

    expected(db, task, lengths).words      # "About 40 minutes (measured: 1,978 pairs took 41 min here)."

It goes on when the tab is closed, and what else the machine does counts as well: a guess of some use, not a promise.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from core import settings
from core.money.prices import CHARACTERS_A_TOKEN
from core.tasks import Task
from core.words import counted, duration
from core.write import base
from core.write.tuning import LONG, LONG_FROM, SHORT

FRAME = 8  # tokens around brief and copy
SECONDS_A_TOKEN = 0.008  # learned once, by the packaged base model in one thread: docs/writing.md
JUDGED = 45.0  # seconds that drafts of held-out and test briefs take


@dataclass(frozen=True)
class Expected:
    """Seconds that a training is likely to take, whether they are measured or estimated, and both in words."""

    seconds: float
    basis: str
    words: str


def expected(db: Database, task: Task, lengths: Sequence[int]) -> Expected:
    """What training on pairs of so many characters, brief and copy together, is likely to take."""
    if before := _last(db, task):
        pairs, took = before
        seconds = took * len(lengths) / pairs
        words = f"About {_round(seconds)} (measured: {counted(pairs, 'pair')} took {duration(round(took))} here)."
        return Expected(seconds, "measured", words)
    tokens = [FRAME + one / CHARACTERS_A_TOKEN for one in lengths]
    recipe = LONG if tokens and sum(tokens) / len(tokens) > LONG_FROM else SHORT
    seconds = JUDGED + SECONDS_A_TOKEN * recipe.epochs * sum(tokens)
    what = f"some {sum(tokens):,.0f} tokens, {counted(recipe.epochs, 'pass', 'passes')}"
    other = "" if settings.get(db, base.SETTING, task) == base.PACKAGED else ", of the model that comes with Understudy"
    words = f"About {_round(seconds)} (estimated from {what}{other}; this machine has trained none yet)."
    return Expected(seconds, "estimated", words)


def _last(db: Database, task: Task) -> tuple[int, float] | None:
    """Pairs and seconds of the last training here that made a model, of the same base: this task's before another's; None before
    there was one. All of its job counts, drafts and figures included."""
    rows = db.query(
        """select w.params, j.started, j.finished from writers w join jobs j on j.task_id = w.task_id and j.kind = 'writers'
           and j.state = 'done' and w.created between j.started and j.finished
           where w.kind = 'write' and w.ready = 1 and json_extract(w.params, '$.base') = ?
           order by w.task_id = ? desc, j.id desc limit 1""",
        [settings.get(db, base.SETTING, task), task.id],
    )
    for row in rows:
        took = datetime.fromisoformat(row["finished"]) - datetime.fromisoformat(row["started"])
        return json.loads(row["params"])["train"], max(took.total_seconds(), 0.1)
    return None


def _round(seconds: float) -> str:
    """A time as roughly as it is known: to the minute above two."""
    return duration(60 * round(seconds / 60) if seconds >= 120 else round(seconds))
