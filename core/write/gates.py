"""The gates that a draft must pass, a row each: what a person calls it and what stops a draft there, in words.

The same for teacher, student, vendor and people. A gate finds what is not good; none says that a draft is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from core.words import percent
from core.write import names, slots, stated, tongues
from core.write.guide import Guide, Span
from core.write.known import OTHERS, Encode, Known


@dataclass(frozen=True)
class Case:
    """A draft before the gates: with the facts filled in (`text`) and as slots (`slotted`), its brief, and the `rank` of its brief
    among OTHERS more. `new`: it was written, not taken from approved copy."""

    text: str
    slotted: str
    brief: str
    guide: Guide
    known: Known
    rank: int
    new: bool = True


@dataclass(frozen=True)
class Finding:
    """What one gate says of one draft; `why` is empty where it passed."""

    name: str
    passed: bool
    why: str = ""


Check = Callable[[Case], str | None]  # why it stops the draft, "" where it passes, None where it does not apply


def find(case: Case) -> list[Finding]:
    """What every gate that applies says."""
    reasons = {name: check(case) for name, check in GATES.items()}
    return [Finding(name, not why, why) for name, why in reasons.items() if why is not None]


def of_guide(case: Case) -> list[str]:
    """The gates set by the voice guide that stop a text; nothing has to be known of other copy."""
    return [name for name in OF_GUIDE if GATES[name](case)]


def cases(
    drafts: Sequence[tuple[str, str]], guide: Guide, known: Known, encode: Encode, *, new: bool = True
) -> list[Case]:
    """(brief, text with slots) pairs as cases, facts filled in and ranks measured."""
    filled = [slots.fill(text, brief) for brief, text in drafts]
    ranks = known.ranks([brief for brief, _ in drafts], filled, encode) if drafts else []
    return [
        Case(text, slotted, brief, guide, known, int(rank), new)
        for (brief, slotted), text, rank in zip(drafts, filled, ranks)
    ]


def approved(pairs: Sequence[tuple[str, str]], guide: Guide, known: Known, encode: Encode) -> list[Case]:
    """Copy that people wrote, before the same gates as a draft."""
    settled = cases(pairs, guide, known, encode)
    return [replace(case, text=copy, slotted=slots.put(copy, brief)) for case, (brief, copy) in zip(settled, pairs)]


@lru_cache(maxsize=1_000)
def forms(term: str) -> re.Pattern[str]:
    """A term with its word forms: cheap also finds cheaper, cheapest and cheaply. After = it is taken as it stands."""
    if term.startswith("="):
        return re.compile(rf"(?<!\w){re.escape(term[1:])}(?!\w)")
    stem, last = re.escape(term.rstrip()), term.rstrip()[-1:]
    ends = "(?:s|es|['’]s|d|ed|r|er|st|est|ing|ly)?"
    if last == "e":
        stem, ends = stem[:-1], "(?:e|es|ed|er|est|ing|e['’]s|ely|y)"
    elif last == "y":
        stem, ends = stem[:-1], "(?:y|ys|ies|ied|ier|iest|ying|y['’]s|ily)"
    elif re.search(r"[aeiou][bdgmnprt]$", term):
        ends = f"(?:s|['’]s|{last}?(?:ed|er|est|ing)|ly)?"
    return re.compile(rf"(?<!\w){stem}{ends}(?!\w)", re.I)


def _empty(case: Case) -> str | None:
    return "" if re.search(r"\w", case.text) else "It holds no word."


def _filled(case: Case) -> str | None:
    left = slots.SLOT.search(case.text)
    return f"The brief has nothing for {left[0]}." if left else ""


def _length(case: Case) -> str | None:
    counts = {
        "characters": len(case.text),
        "words": len(case.text.split()),
        "sentences": max(1, len(re.findall(r"[.!?]+(?=\s|$)", case.text))),
    }
    spans: dict[str, Span] = {name: getattr(case.guide, name) for name in counts}
    for name, span in spans.items():
        if span.most is not None and counts[name] > span.most:
            return f"It has {counts[name]:,} {name}; at most {span.most:,} are allowed."
        if span.least is not None and counts[name] < span.least:
            return f"It has {counts[name]:,} {name}; at least {span.least:,} are wanted."
    for channel, most in case.guide.channels.items():
        if len(case.text) > most and _for_channel(channel, case.brief):
            return f"It has {len(case.text):,} characters; a {channel} has at most {most:,}."
    return "" if case.guide.channels or any(span != Span() for span in spans.values()) else None


def _for_channel(channel: str, brief: str) -> bool:
    """Whether the first line of a brief, or its line `channel:`, names a channel."""
    first, *more = brief.split("\n")
    lines = [first, *(line for line in more if re.match(r"\s*channel\s*:", line, re.I))]
    return any(forms(channel).search(line) for line in lines)


def _required(case: Case) -> str | None:
    missing = [term for term in case.guide.required if not forms(term).search(case.text)]
    return _listed("It lacks", missing) if case.guide.required else None


def _banned(case: Case) -> str | None:
    banned = [match[0] for term in case.guide.banned if (match := forms(term).search(case.text))]
    return _listed("The voice guide bans", banned) if case.guide.banned else None


def _patterns(case: Case) -> str | None:
    matches = [match[0] for pattern in case.guide.patterns if (match := re.search(pattern, case.text))]
    return _listed("The voice guide bans", matches) if case.guide.patterns else None


EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f]")


def _emoji(case: Case) -> str | None:
    return None if case.guide.emoji else _listed("It holds", EMOJI.findall(case.text)[:3])


def _marks(case: Case) -> str | None:
    most, marks = case.guide.exclamation_marks, case.text.count("!")
    if most is None:
        return None
    return f"It has {marks} exclamation marks; at most {most} are allowed." if marks > most else ""


def _capitals(case: Case) -> str | None:
    if case.guide.capitals is None:
        return None
    of_brief = set(re.findall(r"\w+", case.brief))
    capitals = [word for word in re.findall(r"\b[A-Z]{2,}\b", slots.SLOT.sub(" ", case.text)) if word not in of_brief]
    return _listed("Words in capitals:", capitals) if len(capitals) > case.guide.capitals else ""


def _grade(case: Case) -> str | None:
    if case.guide.grade is None:
        return None
    words = re.findall(r"[a-zA-Z]+", case.text)
    sentences = max(1, len(re.findall(r"[.!?]+(?=\s|$)", case.text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.lower().removesuffix("e")))) for word in words)
    # Flesch and Kincaid's grade level (Kincaid et al. 1975)
    grade = 0.39 * len(words) / sentences + 11.8 * syllables / max(1, len(words)) - 15.59
    return (
        f"It reads at school year {grade:.0f}; at most {case.guide.grade:g} is allowed."
        if grade > case.guide.grade
        else ""
    )


def _language(case: Case) -> str | None:
    if case.guide.language not in tongues.NAMES:
        return None
    other = tongues.other_than(case.text, case.brief, case.guide.language)
    return f"It reads as {other}, not as {tongues.NAMES[case.guide.language]}." if other else ""


def _claims(case: Case) -> str | None:
    if not case.guide.claims:
        return None
    if case.guide.legal_line and case.guide.legal_line in case.text:
        return ""
    claims = [
        match[0]
        for term in case.guide.claims
        if (match := forms(term).search(case.text)) and not forms(term).search(case.brief)
    ]
    return _listed("A claim that the brief does not make:", claims)


def _facts(case: Case) -> str | None:
    """Invented facts, not wrong ones."""
    return _listed("The brief does not say", stated.unstated(case.text, case.brief))


def _brands(case: Case) -> str | None:
    name = names.another_brand(case.text, case.brief, case.known)
    return f"{name} is another brand." if name else ""


def _names(case: Case) -> str | None:
    name = names.unnamed(case.text, case.brief, case.known)
    return f"The brief does not name {name}." if name else ""


def _copied(case: Case) -> str | None:
    if not case.new:
        return None
    if copied := near_copy(case.text, case.slotted, case.brief, case.known):
        near, share = copied
        if share >= 1:
            return f"Approved before, word for word: {near}"
        return f"Nearly an approved copy ({percent(share)} the same): {near}"
    run = case.known.index.run(case.text, case.guide.run)
    return f"{case.guide.run} words in a row of an approved copy: {run}" if run else ""


def near_copy(text: str, slotted: str, brief: str, known: Known) -> tuple[str, float] | None:
    """The approved copy that a text nearly is, as it stands or with its facts as slots, and how like (0..1); None without one."""
    copies = [near for one in dict.fromkeys((text, slotted)) if (near := known.index.near(one, brief))]
    return max(copies, key=lambda near: near[1], default=None)


def _repeats(case: Case) -> str | None:
    words = re.findall(r"\w[\w'’]*", case.text.casefold())
    fours = [tuple(words[at : at + 4]) for at in range(len(words) - 3)]
    twice = next((one for one in fours if fours.count(one) > 1 and not _refrain(one, fours, words)), ())
    stutter = next((one for one, other, third in zip(words, words[1:], words[2:]) if one == other == third), "")
    return f"It repeats itself: {' '.join(twice) or stutter}" if twice or stutter else ""


def _refrain(run: tuple[str, ...], runs: list[tuple[str, ...]], words: list[str]) -> bool:
    """Whether a run that comes twice frames two things: be a part of history, be a part of today."""
    ends = [words[at + len(run)] if at + len(run) < len(words) else "" for at, one in enumerate(runs) if one == run]
    return len(ends) == 2 and len(set(ends)) == 2 and all(ends)


def _about(case: Case) -> str | None:
    if len(case.known.briefs) <= OTHERS // 2:
        return None
    if case.rank <= case.known.bar:
        return ""
    return f"It is about nothing in its brief: {case.rank - 1} of {OTHERS} other briefs are nearer to it."


def _listed(what: str, terms: Sequence[str]) -> str:
    return f"{what} {', '.join(dict.fromkeys(terms))}." if terms else ""


GATES: dict[str, Check] = {
    "not empty": _empty,
    "facts filled": _filled,
    "length": _length,
    "required words": _required,
    "banned words": _banned,
    "banned patterns": _patterns,
    "emoji": _emoji,
    "exclamation marks": _marks,
    "capitals": _capitals,
    "reading level": _grade,
    "language": _language,
    "claims": _claims,
    "numbers and dates": _facts,
    "other brands": _brands,
    "names": _names,
    "copied": _copied,
    "repeats": _repeats,
    "about the brief": _about,
}
OF_GUIDE = (  # the gates that a voice guide sets, and that need nothing else
    "length", "required words", "banned words", "banned patterns", "emoji", "exclamation marks", "capitals", "reading level",
    "language", "claims",
)  # fmt: skip
