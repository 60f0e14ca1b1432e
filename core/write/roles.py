"""The role probe: does the model find the approved summary likelier than the same with two speakers exchanged? It needs no judge
and no drafts, and tells what words in common cannot: who did what."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.evaluate.agreement import interval
from core.words import percent
from core.write import language
from core.write.figures import Range
from core.write.language import Language

ROLES_RIGHT = 0.85  # the low end of the range from which open summaries are written
MOST = 200  # pairs probed


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
    swapped = [(brief, copy, other) for brief, copy in pairs if (other := exchanged(brief, copy)) and other != copy][
        :MOST
    ]
    if not swapped:
        return None
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
