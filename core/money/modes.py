"""The ways of working without the teacher alone, in the words of the sheet, the charts and the sentences that name them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mode:
    """`line` names it in the sheet and its courses, `title` opens a sentence, `manner` follows "the student", `workers` follows
    "with", `short` stands at a bar."""

    line: str
    title: str
    manner: str
    workers: str
    short: str


MODES = {
    "student": Mode("Student alone", "Student alone", "alone", "the student", "Student"),
    "cascade": Mode(
        "Student with teacher behind it",
        "Student with the teacher behind it",
        "with the teacher behind it",
        "the student and the teacher behind it",
        "Student + teacher",
    ),
}
