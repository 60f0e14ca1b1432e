"""A task that writes on Overview: what its student does by itself, what people say, what it saves."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from sqlite_utils import Database

from core.errors import InputError
from core.evaluate.house import TaskMoney
from core.tasks import Task
from core.words import percent, ranged
from core.write import comparison, training
from core.write.comparison import WritingComparison


def result_of(db: Database, task: Task) -> WritingComparison | None:
    """The comparison of the student at work, else of the newest; None for a task that does not write, or has none to show."""
    if task.kind != training.KIND:
        return None
    with suppress(InputError):  # none yet, or judged by an earlier version
        return comparison.comparison(db, task, comparison.looked_at(db, task))
    return None


def earned(money: TaskMoney, result: WritingComparison) -> TaskMoney:
    """The same with what the student saves a month at the stated volume."""
    return replace(money, stated_usd=result.saved_a_month, volume=result.economics.volume_per_month, thing="brief")


def words(result: WritingComparison) -> str:
    """Handled share and blind test, in a line."""
    handled, said = f"Handles {percent(result.figures.handled.value)} of briefs", "nobody has compared its drafts yet"
    if judged := next((one for one in result.blind if one.n), None):
        said = f"blind test {percent(judged.score)} ({ranged(judged.low, judged.high)}) of {judged.n:,}"
    return f"{handled} · {said}"
