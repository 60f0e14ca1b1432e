"""The ways of working without the teacher alone, in the words of the sheet, the charts and the sentences that name them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


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


@dataclass(frozen=True)
class Work:
    """What is paid for one by one, where it is not sorting assets: `words` stand for those of sorting, in small letters, and
    `notes` for the notes of some assumptions (core/money/economics.py)."""

    words: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def things(self) -> str:
        """What is paid for one by one, many of them."""
        return self.say("assets")

    def say(self, text: str) -> str:
        """A sentence about sorting, in the words of this work."""
        if not self.words:
            return text

        def said(found: re.Match[str]) -> str:
            word = self.words[found[0].lower()]
            return word.capitalize() if found[0][0].isupper() else word

        return re.sub(rf"\b({'|'.join(self.words)})\b", said, text, flags=re.I)


SORTING = Work()
WRITING = Work(
    {
        "label run": "teacher's drafts",
        "assets": "briefs",
        "asset": "brief",
        "labels": "drafts",
        "label": "draft",
        "classifies": "writes",
        "labelling": "drafts of the teacher",
        "classified": "written for",
    },
    {
        "tokens_in": "none: measured from the teacher's drafts, else estimated from briefs and voice guide",
        "tokens_out": "none: measured from the teacher's drafts, else estimated from approved copy",
        "review_minutes": "time to decide on one draft, or to compare two",
    },
)
