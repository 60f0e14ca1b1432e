"""What a voice guide would stop of the copy that people approved: a rule that stops much of it is too strict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.chance import chance
from core.words import percent
from core.write import gates, guide
from core.write.guide import Guide
from core.write.known import OTHERS, Known

MOST = 1_000  # approved pairs looked at
TOO_MANY = 0.05  # of them that a guide may stop
_NOBODY = Known([], [], np.zeros((0, 1), np.float32), OTHERS + 1, frozenset())


@dataclass(frozen=True)
class Strictness:
    """Of `n` approved copies the share that a guide stops, `stopped`, and each of its rules, by the gate's name, the most first."""

    n: int
    stopped: float
    by_gate: dict[str, float]

    @property
    def too_strict(self) -> bool:
        return self.stopped > TOO_MANY


def measure(rules: Guide, pairs: Sequence[tuple[str, str]]) -> Strictness:
    """What the guide stops of up to MOST approved (brief, copy) pairs, drawn by their words. Lengths are those that would hold."""
    rules = guide.filled(rules, [copy for _, copy in pairs])
    some = sorted(pairs, key=lambda pair: chance(f"{pair[0]} {pair[1]}"))[:MOST]
    found = [gates.of_guide(gates.Case(copy, copy, brief, rules, _NOBODY, 1)) for brief, copy in some]
    counts = Counter(name for names in found for name in names)
    share = lambda count: count / max(len(some), 1)  # noqa: E731
    return Strictness(
        len(some), share(sum(map(bool, found))), {name: share(count) for name, count in counts.most_common()}
    )


def sentence(measured: Strictness) -> str:
    """The same in words."""
    if not measured.n:
        return "There is no approved copy yet to see what these rules stop of it."
    if not measured.stopped:
        return f"These rules stop none of {measured.n:,} approved copies."
    parts = ", ".join(f"{name} {percent(share)}" for name, share in measured.by_gate.items())
    strict = " Too strict: people approved these." if measured.too_strict else ""
    return f"These rules would stop {percent(measured.stopped)} of {measured.n:,} approved copies: {parts}.{strict}"
