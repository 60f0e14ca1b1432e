"""How often the student says what the teacher says, and how sure we can be of it.

Pure functions over arrays of category ids. Copies of one creative, and one concept in several sizes or languages, are not
independent evidence, so every interval can take the family of each row and widens accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betainc, betaincinv  # all that is wanted of scipy.stats, which takes a second to import


@dataclass(frozen=True)
class Share:
    """A share of rows with its exact interval: `n` rows in `groups` families, worth so many independent rows (`effective`)."""

    value: float
    low: float
    high: float
    n: int
    groups: int
    effective: float = 0.0

    @property
    def independent(self) -> float:
        """How many rows it rests on that do not repeat each other: families, or more where their members differ."""
        return max(self.groups, self.effective)


def interval(k: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a binomial share, k successes in n (Clopper & Pearson 1934).

    Real-valued k and n are allowed (beta quantiles), as a design effect needs them. n = 0 says nothing: (0, 1).
    Raises ValueError unless 0 <= k <= n and 0 < confidence < 1.
    """
    if not 0 <= k <= n or not 0 < confidence < 1:
        raise ValueError(f"interval needs 0 <= k <= n and 0 < confidence < 1, got k={k}, n={n}, {confidence=}")
    low, high = _bounds(np.array([k], float), np.array([n], float), confidence)
    return float(low[0]), float(high[0])


def _bounds(k: np.ndarray, n: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Clopper-Pearson bounds of many shares at once."""
    tail = (1 - confidence) / 2
    low, high = np.zeros(len(k)), np.ones(len(k))
    some, not_all = k > 1e-9, k < n - 1e-9  # less than a billionth of a row is rounding, and overflows the quantile
    low[some] = betaincinv(k[some], n[some] - k[some] + 1, tail)
    high[not_all] = betaincinv(k[not_all] + 1, n[not_all] - k[not_all], 1 - tail)
    return low, high


def share(
    hit: np.ndarray, groups: np.ndarray | None = None, copies: np.ndarray | None = None, confidence: float = 0.95
) -> Share:
    """The share of True in `hit` (bool [n]) with an interval that counts families (`groups`, int [n]).

    The rows are replaced by the number of independent rows that would carry the same variance (Korn & Graubard
    1998): rows / design effect, never more than the number of duplicate groups (`copies`, int [n]; None: the families).
    Without groups it is Clopper-Pearson. No rows: value 0 with the interval (0, 1).
    """
    hit = np.asarray(hit, bool)
    n = len(hit)
    if n == 0:
        return Share(0.0, 0.0, 1.0, 0, 0)
    value = float(hit.mean())
    if groups is None:
        low, high = interval(float(hit.sum()), n, confidence)
        return Share(value, low, high, n, n, float(n))
    _, position = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(position)
    most = len(sizes) if copies is None else len(np.unique(copies))
    effective = _effective_rows(hit, value, position, sizes, most)
    low, high = interval(min(value * effective, effective), effective, confidence)
    return Share(value, min(low, value), max(high, value), n, len(sizes), effective)


def _effective_rows(hit: np.ndarray, value: float, position: np.ndarray, sizes: np.ndarray, most: int) -> float:
    n = len(hit)
    if 0 < value < 1:
        residual = np.bincount(position, weights=hit - value)
        rows = value * (1 - value) * n**2 / max(float((residual**2).sum()), 1e-12)
    else:  # no variance to measure: take copies as answering alike (Kish 1965)
        rows = n**2 / float((sizes.astype(float) ** 2).sum())
    return float(np.clip(rows, 1.0, most))


def design_effect(values: np.ndarray, families: np.ndarray) -> float:
    """How many rows of these `families` (int [n], from 0) tell as much of the mean of `values` (float [n]) as one independent row
    would; 1 where each row is a family of its own, and never less.

    The variance of the mean with families drawn whole over that with rows drawn (Kish 1965; families may be of any size). Where
    large families are few, those drawn may by luck all be right; so it is no less than what these sizes would make of rows as alike
    as the average family's (1 + (size - 1) x correlation), small families telling of large ones. Few rows that differ say little of
    how they cluster, so both are drawn towards the most it could be, rows of a family all alike, by the weight of one more family
    that differs.
    """
    sizes = np.bincount(families)
    there = sizes > 0
    sizes = sizes[there].astype(float)
    if len(sizes) == len(values):
        return 1.0
    most = float((sizes**2).sum()) / len(values)  # the size of the family that the average row is in
    weight = (most * float(sizes.mean())) ** 0.5  # rows of one more family, between that size and the average family's
    residual = values - values.mean()
    together = np.bincount(families, weights=residual)[there] ** 2
    alone = np.bincount(families, weights=residual**2)[there]
    total, several = float(alone.sum()), sizes > 1
    pairs = (together - alone)[several] / (sizes * (sizes - 1))[several]  # the covariance of two rows of each family
    likely = total + (most - 1) * min(max(float(pairs.mean()) * len(values), 0.0), total)
    return max((max(float(together.sum()), likely) + most * weight) / (total + weight), 1.0)


def agreement(
    teacher: np.ndarray, student: np.ndarray, groups: np.ndarray | None = None, copies: np.ndarray | None = None
) -> Share:
    """The share of rows on which student and teacher (category ids, int [n]) agree; else as share()."""
    return share(np.asarray(teacher) == np.asarray(student), groups, copies)


@dataclass(frozen=True)
class Paired:
    """Two judged on the same `n` assets: the share that each got right, the number that only it got right, `difference` the
    second's share less the first's with its 95 % interval, `p` of the exact test that neither is better."""

    n: int
    first: float
    second: float
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def better(self) -> str | None:
        """ "first" or "second" where the difference is shown (p < 0.05), else None."""
        if self.p >= 0.05:
            return None
        return "second" if self.difference > 0 else "first"


def paired(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None, families: np.ndarray | None = None
) -> Paired:
    """Whether `second` (bool [n]: right or not) is better than `first` on the same rows, one row a duplicate group counted.

    Exact McNemar test (McNemar 1947); interval by Newcombe's method 10 (1998), which reaches 0 wherever the test shows nothing.
    Where several rows are of one of the `families` (int [n]), both count as many rows as would carry the same variance.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    if groups is not None:
        _, rows = np.unique(np.asarray(groups), return_index=True)
        first, second = first[rows], second[rows]
        families = None if families is None else np.asarray(families)[rows]
    n = len(first)
    if n == 0:
        return Paired(0, 0.0, 0.0, 0, 0, 0.0, -1.0, 1.0, 1.0)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    effect = 1.0
    if families is not None:
        effect = design_effect(second.astype(float) - first, np.unique(families, return_inverse=True)[1])
    p = sign_test(only_first, only_second, effect)
    difference = (only_second - only_first) / n
    below, above = _newcombe(
        int((first & second).sum()) / effect, only_first / effect, only_second / effect, n / effect
    )
    low, high = difference - below, difference + above
    if p >= 0.05:
        low, high = min(low, 0.0), max(high, 0.0)
    shares = float(first.mean()), float(second.mean())
    return Paired(n, *shares, only_first, only_second, difference, max(low, -1.0), min(high, 1.0), p)


def sign_test(first: int, second: int, effect: float = 1.0) -> float:
    """p of the exact two-sided test that neither is the more frequent; with a design effect above 1, of so much fewer rows."""
    more, fewer = max(first, second) / effect, min(first, second) / effect
    return min(2 * float(betainc(more, fewer + 1, 0.5)), 1.0) if more else 1.0


def _newcombe(both: float, only_first: float, only_second: float, n: float) -> tuple[float, float]:
    """How far the 95 % interval reaches below and above the difference of two paired shares."""
    neither = n - both - only_first - only_second
    first, second = (both + only_first) / n, (both + only_second) / n
    (low_first, high_first), (low_second, high_second) = _wilson(first, n), _wilson(second, n)
    scale = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    link = both * neither - only_first * only_second
    link = max(link - n / 2, 0) if link > 0 else link
    phi = link / scale**0.5 if scale else 0.0

    def reach(a: float, b: float) -> float:
        return max(a * a - 2 * phi * a * b + b * b, 0.0) ** 0.5

    return reach(second - low_second, high_first - first), reach(high_second - second, first - low_first)


def _wilson(value: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    z = 1.959964
    centre, spread = value + z * z / (2 * n), z * (value * (1 - value) / n + z * z / (4 * n * n)) ** 0.5
    return (centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n)


def parent_agreement(
    teacher: np.ndarray,
    student: np.ndarray,
    parents: Mapping[int, int],
    groups: np.ndarray | None = None,
    copies: np.ndarray | None = None,
) -> Share:
    """Agreement at the top level: `parents` maps a category id to its topmost ancestor's; an absent id is its own."""
    ids, position = np.unique(np.concatenate([teacher, student]), return_inverse=True)
    top = np.array([parents.get(int(i), int(i)) for i in ids])[position]
    return agreement(top[: len(teacher)], top[len(teacher) :], groups, copies)


def macro_f1(teacher: np.ndarray, student: np.ndarray) -> float:
    """The mean F1 over every category that teacher or student used; small categories count as much as large ones."""
    if len(teacher) == 0:
        return 0.0
    _, position = np.unique(np.concatenate([teacher, student]), return_inverse=True)
    first, second = position[: len(teacher)], position[len(teacher) :]
    most = int(position.max()) + 1
    both = np.bincount(first[first == second], minlength=most)
    return float(np.mean(2 * both / (np.bincount(first, minlength=most) + np.bincount(second, minlength=most))))


def _marginals(teacher: np.ndarray, student: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Observed agreement and each side's share per category, over the categories either used."""
    ids, position = np.unique(np.concatenate([teacher, student]), return_inverse=True)
    n = len(teacher)
    first = np.bincount(position[:n], minlength=len(ids)) / n
    second = np.bincount(position[n:], minlength=len(ids)) / n
    return float(np.mean(np.asarray(teacher) == np.asarray(student))), first, second


def cohen_kappa(teacher: np.ndarray, student: np.ndarray) -> float | None:
    """Agreement beyond chance (Cohen 1960), in [-1, 1]; None where both always say one and the same category."""
    if len(teacher) == 0:
        return None
    observed, first, second = _marginals(teacher, student)
    expected = float(first @ second)
    return None if expected > 1 - 1e-12 else (observed - expected) / (1 - expected)


def gwet_ac1(teacher: np.ndarray, student: np.ndarray, categories: int | None = None) -> float | None:
    """Agreement beyond chance that one dominant category does not distort (Gwet 2008, AC1).

    `categories` is the number to choose from; without it, the number in use. None where there is only one.
    """
    if len(teacher) == 0:
        return None
    observed, first, second = _marginals(teacher, student)
    count = max(categories or 0, len(first))
    if count < 2:
        return None
    pi = (first + second) / 2
    expected = float((pi * (1 - pi)).sum()) / (count - 1)
    return (observed - expected) / (1 - expected)


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Stated confidence against agreement, in `bins` equal bins of [0, 1]; empty bins are left out.

    Columns start, end, n, confidence (mean), agreement, low, high.
    """
    confidence, correct = np.asarray(confidence, float), np.asarray(correct, bool)
    index = np.clip((confidence * bins).astype(int), 0, bins - 1)
    n = np.bincount(index, minlength=bins)
    agreed = np.bincount(index, weights=correct, minlength=bins)
    stated = np.bincount(index, weights=confidence, minlength=bins)
    low, high = _bounds(agreed, n.astype(float), 0.95)
    filled, edges = n > 0, np.linspace(0, 1, bins + 1)
    n_filled = n[filled]
    return pd.DataFrame(
        {
            "start": edges[:-1][filled],
            "end": edges[1:][filled],
            "n": n_filled,
            "confidence": stated[filled] / n_filled,
            "agreement": agreed[filled] / n_filled,
            "low": low[filled],
            "high": high[filled],
        }
    )


def ece(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: the mean gap between stated confidence and agreement (Naeini et al. 2015)."""
    table = reliability(confidence, correct, bins)
    if table.empty:
        return 0.0
    return float((table["n"] * (table["confidence"] - table["agreement"]).abs()).sum() / table["n"].sum())


def per_category(
    teacher: np.ndarray, student: np.ndarray, groups: np.ndarray | None = None, copies: np.ndarray | None = None
) -> pd.DataFrame:
    """One row per category that teacher or student used, the teacher's most frequent first.

    Columns category, n (teacher's rows), groups (families among them, or as many rows as they are worth where that is more, at most
    the duplicate groups, `copies`), predicted (student's rows), agreed, precision,
    recall, f1, and the interval
    low, high of recall (the share of the teacher's rows on which the student agrees), counted by families.
    Precision is missing (NaN) where the student never says the category, recall where the teacher never does.
    """
    teacher, student = np.asarray(teacher), np.asarray(student)
    ids, position = np.unique(np.concatenate([teacher, student]), return_inverse=True)
    first, second = position[: len(teacher)], position[len(teacher) :]
    return _by_category(ids, first, first == second, np.bincount(second, minlength=len(ids)), groups, copies)


def per_tag(
    teacher: np.ndarray, student: np.ndarray, ids: np.ndarray, groups: np.ndarray, copies: np.ndarray
) -> pd.DataFrame:
    """per_category() where a row may have several tags: `teacher` and `student` bool [n, tags], `ids` int [tags]. Tags that neither
    ever gives are left out."""
    used = teacher.any(0) | student.any(0)
    teacher, student = teacher[:, used], student[:, used]
    row, tag = np.nonzero(teacher)
    return _by_category(ids[used], tag, student[row, tag], student.sum(0), groups[row], copies[row])


def _by_category(
    ids: np.ndarray,
    first: np.ndarray,
    hit: np.ndarray,
    predicted: np.ndarray,
    groups: np.ndarray | None,
    copies: np.ndarray | None,
) -> pd.DataFrame:
    """The table of per_category(): `first` is the place in `ids` of each thing the teacher said, `hit` whether the student said it,
    too, `predicted` how often the student says each of `ids`."""
    n = np.bincount(first, minlength=len(ids))
    agreed = np.bincount(first[hit], minlength=len(ids))
    if groups is None:
        independent = n
    else:
        independent = _apart(first, groups, len(ids))
        if copies is not None:
            effect = design_effect(hit.astype(float), np.unique(groups, return_inverse=True)[1])
            worth = np.maximum(independent, (n / effect).astype(int))
            independent = np.minimum(worth, _apart(first, copies, len(ids)))
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = agreed / predicted, agreed / n
    rows = independent.astype(float)
    low, high = _bounds(np.nan_to_num(recall) * rows, rows, 0.95)
    table = pd.DataFrame(
        {
            "category": ids,
            "n": n,
            "groups": independent,
            "predicted": predicted,
            "agreed": agreed,
            "precision": precision,
            "recall": recall,
            "f1": 2 * agreed / np.maximum(n + predicted, 1),
            "low": low,
            "high": high,
        }
    )
    return table.sort_values(["n", "category"], ascending=[False, True], ignore_index=True)


def _apart(category: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """How many different groups the rows of each of `count` categories are in."""
    pairs = pd.DataFrame({"category": category, "group": np.asarray(groups)}).drop_duplicates()
    return np.bincount(pairs["category"].to_numpy(), minlength=count)


def slices(
    hit: np.ndarray, groups: np.ndarray, values: pd.DataFrame, most: int = 30, families: np.ndarray | None = None
) -> pd.DataFrame:
    """Where agreement is weak: `hit` (bool [n]) by each value of each column of `values` (n rows, missing: None).

    Columns column, value, n, groups (families), agreement, low, high, rest (agreement on all other rows), p: Fisher's exact test of
    the value's rows against the rest, one row a duplicate group and as many rows of either side as its `families` are worth (None:
    the groups), corrected for all values looked at (Holm 1979). Only columns with 2 to `most` different values, on half of the rows
    at least, are looked at: others are ids and texts, not slices.
    """
    from scipy.stats import fisher_exact  # a second to import: most processes look at no slices

    groups = np.asarray(groups)
    families = groups if families is None else np.asarray(families)
    _, first = np.unique(np.asarray(groups), return_index=True)
    independent = np.zeros(len(hit), bool)
    independent[first] = True
    rows = []
    for column in values.columns:
        codes, names = pd.factorize(values[column])
        if not 2 <= len(names) <= most or (codes >= 0).mean() < 0.5:
            continue
        for code, name in enumerate(names):
            inside = codes == code
            of_value = share(hit[inside], families[inside], groups[inside])
            counts = [worth(hit[independent & side], families[independent & side]) for side in (inside, ~inside)]
            rest = float(hit[~inside].mean()) if not inside.all() else of_value.value
            p = float(fisher_exact(counts).pvalue)
            rows.append(
                (
                    str(column),
                    str(name),
                    of_value.n,
                    of_value.groups,
                    of_value.value,
                    of_value.low,
                    of_value.high,
                    rest,
                    p,
                )
            )
    columns = ["column", "value", "n", "groups", "agreement", "low", "high", "rest", "p"]
    table = pd.DataFrame(rows, columns=columns)
    table["p"] = _holm(table["p"].to_numpy(float))
    return table.sort_values(["column", "n", "value"], ascending=[True, False, True], ignore_index=True)


def worth(hit: np.ndarray, families: np.ndarray) -> list[int]:
    """[right, wrong] of `hit` (bool [n]): as many rows as would carry the same variance, some being of one of the `families`."""
    if not len(hit):
        return [0, 0]
    effect = design_effect(hit.astype(float), np.unique(families, return_inverse=True)[1])
    return [round(int(hit.sum()) / effect), round(int((~hit).sum()) / effect)]


def _holm(p: np.ndarray) -> np.ndarray:
    """p-values corrected for their number: step-down (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0) if len(p) else p
    return corrected


def confusions(teacher: np.ndarray, student: np.ndarray, top: int | None = None) -> pd.DataFrame:
    """The pairs (teacher said, student said) that differ, most frequent first, the first `top` of them.

    Columns teacher, student, count, share (of all disagreements), of_teacher (of the teacher's rows in its category).
    """
    frame = pd.DataFrame({"teacher": np.asarray(teacher), "student": np.asarray(student)})
    sizes = frame["teacher"].value_counts()
    wrong = frame[frame["teacher"] != frame["student"]]
    pairs = wrong.groupby(["teacher", "student"]).size().reset_index(name="count")
    pairs["share"] = pairs["count"] / max(len(wrong), 1)
    pairs["of_teacher"] = pairs["count"] / pairs["teacher"].map(sizes)
    pairs = pairs.sort_values(["count", "teacher", "student"], ascending=[False, True, True], ignore_index=True)
    return pairs if top is None else pairs.head(top)
