"""The report of a client with several tasks: what holds of all of them, then a chapter a task."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
from sqlite_utils import Database

from core import tasks
from core.errors import InputError
from core.evaluate import joint, joint_money
from core.report import content
from core.report.brand import Brand
from core.report.content import Report
from core.report.writing_report import WritingReport
from core.words import counted

TAKES_OVER = ("replace", "fallback", "alone", "drafts")


@dataclass(frozen=True)
class ClientReport:
    """A chapter for each task with a judged student (`parts`), the names of the tasks without (`missing`), and what holds of all
    facets of an asset (`joint`, "" where there are not two) and what they cost together (`money`; None where that is not known)."""

    question: ClassVar[str] = "What can students take over?"

    client: str
    synthetic: bool
    date: str
    brand: Brand
    parts: list[Report | WritingReport]
    missing: list[str]
    joint: str
    money: joint_money.JointMoney | None = None

    @property
    def decision(self) -> str:
        """Of each task."""
        return ", ".join(f"{part.task}: {part.decision}" for part in self.parts)

    @property
    def title(self) -> str:
        """How many tasks a student can take over, in words."""
        able = sum(part.decision in TAKES_OVER for part in self.parts)
        return f"In {able or 'none'} of {counted(len(self.parts), 'task')} a student can go to work."

    @property
    def together(self) -> str:
        """What is paid where several facets of one asset go back."""
        if not self.joint:
            return ""
        if self.money is None:
            return (
                "An asset goes back to the teacher only for the facets that are unsure. The money below is worked out task by "
                "task, as if each went back in a call of its own; facets that go back together are asked in one, which costs less."
            )
        return (
            "An asset goes back to the teacher only for the facets that are unsure, in one call however many they are. "
            f"{joint_money.sentence(self.money)} {joint_money.basis(self.money)} In the chapters below the money is worked out "
            "task by task, as if each task were asked alone."
        )

    @property
    def costs(self) -> pd.DataFrame | None:
        """What each way of working costs in all facets; None where that is not known."""
        return None if self.money is None else pd.DataFrame(joint_money.rows(self.money))


def of(db: Database, client_id: int) -> ClientReport:
    """The report of all tasks of a client. InputError where none has a judged student."""
    parts, missing = [], []
    for task in tasks.of_client(db, client_id):
        try:
            parts.append(content.of(db, task))
        except InputError:
            missing.append(task.name)
    if not parts:
        raise InputError("No task of this client has a judged student yet.", "Train one first.")
    together = money = None
    with suppress(InputError):
        together = joint.of_client(db, client_id)
        if together:
            money, _ = joint_money.or_why_not(db, joint.looked_at(db, client_id))
    name, synthetic = db.execute("select name, synthetic from clients where id = ?", [client_id]).fetchone()
    said = joint.sentence(together) if together else ""
    return ClientReport(name, bool(synthetic), parts[0].date, parts[0].brand, parts, missing, said, money)
