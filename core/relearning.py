"""From work to a challenger: labels that came of work join the others, a student like the one at work learns from all of them, and
the two meet on what neither has learned from. Nothing goes live by it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from core import distil, tasks
from core.errors import InputError
from core.evaluate.evaluation import judged
from core.jobs import NoProgress
from core.train import registry
from core.watch import learning, meeting


def learn_job(db: Database, params: dict, progress: NoProgress) -> dict[str, Any]:
    """The job body: {"task_id"} and, if wanted, {"kind"} -> {"taken", "student", "meeting"}. The
    challenger is held to what the student at work promises. Run again it carries on: labels join
    once, and a student made of the same labels is taken as it is. InputError where there is nothing to learn from."""
    task = tasks.get(db, params["task_id"])
    champion = registry.find(db, task)
    kind, figures = params.get("kind") or champion["kind"], judged(db, champion["id"])
    taken = learning.take_in(db, task, progress)
    if not taken.labels and not learning.found(db, task).taken:
        raise InputError(learning.found(db, task).why, "")
    lesson = {"task_id": task.id, "run_id": taken.run_id, "kind": kind, "target": figures and figures.target}
    chosen = distil.train_job(db, lesson, progress)["chosen"]
    met = None if champion["id"] == chosen else meeting.as_json(meeting.meet(db, task, chosen, progress))
    return {"taken": asdict(taken), "student": chosen, "meeting": met}


def meet_job(db: Database, params: dict, progress: NoProgress) -> dict[str, Any]:
    """The job body: {"task_id", "student"} -> how the student met the one at work, as JSON. What work has left joins the other
    labels first, so that near copies of what was learned are known."""
    task = tasks.get(db, params["task_id"])
    learning.take_in(db, task, progress)
    return meeting.as_json(meeting.meet(db, task, params["student"], progress))
