"""The cascade: the student answers where it is sure enough, the teacher answers the rest.

The threshold comes with a promise: on the assets the student handles, agreement is at least the target, with the
confidence asked for. A promise the calibration rows cannot support is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log, log10

import numpy as np
import pandas as pd
from scipy.special import betainc, ndtri

from core.evaluate.agreement import Share, design_effect, share
from core.words import counted, percent, stated_percent

# What the certificate is, for the report, the model card, the README and behind a (?): whoever changes certify() changes it here.
TEST = "fixed-sequence testing with exact binomial tests (Learn then Test, Angelopoulos et al. 2021)"
METHOD = (
    "An asset is handled when the student is at least as sure as the certified threshold and the asset is not unlike everything "
    f"it learned from. The threshold was found by {TEST}, so that agreement on handled assets reaches the target with 95 % "
    "confidence. All other assets go to the teacher."
)
HINTS = {
    "handled": "Share of assets the student answers itself; the others fall back to the teacher.",
    "threshold": "The student answers when it is at least this sure; otherwise the asset falls back to the teacher.",
    "certified": "Proven by an exact test on assets that the answering student had not seen: agreement on handled assets is at "
    "least the target, with 95 % confidence.",
}
NEVER = -1.0  # confidence of an asset the student must not answer: below every threshold
FAR = 20  # an agreement that needs more than so many times the rows at hand to be told from the target is on a par with it


@dataclass(frozen=True)
class Certificate:
    """Whether a threshold keeps the promise. The student handles an asset when its confidence >= `threshold`.

    `handled` and `agreement` are those seen on the `n` calibration rows at the threshold (0 when refused), which are of so many
    `families`; `more_needed` is about how many more calibration rows would certify at the
    agreement seen, if any number would.
    """

    certified: bool
    threshold: float | None
    handled: float
    agreement: float
    n: int
    target: float
    confidence: float
    more_needed: int | None
    reason: str
    families: int


def effective(confidence: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Confidences with that of strange assets, which fall back at any threshold, put to NEVER."""
    return np.where(np.asarray(strange, bool), NEVER, np.asarray(confidence, float))


def curve(confidence: np.ndarray, correct: np.ndarray, points: int = 200) -> pd.DataFrame:
    """Handled share against agreement on the handled rows, from the strictest threshold to the loosest.

    Columns threshold (falling), handled (rising to 1, or less where some are NEVER), agreement; at most `points` rows.
    Equal confidences are handled together.
    """
    _, sure, right, n = _sorted(confidence, correct)
    if n == 0:
        return pd.DataFrame({"threshold": [], "handled": [], "agreement": []}, dtype=float)
    last = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))  # the last row of each run of equal confidence
    last = last[sure[last] > NEVER]
    if len(last) > points:
        last = last[np.unique(np.linspace(0, len(last) - 1, points).round().astype(int))]
    return pd.DataFrame({"threshold": sure[last], "handled": (last + 1) / n, "agreement": right[last] / (last + 1)})


def certify(
    confidence: np.ndarray,
    correct: np.ndarray,
    target: float = 0.95,
    delta: float = 0.05,
    starts: int = 5,
    points: int = 100,
    families: np.ndarray | None = None,
) -> Certificate:
    """The loosest threshold at which agreement on handled assets is >= target with confidence 1 - delta.

    `confidence` float [n] (NEVER for rows no threshold lets through), `correct` bool [n]: calibration rows, one per
    duplicate group; `families` int [n]: which of them belong together (None: each is its own). Fixed-sequence testing as in
    "Learn then Test" (Angelopoulos et al. 2021): candidate thresholds
    (`points` quantiles) from strict to loose, at each the exact binomial test of "agreement <= target", stop at the first
    that is not rejected. One walk often stops early by bad luck, so `starts` walks begin at evenly spaced candidates, each
    with delta / starts of the error budget (union bound); a walk that reaches the next start adds its own budget to that
    one's (the fallback procedure, Wiens 2003). The first start is the fewest rows that could pass at all. Rows of a family count as
    many rows as would carry the same variance (Korn & Graubard 1998): tests/bench/family_coverage.py shows that the promise holds.
    Raises ValueError for a target or delta outside (0, 1).
    """
    if not 0 < target < 1 or not 0 < delta < 1:
        raise ValueError(f"target and delta must lie between 0 and 1, got {target=}, {delta=}")
    family = np.arange(len(confidence)) if families is None else np.unique(families, return_inverse=True)[1]
    order, sure, right, n = _sorted(confidence, correct)
    base = Certificate(False, None, 0.0, 0.0, n, target, 1 - delta, None, "", len(np.unique(family)))
    let_through = sure > NEVER
    order, sure, right = order[let_through], sure[let_through], right[let_through]
    budget = delta / starts
    least = ceil(log(budget) / log(target))  # rows that, all of them right, just pass the test
    if len(sure) < least:
        few = f"{_rows_words(base)} are too few: at least {least:,} are needed"
        return replace(base, more_needed=least - len(sure), reason=few)
    handled = _candidates(sure, least, points)
    agreed, effects = right[handled - 1], _effects(np.asarray(correct, bool)[order], family[order], handled)
    best = _loosest(_p_values(agreed, handled, effects, target), starts, budget)
    if best is None:
        more = _more_needed(agreed, handled, effects, n, target, budget)
        return replace(base, more_needed=more, reason=_why_refused(agreed, handled, base, more))
    k, hits = int(handled[best]), int(agreed[best])
    # The rows above the next confidence down are a fair sample of all assets above it, which is what the test needs;
    # so the threshold is the smallest number above that one, and 0 when every row that may be is handled.
    threshold = 0.0 if k == len(sure) else float(np.nextafter(sure[k], np.inf))
    reason = (
        f"agreement on the {percent(k / n)} of assets the student handles is at least {stated_percent(target)}, "
        f"{stated_percent(1 - delta)} sure ({percent(hits / k, target)} seen on "
        f"{_rows_words(base, k, len(np.unique(family[order[:k]])))})"
    )
    return replace(base, certified=True, threshold=threshold, handled=k / n, agreement=hits / k, reason=reason)


def _effects(right: np.ndarray, family: np.ndarray, handled: np.ndarray) -> np.ndarray:
    """The design effect of the first so many rows, for each number of `handled`."""
    if family.max(initial=-1) + 1 == len(family) or len(np.unique(family)) == len(family):
        return np.ones(len(handled))
    return np.array([design_effect(right[:k].astype(float), family[:k]) for k in handled])


def _p_values(agreed: np.ndarray, handled: np.ndarray, effects: np.ndarray, target: float) -> np.ndarray:
    """The exact binomial test of "agreement <= target" at each candidate, of as many rows as are worth the same."""
    wrong = (handled - agreed) / effects
    return betainc(np.maximum(agreed / effects, 1e-9), wrong + 1, target)


def _rows_words(seen: Certificate, rows: int | None = None, families: int | None = None) -> str:
    """3,150 trial assets in 300 concepts"""
    rows, families = (seen.n, seen.families) if rows is None else (rows, families)
    inside = f" in {counted(families, 'concept')}" if families != rows else ""
    return f"{rows:,} trial assets{inside}"


def _sorted(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The rows with confidences falling, these, how many of the first rows are correct, and the number of rows."""
    order = np.argsort(-np.asarray(confidence, float), kind="stable")
    return order, np.asarray(confidence, float)[order], np.cumsum(np.asarray(correct, bool)[order]), len(order)


def _candidates(sure: np.ndarray, least: int, points: int) -> np.ndarray:
    """How many rows each candidate threshold handles, rising; rows of equal confidence go together."""
    n = len(sure)
    k = np.unique(np.linspace(least, n, points).round().astype(int))
    return np.unique(np.searchsorted(-sure, -sure[k - 1], side="right"))


def _loosest(p_values: np.ndarray, starts: int, budget: float) -> int | None:
    """The last candidate that is rejected on a walk from one of `starts` evenly spaced candidates; None if none is."""
    fresh = np.zeros(len(p_values))
    fresh[np.unique(np.linspace(0, len(p_values) - 1, starts).round().astype(int))] = budget
    best, carried = None, 0.0
    for candidate, p_value in enumerate(p_values):
        carried += fresh[candidate]
        if p_value <= carried:
            best = candidate
        else:
            carried = 0.0
    return best


def _more_needed(
    agreed: np.ndarray, handled: np.ndarray, effects: np.ndarray, n: int, target: float, budget: float
) -> int | None:
    """About how many more calibration rows would pass at some candidate four times in five, agreement staying as seen.

    The usual sample size of a one-sided test of a share (normal approximation), power 80 %, times the design effect.
    """
    seen = (agreed + 1) / (handled + 2)  # a few rows all right are no proof of 100 %
    promising = seen > target
    if not promising.any():
        return None
    rate, portion = seen[promising], handled[promising] / n
    spread = -ndtri(budget) * np.sqrt(target * (1 - target)) - ndtri(0.2) * np.sqrt(rate * (1 - rate))
    rows = float(((spread / (rate - target)) ** 2 * effects[promising] / portion).min())
    return about(rows - n) if rows < FAR * n else None


def about(count: float) -> int:
    """A count of at least 1 rounded up to two significant digits, as an estimate deserves."""
    count = max(ceil(count), 1)
    step = 10 ** max(int(log10(count)) - 1, 0)
    return -(-count // step) * step


def _why_refused(agreed: np.ndarray, handled: np.ndarray, seen: Certificate, more: int | None) -> str:
    surest = agreed / handled
    best = int(surest.argmax())
    bound = (
        f"{percent(surest[best], seen.target)} on the surest {percent(handled[best] / seen.n)} of {_rows_words(seen)}"
    )
    text = f"{stated_percent(seen.target)} could not be proven, however sure the student must be to answer: the best is {bound}"
    if more is not None:
        families = about(more * seen.families / seen.n)
        inside = f", in {families:,} more concepts," if seen.families != seen.n else ""
        text += f"; at the agreement seen, about {more:,} more trial assets{inside} would do"
    return text


def confirm(
    certificate: Certificate,
    confidence: np.ndarray,
    correct: np.ndarray,
    groups: np.ndarray | None = None,
    copies: np.ndarray | None = None,
) -> tuple[Share, Share | None]:
    """The handled share of test rows, and the agreement on them (None where no row is handled or none may be); families
    (`groups`) and `copies` as in share()."""
    confidence, correct = np.asarray(confidence, float), np.asarray(correct, bool)
    handled = np.zeros(len(confidence), bool)
    if certificate.threshold is not None:
        handled = confidence >= certificate.threshold
    seen = share(handled, groups, copies)
    if not handled.any():
        return seen, None
    cut = (None if of is None else np.asarray(of)[handled] for of in (groups, copies))
    return seen, share(correct[handled], *cut)


def end_to_end(handled: float, agreement_handled: float) -> float:
    """Agreement of the cascade as a whole: assets that fall back are answered by the teacher itself."""
    return handled * agreement_handled + (1 - handled)
