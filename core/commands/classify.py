"""`classify`: one text, or image, by a student."""

from __future__ import annotations

import argparse
import asyncio
import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError
from core.words import percent

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task

SUMMARY = "classify one text or image"
SEVERAL_TASKS = True


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--text", default="", metavar="T", help="the asset's text, as it was typed")
    command.add_argument(
        "--image", type=Path, metavar="FILE", help="its image, whose words are read and follow the text"
    )
    terminal.student_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """One text, or image: the student's top three (and, where it chooses several, the tags it gives), the time it took, and whether
    it may answer alone; those of each task where several are named, or none is and several of the client's have a student at
    work."""
    if not args.text.strip() and args.image is None:
        raise InputError("The text is empty.", "Give the asset's words, or its image with --image.", where="--text")
    from core import database
    from core.train import registry

    db = database.connect()
    facets = registry.named(db, args.client, args.task, args.student)
    asset, told = args.text, {}
    if args.image is not None:
        asset, found = _seen(facets[0].client_id, args.text, args.image)
        told = {"words": found}
    if len(facets) == 1:
        answer, lines = _classified(db, facets[0], args.student, asset)
        return {"client": args.client, **told, **answer}, "\n".join(lines)
    answers = {task.name: _classified(db, task, args.student, asset) for task in facets}
    handled = all(answer["handled"] for answer, _ in answers.values())
    text = "\n".join(
        line for name, (_, lines) in answers.items() for line in (f"{name}:", *(f"  {one}" for one in lines))
    )
    each = {name: answer for name, (answer, _) in answers.items()}
    return {"client": args.client, **told, "facets": each, "handled": handled}, text


def _seen(client_id: int, typed: str, path: Path) -> tuple[str, str | None]:
    """What is typed with the image in a file, and the words read on that, as the service takes them; None where nothing reads and
    there is a text. InputError where the image cannot be used or there are no words."""
    from core.deploy.sent_images import NOT_READ, Refused, SentImages
    from core.images.reading import WITHOUT_READER

    async def taken() -> tuple[str, str | None]:
        images = SentImages(client_id)
        try:
            asked = await images.take([typed], [base64.b64encode(path.read_bytes()).decode()])
        finally:
            await images.close()
        return asked.texts[0], asked.words[0]

    try:
        text, found = asyncio.run(taken())
    except OSError as error:
        raise InputError("The image cannot be opened.", "Give the path of an image's file.", where=str(path)) from error
    except Refused as why:
        if NOT_READ in str(why):
            raise WITHOUT_READER from why
        what, _, todo = str(why).partition("; ")
        raise InputError(f"{what}.", f"{todo[:1].upper()}{todo[1:]}", where=str(path)) from why
    if not text.strip():
        raise InputError("The image has no words that can be read.", "Give its words with --text.", where=str(path))
    return text, found


def _classified(db: Database, task: Task, which: str, asset: str) -> tuple[dict, list[str]]:
    from core.evaluate.evaluation import certified
    from core.evaluate.versions import behind_words
    from core.train import registry, students

    row = registry.looked_at(db, task, which)
    student = students.load(registry.folder_of(db, row["id"]))
    student.answer([asset])  # the first call pays for loading
    started = time.perf_counter()
    answers = student.answer([asset])
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
