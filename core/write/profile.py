"""A task's pairs at a glance: how many, how long, what repeats, which facts and languages, and the voice of the approved copy."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from sqlite_utils import Database

from core.assets.duplicates import normal_form
from core.tasks import Task
from core.write import slots, tongues

TOP, FEWEST_TOP = 12, 3  # words shown, and their fewest letters
READ = 400  # copies whose language is told
SLOT = re.compile(r"\{([A-Z]+)\d*\}")


@dataclass(frozen=True)
class Lengths:
    """Characters that half of the texts have at the most, and that 90 of 100 lie between."""

    usual: int
    low: int
    high: int


@dataclass(frozen=True)
class Voice:
    """Of approved copy: words that half of the lines have at the most; the shares with an exclamation mark and with a question; the
    words in most lines, common little words left out, with the share of lines."""

    words: int
    exclamations: float
    questions: float
    top: dict[str, float]


@dataclass(frozen=True)
class Profile:
    """`statuses`, `channels`, `markets`: pairs by each; `repeated`: the share of approved copies that stand more than once;
    `facts`: the share of copies with each kind of slot; `languages`: the share of lines that tell theirs, by name."""

    pairs: int
    statuses: dict[str, int]
    brief: Lengths
    copy: Lengths
    repeated: float
    facts: dict[str, float]
    languages: dict[str, float]
    channels: dict[str, int]
    markets: dict[str, int]
    voice: Voice

    def as_dict(self) -> dict:
        return asdict(self)


def of(db: Database, task: Task) -> Profile | None:
    """The profile of a task's pairs; None where no pair is approved."""
    rows = list(
        db.query("select brief, copy, status, channel, market from pairs where task_id = ? order by id", [task.id])
    )
    approved = [(row["brief"], row["copy"]) for row in rows if row["status"] != "rejected"]
    if not approved:
        return None
    copies = [copy for _, copy in approved]
    forms = Counter(map(normal_form, copies))
    kinds = Counter(kind for brief, copy in approved for kind in set(SLOT.findall(slots.put(copy, brief))))
    by = lambda name: dict(Counter(row[name] or "none" for row in rows).most_common(TOP))  # noqa: E731
    return Profile(
        pairs=len(rows),
        statuses=by("status"),
        brief=_lengths([brief for brief, _ in approved]),
        copy=_lengths(copies),
        repeated=sum(count for count in forms.values() if count > 1) / len(copies),
        facts={kind: count / len(copies) for kind, count in kinds.most_common()},
        languages=_languages(approved),
        channels=by("channel"),
        markets=by("market"),
        voice=_voice(copies),
    )


def _lengths(texts: Sequence[str]) -> Lengths:
    return Lengths(
        *(int(np.quantile([len(text) for text in texts], share, method="lower")) for share in (0.5, 0.05, 0.95))
    )


def _languages(approved: Sequence[tuple[str, str]]) -> dict[str, float]:
    some = approved[:: max(1, len(approved) // READ)][:READ]
    told = [one for brief, copy in some if (one := tongues.shares(tongues.plain(copy, brief)))]
    # A line alone may mislead: it counts for the commonest language that it may be in.
    first = Counter(next(iter(one)) for one in told).most_common()
    named = Counter(next(name for name, _ in first if one[name] >= tongues.UNLIKELY) for one in told)
    return {tongues.NAMES[name]: count / len(told) for name, count in named.most_common()}


def _voice(copies: Sequence[str]) -> Voice:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    lines: defaultdict[str, int] = defaultdict(int)
    for copy in copies:
        for word in {word for word in re.findall(r"[^\W\d_]+", copy.casefold()) if len(word) >= FEWEST_TOP}:
            lines[word] += 1
    top = sorted(
        ((word, n) for word, n in lines.items() if word not in ENGLISH_STOP_WORDS), key=lambda one: (-one[1], one[0])
    )
    share = lambda sign: sum(sign in copy for copy in copies) / len(copies)  # noqa: E731
    return Voice(
        int(np.median([len(copy.split()) for copy in copies])),
        share("!"),
        share("?"),
        {word: count / len(copies) for word, count in top[:TOP]},
    )
