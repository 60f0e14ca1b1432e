"""A task's voice guide: what a draft must keep to. It is a setting of the task; without one, lengths are those of approved copy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from sqlite_utils import Database

from core import plain_text, settings
from core.errors import InputError
from core.tasks import Task
from core.write import tongues

SETTING = "voice_guide"
CLAIMS = (
    "guarantee",
    "clinically proven",
    "risk-free",
    "cure",
    "no. 1",
    "no.1",
    "no 1",
    "#1",
    "number one",
    "number 1",
)
ROOM = 1.25  # times the longest approved copy


class Span(BaseModel):
    """From so many to so many; None where either is open."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    least: int | None = Field(None, ge=0)
    most: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Span:
        if None not in (self.least, self.most) and self.least > self.most:
            raise ValueError(f"at least {self.least:,} and at most {self.most:,} leaves nothing")
        return self


class Guide(BaseModel):
    """`channels`: the most characters by channel, where the brief's first line or its line `channel:` names it. Terms are found in
    their word forms and in any case; one written with = before it, as it stands. `claims` need the `legal_line` in the draft,
    or must stand in the brief; `run`: words in a row that no draft shares with an approved copy; `grade`: the most years of school
    that a reader needs; `language`: its two letters, that of approved copy (auto), or any."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    characters: Span = Span()
    channels: dict[str, int] = {}
    words: Span = Span()
    sentences: Span = Span()
    required: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    emoji: bool = False
    exclamation_marks: int | None = Field(2, ge=0)
    capitals: int | None = Field(2, ge=0)
    grade: float | None = None
    claims: tuple[str, ...] = CLAIMS
    legal_line: str = ""
    run: int = Field(8, ge=3)
    language: str = tongues.AUTO

    @field_validator("patterns")
    @classmethod
    def _patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"the pattern {pattern} is none: {error}") from None
        return patterns

    @field_validator("language")
    @classmethod
    def _language(cls, language: str) -> str:
        if language not in (tongues.AUTO, tongues.ANY, *tongues.NAMES):
            known = ", ".join((tongues.AUTO, tongues.ANY, *tongues.NAMES))
            raise ValueError(f"the language {language} is not known; choose one of {known}")
        return language


def read(path: Path) -> Guide:
    """The guide in a JSON file. InputError that names what is wrong in it."""
    return made(plain_text.read_json(path), where=path.name)


def made(values: Any, where: str = "") -> Guide:
    """The guide of these values. InputError that names what is wrong in them."""
    try:
        return Guide.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place, what = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        known = ", ".join(Guide.model_fields)
        raise InputError(f"{place or 'The voice guide'}: {what}.", f"Known are: {known}.", where=where) from None


def of(db: Database, task: Task, copies: Sequence[str]) -> Guide:
    """The task's guide; what it leaves open is that of its approved `copies`, where there are any."""
    return filled(Guide.model_validate(settings.get(db, SETTING, task)), copies)


def filled(guide: Guide, copies: Sequence[str]) -> Guide:
    """A guide with what it leaves open taken from approved `copies`: their longest with ROOM, and their language."""
    if not copies:
        return guide
    if guide.characters == Span():
        guide = guide.model_copy(update={"characters": Span(most=round(ROOM * max(map(len, copies))))})
    if guide.language == tongues.AUTO:
        guide = guide.model_copy(update={"language": tongues.of(copies)})
    return guide


def in_words(rules: Guide) -> list[str]:
    """What a draft must keep to, a sentence each, for whoever is to write."""
    spans = [(name, getattr(rules, name)) for name in ("characters", "words", "sentences")]
    lines = [f"At least {span.least:,} {name}." for name, span in spans if span.least]
    lines += [f"At most {span.most:,} {name}." for name, span in spans if span.most]
    lines += [
        f"At most {most:,} characters where the brief names the channel {name}."
        for name, most in rules.channels.items()
    ]
    lines += [f"Written in {tongues.NAMES[rules.language]}."] if rules.language in tongues.NAMES else []
    listed = lambda terms: ", ".join(term.removeprefix("=") for term in terms)  # noqa: E731
    lines += [f"Always use: {listed(rules.required)}."] if rules.required else []
    lines += [f"Never use, in no form of the word: {listed(rules.banned)}."] if rules.banned else []
    lines += [f"Nothing that matches the pattern {pattern}." for pattern in rules.patterns]
    lines += [] if rules.emoji else ["No emoji."]
    if rules.exclamation_marks is not None:
        lines.append(f"At most {rules.exclamation_marks} exclamation marks.")
    if rules.capitals is not None:
        lines.append(f"At most {rules.capitals} words in capitals that the brief does not write so.")
    if rules.grade is not None:
        lines.append(f"Easy to read: school year {rules.grade:g} at most.")
    if rules.claims:
        legal = f", unless the draft holds the line {rules.legal_line}" if rules.legal_line else ""
        lines.append(f"None of these claims that the brief does not make{legal}: {listed(rules.claims)}.")
    return lines


def put(db: Database, task: Task, guide: Guide) -> None:
    """Keep the task's guide."""
    settings.put(db, SETTING, guide.model_dump(exclude_defaults=True), task)
