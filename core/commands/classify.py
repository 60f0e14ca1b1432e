"""`classify`: one text by a student."""

from __future__ import annotations

import argparse
import time

from core import terminal
from core.errors import InputError
from core.words import percent

SUMMARY = "classify one text"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--text", required=True, metavar="T", help="the asset's text")
    terminal.student_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """One text: the student's top three, the time it took, and whether it may answer alone."""
    if not args.text.strip():
        raise InputError("The text is empty.", "Give the asset's words.", where="--text")
    from core import database, tasks

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
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
    threshold, _ = certified(db, row["id"])
    handled, strange = bool(answers.handled(threshold)[0]), bool(answers.strange[0])
    needed = f"{percent(threshold)} is enough" if threshold is not None else "nothing is proven yet"
    if strange:
        needed = "it is unlike anything the student learned from"
    result = {
        "client": args.client,
        "student": str(row["id"]),
        "kind": row["kind"],
        "top": top,
        "ms": round(ms, 3),
        "threshold": threshold,
        "strange": strange,
        "handled": handled,
        "live": bool(row["live"]),
        "taxonomy_note": (behind := behind_words(db, row)),
    }
    lines = [f"{percent(one['confidence']):>7}  {one['category']}" for one in top]
    verdict = "handled by the student" if handled else "falls back to the teacher"
    lines.append(f"{verdict} ({needed}), {ms:.1f} ms")
    return result, "\n".join([*lines, *([behind] if behind else [])])
