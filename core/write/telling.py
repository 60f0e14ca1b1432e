"""What the rows of an import tell of themselves as a whole: columns that may be exchanged, markup, commands to a machine, one brief
again and again, one pair with two fates. Nothing is left out for it; somebody should look."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from core.tables.problems import Problems
from core.words import counted, percent

MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&(?:amp|lt|gt|quot|nbsp|#\d{2,5});")
COMMANDS = re.compile(
    r"\b(?:ignore|disregard|forget)\b[^.\n]{0,30}\b(?:above|previous|prior|instructions)\b|\bsystem prompt\b"
    r"|\byou are (?:now )?an? (?:AI|assistant)\b",
    re.I,
)
TURNS = re.compile(
    "[\u202a-\u202e\u2066-\u2069]"
)  # marks that turn the direction of what follows: it reads otherwise than it stands
EXCHANGED, LONGER = 0.8, 3.0  # of rows; times its brief that copy is long
AGAIN, AT_LEAST = 0.2, 20  # of rows, and rows, with one brief


def note(rows: Sequence[tuple[int, dict]], columns: tuple[str, str], problems: Problems) -> None:
    """List it of (number, row) as in `pairs`; `columns`: those of brief and copy."""
    if not rows:
        return
    brief, copy = columns
    ratio = np.array([len(row["copy"]) / max(1, len(row["brief"])) for _, row in rows])
    if len(rows) >= AT_LEAST and (share := float((ratio > 1).mean())) >= EXCHANGED and np.median(ratio) >= LONGER:
        problems.add(
            None, copy, f"The copy is longer than its brief in {percent(share)} of rows: the columns may be exchanged.",
            "Name them the other way round, unless the copy is long.",
        )  # fmt: skip
    for column, what, pattern, todo in (
        ("copy", "markup, which drafts will hold as well", MARKUP, "Export the copy as plain text."),
        ("copy", "signs that turn the direction of reading", TURNS, "Take them out where they are not meant."),
        (
            "brief",
            "commands such as “ignore the above”; students read them as words",
            COMMANDS,
            "Take them out where they are not meant.",
        ),
    ):
        found = [(number, match[0]) for number, row in rows if (match := pattern.search(row[column]))]
        if found:
            first, words = found[0]
            shown = f" (row {first}: {words[:40]})" if pattern is not TURNS else f" (row {first})"
            of = brief if column == "brief" else copy
            problems.remark(None, of, f"{counted(len(found), 'cell')} of this column hold {what}{shown}.", todo)
    name, times = Counter(row["brief"] for _, row in rows).most_common(1)[0]
    if times >= max(AT_LEAST, AGAIN * len(rows)):
        problems.remark(
            None, brief, f"One brief stands in {times:,} of {len(rows):,} rows: {name[:60]}",
            "It is in one split, and says little of other briefs. Check that its column is the right one.",
        )  # fmt: skip


def contradictions(rows: Sequence[tuple[int, dict]], column: str | None, problems: Problems) -> None:
    """List rows whose pair came before with another status: the last one counts."""
    seen: dict[str, tuple[int, str]] = {}
    for number, row in rows:
        before = seen.get(row["text_hash"])
        if before and before[1] != row["status"]:
            problems.add(
                number, column, f"The pair is {row['status']} here and {before[1]} in row {before[0]}; this one counts.",
                "Delete the row that is wrong.",
            )  # fmt: skip
        seen[row["text_hash"]] = (number, row["status"])
