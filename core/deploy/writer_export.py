"""Take a writing student along: a folder, or a ZIP of it, that drafts wherever the packages of its requirements.txt are there.

    export(db, task=task, student="live", to=Path("exported"))         # or Path("student.zip")

The folder holds write.py, the student's model as one .gguf file, guide and gates with what they compare with, and a model card.
`rules` is the part of this program that it needs, word for word (core/deploy/parts.py). It appears under its name only when it is
whole, and where there is a model, only when that finds held-out copy as likely as the student here does.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import settings, tasks
from core.deploy import carried, exported_writer, writer_card
from core.deploy.card import version
from core.deploy.parts import parts
from core.deploy.placing import check_target, empty, no_room, place
from core.encoders import encoder
from core.errors import InputError
from core.jobs import NoProgress, Progress
from core.tasks import Task
from core.write import drafting, gguf_file, known, llama, pairs, parity, training
from core.write.rungs import rungs
from core.write.rungs import write as writing

RULES = "rules"
NEEDED = ((carried.__name__, "load"), ("core.errors", "InputError"), ("core.escape", "defuse"))
RANKER = "ranker.json"


def export(
    db: Database,
    *,
    task: Task,
    student: str | int = "live",
    to: Path,
    replace: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a student to the folder `to`, new or empty, or to a ZIP where `to` ends in .zip; returns what was written.

    InputError where `to` cannot be used (an earlier ZIP is kept unless `replace`), the student may not write, xllamacpp is not
    there to check the model with, or the model has lost more than 1 % of the loss. Then nothing is left behind.
    """
    to, started = to.expanduser().resolve(), time.perf_counter()
    check_target(to, replace)
    row, report = training.find(db, task, student), progress or NoProgress()
    if row["refused"]:
        raise InputError(row["refused"], "Name another student.")
    part = to.with_name(f".{to.name}.part")
    try:
        folder = empty(part)
        report(0, 3, "Writing the student")
        measured = _written(db, task, row, folder, report)
        (folder / "MODEL_CARD.md").write_text(writer_card.write(db, task, row, measured, folder), encoding="utf-8")
        report(2, 3, "Putting it into place")
        placed = place(folder, to)
    except OSError as error:
        raise no_room(error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {
        "student": row["id"],
        "kind": row["kind"],
        **placed,
        "parity": asdict(measured) if measured else None,
        "seconds": time.perf_counter() - started,
    }


def export_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id", "student"} -> a ZIP in the workspace's output folder, in place of an earlier one."""
    task = tasks.get(db, params["task_id"])
    row = training.find(db, task, params["student"])
    to = settings.subfolder("output") / f"understudy-writer-{row['id']}.zip"
    return export(db, task=task, student=row["id"], to=to, replace=True, progress=progress)


def _written(db: Database, task: Task, row: dict, folder: Path, report: Progress | NoProgress) -> parity.Parity | None:
    """Everything but the card; how the model compares, None for a student without one. InputError as export()."""
    source, rung = settings.home() / row["path"], rungs()[row["kind"]]
    config = {"kind": rung.name, "draws": rung.draws, "new": rung.new, "scored": rung.name != writing.RUNG.name}
    _json(folder / carried.CONFIG, config)
    _json(folder / carried.GUIDE, json.loads((source / drafting.CONFIG).read_text(encoding="utf-8"))["guide"])
    for name in (known.FILE, known.VECTORS):
        shutil.copyfile(source / name, folder / name)
    if (source / RANKER).exists():
        shutil.copyfile(source / RANKER, folder / RANKER)
    shutil.copytree(encoder.prepared(), folder / carried.ENCODER, ignore=lambda _, names: {"config.json"} & set(names))
    brought = parts(NEEDED, RULES)
    (folder / RULES).mkdir()
    for name, text in brought.files.items():
        (folder / RULES / name).write_text(text, encoding="utf-8")
    shutil.copyfile(Path(exported_writer.__file__).with_name("write.py"), folder / "write.py")
    packages = sorted(brought.packages - (set() if rung.reads else {"xllamacpp"}))
    pins = "".join(f"{name}=={version(name)}\n" for name in packages)
    (folder / "requirements.txt").write_text(pins, encoding="utf-8")
    return _model(db, task, source / writing.MODEL, folder / carried.MODEL, report) if rung.reads else None


def _model(db: Database, task: Task, source: Path, folder: Path, report: Progress | NoProgress) -> parity.Parity:
    """The model with its tokenizer, measured on held-out copy."""
    if not llama.installed():
        raise InputError(
            "xllamacpp is not installed, so the exported model could not be checked.",
            "Install it with: .venv/bin/pip install -r requirements-write.lock",
        )
    folder.mkdir()
    for name in ("tokenizer.json", "config.json", carried.WRITING):
        shutil.copyfile(source / name, folder / name)
    file = gguf_file.write(source, folder / carried.GGUF, gguf_file.KIND)
    held = pairs.approved(pairs.load(db, task), "test")
    report(1, 3, "Comparing it with the student")
    measured = parity.measure(source, file, held)
    parity.must_hold(measured)
    return measured


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
