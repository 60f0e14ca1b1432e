"""A task that writes on Overview: what its student does by itself, what people say, what it saves."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace

import streamlit as st
from sqlite_utils import Database

from core import database, settings
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


def earned(db: Database, task: Task, money: TaskMoney, result: WritingComparison) -> TaskMoney:
    """The same with what the student saves a month at the stated volume, and what its drafts so far did not cost: the teacher's
    price for each brief with a draft that passes, less the machine's for all."""
    newest = db.execute("select ifnull(max(id), 0) from drafts where task_id = ?", [task.id]).fetchone()[0]
    months = _drafted(str(settings.home()), task, newest)
    prices, filed = result.economics.per_1000, {month: briefs for month, briefs, _ in months}
    teacher, student = prices["teacher"], prices["student"]
    known = teacher is not None and student is not None
    saved = {
        month: (passed * teacher - briefs * student) / 1000 if passed else 0.0
        for month, briefs, passed in months
        if known
    }
    stated = {"stated_usd": result.saved_a_month, "volume": result.economics.volume_per_month, "thing": "brief"}
    return replace(money, saved=saved, filed=filed, unpriced=0 if known else sum(filed.values()), **stated)


@st.cache_data(max_entries=256, show_spinner=False)
def _drafted(home: str, task: Task, newest: int) -> list[tuple[str, int, int]]:
    """Reads every draft; new ones alone change it."""
    with closing(database.connect()) as db:
        return comparison.drafted_by_month(db, task)


def words(result: WritingComparison) -> str:
    """Handled share and blind test, in a line."""
    handled, said = f"Handles {percent(result.figures.handled.value)} of briefs", "nobody has compared its drafts yet"
    if judged := next((one for one in result.blind if one.n), None):
        said = f"blind test {percent(judged.score)} ({ranged(judged.low, judged.high)}) of {judged.n:,}"
    return f"{handled} · {said}"
