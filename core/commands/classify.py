"""`classify`: one text by a student."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError
from core.words import percent

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task

SUMMARY = "classify one text"
SEVERAL_TASKS = True


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--text", required=True, metavar="T", help="the asset's text")
    terminal.student_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """One text: the student's top three (and, where it chooses several, the tags it gives), the time it took, and whether it may
    answer alone; those of each task where several are named, or none is and several of the client's have a student at work."""
    if not args.text.strip():
        raise InputError("The text is empty.", "Give the asset's words.", where="--text")
    from core import database
    from core.train import registry

    db = database.connect()
    facets = registry.named(db, args.client, args.task, args.student)
    if len(facets) == 1:
        answer, lines = _classified(db, facets[0], args)
        return {"client": args.client, **answer}, "\n".join(lines)
    answers = {task.name: _classified(db, task, args) for task in facets}
    handled = all(answer["handled"] for answer, _ in answers.values())
    text = "\n".join(
        line for name, (_, lines) in answers.items() for line in (f"{name}:", *(f"  {one}" for one in lines))
    )
    told = {name: answer for name, (answer, _) in answers.items()}
    return {"client": args.client, "facets": told, "handled": handled}, text


def _classified(db: Database, task: Task, args: argparse.Namespace) -> tuple[dict, list[str]]:
    from core.evaluate.evaluation import certified
    from core.evaluate.versions import behind_words
    from core.train import registry, students

    row = registry.looked_at(db, task, args.student)
    student = students.load(registry.folder_of(db, row["id"]))
    student.answer([args.text])  # the first call pays for loading
    started = time.perf_counter()
    answers = student.answer([args.text])
    ms = 1000 * (time.perf_counter() - started)
    shares = answers.probabilities[0]
    top = [{"category": student.labels[i], "confidence": float(shares[i])} for i in shares.argsort()[::-1][:3]]
    tags = [label for label, given in zip(student.labels, answers.given[0]) if given] if student.several else []
    threshold, _ = certified(db, row["id"])
    handled, strange = bool(answers.handled(threshold)[0]), bool(answers.strange[0])
    needed = (
        "nothing is proven yet"
        if threshold is None
        else f"{percent(threshold)} is enough"
        if threshold
        else "the promise holds however sure it is"
    )
    if strange:
        needed = "it is unlike anything the student learned from"
    result = {
        "student": str(row["id"]),
        "kind": row["kind"],
        **({"tags": tags, "confidence": float(answers.confidence[0])} if student.several else {}),
        "top": top,
        "ms": round(ms, 3),
        "threshold": threshold,
        "strange": strange,
        "handled": handled,
        "live": bool(row["live"]),
        "taxonomy_note": (behind := behind_words(db, row)),
    }
    lines = [f"{percent(one['confidence']):>7}  {one['category']}" for one in top]
    if student.several:
        lines.insert(0, f"Tags: {students.said(answers, student.labels)[0]}")
    verdict = "handled by the student" if handled else "falls back to the teacher"
    lines.append(f"{verdict} ({needed}), {ms:.1f} ms")
    return result, [*lines, *([behind] if behind else [])]
