"""The whole path in one go: two files, a teacher, a student, a verdict. The command line and the sample client both take it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlite_utils import Database

from core import database, jobs, settings, tasks
from core import taxonomy as categories
from core.assets import families, image_import, label_columns, previews, sample_pictured
from core.assets import imports as ingest
from core.assets.family_columns import by_stem, in_words
from core.assets.label_columns import nearest
from core.errors import InputError
from core.evaluate import evaluation, going_live, joint_money
from core.evaluate import joint as joint_figures
from core.evaluate.comparison import judgement
from core.evaluate.figures import ChooseOneFigures
from core.images import words
from core.images.sources import holds_images
from core.label import forecast, labelling, looking, runs
from core.label.teachers import is_hosted
from core.tables.columns import Mapping, correct
from core.tables.files import AS_FOUND, ReadAs
from core.tasks import Task
from core.taxonomy import columns as category_columns
from core.taxonomy import facets
from core.train import ladder, members, registry
from core.train.students.counted import learning_together
from core.wires import connections, providers
from core.write import guide, pairs
from core.write import training as writing

RECORDED = (
    "recorded"  # a teacher whose labels the assets file brings: of one column it names, or else of each task's own
)
SAMPLE_CLIENT = "Sample client"
SAMPLE = {
    "client": SAMPLE_CLIENT,
    "taxonomy": str(settings.SAMPLE / "taxonomy.csv"),
    "assets": str(settings.SAMPLE / "assets.csv"),
    "teacher": "recorded:recorded_label",
    # A verdict within a minute or two; on so few assets the dearer student brings nothing (data/sample/README.md).
    "student": "embedding",
    "synthetic": True,
}
IMAGES_CLIENT = "Sample client with images"
IMAGES_SAMPLE = {"client": IMAGES_CLIENT, "teacher": RECORDED, "student": "embedding", "synthetic": True}
SAMPLE_PAIRS, SAMPLE_GUIDE = settings.SAMPLE / "pairs.csv", settings.SAMPLE / "voice-guide.json"


def distil(
    db: Database,
    *,
    taxonomy: Path,
    assets: Path,
    client: str,
    text_columns: list[str] | None = None,
    id_column: str | None = None,
    family_column: str | None = None,
    family_stem: str | None = None,
    latency_unit: str | None = None,
    teacher: str = "built-in",
    base_url: str | None = None,
    look: bool | None = None,
    student: str = members.AUTO,
    target: float | None = None,
    budget: float | None = None,
    read_as: ReadAs = AS_FOUND,
    taxonomy_read_as: ReadAs = AS_FOUND,
    taxonomy_columns: dict[str, Any] | None = None,
    columns: dict[str, str | None] | None = None,
    labels_are: str | None = None,
    accepted: dict[str, str] | None = None,
    accept_near: bool = False,
    go_live: bool = False,
    task: str | None = None,
    label_columns: dict[str, str] | None = None,
    on_progress: Callable[[int, int, str, float], None] | None = None,
) -> dict[str, Any]:
    """Import, label, train and evaluate in this process; returns the object `distil --json` prints.

    It is a job like any other: the pages show it, and what a kill left undone is carried on. `task`: which of the client's tasks,
    made if new (its only one). `look`: whether a hosted teacher gets the
    images, from now on (None: as was chosen). A taxonomy with facets makes a task of each, called so; `label_columns` says in which
    column the labels of a facet stand, where its name does not. With `go_live` the students chosen are put to work; else none is.
    Raises InputError for bad input.
    """
    params = {
        "client": client,
        "task": task,
        "taxonomy": str(taxonomy.resolve()),
        "assets": str(assets.resolve()),
        "text_columns": text_columns,
        "id_column": id_column,
        "family_column": family_column,
        "family_stem": family_stem,
        "latency_unit": latency_unit,
        "teacher": teacher,
        "base_url": base_url,
        "look": look,
        "student": student,
        "target": target,
        "budget": budget,
        "read_as": asdict(read_as),
        "taxonomy_read_as": asdict(taxonomy_read_as),
        "taxonomy_columns": taxonomy_columns,
        "columns": columns,
        "labels_are": labels_are,
        "accepted": accepted,
        "accept_near": accept_near,
        "go_live": go_live,
        "label_columns": label_columns,
    }
    if look is not None and not is_hosted(teacher):
        raise looking.NOT_HOSTED
    read = _taxonomy(taxonomy, params)
    names = list(read.facets)
    if names != [""] and task is not None:
        raise InputError(
            f"--task names one task, but {taxonomy.name} holds facets: {', '.join(names)}.", "Leave --task out."
        )
    return jobs.run_here(db, "distil", params, _task(db, client, names[0] or task, read, names[0]), on_progress).result


def _task(
    db: Database, client: str, name: str | None, read: categories.TaxonomyFile, facet: str, *, synthetic: bool = False
) -> Task:
    """The task of the kind that the taxonomy file asks for its `facet` (none: any that sorts assets), made if new. InputError where
    a task of another kind has the name."""
    kind = read.picks.get(facet)
    task = tasks.of(db, client, name, synthetic=synthetic, kind=kind or "choose_one")
    facets.must_be(task, kind)
    facets.keep_pick(db, task, read, facet)
    return task


def distil_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body: {"sample": true}, {"sample": "images"}, or distil()'s arguments with paths as text. Run again it adds
    nothing it has already.

    The student chosen is put to work where "go_live" asks for it, and only then.
    """
    pictured = params.get("sample") == "images"
    request = _images_sample(progress) if pictured else SAMPLE if params.get("sample") else params
    client, synthetic = request["client"], request.get("synthetic", False)
    files = Path(request["taxonomy"]), Path(request["assets"])

    read = _taxonomy(files[0], request)
    each_task = {
        name: _task(db, client, name or request.get("task"), read, name, synthetic=synthetic) for name in read.facets
    }
    told = [*read.problems, *facets.renamed(db, next(iter(each_task.values())).client_id, read)]
    for name, task in each_task.items():
        categories.save(db, task, read.facets[name], files[0].name)
    imported = {name: _assets(db, task, files[1], request, name, progress) for name, task in each_task.items()}
    with learning_together() if len(each_task) > 1 else nullcontext():
        outcomes = _taught_all(
            db, each_task, request, {name: column for name, (_, column) in imported.items()}, progress
        )
    first = imported[next(iter(each_task))][0]
    brought_in = {
        "import": first.import_id,
        "rows": first.rows,
        "imported": first.imported,
        "duplicates": first.duplicates,
        "families": families.count(db, task.client_id),
        "problems": first.problems + sum(not one.remark for one in told),
        "remarks": first.remarks + sum(one.remark for one in told),
        "aside": first.aside,
        "taxonomy_problems": [one.as_dict() for one in told],
        "taxonomy_unused": category_columns.unused_columns(read.columns, read.mapping),
    }
    if list(each_task) == [""]:
        return {"client": client, "assets": brought_in, **outcomes[""]}
    each = {task.name: {"import": imported[name][0].import_id, **outcomes[name]} for name, task in each_task.items()}
    chosen = [int(one["chosen"]) for one in each.values()]
    target = request.get("target") or settings.get(db, "target_agreement", task)
    joint = joint_figures.all_facets(db, chosen, target, settings.get(db, "confidence", task))
    economics, _ = joint_money.as_json(db, dict(zip(each_task.values(), chosen)))
    whole = joint_figures.as_json(joint) | {"economics": economics}
    return {"client": client, "assets": brought_in, "tasks": each, "all_facets": whole}


def _taught_all(
    db: Database, facets: dict[str, Task], request: dict, columns: dict[str, str | None], progress: jobs.Progress
) -> dict[str, dict[str, Any]]:
    """Label, train and judge for each task; a hosted teacher is asked about all facets together first."""
    budget = left = request.get("budget")
    if is_hosted(request["teacher"]):
        teacher = _connected(db, next(iter(facets.values())), request["teacher"], request.get("base_url"))
        if request.get("look") is not None:
            looking.choose(db, next(iter(facets.values())).client_id, teacher, request["look"])
        runs_of = labelling.label_together(db, list(facets.values()), teacher, budget_usd=budget, progress=progress)
        return {
            name: _taught(db, task, request, run_id, progress) for (name, task), run_id in zip(facets.items(), runs_of)
        }
    outcomes = {}
    for name, task in facets.items():
        run_id = _labelled(db, task, request, columns[name], left, progress)
        outcomes[name] = _taught(db, task, request, run_id, progress)
        left = left and max(0.0, left - outcomes[name]["labels"]["spent_usd"])
    return outcomes


def _labelled(
    db: Database, task: Task, request: dict, label_column: str | None, budget: float | None, progress: jobs.Progress
) -> int:
    """The run of a teacher that labels one task at a time."""
    teacher = request["teacher"]
    if teacher == RECORDED:
        if label_column is None:
            raise InputError(
                f"No column of the assets file holds labels of {task.name}.",
                f"Call it {task.name}, or say which: --label-columns {task.name}=COLUMN.",
            )
        teacher = f"{RECORDED}:{label_column}"
    teacher = _connected(db, task, teacher, request.get("base_url"))
    return labelling.label(db, task, teacher, budget_usd=budget, progress=progress)


def _taught(db: Database, task: Task, request: dict, run_id: int, progress: jobs.Progress) -> dict[str, Any]:
    """Train and judge for one task: labels, students, chosen, live, cascade, economics, verdict, why."""
    target, kind = request.get("target"), request.get("student", members.AUTO)
    trained = _train_and_judge(db, task, run_id, kind, target, progress)
    change = going_live.go_live(db, task, trained[-1]) if request.get("go_live") else None
    return {
        **_outcome(db, task, run_id, trained),
        "why": _why(db, task, trained, kind, target),
        **({"change": going_live.as_json(change)} if change else {}),
    }


def _taxonomy(file: Path, request: dict) -> categories.TaxonomyFile:
    """The taxonomy file, with the columns that were named taking precedence over the guess."""
    how = ReadAs(**request.get("taxonomy_read_as") or {})
    return categories.read(file, categories.chosen(file, request.get("taxonomy_columns") or {}, how), how)


def _assets(
    db: Database, task: Task, file: Path, request: dict, facet: str, progress: jobs.Progress
) -> tuple[ingest.ImportSummary, str | None]:
    """Import the assets and the task's labels, and say in which column these stand; with `accept_near` once more, with the labels
    that are near to one category only."""
    how, accepted = ReadAs(**request.get("read_as") or {}), request.get("accepted") or {}
    images = image_import.open_images(db, task, file, progress, read_as=how) if holds_images(file) else None
    seen = images.preview() if images else previews.preview(file, how, ingest.label_forms(db, task))
    mapping = _mapping(seen, file, request, facet)
    if told := in_words(mapping, seen.families):
        progress(0, 0, told)
    given = {"table": images.table, "sha256": images.sha256} if images else {}
    first = ingest.import_assets(db, task, file, mapping, progress=progress, read_as=how, accepted=accepted, **given)
    near = nearest(first.unknown) if request.get("accept_near") else {}
    if not near:
        return first, mapping.label
    again = ingest.import_assets(
        db, task, file, mapping, progress=progress, read_as=how, accepted=near | accepted, **given
    )
    counts = {"imported": first.imported, "unchanged": first.unchanged, "duplicates": first.duplicates}
    return replace(again, **counts), mapping.label


def _images_sample(progress: jobs.Progress) -> dict[str, Any]:
    """The request of the second sample client, drawn where that is not done yet. Where nothing reads images, its table says their
    words."""
    typed = not words.installed()
    folder = settings.subfolder("samples") / ("images-typed" if typed else "images")
    if not (folder / "creatives" / "creatives.csv").exists():  # it is written last
        sample_pictured.write(folder, typed=typed, progress=progress)
    return IMAGES_SAMPLE | {"taxonomy": str(folder / "taxonomy.csv"), "assets": str(folder / "creatives")}


def sample_pairs(db: Database) -> Task:
    """The sample client's second task, which writes: its made-up pairs and voice guide, brought in where they are not there yet."""
    database.client_id(db, SAMPLE_CLIENT, synthetic=True)
    task = writing.task_of(db, SAMPLE_CLIENT)
    if not pairs.load(db, task):
        guide.put(db, task, guide.read(SAMPLE_GUIDE))
        table = pairs.opened(SAMPLE_PAIRS, ["brief", "copy"])
        pairs.import_pairs(db, task, SAMPLE_PAIRS, pairs.find_columns(table, ["brief"], "copy"))
    return task


def import_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body of the Assets page: core.assets.imports.import_job(), after which labels that came with the file are taken as a
    recorded teacher's, since they cost nothing; "labels" counts what that teacher has labelled by then. "facets": the columns
    with the labels of other tasks, by their ids; these are brought in likewise, and counted by the task's name."""
    summary = ingest.import_job(db, params, progress)
    import_id = summary["import_id"]
    stored = json.loads(db.execute("select mapping from imports where id = ?", [import_id]).fetchone()[0])
    summary["labels"] = _taken_over(db, tasks.get(db, params["task_id"]), stored["label"], progress)
    summary["facets"] = {}
    for task_id, column in (params.get("facets") or {}).items():
        task = tasks.get(db, int(task_id))
        mapping = asdict(Mapping(text=tuple(stored["text"]), id=stored["id"], label=column))
        ingest.import_job(db, params | {"task_id": task.id, "mapping": mapping, "accepted": None}, progress)
        summary["facets"][task.name] = _taken_over(db, task, column, progress)
    return summary


def import_images_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body of an import of images: core.assets.image_import.import_job(), after which labels that came with the table are
    taken as a recorded teacher's."""
    summary = image_import.import_job(db, params, progress)
    stored = db.execute("select mapping from imports where id = ?", [summary["import_id"]]).fetchone()[0]
    task = tasks.get(db, params["task_id"])
    return summary | {"labels": _taken_over(db, task, json.loads(stored)["label"], progress), "facets": {}}


def _taken_over(db: Database, task: Task, column: str | None, progress: jobs.Progress) -> int:
    """How many labels the recorded teacher of a column has given, once it has given all."""
    if not column or categories.latest(db, task) is None or not forecast.recorded_columns(db, task).get(column):
        return 0
    return runs.summary(db, labelling.label(db, task, f"recorded:{column}", progress=progress))["count"]


def train_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body of the Student page: {"task_id", "run_id", "kind", "target"} -> {"students", "chosen"}, every one judged."""
    task, run_id = tasks.get(db, params["task_id"]), params["run_id"]
    trained = _train_and_judge(db, task, run_id, params["kind"], params.get("target"), progress)
    why = _why(db, task, trained, params["kind"], params.get("target"))
    return {"students": trained, "chosen": trained[-1], "why": why}


def _why(db: Database, task: Task, trained: list[int], kind: str, target: float | None) -> str | None:
    """Why the ladder chose the last of them; None where a person chose the kind."""
    if len(members.choice(kind).ladder) == 1:
        return None
    return ladder.why(db, trained, settings.get(db, "target_agreement", task) if target is None else target)


def _train_and_judge(
    db: Database, task: Task, run_id: int, kind: str, target: float | None, progress: jobs.Progress
) -> list[int]:
    """Train, and evaluate each student as soon as it is trained; the chosen one is the last of the ids returned. None goes live by
    itself."""

    def judge(student_id: int) -> None:
        evaluation.evaluate(db, student_id, target=target, progress=progress)

    return ladder.train(db, task, run_id, kind, target=target, progress=progress, ready=judge)


def _connected(db: Database, task: Task, teacher: str, base_url: str | None) -> str:
    """The teacher's spec; for openai:MODEL at an address of its own, that of a connection kept for the client, made if new.

    The key, where the server wants one, is the provider's usual environment variable. InputError for other teachers.
    """
    if base_url is None:
        return teacher
    kind, _, model = teacher.partition(":")
    if kind not in providers.kinds() or not model:
        raise InputError("A base URL goes with a hosted teacher.", f"Name it as {providers.specs()}.")
    name = f"{model} at {urlsplit(base_url).netloc or base_url}"
    if not any(one.name == name and one.kind == kind for one in connections.all(db, task.client_id)):
        variable = providers.of(kind).key_variable
        key = f"env:{variable}" if os.environ.get(variable) else "none"
        connections.save(db, task.client_id, name, kind, model, base_url=base_url, key_source=key)
    return f"connection:{name}"


def _mapping(seen: previews.Preview, assets: Path, request: dict, facet: str) -> Mapping:
    """The guessed columns, with those that were named taking precedence. InputError for a column the file lacks."""
    kind, _, label = request["teacher"].partition(":")
    text = tuple(request.get("text_columns") or ())
    if facet:
        label = (request.get("label_columns") or {}).get(facet) or label_columns.of_facet(facet, seen.columns)
        label = label or (seen.guess.label if seen.names and seen.guess.label in seen.names.rule.parts else None)
    named = {"id": request.get("id_column"), "label": label if kind == RECORDED else None}
    named = {role: column for role, column in named.items() if column} | (request.get("columns") or {})
    if facet:
        named["label"] = label  # never the column of another facet, which looks as good
    if family := request.get("family_column"):
        named["family"] = None if family == "none" else family
    names = request.get("family_stem")
    for column in [*text, *named.values(), names]:
        if column and column not in seen.columns:
            raise InputError(
                f"There is no column '{column}'.", f"The columns are: {', '.join(seen.columns)}.", where=assets.name
            )
    written = {"latency_unit": request.get("latency_unit"), "labels_are": request.get("labels_are")}
    if names:
        written |= {"family": names, "family_stem": by_stem(names, seen.families)}
    elif "family" in named:
        written["family_stem"] = None
    return replace(correct(seen.guess, text, named), **written)


def _outcome(db: Database, task: Task, run_id: int, trained: list[int]) -> dict[str, Any]:
    """Labels, students, cascade, economics and verdict of the chosen (last) student."""
    labels = runs.summary(db, run_id)
    chosen = judgement(db, trained[-1])
    figures, certificate = chosen.figures, chosen.figures.certificate
    return {
        "labels": {
            "teacher": labels["teacher"],
            "count": labels["count"],
            "failed": labels["failed"],
            "state": labels["state"],
            "spent_usd": labels["spent_usd"],
            "seconds": round(labels["seconds"], 3),
        },
        "students": [_student(judgement(db, student_id).figures) for student_id in sorted(trained)],
        "chosen": str(trained[-1]),
        "live": next((str(row["id"]) for row in registry.all_students(db, task) if row["live"]), None),
        "cascade": {
            "target": certificate.target,
            "confidence": certificate.confidence,
            "certified": certificate.certified,
            "threshold": certificate.threshold,
            "handled": figures.handled.value,
            "agreement_handled": figures.agreement_handled and figures.agreement_handled.value,
            "agreement_end_to_end": figures.agreement_end_to_end,
        },
        "economics": asdict(chosen.economics),
        "verdict": {key: value for key, value in asdict(chosen.verdict).items() if key != "rule"},
    }


def _student(figures: ChooseOneFigures) -> dict[str, Any]:
    share, student = figures.agreement, figures.student
    return {
        "id": str(student.id),
        "kind": student.kind,
        "train_seconds": round(student.train_seconds or 0.0, 2),
        "agreement": {"value": share.value, "low": share.low, "high": share.high, "n": share.n},
        "macro_f1": figures.macro_f1,
        **({"tags": asdict(figures.tags)} if figures.tags else {}),
        "kappa": figures.kappa,
        "latency_ms": {"p50": figures.latency.p50, "p95": figures.latency.p95},
        "assets_per_second": figures.assets_per_second,
        "size_mb": round(student.size_mb, 2),
    }
