"""Reading what a hosted model said: category ids where it kept to the form, near misses where they can mean one thing only.

Nothing here guesses. What could mean two categories, or none, is a problem with its reason; the model is then told and asked
once more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from core.taxonomy import Matcher, StoredCategory
from core.wires.wire import form, unthought

NONE = "none"  # what a model answers where no category of a short list fits
NOTHING_FITS = "The model found no category that fits."
NO_JSON = "The reply is not the JSON that was asked for."
EMPTY = "The answer is empty."
SEVERAL_ANSWERS = "The reply gives several answers."
REFUSED = "The model refused to answer."
CUT_OFF = "The answer was cut off."
USED_UP = "The model used up its answer before it said anything: allow a longer answer."
LONGEST = 50_000  # characters of a reply that are looked at
# OpenAI's limits of a schema's enum; beyond them the ids stand in the prompt alone.
MOST_VALUES, MANY_VALUES, MOST_CHARACTERS = 1000, 250, 15_000
STARTS = 64  # places in a reply at which JSON is looked for
_KEYS = ("category", "label", "class", "id", "category_id", "answer")
_FENCE = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:not|no|never|neither|none|nor|cannot|except|unlike|unsure|nicht|kein\w*|pas|n[’']t)\b|n[’']t\b", re.I
)
# No minus before the number: -1 is not the id 1. What stands behind it keeps its signs: Disney+ is not Disney.
_NUMBERED = re.compile(
    r"^(?:[-*•]\s+)?[#(\[\s]*(?:id|category|no)?[\s.:#]*([a-z]?)(\d+)\b(?:[\s.:)\]–—-]+|$)(.*)$",
    re.IGNORECASE | re.DOTALL,
)
# What may stand around a name, outermost first: marks in pairs.
_AROUND = [(mark, mark) for mark in ("**", "__", "*", "_", "`", '"', "'")] + [
    tuple(pair) for pair in ["“”", "„“", "„”", "‘’", "«»", "»«", "<>", "[]", "()"]
]


@dataclass(frozen=True)
class ReadAnswer:
    """What one answer means: a category's id in the database, or why it means none. `short`: the short id, where it was given."""

    category: int | None = None
    problem: str | None = None
    mapped: bool = False
    short: str | None = None


@lru_cache(maxsize=8)
def schema(ids: tuple[str, ...], count: int) -> dict | None:
    """The JSON schema of an answer that names one of `ids` for each of `count` texts; None where they are too many for one."""
    if too_many(ids):
        return None
    category = {"type": "string", "enum": list(ids)}
    if count == 1:
        return form(category=category)
    return form(answers={"type": "array", "items": form(text={"type": "integer"}, category=category)})


def too_many(ids: Sequence[str], values: int = 0) -> bool:
    """Whether an enum of these is more than a schema can hold that has so many `values` already."""
    return values + len(ids) > MOST_VALUES or (len(ids) > MANY_VALUES and sum(map(len, ids)) > MOST_CHARACTERS)


class Reader:
    """Reads replies about one taxonomy; `ids` are short_ids() of its assignable categories."""

    def __init__(self, categories: Sequence[StoredCategory], ids: Sequence[str]):
        assignable = [category for category in categories if category.assignable]
        self.by_short = {short: category.id for short, category in zip(ids, assignable)}
        self.by_number = {int(_NUMBERED.match(short)[2]): short for short in ids}
        # Without the file's own ids: a model never sees them, and what looks like one is a short id.
        self.match = Matcher([replace(category, key=None) for category in categories])

    def read(self, text: str, allowed: Sequence[str], count: int) -> list[ReadAnswer]:
        """What a whole reply means for each of `count` texts."""
        text = unthought(text[:LONGEST]).strip()
        if not text:
            return [ReadAnswer(problem=EMPTY)] * count
        values = json_values(text, _names_a_category)
        if len({json.dumps(value, sort_keys=True) for value in values}) > 1:
            return [ReadAnswer(problem=SEVERAL_ANSWERS)] * count
        if values:
            return self._structured(values[0], allowed, count)
        if (
            count > 1 or "{" in text or text.startswith("[")
        ):  # JSON that is broken or says the same thing twice is no prose
            return [ReadAnswer(problem=NO_JSON)] * count
        return [self._prose(text, allowed)]

    def _structured(self, value: object, allowed: Sequence[str], count: int) -> list[ReadAnswer]:
        answers = value
        if isinstance(value, dict) and isinstance(value.get("answers"), list):
            answers = value["answers"]
        if not isinstance(answers, list):
            answers = [answers]
        if problem := misnumbered(answers, count):
            return [ReadAnswer(problem=problem)] * count
        return [self.answer(answer, allowed) for answer in answers]

    def answer(self, answer: object, allowed: Sequence[str]) -> ReadAnswer:
        """What the answer about one text means: a value, or an object that has it."""
        if not isinstance(answer, dict):
            return self.value(answer, allowed)
        if set(answer) <= {"category", "text"} and "category" in answer:
            return self.value(answer["category"], allowed)
        named = [value for key, value in answer.items() if key.strip().lower() in _KEYS]
        if not named and len(answer) == 1:
            named = list(answer.values())
        readings = [self.value(value, allowed) for value in named]
        if not readings:
            return ReadAnswer(problem="The answer names no category.")
        problem = next((one for one in readings if one.problem), None)
        if problem:
            return problem
        if len({one.category for one in readings}) > 1:
            return ReadAnswer(problem="The answer names several categories.")
        return replace(readings[0], mapped=True)

    def value(self, value: object, allowed: Sequence[str]) -> ReadAnswer:
        """What one value means: an id that was on offer, or a near miss that can mean one category only."""
        if isinstance(value, str) and value in allowed and value in self.by_short:
            return ReadAnswer(self.by_short[value], short=value)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**9 else "a long number"
        if not isinstance(value, str) or not value.strip():
            return ReadAnswer(problem="The answer names no category.")
        text, bare = value.strip(), _peeled(value)[-1]
        if bare.lower() == NONE:
            return ReadAnswer(problem=NOTHING_FITS)
        meant = {place for place in (self._named(text), *self._numbered(bare, allowed)) if place}
        if len(meant) == 1:
            return ReadAnswer(meant.pop(), mapped=True)
        if meant:
            return ReadAnswer(problem=f"The answer {_short(text)} could mean several categories.")
        return ReadAnswer(problem=f"The answer {_short(text)} is not in the taxonomy.")

    def _named(self, text: str) -> int | None:
        """The category a text names, as it stands or without the marks around it."""
        return next((category for piece in _peeled(text) if (category := self.match(piece))), None)

    def _numbered(self, text: str, allowed: Sequence[str]) -> list[int]:
        """The categories meant by "7", "#07", "07: Sale": the id's and, where a name stands beside it, the name's."""
        match = _NUMBERED.match(text)
        if not match or len(match[2]) > 9:
            return []
        short = self.by_number.get(int(match[2]))
        if short is None or short not in allowed or short.rstrip("0123456789") != match[1].lower():
            return []
        if not match[3].strip():
            return [self.by_short[short]]
        beside = self._named(match[3])
        return [self.by_short[short], beside] if beside else []

    def _prose(self, text: str, allowed: Sequence[str]) -> ReadAnswer:
        """A reply without JSON: the name or id alone, or alone on the first or last line, or at the very end after a colon."""
        whole = self.value(text, allowed)
        if whole.category is not None:
            return replace(whole, mapped=True, short=None)
        lines = [line for line in map(str.strip, text.splitlines()) if line]
        pieces = {lines[0], lines[-1], text.rpartition(":")[2].strip()} if lines else set()
        readings = [(piece, self.value(piece, allowed)) for piece in pieces if piece]
        meant = {one.category for _, one in readings if one.category is not None}
        if len(meant) != 1:
            return ReadAnswer(problem=NO_JSON)
        rest = text
        for piece, reading in readings:
            rest = rest.replace(piece, " ") if reading.category is not None else rest
        if _NEGATED.search(rest):
            return ReadAnswer(problem=NO_JSON)
        return ReadAnswer(meant.pop(), mapped=True)


def misnumbered(answers: Sequence[object], count: int) -> str | None:
    """What is wrong with the number, or the order, of the answers to `count` texts."""
    if len(answers) != count:
        return f"The reply gives {len(answers)} answers to {count} texts."
    numbers = [a.get("text") for a in answers if isinstance(a, dict) and "text" in a]
    if count > 1 and numbers != list(range(1, count + 1)):
        return "The answers are not numbered in the order of the texts."
    return None


def short_ids(categories: Sequence[StoredCategory]) -> list[str]:
    """The ids under which categories are offered to a model, all of one length: 07, or c07 where a category is called 7.

    Digits, since up to three of them are one token to most tokenisers, which gives the answer's probability at one place.
    """
    names = {"".join(name.lower().split()) for c in categories for name in (c.label, c.name)}
    taken = {name.rstrip("0123456789") for name in names if name[-1:].isdigit()}
    prefix = next((letter for letter in ("", *"ckxqwz") if letter not in taken), "j")
    width = len(str(len(categories)))
    return [f"{prefix}{number:0{width}d}" for number in range(1, len(categories) + 1)]


def json_values(text: str, wanted: Callable[[object], bool]) -> list[object]:
    """The answers in a reply: the whole of it or of a code fence, else the JSON that is `wanted` in the prose around it."""
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refused)
    fenced = _FENCE.fullmatch(text)
    try:
        value = decoder.decode(fenced[1].strip() if fenced else text)
        return [value] if isinstance(value, dict | list | str | int) else []
    except (ValueError, RecursionError):
        pass
    values, at = [], 0
    for _ in range(STARTS):
        start = min((place for place in (text.find("{", at), text.find("[", at)) if place >= 0), default=-1)
        if start < 0:
            break
        try:
            value, at = decoder.raw_decode(text, start)
            values.append(value)
        except (ValueError, RecursionError):
            at = start + 1
    return [value for value in values if wanted(value)]


def _names_a_category(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_names_a_category(one) for one in value)
    return isinstance(value, dict) and any(key.strip().lower() in (*_KEYS, "answers") for key in value)


def _once(pairs: list[tuple[str, object]]) -> dict:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refused(constant: str) -> object:
    raise ValueError(constant)


def _peeled(text: str) -> list[str]:
    """The text, and what is left as one mark after the other is taken off: a pair around it or a full stop, no other sign."""
    pieces = [text.strip()]
    while True:
        piece = pieces[-1]
        inner = piece.removesuffix(".")
        for first, last in _AROUND:
            if len(piece) > len(first + last) and piece.startswith(first) and piece.endswith(last):
                inner = piece[len(first) : -len(last)]
                break
        inner = inner.strip()
        if not inner or inner == piece:
            return pieces
        pieces.append(inner)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f"'{text}'" if len(text) <= 60 else f"'{text[:59]}…'"


# --- probabilities ------------------------------------------------------------------------------------------------


def moved(
    tokens: Sequence[tuple[str, dict[str, float]]], start: int, opening: str
) -> list[tuple[str, dict[str, float]]] | None:
    """The tokens from character `start` of a reply on as those of one that begins with `opening`, where the value of `start`
    follows then; None where a token begins in what stands before it here and does not there."""
    found, at = [], 0
    for token, candidates in tokens:
        at += len(token)
        if at <= start:
            continue
        if not found:
            lead = token[: max(0, start - (at - len(token)))]
            if not opening.endswith(lead):
                return None
            found.append((opening.removesuffix(lead), {}))
        found.append((token, candidates))
        if '"' in token[max(0, start - (at - len(token))) :]:
            break
    return found


def probabilities(
    tokens: Sequence[tuple[str, dict[str, float]]], start: int, ids: Sequence[str]
) -> tuple[dict[str, float], float]:
    """What the tokens from character `start` of the reply on say of each id: (probability by id, probability not attributed).

    Each token comes with its candidates' log probabilities. A candidate that can only lead to one id counts for that id; one that
    could lead to several and was not taken (the first digit of many ids) is not attributed; one that leads to none is left out.
    """
    shares: dict[str, float] = {}
    lost, reached, at, before = 0.0, 1.0, 0, ""
    for token, candidates in tokens:
        end = at + len(token)
        if end <= start:
            at = end
            continue
        lead = token[: max(0, start - at)]
        at, following = end, 0.0
        for candidate, log_probability in candidates.items():
            if not candidate.startswith(lead) or candidate == lead or math.isnan(log_probability):
                continue
            value, closed, _ = (before + candidate[len(lead) :]).partition('"')
            fitting = [id for id in ids if id == value] if closed else [id for id in ids if id.startswith(value)]
            share = reached * math.exp(min(log_probability, 0.0))
            if len(fitting) == 1:
                shares[fitting[0]] = shares.get(fitting[0], 0.0) + share
            elif fitting and candidate == token:
                following = share
            elif fitting:
                lost += share
        if not following:
            break
        reached, before = following, before + token[len(lead) :]
    return shares, lost
