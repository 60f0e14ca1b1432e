"""Take a student along: a folder, or a ZIP of it, that answers wherever numpy, onnxruntime and tokenizers are installed.

    export(db, task=task, student="live", to=Path("exported"))         # or Path("student.zip")

The folder holds predict.py and runtime.py (core/deploy/exported as it is), the graphs exact (fp32) and small (int8), tables as
.npz, JSON, the checksums of these and a model card; nothing in it runs when it is loaded. It appears under its name only when it
is whole and has been found to answer the test assets as the student itself does.
"""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import settings, tasks
from core.deploy import card
from core.deploy.exported import runtime
from core.deploy.placing import check_target, empty, no_room, place
from core.encoders import encoder
from core.encoders.weight_only import round_weights
from core.errors import InputError
from core.evaluate.cascade import Certificate
from core.evaluate.evaluation import figures_of
from core.evaluate.figures import ChooseOneFigures
from core.images import features, looking, pixels, words
from core.images.seen import sight_of
from core.jobs import NoProgress, Progress
from core.label.runs import labelled
from core.tasks import Task
from core.taxonomy import tagsets
from core.train import members, students
from core.train.disk import EXACT, SMALL
from core.train.members import Export
from core.train.registry import find, folder_of
from core.train.students import config_of
from core.words import percent

INT8_AGREES = 0.995  # share of test assets on which the small graphs must give the label of the exact ones
BATCH = 256  # texts answered at a time
LOOKING = (looking, features, pixels, words)  # what goes along as it is where a member looks at images
READS = "requirements-images.txt"  # the packages that read the words on images, by whoever needs them


@dataclass(frozen=True)
class Parity:
    """How often two give the same label on the `n` test assets, as shares (0..1).

    `fp32`: the export with the exact graphs, and the student with those graphs put in; their confidences differ by
    `confidence` at most. `int8`: the export with the small graphs and with the exact ones. `served`: the export with the
    small graphs, and the student as it answers here; `handled`: how often these two agree on answering alone.
    `exact_teacher`, `small_teacher`: the export with either graphs, and the teacher.
    `rounded`: the small graphs are int8 in their weights only, and not those the student answers with here.
    """

    n: int
    fp32: float
    int8: float
    served: float
    handled: float
    confidence: float
    exact_teacher: float
    small_teacher: float
    rounded: bool


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

    Raises InputError where `to` cannot be used (an earlier ZIP is kept unless `replace`), the student was never judged, or
    the export does not answer like the student: labels the same for fp32, on 99.5 % of test assets for int8. Then nothing
    is left behind.
    """
    to, started = to.expanduser().resolve(), time.perf_counter()
    check_target(to, replace)
    row, report = find(db, task, student), progress or NoProgress()
    part = to.with_name(f".{to.name}.part")
    try:
        while True:
            figures = figures_of(db, row["id"])
            folder, parity = written(db, row, figures, part, report)
            if figures_of(db, row["id"]) == figures:  # else another target was set meanwhile: by that, then
                break
        report(0, 1, "Putting it into place")
        placed = place(folder, to)
    except OSError as error:
        raise no_room(error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {
        "student": row["id"],
        "kind": row["kind"],
        **placed,
        "parity": asdict(parity),
        "seconds": time.perf_counter() - started,
    }


def written(
    db: Database, row: dict, figures: ChooseOneFigures | None, part: Path, report: Progress
) -> tuple[Path, Parity]:
    """The student as `figures` judges it, written into a folder inside `part` and checked. InputError as export()."""
    if figures is None:
        raise InputError("This student has not been judged yet, so an export could not be checked.", "Train it again.")
    folder = empty(part)
    report(0, 1, "Writing the student")
    _write(folder_of(db, row["id"]), folder, row["params"], figures.certificate)
    parity = measure(db, row, folder, report)
    _must_agree(parity)
    (folder / "MODEL_CARD.md").write_text(card.write(db, row, figures, asdict(parity), folder), encoding="utf-8")
    return folder, parity


def export_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id", "student"} -> a ZIP in the workspace's output folder, in place of an earlier one."""
    student_id = find(db, tasks.get(db, params["task_id"]), params["student"])["id"]
    to = settings.subfolder("output") / f"understudy-student-{student_id}.zip"
    return export(db, task=tasks.get(db, params["task_id"]), student=student_id, to=to, replace=True, progress=progress)


# --- what goes in -------------------------------------------------------------------------------------------------


def _write(source: Path, folder: Path, params: dict, certificate: Certificate) -> None:
    """Everything but the card. `source` is the student's folder, `params` what it was made from (students.params)."""
    config = config_of(source)
    how = {name: export_of(name) for name in config["members"]}
    written = {key: config[key] for key in ("format", "kind", "members", "stages")}
    written["readers"] = {name: exporter.reader for name, exporter in how.items()}
    tokens = {"max_tokens": encoder.MAX_TOKENS, "batch_tokens": encoder.BATCH_TOKENS}
    written["tokens"] = tokens
    _json(folder / "config.json", written)
    _json(folder / "labels.json", config["labels"])
    _json(
        folder / "thresholds.json",
        {key: getattr(certificate, key) for key in ("target", "confidence", "certified", "threshold")},
    )
    for name, exporter in how.items():
        (folder / name).mkdir()
        base = members.of(name).base
        exporter.write(source / name, folder / name, params[base] if base else None)
        if (folder / name / EXACT).exists() and not (folder / name / SMALL).exists():
            round_weights(folder / name / EXACT, folder / name / SMALL)
    for file in ("predict.py", "runtime.py"):
        shutil.copyfile(Path(runtime.__file__).with_name(file), folder / file)
    if any(members.of(name).joins for name in how):
        (folder / runtime.SIGHT).mkdir()
        (folder / runtime.SIGHT / "__init__.py").touch()
        for module in LOOKING:
            shutil.copyfile(module.__file__, folder / runtime.SIGHT / Path(module.__file__).name)
        shutil.copyfile(settings.ROOT / READS, folder / READS)
    pins = "".join(f"{name}=={card.version(name)}\n" for name in card.needs(*how))
    (folder / "requirements.txt").write_text(pins, encoding="utf-8")
    _seal(folder)


def export_of(name: str) -> Export:
    """How the member of that name goes along. InputError where it says that it cannot, ValueError where it wants a reader that
    runtime.py lacks."""
    how = members.of(name).export
    if isinstance(how, str):
        raise InputError(
            f"A student with the member {name} cannot be exported: {how}", "Export a student of another kind."
        )
    if how.reader not in runtime.READERS:
        known = ", ".join(runtime.READERS)
        raise ValueError(f"The member {name} is read by '{how.reader}', which runtime.py lacks: it has {known}.")
    return how


def _seal(folder: Path) -> None:
    """List the SHA-256 of every file the student answers with, for runtime.py to check."""
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".json", ".npz", ".onnx"))
    listed = {file.relative_to(folder).as_posix(): runtime.sha256(file) for file in files}
    listed.pop("checksums.json", None)
    _json(folder / "checksums.json", listed)


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


# --- whether it answers the same ----------------------------------------------------------------------------------


def measure(db: Database, row: dict, folder: Path, report: Progress | NoProgress) -> Parity:
    """Answer the test assets of the student's label run with the export in `folder` and with the student, and compare.

    Where the graphs that the student answers with here turn more labels than the small ones may, they are replaced in
    `folder` by the exact ones with rounded weights.
    """
    frame = labelled(db, row["label_run_id"])
    test = frame[frame.split == "test"]
    texts, names = test.text.tolist(), tagsets.labels(db, row["taxonomy_id"])
    if not texts:
        raise InputError("No test asset is left to check an export on.", "Label some more assets, then train again.")
    student = students.load(folder_of(db, row["id"]))
    threshold = json.loads((folder / "thresholds.json").read_text(encoding="utf-8"))["threshold"]

    def ask(answer: Callable[[list[str]], list[dict]], who: str) -> list[dict]:
        answers = []
        for start in range(0, len(texts), BATCH):
            report(start, len(texts), f"Checking the labels of {who}")
            answers += answer(texts[start : start + BATCH])
        return answers

    here = ask(_like_runtime(student, threshold), "the student")
    wanted = ask(_like_runtime(_with_exact_graphs(student, folder), threshold), "its exact graphs")
    exact = ask(_exported(folder, int8=False), "the exact graphs exported")
    small = ask(_exported(folder, int8=True), "the small graphs exported")
    graphs = [folder / name for name in student.members if (folder / name / EXACT).exists()]
    rounded = bool(graphs) and _same(small, exact) < INT8_AGREES
    if rounded:
        for graph in graphs:
            round_weights(graph / EXACT, graph / SMALL)
        _seal(folder)
        small = ask(_exported(folder, int8=True), "the small graphs exported")
    teacher = [{"label": names[category]} for category in test.category_id]
    return Parity(
        n=len(texts),
        fp32=_same(exact, wanted),
        int8=_same(small, exact),
        served=_same(small, here),
        handled=_same(small, here, "handled"),
        confidence=max(abs(one["confidence"] - other["confidence"]) for one, other in zip(exact, wanted)),
        exact_teacher=_same(exact, teacher),
        small_teacher=_same(small, teacher),
        rounded=rounded,
    )


def _exported(folder: Path, int8: bool) -> Callable[[list[str]], list[dict]]:
    """A function that has the export in `folder` answer texts, with their images where they have any."""
    student = runtime.Student(folder, int8)

    def answer(texts: list[str]) -> list[dict]:
        sights = [sight_of(text) for text in texts]
        return student.predict([str(text) for text in texts], [sight and sight.source for sight in sights])

    return answer


def _like_runtime(student: students.Student, threshold: float | None) -> Callable[[list[str]], list[dict]]:
    """A function that has the student answer texts in the form of runtime.py."""

    def answer(texts: list[str]) -> list[dict]:
        answers = student.answer(texts)
        told = students.said(answers, student.labels)
        rows = zip(told, answers.confidence.tolist(), answers.handled(threshold).tolist())
        return [{"label": label, "confidence": sure, "handled": alone} for label, sure, alone in rows]

    return answer


def _with_exact_graphs(student: students.Student, folder: Path) -> students.Student:
    """The same student, answering by the exact graphs of the export in `folder`."""
    exact = copy.copy(student)
    exact.members = {name: copy.copy(member) for name, member in student.members.items()}
    for name, member in exact.members.items():
        if (folder / name / EXACT).exists():
            member.graph = type(member.graph)(folder / name, EXACT)
    return exact


def _same(first: list[dict], second: list[dict], key: str = "label") -> float:
    return sum(a[key] == b[key] for a, b in zip(first, second)) / len(first)


def _must_agree(parity: Parity) -> None:
    for share, least, what in (
        (parity.fp32, 1.0, "the export answers exactly as the student (fp32)"),
        (parity.int8, INT8_AGREES, "the small graphs (int8) answer as the exact ones"),
    ):
        if share < least:
            right = round(share * parity.n)
            raise InputError(
                f"Nothing was exported: {what} on {right:,} of {parity.n:,} test assets ({percent(share, digits=2)}), "
                f"and {percent(least)} is required.",
                "Export a student of another kind.",
            )
