"""The model card of an exported writing student: what it is for, what it learned from, what was measured, and what it must not do.

Names and copy come from files of strangers: whatever Markdown or HTML would read as markup in them is escaped.
"""

from __future__ import annotations

import platform
from pathlib import Path

from sqlite_utils import Database

from core.deploy.card import files_table, table, version
from core.escape import plain
from core.tasks import Task
from core.words import counted, duration, percent, ranged
from core.write import base, blind, training
from core.write.figures import Measured, WriteFigures
from core.write.parity import LOST, Parity
from core.write.rungs import rungs

MEASURES = {
    "near_copies": "near copies of approved copy",
    "recall_at_10": "about the brief (its own among the ten nearest of a hundred)",
    "distinct_2": "different pairs of words",
    "unique": "different texts",
}

USE = """## Use

    pip install -r requirements.txt
    python write.py --brief "Kerrygold, Irish butter"
    python write.py --input briefs.csv --output drafts.csv

Each draft comes with what every gate says of it. A brief is `handled` where a draft passes every gate; the others are for a person,
or for the teacher. In `drafts.csv` write *approved*, *edited* or *rejected* under `status`, and the text as you want it under
`final`: `distil --pairs drafts.csv` and the Write page take the file as it is, and the next student learns from it."""

NOT_FOR = """## What it must not be used for

- It must not publish anything that nobody has read, unless the verdict above says that it writes alone, and then only drafts that
  pass every gate.
- No claim about health, money, law or safety may rest on a draft. Gates find facts that the brief does not state; they do not find
  facts that are wrong.
- It writes for this client. For another one it would carry this client's voice, and this client's copy, over.
- It learned short copy of the kind described here, in the language of its pairs; longer texts, other languages and summaries of
  conversations are beyond it."""


def write(db: Database, task: Task, row: dict, measured: Parity | None, folder: Path) -> str:
    """The card, in Markdown, of the student `row` (as training.find() gives it) exported to `folder`; `measured`: how its model
    compares with the one here, None where it has none."""
    figures, rung, verdict = row["figures"], rungs()[row["kind"]], training.verdict_of(row)
    client = next(db.query("select name from clients where id = ?", [task.client_id]))["name"]
    parts = [
        f"# Writing student {row['id']} of {plain(client)}, {plain(task.name)}",
        f"{rung.title}. {rung.about}",
        USE,
        _origin(row),
        _quality(figures),
        f"Verdict when this was written: **{verdict.decision.replace('_', ' ')}**. {plain(verdict.reason)} {plain(verdict.next)}",
        _blind(row["blind"]),
        _speed(figures, row),
        _parity(measured, folder) if measured else "",
        NOT_FOR,
        KEEPS,
        _licences(row, figures),
        f"Python {platform.python_version()} and the packages of requirements.txt were there when it was exported.",
        files_table(folder),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _origin(row: dict) -> str:
    text = f"It learned from {counted(row['params']['train'], 'approved pair')} of a brief with its copy"
    built = f", on the base model {plain(base.named(row['params']['base']))}" if rungs()[row["kind"]].reads else ""
    return f"## Where it comes from\n\n{text}{built}, in {duration(row['train_seconds'])}, on {row['created'][:10]}."


def _quality(figures: WriteFigures) -> str:
    handled = figures.handled
    lines = [
        "## What was measured",
        f"On {figures.briefs:,} briefs that it did not learn from. No figure says that a draft is good: people do. "
        f"{percent(handled.value)} of the briefs ({ranged(handled.low, handled.high)}) got a draft that passes every gate.",
    ]
    columns = [figures.after_gates, figures.human, figures.shuffled]
    rows = [(words, *(_share(one, name) for one in columns)) for name, words in MEASURES.items()]
    lines.append(table(("measure", "its drafts", "people's copy", "people's copy of other briefs"), rows))
    if words := figures.rouge:
        lines.append(
            f"It shares {percent(words.r1)} of its words with people's summaries; the first three sentences of a brief, "
            f"{percent(words.lead3_r1, words.r1)}."
        )
    if figures.human_stops:
        stops = ", ".join(f"{name} {percent(share)}" for name, share in figures.human_stops.items())
        lines.append(f"What the gates stop of people's approved copy: {stops}.")
    return "\n\n".join(lines)


def _share(measured: Measured | None, name: str) -> str:
    return percent(getattr(measured, name)) if measured else "–"


def _blind(result: blind.Result | None) -> str:
    told = (
        plain(blind.sentence(result))
        if result and result.n
        else "Nobody has compared its drafts with approved copy yet."
    )
    return f"Blind test: {told}"


def _speed(figures: WriteFigures, row: dict) -> str:
    seconds = figures.seconds_per_brief
    return (
        f"There, a brief took {duration(seconds.p50)} (95 of 100 at most {duration(seconds.p95)}) with {figures.peak_gb:.1f} GB of "
        f"memory{', in ' + (figures.runtime or 'torch') if rungs()[row['kind']].reads else ''}."
    )


def _parity(measured: Parity, folder: Path) -> str:
    size = (folder / "model" / "model.gguf").stat().st_size / 1e6
    more, most = percent(measured.more, digits=2), percent(LOST, digits=0)
    return (
        f"## The file\n\nmodel.gguf ({size:,.0f} MB, 8 bits a weight) was measured on {measured.n:,} copies that were not learned "
        f"from: {measured.file:.4f} nats a character, {measured.here:.4f} by the student it was made of ({more} more; {most} is "
        "the most that is let through). The same brief and seed may draw other words here than there: rounding differs."
    )


KEEPS = """## What is in it of the client's

`known.json` holds the approved copy and briefs it learned from, in full: the gate that stops copies has to compare with them, and
the gate that tells another brand has to know it. The model may also say parts of them by heart. Treat the folder as you treat the
client's copy. There is no key and no address in it."""


def _licences(row: dict, figures: WriteFigures) -> str:
    notes = ["The pairs are the client's; the student is made from them."]
    if rungs()[row["kind"]].reads:
        notes.append(
            f"The base model {plain(base.named(row['params']['base']))}: {plain(figures.licence or 'not stated')}."
        )
    notes.append("What tells what a text is about is sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), quantised.")
    notes += [f"{name} {version(name)}: MIT." for name in ("xllamacpp",) if rungs()[row["kind"]].reads]
    return "## Licence notes\n\n" + "\n".join(f"- {note}" for note in notes)
