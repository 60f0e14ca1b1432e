"""Where things live on disk, and the few settings a person can change.

Paths hang off one folder: data/workspace beside the code, or UNDERSTUDY_HOME.
Values a person changes are rows of the settings table; `DEFAULTS` says what holds until then, and why.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import InputError
from core.words import task_title

if TYPE_CHECKING:
    from sqlite_utils import Database


ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"

# Defaults that money figures rest on carry their date and origin in core/money/economics.py.
DEFAULTS: dict[str, Any] = {
    "target_agreement": 0.95,
    "confidence": 0.95,
    "encoder": "packaged",  # the packaged MiniLM-L6, or a local folder
    "large_encoder": "packaged-large",  # the packaged all-mpnet-base-v2, or a local folder
    "image_encoder": "",  # what students look at images with: a folder or org/name of the hub; none is packaged
    "base_model": "packaged-writer",  # what students that write build on: the packaged SmolLM2-135M, or a folder
    "voice_guide": {},  # changed fields of core.write.guide.Guide
    "teacher_behind": {},  # changed fields of core.write.teacher_behind.Rules
    "approval_target": 0.8,  # of a student's drafts above the bar, that people approve as they are (core/write/scorer.py)
    "may_be_none": True,  # of a task that chooses several: whether none of its categories is an answer, too
    "served_keeping": {},  # changed fields of core.watch.rules.Keeping
    "watching": {},  # changed fields of core.watch.rules.Watching
    "blind_test": {},  # changed fields of core.write.blind.Rules
    "brand": {},  # changed fields of core.report.brand.Brand
    "teacher_terms": "",  # what the client knows of its teacher's terms: may its answers train a model?
    "assumptions": {},  # changed fields of core.money.economics.Assumptions
    "verdict_rules": {},  # changed fields of core.evaluate.evidence.Rules, without the target
    "prompt_pattern": {},  # fields of core.exchanges.patterns.Pattern; empty: none is set
    "keep_last_calls": True,  # whether the last ten calls that a service passed on are kept, to set a pattern by
    "teacher_looks": {},  # of a client: which of its teachers, by spec, get the images beside the texts (core/label/looking.py)
    "other_models": [],  # models whose list prices stand beside the teacher's
}


class Owner(Protocol):
    """Whose a setting may be, besides a client's by its number: a task's (core/tasks.py)."""

    @property
    def id(self) -> int: ...

    @property
    def client_id(self) -> int: ...


# Told of each value that a person changes, within the transaction that keeps it (core/audit.py).
changes: list[Callable[[Database, str, Any, Owner | int], None]] = []


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def home() -> Path:
    """The workspace folder, made if missing. InputError where it cannot be one."""
    named = os.environ.get("UNDERSTUDY_HOME", "").strip()
    try:
        folder = Path(named or ROOT / "data" / "workspace").expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is no folder.", "Name a folder for the workspace with UNDERSTUDY_HOME.") from None
    except (RuntimeError, ValueError) as error:  # no such person's home, a loop of links, a NUL
        raise InputError(f"The workspace cannot be {named}: {error}.", "Name a folder with UNDERSTUDY_HOME.") from None
    return folder


def subfolder(name: str) -> Path:
    """A folder of the workspace (uploads, students, encoders, logs, output), made if missing."""
    folder = home() / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def get(db: Database, key: str, whose: Owner | int = 0) -> Any:
    """A setting's value: the task's own, else its client's, else the house's (client 0), else the default. KeyError if unknown."""
    client_id, task_id = _owner(whose)
    row = next(
        db.query(
            """select value from settings where key = ? and client_id in (0, ?) and task_id in (0, ?)
               order by client_id desc, task_id desc limit 1""",
            [key, client_id, task_id],
        ),
        None,
    )
    return json.loads(row["value"]) if row else DEFAULTS[key]


def put(db: Database, key: str, value: Any, whose: Owner | int = 0) -> None:
    """Keep a setting of a task, a client, or the house (client 0)."""
    owner = dict(zip(("client_id", "task_id"), _owner(whose)))
    with db.atomic():
        db["settings"].upsert({**owner, "key": key, "value": json.dumps(value)}, pk=("client_id", "task_id", "key"))
        for told in changes:
            told(db, key, value, whose)


def _owner(whose: Owner | int) -> tuple[int, int]:
    return (whose, 0) if isinstance(whose, int) else (whose.client_id, whose.id)


def own(db: Database, key: str) -> dict[str, Any]:
    """The clients' tasks, by name, that keep a value of their own, and the value."""
    rows = db.query(
        """select c.name as client, t.name as task, (select count(*) from tasks where client_id = c.id) as tasks, s.value
           from settings s join clients c on c.id = s.client_id join tasks t on t.id = s.task_id
           where s.key = ? order by c.name, t.id""",
        [key],
    )
    return {task_title(row["client"], row["task"], row["tasks"]): json.loads(row["value"]) for row in rows}
