"""Where things live on disk, and the few settings a person can change.

Paths hang off one folder: data/workspace beside the code, or UNDERSTUDY_HOME.
Values a person changes are rows of the settings table; `DEFAULTS` says what holds until then, and why.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError

if TYPE_CHECKING:
    from sqlite_utils import Database


ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"

# Defaults that money figures rest on carry their date and origin in core/evaluate/economics.py.
DEFAULTS: dict[str, Any] = {
    "target_agreement": 0.95,
    "confidence": 0.95,
    "encoder": "packaged",  # the packaged MiniLM-L6, or a local folder
    "large_encoder": "packaged-large",  # the packaged all-mpnet-base-v2, or a local folder
    "brand": {},  # changed fields of core.report.brand.Brand
    "teacher_terms": "",  # what the client knows of its teacher's terms: may its answers train a model?
    "assumptions": {},  # changed fields of core.evaluate.economics.Assumptions
    "verdict_rules": {},  # changed fields of core.evaluate.verdict.Rules, without the target
    "other_models": [],  # models whose list prices stand beside the teacher's
}


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


def get(db: Database, key: str, client_id: int = 0) -> Any:
    """A setting's value: the client's own, else the house's (client 0), else the default. KeyError if unknown."""
    row = next(
        db.query(
            "select value from settings where key = ? and client_id in (0, ?) order by client_id desc limit 1",
            [key, client_id],
        ),
        None,
    )
    return json.loads(row["value"]) if row else DEFAULTS[key]


def put(db: Database, key: str, value: Any, client_id: int = 0) -> None:
    """Keep a setting; client 0 is the house."""
    db["settings"].upsert({"client_id": client_id, "key": key, "value": json.dumps(value)}, pk=("client_id", "key"))


def own(db: Database, key: str) -> dict[str, Any]:
    """The clients, by name, that keep a value of their own, and the value."""
    rows = db.query(
        "select c.name, s.value from settings s join clients c on c.id = s.client_id where s.key = ? order by c.name",
        [key],
    )
    return {row["name"]: json.loads(row["value"]) for row in rows}
