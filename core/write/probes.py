"""Probes by contrast: does the model find approved copy likelier than the same with two speakers exchanged (who did what), or with
another number, brand or date? They need no judge and no drafts, and tell what words in common cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from core.evaluate.agreement import interval
from core.words import percent
from core.write import language, slots
from core.write.figures import Range
from core.write.language import Language

ROLES_RIGHT = 0.85  # the low end of the range from which open summaries are written
MOST = 200  # pairs probed
FEWEST = 20  # pairs that are worth a share


def exchanged(brief: str, copy: str) -> str | None:
    """The copy with two speakers of the brief exchanged; None where it does not name two."""
    speakers = dict.fromkeys(re.findall(r"^([^\s:][^:\n]{0,30}):", brief, re.M))
    there = [name for name in speakers if name in copy]
    if len(there) < 2:
        return None
    first, second = there[:2]
    return re.sub(f"{re.escape(first)}|{re.escape(second)}", lambda name: second if name[0] == first else first, copy)


def probe(model: Language, pairs: Sequence[tuple[str, str]]) -> Range | None:
    """The share of pairs where the approved copy is the likelier one: value, low, high (exact range of 95 %), n. None where no copy
    names two speakers."""
    swapped = [(brief, copy, other) for brief, copy in pairs if (other := exchanged(brief, copy)) and other != copy]
    return _likelier(model, swapped[:MOST]) if swapped else None


def contrasts(model: Language, pairs: Sequence[tuple[str, str]]) -> dict[str, Range]:
    """The same of copy with its number, brand or date exchanged for that of another pair, by what is exchanged, where at least
    FEWEST copies say one that their brief says too."""
    found = {name: [(b, c, other) for b, c, other in swap(pairs) if other != c][:MOST] for name, swap in SWAPS.items()}
    return {name: _likelier(model, some) for name, some in found.items() if len(some) >= FEWEST}


def _other_brands(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    names = [slots.brand(brief) for brief, _ in pairs]
    there = [(brief, copy, name) for (brief, copy), name in zip(pairs, names) if name and name in copy]
    turned = [name for _, _, name in there[1:] + there[:1]]
    return [
        (brief, copy, copy.replace(name, other)) for (brief, copy, name), other in zip(there, turned) if name != other
    ]


def _other_facts(*kinds: str) -> Callable[[Sequence[tuple[str, str]]], list[tuple[str, str, str]]]:
    def swap(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
        said = [
            (brief, copy, words)
            for brief, copy in pairs
            for kind, words in slots.facts(copy)[:1]
            if kind in kinds and words in brief
        ]
        turned = [words for _, _, words in said[1:] + said[:1]]
        return [
            (brief, copy, copy.replace(words, other))
            for (brief, copy, words), other in zip(said, turned)
            if other != words
        ]

    return swap


SWAPS = {"brands": _other_brands, "numbers": _other_facts("NUMBER", "PRICE"), "dates": _other_facts("DATE")}


def _likelier(model: Language, swapped: Sequence[tuple[str, str, str]]) -> Range:
    """The share of (brief, copy, other) where the copy is likelier than the other."""
    prompts = [model.prompt(brief) for brief, _, _ in swapped]
    right = language.likelihoods(model, prompts, [model.copy(copy) for _, copy, _ in swapped])
    wrong = language.likelihoods(model, prompts, [model.copy(other) for _, _, other in swapped])
    hits = int((right > wrong).sum())
    low, high = interval(hits, len(swapped))
    return Range(hits / len(swapped), low, high, len(swapped))


def refusal(measured: Range | None) -> str:
    """Why a model may not write summaries, by its probe; "" where it may, or where no copy names two speakers."""
    if measured is None or measured.low >= ROLES_RIGHT:
        return ""
    return (
        "It mixes up who did what: it prefers the approved summary to the same with two people exchanged in "
        f"{percent(measured.value)} of {measured.n} ({percent(measured.low)} at the least; "
        f"{percent(ROLES_RIGHT)} are asked for), so it may read well "
        "and be wrong. Summaries are made of the brief's own sentences instead."
    )
