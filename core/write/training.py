"""Training students that write: pairs to a ladder of students, each judged, and the one that no figure rules out chosen."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import database, jobs, settings, tasks
from core.database import fresh_id, now
from core.encoders.encoder import encoder
from core.errors import InputError
from core.jobs.progress import NoProgress
from core.tables.problems import ReadAs
from core.tasks import Task
from core.train.disk import megabytes
from core.train.promotions import Promotions
from core.whole import write_whole
from core.write import (
    base,
    blind,
    desk,
    drafting,
    figures,
    guide,
    judging,
    known,
    language,
    model_figures,
    pairs,
    probes,
    profile,
    quick,
    scorer,
    verdict,
    voice,
)
from core.write.rungs import AUTO, Lesson, Rung, ladder, rungs
from core.write.rungs import write as writing

KIND, FIRST_TASK = "write", "Copy"
LIVE = Promotions("writers", "writer_promotions", "writer_id")
TRAINED_FORMAT = 4  # of a student's folder; raised when the same pairs make another student


def task_of(db: Database, client: str, name: str | None = None) -> Task:
    """The client's task that writes, made if new: the one called `name`, else its only one. InputError where another kind has the
    name, or several write."""
    client_id = database.client_id(db, client, first=(database.plain_name(name or FIRST_TASK, "task"), KIND))
    there = tasks.of_client(db, client_id)
    if name is None:
        there = [task for task in there if task.kind == KIND]
        if len(there) > 1:
            raise InputError(
                "The client has several tasks that write.", f"Name one: {', '.join(t.name for t in there)}."
            )
        return there[0] if there else tasks.add(db, client_id, FIRST_TASK, KIND)
    same = [task for task in there if task.name.casefold() == " ".join(name.split()).casefold()]
    if same and same[0].kind != KIND:
        raise InputError(f"The task {same[0].name} does not write.", "Name another one with --task.")
    return same[0] if same else tasks.add(db, client_id, name, KIND)


def find(db: Database, task: Task, which: str | int = "live") -> dict:
    """The task's live student, or the one with id `which`; `figures` and `params` read. InputError where there is none."""
    for row in all_writers(db, task):
        if row["live"] if which == "live" else str(row["id"]) == str(which):
            return row
    raise InputError(
        "This task has no student that may write yet." if which == "live" else f"This task has no student {which}.",
        "Train one with `distil --pairs`, or on the Write page.",
    )


def all_writers(db: Database, task: Task) -> list[dict]:
    """The task's finished students, newest first; `blind`: how their blind test stands; `scorer`: what is proven of drafts
    above its bar, in words, "" where nothing is."""
    rows = db.query("select * from writers where task_id = ? and ready = 1 order by id desc", [task.id])
    return [
        row
        | {"figures": figures.read(row["figures"]), "params": json.loads(row["params"])}
        | {"blind": blind.result(db, task, row["id"]), "scorer": scorer.proven(db, row)}
        for row in list(rows)
    ]


def verdict_of(row: dict) -> verdict.Verdict:
    """The verdict on a student of all_writers(), with what is proven of its drafts above the scorer's bar."""
    found = verdict.of(row["figures"], new=rungs()[row["kind"]].new, refused=row["refused"], blind=row["blind"])
    if found.decision == verdict.NOT_YET or not row.get("scorer"):
        return found
    return replace(found, reason=f"{found.reason} {row['scorer']}")


def import_and_train(
    db: Database,
    task: Task,
    path: Path | None,
    brief: list[str],
    copy: str,
    *,
    student: str = AUTO,
    read_as: dict | None = None,
    go_live: bool = False,
    on_progress: Any = None,
) -> dict[str, Any]:
    """Import (unless `path` is None), train and judge in this process, as a job that a kill leaves to be carried on; returns what
    train_job() does."""
    ladder(student, False)  # an unknown one is refused before anything is read
    params = {
        "task_id": task.id,
        "file": str(path.resolve()) if path else None,
        "brief": brief,
        "copy": copy,
        "read_as": read_as,
        "student": student,
        "go_live": go_live,
    }
    return jobs.run_here(db, "writers", params, task, on_progress).result


def train_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body: {"file", "brief", "copy", "read_as"} where pairs are to be imported first; "student", the rung to train; and
    "go_live"."""
    task = tasks.get(db, params["task_id"])
    counts = {}
    if params.get("file"):
        path, how = Path(params["file"]), ReadAs(**params["read_as"] or {})
        table = pairs.opened(path, [*params["brief"], *filter(None, [params["copy"]])], how)
        columns = pairs.find_columns(table, params["brief"], params["copy"])
        imported = pairs.import_pairs(db, task, path, columns, how, progress)
        counts = {
            "rows": imported.rows,
            "imported": imported.imported,
            "duplicates": imported.duplicates,
            "problems": sum(not one.remark for one in imported.problems),
            "remarks": sum(one.remark for one in imported.problems),
            "problem_list": [one.as_dict() for one in imported.problems[:100]],
            "left_out": imported.left_out,
            "profile": found.as_dict() if (found := profile.of(db, task)) else None,
        }
    trained = train(db, task, params.get("student", AUTO), progress, go_live=params.get("go_live", False))
    return {"task": task.name, "pairs": counts, **trained}


def train(
    db: Database, task: Task, choice: str = AUTO, progress: NoProgress | None = None, *, go_live: bool = False
) -> dict[str, Any]:
    """Climb the ladder on the task's pairs and choose the highest rung that no figure rules out. The task's first student goes to
    work, its drafts for people; a later one does only with `go_live`. Returns students, chosen, live (who is at work), verdict and
    what ruled others out.

    InputError where pairs are too few or the base model cannot be used.
    """
    step = progress or NoProgress()
    desk.into_pairs(db, task)
    there = pairs.load(db, task)
    pairs.must_suffice(there)
    step(0, 0, "Preparing the training")
    split = {name: pairs.approved(there, name) for name in ("train", "calibration", "test")}
    sums_up = judging.summarises(split["train"])
    rules = guide.of(db, task, [copy for _, copy in split["train"]])
    name = settings.get(db, "base_model", task)
    seen = known.of(split["train"], split["calibration"], encoder(), common_words(name))
    test = judging.held_out(split["test"])
    trained: dict[str, dict] = {}
    left_out: dict[str, str] = {}
    for rung in ladder(choice, sums_up):
        if barred := _barred(rung, choice, sums_up, name, split["test"], step):
            left_out[rung.name] = barred
            continue
        earlier = {kind: settings.home() / row["path"] for kind, row in trained.items()}
        lesson = Lesson(
            split["train"], split["calibration"], seen, rules, name, encoder(), Path(), earlier, sums_up, step
        )
        trained[rung.name] = _fitted(db, task, rung, lesson, test)
    return _outcome(db, task, trained, left_out, go_live)


def _barred(rung: Rung, choice: str, sums_up: bool, name: str, test: list, step: NoProgress) -> str:
    """Why AUTO leaves out a rung, "" where it does not: open summaries by a base model that mixes up who did what."""
    if choice != AUTO or not sums_up or not rung.reads:
        return ""
    step(0, 0, "Seeing whether the base model tells who did what")
    return probes.refusal(probes.probe(language.load(base.prepared(name)), test))


def common_words(name: str) -> frozenset[str]:
    """Words in small letters that the base model has a token of their own for: they are no names."""
    vocabulary = json.loads((base.prepared(name) / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    words = (word[1:] for word in vocabulary if word[:1] in "Ġ▁")
    return frozenset(word for word in words if len(word) > 2 and word.isalpha() and word.islower())


def _fitted(db: Database, task: Task, rung: Rung, lesson: Lesson, test: dict[str, list[str]]) -> dict:
    """Train and judge one student, or take the one made of just this before; an unfinished one is carried on.

    Figures are of what is at work, and stand beside others: one that drafted with torch for want of xllamacpp, and need not any
    more, is judged anew, and so is one whose summaries were compared by words as they stand.
    """
    row = _row(db, task, rung, lesson)
    folder = settings.home() / row["path"]
    lesson = replace(lesson, folder=folder)
    if row["ready"]:
        row |= {"figures": figures.read(row["figures"])}
        earlier = (words := row["figures"].rouge) and not words.stems  # they cannot stand beside those of today
        if not _quickened(rung, lesson, test) and not earlier:
            return row
        drafting.load.cache_clear()
        same = {name: getattr(row["figures"], name) for name in model_figures.NAMES}
        return _judged(db, task, row, lesson, test, same)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    rung.fit(lesson)
    row["train_seconds"] = time.perf_counter() - started + _seconds_below(db, rung, lesson)
    lesson.known.save(folder)
    config = {"kind": rung.name, "base": lesson.base if rung.reads else None, "guide": lesson.guide.model_dump()}
    write_whole(folder / drafting.CONFIG, json.dumps(config))
    more, row["refused"] = model_figures.of(rung, lesson, test)
    _quickened(rung, lesson, test)
    return _judged(db, task, row, lesson, test, more)


def _quickened(rung: Rung, lesson: Lesson, test: dict[str, list[str]]) -> bool:
    """Have a student draft with llama.cpp where it can; whether it does from now on. One that may not write as well: it is judged
    all the same, in half the time."""
    model = lesson.folder / writing.MODEL
    if not rung.reads or not quick.wanted(model):
        return False
    if any(quick.taken(folder / writing.MODEL, model) for kind, folder in lesson.earlier.items() if kind in rung.takes):
        return True
    lesson.step(0, 0, f"{rung.name}: making the file that drafts fast")
    return quick.make(model, [(brief, copy) for brief, copies in test.items() for copy in copies])


def _judged(
    db: Database, task: Task, row: dict, lesson: Lesson, test: dict[str, list[str]], more: dict[str, Any]
) -> dict:
    """Judge a student by what it drafts on test briefs, and keep the figures, with `more` that need no drafts; its row."""
    folder = lesson.folder
    hear = voice.hearer(db, task, lesson.train, test, folder)
    measured = judging.judge(drafting.load(folder), test, lesson.step, folder, hear).model_copy(update=more)
    row |= {"ready": 1, "size_mb": megabytes(folder)}
    db["writers"].update(row["id"], {**row, "figures": measured.model_dump_json()})
    return row | {"figures": measured}


def _seconds_below(db: Database, rung: Rung, lesson: Lesson) -> float:
    """The training time of the rung whose model is taken over: it belongs to this student's bill as well."""
    paths = [f"writers/{folder.name}" for kind, folder in lesson.earlier.items() if kind in rung.takes]
    marks = ", ".join("?" * len(paths))
    return db.execute(f"select total(train_seconds) from writers where path in ({marks})", paths).fetchone()[0]


def _row(db: Database, task: Task, rung: Rung, lesson: Lesson) -> dict:
    """The row of the student made of just this: finished, interrupted, or new."""
    content = json.dumps([lesson.train, lesson.held, lesson.guide.model_dump(), TRAINED_FORMAT]).encode()
    params = {"data": hashlib.sha256(content).hexdigest()[:16], "train": len(lesson.train), "base": lesson.base}
    key = {"task_id": task.id, "kind": rung.name, "params": json.dumps(params, sort_keys=True)}
    same = "select * from writers where task_id = :task_id and kind = :kind and params = :params"
    if row := next(db.query(same, key), None):
        return row
    with db.atomic():
        new = fresh_id(db, "writers")
        db["writers"].insert(key | {"id": new, "path": f"writers/{new}", "created": now()})
    # A folder of that number can only be the left-over of a database that is gone.
    shutil.rmtree(settings.home() / "writers" / str(new), ignore_errors=True)
    return next(db.query(same, key))


def _outcome(
    db: Database, task: Task, trained: dict[str, dict], left_out: dict[str, str], go_live: bool
) -> dict[str, Any]:
    """What `distil --json` says of the students, once the one that was chosen is at work where it goes there."""
    verdicts = {kind: verdict_of(row | {"blind": blind.result(db, task, row["id"])}) for kind, row in trained.items()}
    fit = [kind for kind, one in verdicts.items() if one.decision != verdict.NOT_YET]
    chosen = trained[fit[-1]] if fit else None
    if chosen and (go_live or not LIVE.any_live(db, task)):
        LIVE.set_live(db, chosen["id"])
    live = db.execute("select id from writers where task_id = ? and live = 1", [task.id]).fetchone()
    last = list(verdicts)[-1]
    return {
        "students": [_as_json(row) for row in trained.values()],
        "chosen": str(chosen["id"]) if chosen else None,
        "live": str(live[0]) if live else None,
        "verdict": asdict(verdicts[fit[-1] if fit else last]),
        "ruled_out": left_out | {kind: one.reason for kind, one in verdicts.items() if one.decision == verdict.NOT_YET},
    }


def _as_json(row: dict) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "train_seconds": round(row["train_seconds"], 2),
        "size_mb": round(row["size_mb"], 1),
        "refused": row["refused"],
        **row["figures"].model_dump(exclude={"examples"}),
    }
