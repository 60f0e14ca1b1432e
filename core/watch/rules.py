"""What a client has said about watching: which texts of what is served are kept and for how long, what audits may cost a month; and
of each task, which share of handled answers is audited, and what happens when the promise is broken."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from sqlite_utils import Database

from core import settings
from core.tasks import Task

ALL, ASKED, NONE = "all", "asked", "none"
WARN, TEACHER = "warn", "teacher"


class Keeping(BaseModel, frozen=True, extra="forbid"):
    """Of a client. `texts` kept with what was served: all, those the teacher was asked about (audits and fallbacks), or none; for
    so many `days`. `audit_usd`: what audits may cost it a calendar month (UTC), of all its tasks; None only for a teacher that
    costs nothing."""

    texts: Literal["all", "asked", "none"] = NONE
    days: int = Field(90, ge=1, le=3650)
    audit_usd: float | None = Field(None, ge=0)


class Watching(BaseModel, frozen=True, extra="forbid"):
    """Of a task. `share` of handled answers that the teacher is asked about too; `broken`: when the promise is broken, warn, or
    send everything to the teacher until somebody decides."""

    share: float = Field(0.0, ge=0, le=1)
    broken: Literal["warn", "teacher"] = WARN


def keeping(db: Database, client_id: int) -> Keeping:
    """What the client has said."""
    return Keeping(**settings.get(db, "served_keeping", client_id))


def put_keeping(db: Database, client_id: int, said: Keeping) -> None:
    """Keep what the client says."""
    settings.put(db, "served_keeping", said.model_dump(exclude_defaults=True), client_id)


def watching(db: Database, task: Task) -> Watching:
    """What the task's people have said."""
    return Watching(**settings.get(db, "watching", task))


def put_watching(db: Database, task: Task, said: Watching) -> None:
    """Keep what the task's people say."""
    settings.put(db, "watching", said.model_dump(exclude_defaults=True), task)
