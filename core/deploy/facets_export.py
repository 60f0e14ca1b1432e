"""Take the students of several tasks along in one folder: predict.py answers every facet, and what students read with in common is
there once.

    export(db, tasks=[topic, offer], to=Path("exported"))

Each task's student is written and checked as export.py does it, into a folder of its own; files that are the same in several are
moved into `shared`, and a note in their place says where they are.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core.deploy import export as one_export
from core.deploy.exported import runtime
from core.deploy.placing import check_target, empty, no_room, place
from core.evaluate.evaluation import figures_of
from core.jobs import NoProgress, Progress
from core.tasks import Task
from core.train.registry import find

SHARED = "shared"
WORTH = 100_000  # bytes from which on a file is kept once


def export(db: Database, *, tasks: Sequence[Task], to: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the live students of `tasks` to the folder `to`, new or empty, or to a ZIP; returns what was written. InputError as
    export.export(): nothing is left behind then."""
    to, started, report = to.expanduser().resolve(), time.perf_counter(), progress or NoProgress()
    check_target(to, False)
    rows = {task: find(db, task) for task in tasks}
    part = to.with_name(f".{to.name}.part")
    try:
        folder, told, names = empty(part), {}, {}
        for number, (task, row) in enumerate(rows.items(), 1):
            names[task.name] = f"{number}-{re.sub(r'[^a-z0-9]+', '-', task.name.lower()).strip('-') or 'facet'}"
            written, parity = one_export.written(db, row, figures_of(db, row["id"]), part / "one", report)
            shutil.move(written, folder / names[task.name])
            told[task.name] = {"student": row["id"], "kind": row["kind"], "parity": asdict(parity)}
        _together(folder, names)
        report(0, 1, "Putting it into place")
        placed = place(folder, to)
    except OSError as error:
        raise no_room(error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {"facets": told, **placed, "seconds": time.perf_counter() - started}


def _together(folder: Path, names: dict[str, str]) -> None:
    """One predict.py for all facets, and what is the same in several of them once."""
    for file in ("predict.py", "runtime.py"):
        for name in names.values():
            (folder / name / file).replace(folder / file)
    for name in names.values():
        if (looking := folder / name / runtime.SIGHT).is_dir():
            shutil.rmtree(folder / runtime.SIGHT, ignore_errors=True)
            looking.rename(folder / runtime.SIGHT)
            (folder / name / one_export.READS).replace(folder / one_export.READS)
    pins = {line for name in names.values() for line in (folder / name / "requirements.txt").read_text().splitlines()}
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in sorted(pins)), encoding="utf-8")
    for name in names.values():
        (folder / name / "requirements.txt").unlink()
    (folder / "facets.json").write_text(json.dumps(names, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    same: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(folder.glob("*/*/*")):  # of members
        if file.is_file() and file.stat().st_size >= WORTH:
            same[runtime.sha256(file)].append(file)
    for sum_, files in same.items():
        if len(files) > 1:
            (folder / SHARED).mkdir(exist_ok=True)
            kept = folder / SHARED / f"{sum_[:12]}-{files[0].name}"
            files[0].replace(kept)
            for file in files:
                file.unlink(missing_ok=True)
                file.with_name(f"{file.name}.at").write_text(f"../../{SHARED}/{kept.name}\n", encoding="utf-8")
