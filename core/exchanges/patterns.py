"""Prompt patterns: where in the prompts of a tool the asset stands, and how the model's answers name its category.

    put(db, task, Pattern("Sort this ad.\\n\\nAd: {asset}\\n\\nCategory:"))
    Reading(db, task, pattern)(exchange)          a Matched, or the reason why there is none

A pattern is text around {asset}, with {any} for what else changes from prompt to prompt. It is found from left to right in time
that grows with the prompt alone, whatever stands in it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal

from sqlite_utils import Database

from core import settings, tasks, taxonomy
from core.assets import tag_columns
from core.assets.rows import join_text
from core.errors import InputError
from core.exchanges.exchange import Exchange
from core.label.replies import Reader, json_values
from core.tables.cells import is_error
from core.tables.headers import is_placeholder
from core.tasks import Task
from core.taxonomy import Matcher

KEY = "prompt_pattern"  # of core/settings.py
ASSET, ANY = "{asset}", "{any}"
PLACES = {"user": "the last user message", "system": "the system message"}
MOST_TEMPLATE, MOST_NAME = 20_000, 200
_HOLES = re.compile(r"(\{asset\}|\{any\})")

# Why an exchange gives no label, by what it is counted under.
NO_PATTERN, REFUSED, CUT_OFF, EMPTY, NO_TEXT = "no pattern", "refused", "cut off", "empty", "no text"
NO_FIELD, NO_ASSET_FIELD, UNKNOWN, UNREADABLE = "no field", "no asset field", "unknown", "unreadable"
FAILED, NO_EXCHANGE, BROKEN, NO_QUESTION, NO_ANSWER = "failed", "no exchange", "broken", "no question", "no answer"
WHY = {
    NO_PATTERN: ("The prompt does not fit the pattern.", "Look at the pattern on the Connections page."),
    REFUSED: ("The model refused to answer.", "Nothing, if it may."),
    CUT_OFF: ("The answer was cut off.", "Allow the tool longer answers."),
    EMPTY: ("The answer is empty.", "Allow the tool longer answers, where a model thinks first."),
    NO_TEXT: ("There is no text where the asset stands.", "Look at the pattern on the Connections page."),
    NO_FIELD: (
        "The answer does not have the field that names the category.",
        "Look at the field's name in the pattern.",
    ),
    NO_ASSET_FIELD: ("What stands for the asset does not have the field.", "Look at the field's name in the pattern."),
    UNKNOWN: ("The answer is no category.", "Add the category to the taxonomy, or leave these out."),
    UNREADABLE: ("The request or its reply could not be read.", "Nothing: the tool was answered all the same."),
    FAILED: ("The call failed, so there is no answer.", "Nothing, if it was made again."),
    NO_EXCHANGE: ("The row holds no prompt with its answer.", "Export requests together with their replies."),
    BROKEN: ("The row is no JSON object.", "Export the log again, one JSON object a line."),
    NO_QUESTION: (
        "No one request with this custom_id is there.",
        "Add the file of requests that belongs to these answers.",
    ),
    NO_ANSWER: (
        "No answer with this custom_id is there.",
        "Add the other files of the batch's answers, if there are any.",
    ),
}
Why = Literal[
    *("no pattern", "refused", "cut off", "empty", "no text", "no field", "no asset field", "unknown", "unreadable"),
    *("failed", "no exchange", "broken", "no question", "no answer"),
]


COUNTED = {"kept": "Kept as a label.", "too many": "Too many came at once to be written down."}  # beside them


def told(why: str) -> str:
    """What became of a call, in words."""
    return COUNTED.get(why) or WHY[why][0]


@dataclass(frozen=True)
class Pattern:
    """`template`: the text of the message at `place`, with {asset} where the asset stands and {any} for other parts that change.
    `contains`: what stands somewhere in the prompts of this task alone. `asset_field`: fields, with commas between them, of the
    JSON that stands for the asset; `answer_field`: the field of a JSON answer that names the category. Each may be empty."""

    template: str = ASSET
    place: str = "user"
    contains: str = ""
    asset_field: str = ""
    answer_field: str = ""


@dataclass(frozen=True)
class Matched:
    """An asset's text and what the answer says of it: `category`, the label as the taxonomy has it, None where it is none."""

    text: str
    answer: str
    category: str | None


def of(db: Database, task: Task) -> Pattern | None:
    """The task's pattern; None where nobody has set one."""
    stored = settings.get(db, KEY, task)
    known = {field.name for field in fields(Pattern)}
    return Pattern(**{name: value for name, value in stored.items() if name in known}) if stored else None


def of_client(db: Database, client_id: int) -> list[tuple[Task, Pattern]]:
    """The client's tasks that have a pattern, with it."""
    found = ((task, of(db, task)) for task in tasks.of_client(db, client_id) if task.sorts)
    return [(task, pattern) for task, pattern in found if pattern]


def put(db: Database, task: Task, pattern: Pattern | None) -> None:
    """Keep the task's pattern, None to forget it. InputError where it cannot be one."""
    if pattern is None:
        settings.put(db, KEY, {}, task)
        return
    must_sort(task)
    check(pattern)
    settings.put(db, KEY, asdict(pattern), task)


def must_sort(task: Task) -> None:
    """InputError for a task that writes."""
    if not task.sorts:
        raise InputError(f"The task {task.name} writes: a pattern is for tasks that sort.", "Choose another task.")


def check(pattern: Pattern) -> None:
    """InputError where the pattern says nothing."""
    holes = _HOLES.split(pattern.template)
    if holes.count(ASSET) != 1:
        often = f"{ASSET} {holes.count(ASSET)} times" if holes.count(ASSET) else f"no {ASSET}"
        raise InputError(
            f"The pattern has {often}.",
            f"Put {ASSET} once, where the asset's text stands in the prompt.",
        )
    if any(not literal for literal in holes[2:-1:2]):
        raise InputError("Two places stand side by side in the pattern.", "Leave the text between them in.")
    if pattern.place not in PLACES:
        raise InputError(f"There is no place {pattern.place[:40]}.", f"Choose one of: {', '.join(PLACES)}.")
    if len(pattern.template) > MOST_TEMPLATE or len(pattern.contains) > MOST_TEMPLATE:
        raise InputError("The pattern is too long.", f"Give at most {MOST_TEMPLATE:,} characters.")
    if max(len(pattern.asset_field), len(pattern.answer_field)) > MOST_NAME:
        raise InputError("The name of the field is too long.", f"Give at most {MOST_NAME} characters.")


def found(template: str, text: str) -> str | None:
    """What stands at {asset} where `text` fits the template; None where it does not. White space beside a hole may differ."""
    parts = _HOLES.split(_plain(template))
    parts[::2] = [part.strip() or part for part in parts[::2]]
    text = _plain(text)
    if not text.startswith(parts[0]):
        return None
    at, asset, left = len(parts[0]), None, len(parts) // 2
    for hole, literal in zip(parts[1::2], parts[2::2]):
        left -= 1
        last = not left
        end = text.find(literal, at) if not last else len(text) - len(literal)
        if end < at or (last and not text.endswith(literal)):
            return None
        if hole == ASSET:
            asset = text[at:end].strip()
        at = end + len(literal)
    return asset


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


class Reading:
    """Reads exchanges by one task's pattern and taxonomy."""

    def __init__(self, db: Database, task: Task, pattern: Pattern):
        self.task, self.pattern = task, pattern
        version = taxonomy.latest(db, task)
        self._categories = taxonomy.load(db, version) if version is not None else []
        self._meant: dict[str, str | None] = {}

    @cached_property
    def _match(self) -> Matcher:
        return Matcher(self._categories)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self._categories, [])

    def __call__(self, exchange: Exchange) -> Matched | Why:
        """What the exchange says of which asset, or why it says nothing. An answer that is no category is a Matched without one."""
        asset = self.asset(exchange)
        if asset is None:
            return NO_PATTERN
        if self.pattern.asset_field:
            asset = _fields(asset, self.pattern.asset_field)
            if asset is None:
                return NO_ASSET_FIELD
        text = join_text([asset])
        if not text or is_placeholder(text) or is_error(text):
            return NO_TEXT
        if exchange.said.finish == "refusal":
            return REFUSED
        if exchange.said.finish == "length":
            return CUT_OFF
        answer = self.answer(exchange.said.answer)
        if answer is None:
            return NO_FIELD
        return Matched(text, answer, self.category(answer)) if answer else EMPTY

    def asset(self, exchange: Exchange) -> str | None:
        """What stands at {asset}; None where the prompt is not this task's."""
        wanted = self.pattern.contains.strip()
        if wanted and not any(wanted in text for _, text in exchange.messages):
            return None
        return found(self.pattern.template, exchange.user if self.pattern.place == "user" else exchange.system)

    def answer(self, said: str) -> str | None:
        """How the answer names the category; None where it lacks the pattern's field."""
        if not self.pattern.answer_field or not said:
            return said
        values = json_values(said, lambda value: isinstance(value, dict))
        named = [_field(value, self.pattern.answer_field) for value in values if isinstance(value, dict)]
        cell = next((_cell(value) for value in named if value is not None), None)
        return cell.strip() if cell is not None else None

    def category(self, answer: str) -> str | None:
        """The label of the category that an answer names, of a task that chooses several all of them parted by semicolons; None
        where it names none, or something else besides."""
        if answer not in self._meant:
            if len(self._meant) > 10_000:
                self._meant.clear()
            self._meant[answer] = self._several(answer) if self.task.several else self._one(answer)
        return self._meant[answer]

    def _one(self, answer: str) -> str | None:
        category = self._match(answer)
        if category is None:
            category = self._reader.value(answer, ()).category
        if category is None and not self.pattern.answer_field:
            category = self._reader.read(answer, (), 1)[0].category
        return None if category is None else self._match.label(category)

    def _several(self, answer: str) -> str | None:
        tags = tag_columns.reader({answer: 1}, self._match, tie="names").read(answer)
        if tags.unknown or tags.categories is None:
            return None
        return "; ".join(self._match.label(category) for category in tags.categories) or "[]"


def _fields(text: str, names: str) -> str | None:
    """The texts of these fields of a JSON object, a line each; None where it is none or has none of them."""
    value = next(
        (one for one in json_values(text, lambda value: isinstance(value, dict)) if isinstance(one, dict)), None
    )
    if value is None:
        return None
    cells = [_cell(_field(value, name.strip())) for name in names.split(",") if name.strip()]
    return "\n".join(filter(None, cells)) if any(cell is not None for cell in cells) else None


def _field(value: Any, name: str) -> Any:
    """A field by its name, or by dots further in; None where it is not there."""
    if isinstance(value, dict) and name in value:
        return value[name]
    for part in name.split("."):
        value = value.get(part.strip()) if isinstance(value, dict) else None
    return value


def _cell(value: Any) -> str | None:
    """A value as an answer or a text is written; None where it is an object or nothing."""
    if isinstance(value, list):
        if not value:
            return "[]"
        return "; ".join(one if isinstance(one, str) else json.dumps(one) for one in value)
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        return None
    return value if isinstance(value, str) else json.dumps(value)


# --- a pattern out of prompts -------------------------------------------------------------------------------------

LEAD = 16  # characters that tell prompts of one job from others
BEFORE, AFTER = "\n:\"'“«<>|([{=#", "\n\"'”»<>|)]}#"  # signs that stand between a prompt's own words and the asset


def suggested(db: Database, task: Task, exchanges: Sequence[Exchange]) -> tuple[Pattern, int] | None:
    """The pattern that most of these exchanges, at most 200, share, and how many of them it reads; None where none reads half."""
    exchanges = list(exchanges)[:200]
    best: tuple[Pattern, int] | None = None
    for place in PLACES:
        texts = [one.user if place == "user" else one.system for one in exchanges]
        template = _common(texts)
        if template is None:
            continue
        systems = {one.system for one in exchanges}
        contains = next(iter(systems)).strip().split("\n")[0][:120] if len(systems) == 1 and place == "user" else ""
        base = Pattern(template, place, contains)
        for asset_field in _asset_fields(template, texts):
            for answer_field in _answer_fields(exchanges):
                one = Pattern(base.template, place, contains, asset_field, answer_field)
                reading = Reading(db, task, one)
                read = sum(
                    isinstance(told := reading(each), Matched) and told.category is not None for each in exchanges
                )
                if best is None or read > best[1]:
                    best = one, read
    return best if best and best[1] * 2 >= len(exchanges) > 0 and best[1] else None


def _common(texts: Sequence[str]) -> str | None:
    """What all texts begin and end with, {asset} between; None where they are one and the same."""
    plain = [_plain(text) for text in texts]
    lead, alike = Counter(text[:LEAD] for text in plain).most_common(1)[0] if plain else ("", 0)
    if alike * 2 >= len(plain):  # prompts of other jobs may stand between
        plain = [text for text in plain if text.startswith(lead)]
    if not plain:
        return None
    low, high = min(plain), max(plain)
    if low == high:
        return None
    before = next((at for at, (a, b) in enumerate(zip(low, high)) if a != b), min(len(low), len(high)))
    start = low[:before]
    start = start[: max(start.rfind(sign) for sign in BEFORE) + 1]
    spaces = low[len(start) : before]
    start += spaces[: len(spaces) - len(spaces.lstrip(" "))]
    ends = [text[len(start) :][::-1] for text in plain]
    low, high = min(ends), max(ends)
    after = next((at for at, (a, b) in enumerate(zip(low, high)) if a != b), min(len(low), len(high)))
    end = low[:after][::-1]
    places = [place for sign in AFTER if (place := end.find(sign)) >= 0]
    end = end[min(places) :] if places else ""
    return None if ANY in start + end or ASSET in start + end else f"{start}{ASSET}{end}"


def _asset_fields(template: str, texts: Sequence[str]) -> list[str]:
    """The fields that may hold the asset: where all texts are JSON objects, those of them that hold texts together; none."""
    if template.strip() != ASSET:
        return [""]
    names: dict[str, None] = {}
    for text in texts[:20]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return [""]
        if isinstance(value, dict):
            names |= {name: None for name, one in value.items() if isinstance(one, str) and "," not in name}
    return [", ".join(list(names)[:6]), ""] if names else [""]


def _answer_fields(exchanges: Sequence[Exchange]) -> list[str]:
    """The fields that may name the category: none, and each that JSON answers have."""
    names: dict[str, None] = {}
    for one in exchanges[:20]:
        for value in json_values(one.said.answer, lambda value: isinstance(value, dict)):
            names |= {name: None for name in value if isinstance(name, str)} if isinstance(value, dict) else {}
    return ["", *list(names)[:6]]
