"""What becomes of a student where something is new: agreement on concepts, campaigns or markets left out whole.

A student trained in seconds (word counts, and a head and neighbours on vectors read once) answers each asset twice: once having
learned from others of its group, once from none. What it loses says what the real student would lose, and on which of them
its promise should rest.

Where a group holds whole families (a campaign its concepts), groups are dealt into folds as they are. Where families run across
groups (each concept in every market), leaving a market out would leave its concepts in the others; so an asset is asked about
by a student that knows neither its market nor its family, and beside it by one that knows the market, of as many assets.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pydantic import TypeAdapter
from threadpoolctl import threadpool_limits

from core.train import folds, softmax
from core.train.data import Rows, Step
from core.train.folds import FOLDS
from core.train.members import Encode, embedding, linear
from core.train.students import tfidf
from core.train.students.stages import blend, fit_weights

FEWEST_GROUPS, MOST_GROUPS = FOLDS, 400
ROWS_A_GROUP, LARGEST = 5, 0.5  # rows in a group on average, at the least; share of all rows in one, at the most
FEWEST_JUDGED, FEWEST_FAMILIES = 150, 30  # rows and families behind a figure, at the least
GIVEN = 0.8  # of the rows have a value, at the least
UNKNOWN = 0.05  # of the rows judged may be of a category that the others lack, at the most
MOST_ROWS = 2000  # looked at; of more, families drawn at random
MOST_COLUMNS = 4
MOST_MARKETS, FEWEST_OF_MARKET, ROWS_A_CATEGORY = 6, 100, 4  # rows of a market, at the least, also for each category
MOST_WORDS, ITERATIONS = 4_000, 12  # n-grams of each kind, and steps, of the fast student

PHASE = "Measuring how it does on what is new"

LOWEST, NOTHING, CONCEPTS = "lowest", "nothing", "concepts"


@dataclass(frozen=True)
class Kind:
    """What a column of a name like `pattern` groups assets by: `one` of it, `many`; `comes`: whether new ones come up in the same
    work (campaigns do; a market is entered once, and its student is another)."""

    one: str
    many: str
    comes: bool
    pattern: str


KINDS = (
    Kind("campaign", "campaigns", True, r"campaign|kampagne|campagne|campa[nñ]a|campanha|flight|initiative|promo"),
    Kind("concept", "concepts", True, r"concept|konzept|parent|master|origin|utterance|creative.?(group|set|id)"),
    Kind("month", "months", True, r"month|monat|mois|\bmes\b|quarter|week|season|wave|period|date|launch"),
    Kind("market", "markets", False, r"market|markt|march[eé]|country|land$|pays|region|geo|locale|territory"),
    Kind("language", "languages", False, r"language|\blang\b|sprache|langue|idioma"),
    Kind("brand", "brands", False, r"brand|marke|marque|marca|advertiser|product.?line"),
    Kind("channel", "channels", False, r"channel|kanal|platform|publisher|placement|network"),
)
FAMILIES = Kind("concept", CONCEPTS, True, "")


@dataclass(frozen=True)
class Grouping:
    """The groups that a `column` of the file puts the rows in: `codes` int (n), numbers of `names`. `dealt` is what folds are dealt
    by to leave them out whole: int (n), or where families run across groups (`crossed`) int (n, 2), families beside groups."""

    kind: Kind
    column: str
    codes: np.ndarray
    names: list[str]
    dealt: np.ndarray

    @property
    def crossed(self) -> bool:
        """Whether families run across the groups."""
        return self.dealt.ndim > 1


@dataclass(frozen=True)
class LeftOut:
    """Agreement of the fast student on `n` assets in `groups` groups of a `column` (`one` of them, `many`): `seen` where it had
    learned from others of the group, `new` (`low` to `high`, 95 %) where from none; `error`: the standard error of the difference.
    `comes` and `crossed` as in Kind and Grouping."""

    column: str
    one: str
    many: str
    comes: bool
    crossed: bool
    groups: int
    n: int
    seen: float
    new: float
    low: float
    high: float
    error: float

    @property
    def lower(self) -> bool:
        """Whether less is agreed on where it is new, by more than the standard error."""
        return self.seen - self.new > self.error


@dataclass(frozen=True)
class Across:
    """What a fast student taught on `taught` alone (`labels` assets) makes of `n` assets of `market`, their concepts unseen:
    agreement (`low` to `high`, 95 %)."""

    column: str
    taught: str
    market: str
    labels: int
    n: int
    agreement: float
    low: float
    high: float


@dataclass(frozen=True)
class New:
    """Everything measured of what is new, and the `column` that folds were dealt by for it (None: by families), which the client's
    `rule` decided; it took so many `seconds`. `of`: what it was measured on, so that another student of the same need not."""

    rule: str
    column: str | None
    left_out: tuple[LeftOut, ...]
    across: tuple[Across, ...]
    seconds: float
    of: tuple[str, str, bool] | None = None

    @property
    def rests_on(self) -> LeftOut | None:
        """What the verdict rests on, where that is not the families that the test is divided by."""
        return next((one for one in self.left_out if self.column is not None and one.column == self.column), None)


def from_json(stored: dict) -> New:
    """What dataclasses.asdict() gave."""
    return TypeAdapter(New).validate_python(stored)


def groupings(rows: Rows, columns: pd.DataFrame) -> list[Grouping]:
    """What the file's further `columns` (n rows) say that could be new: known by name, checked by values, at most MOST_COLUMNS.

    A column counts where most rows have a value, groups are neither few nor many nor one of them most of the rows, and no category
    stands and falls with a group.
    """
    family = _families(rows)
    grouped: list[Grouping] = []
    for column in columns.columns:
        kind = next((kind for kind in KINDS if re.search(kind.pattern, str(column).lower())), None)
        values = _months(columns[column]) if kind and kind.one == "month" else columns[column]
        if kind is None or values.notna().mean() < GIVEN:
            continue
        # What has no value is new with its family.
        codes, names = pd.factorize(values.where(values.notna(), pd.Series(family, values.index)).astype(str))
        if not _worth_it(codes) or any(_same(codes, one.codes) for one in grouped) or _same(codes, family):
            continue
        together = folds.joined(family, codes)
        dealt = together if _worth_it(together) else np.stack([family, codes], axis=1)
        grouping = Grouping(kind, str(column), codes, names.tolist(), dealt)
        if _knows_categories(rows, grouping) and len(grouped) < MOST_COLUMNS:
            grouped.append(grouping)
    return grouped


def measure(rows: Rows, some: list[Grouping], encode: Encode | None, rule: str, step: Step) -> New | None:
    """What is new measured on `rows`, and which of `some` groupings to rest on by the client's `rule`; None where nothing can be
    said. With `encode` an embedding student, without a linear one."""
    # Many small fits: numpy's own threads would spend eight times the processor time waiting for each other.
    with threadpool_limits(1, "blas"):
        return _measure(rows, some, encode, rule, step)


def _measure(rows: Rows, some: list[Grouping], encode: Encode | None, rule: str, step: Step) -> New | None:
    started = time.perf_counter()
    some, rows = _part(rows, some)
    family = _families(rows)
    several = len(np.unique(family)) < len(family)
    if len(family) < FEWEST_JUDGED or len(np.unique(family)) < FEWEST_FAMILIES or not (some or several):
        return None
    markets = [one for one in some if one.kind.one in ("market", "language")][:1]
    fast = _Fast(rows, encode, step, parts=2 + sum(1 + one.crossed for one in some) + MOST_MARKETS * len(markets))
    left_out = [*_concepts(fast, family), *(_of_grouping(fast, family, one) for one in some)]
    left_out = [one for one in left_out if one.n >= FEWEST_JUDGED]
    across = [pair for one in markets for pair in _across(fast, family, one)]
    return New(rule, rests_on(rule, left_out), tuple(left_out), tuple(across), time.perf_counter() - started)


def dealt_by(rows: Rows, some: list[Grouping], measured: New | None) -> np.ndarray | None:
    """What the folds of `rows` are dealt by to rest on what `measured` says; None: by families."""
    if measured is None:
        return None
    if measured.rule == NOTHING:
        return np.arange(len(rows.texts))
    return next((one.dealt for one in some if one.column == measured.column), None)


def rests_on(rule: str, left_out: Sequence[LeftOut]) -> str | None:
    """The column to rest on: the one that the rule names, by column or by kind; else the lowest of those that come up anew."""
    if rule in (NOTHING, CONCEPTS):
        return None
    columns = [one for one in left_out if one.column]
    named = [one for one in columns if rule.lower() in (one.column.lower(), one.one, one.many)]
    if named:
        return named[0].column
    lower = [one for one in columns if one.comes and one.lower]
    return min(lower, key=lambda one: one.new).column if lower else None


def _families(rows: Rows) -> np.ndarray:
    return np.arange(len(rows.texts)) if rows.families is None else pd.factorize(rows.families)[0]


def _months(values: pd.Series) -> pd.Series:
    """Days cut down to their months: 2026-01-16 and 20260116 are 2026-01; anything else stays."""
    text = values.astype("string").str.strip()
    day = text.str.extract(r"^(20\d\d)-?(0[1-9]|1[0-2])-?(?:[0-3]\d)(?:\D.*)?$")
    return (day[0] + "-" + day[1]).where(day[0].notna(), text).astype(object)


def _worth_it(codes: np.ndarray) -> bool:
    sizes = np.bincount(codes)
    fit = FEWEST_GROUPS <= len(sizes) <= MOST_GROUPS and len(codes) >= ROWS_A_GROUP * len(sizes)
    return bool(fit and sizes.max() <= LARGEST * len(codes))


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two groupings put the same rows together."""
    pairs = len(np.unique(first.astype(np.int64) * (int(second.max()) + 1) + second))
    return pairs == len(np.unique(first)) == len(np.unique(second))


def _knows_categories(rows: Rows, grouping: Grouping) -> bool:
    """Whether the assets that each fold learns from have nearly all categories of those it is asked about."""
    answers, unknown, judged = rows.answers, 0, 0
    for learn, held in _pairs(replace(rows, dealt=grouping.dealt).folds()):
        unknown += int((~np.isin(answers[held], answers[learn])).sum())
        judged += len(held)
    return judged > 0 and unknown <= UNKNOWN * judged


def _part(rows: Rows, some: list[Grouping]) -> tuple[list[Grouping], Rows]:
    """At most MOST_ROWS of the rows, families whole."""
    if len(rows.texts) <= MOST_ROWS:
        return some, rows
    family = _families(rows)
    place = np.random.default_rng(0).permutation(family.max() + 1)[family]
    chosen = np.sort(np.argsort(place, kind="stable")[:MOST_ROWS])
    cut = [replace(one, codes=one.codes[chosen], dealt=one.dealt[chosen]) for one in some]
    return cut, rows.take(chosen)


def _pairs(dealt: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(rows learned from, rows asked about) of each fold."""
    pairs = [(folds.learned(dealt, fold), folds.held(dealt, fold)) for fold in range(FOLDS)]
    return [(learn, held) for learn, held in pairs if len(learn) and len(held)]


def _as_many(rows: Rows, dealt: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of folds dealt by families and groups: the same rows asked about, learned from as many, of other families but any group."""
    loose = np.stack([dealt[:, 0], folds.deal(rows.answers)], axis=1)
    pairs = [(folds.learned(loose, fold), folds.held(dealt, fold)) for fold in range(FOLDS)]
    return [(learn, held) for learn, held in pairs if len(learn) and len(held)]


class _Fast:
    """A student that is trained in seconds, again and again, on parts of the same `rows`."""

    def __init__(self, rows: Rows, encode: Encode | None, step: Step, parts: int):
        self.rows, self.step, self.parts, self.done = rows, step, parts, 0
        step(0, parts, PHASE)
        self.words = tfidf.learn(rows.texts, MOST_WORDS)(rows.texts)  # counted once: no label is in it
        self.vectors = encode(rows.texts) if encode else None
        self.by_family = self(_pairs(folds.deal(rows.answers, _families(rows))))

    def __call__(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        """(the rows asked about, whether it agreed on each); `pairs` of rows learned from and rows then asked about."""
        tables = [self._tables(learn, held) for learn, held in pairs]
        self.done = min(self.done + 1, self.parts)
        asked = np.concatenate([held for _, held in pairs])
        pooled, answers = [np.concatenate(pieces) for pieces in zip(*tables)], self.rows.answers[asked]
        return asked, blend(pooled, fit_weights(pooled, answers)).argmax(1) == answers

    def _tables(self, learn: np.ndarray, held: np.ndarray) -> list[np.ndarray]:
        def alive(*_) -> None:
            self.step(self.done, self.parts, PHASE)

        targets = self.rows.targets[learn]
        fitted = softmax.fit(self.words[learn], targets, strength=linear.STRENGTH, iterations=ITERATIONS, step=alive)
        tables = [softmax.log_softmax(self.words[held] @ fitted[0] + fitted[1])]
        if self.vectors is None:
            return tables
        member = embedding.learn(None, self.vectors[learn], targets, alive)
        return tables + member.look(self.vectors[held]).tables


def _concepts(fast: _Fast, family: np.ndarray) -> Iterator[LeftOut]:
    """Families left out whole, against rows left out by chance; nothing where each row is its own."""
    if len(np.unique(family)) < len(family):
        answers = fast.rows.answers
        yield _left_out(FAMILIES, "", False, family, family, fast(_pairs(folds.deal(answers))), fast.by_family)


def _of_grouping(fast: _Fast, family: np.ndarray, grouping: Grouping) -> LeftOut:
    """A column's groups left out whole, against families left out alone."""
    dealt = replace(fast.rows, dealt=grouping.dealt).folds()
    seen = fast(_as_many(fast.rows, dealt)) if grouping.crossed else fast.by_family
    clusters = family if grouping.crossed else grouping.dealt
    return _left_out(
        grouping.kind, grouping.column, grouping.crossed, grouping.codes, clusters, seen, fast(_pairs(dealt))
    )


def _left_out(
    kind: Kind, column: str, crossed: bool, codes: np.ndarray, clusters: np.ndarray, seen: tuple, new: tuple
) -> LeftOut:
    """Both compared on the rows asked about as `new`; rows of one of the `clusters` are not independent."""
    asked, hit = new
    before = np.zeros(len(codes))
    before[seen[0]] = seen[1]
    before, error = before[asked], standard_error(before[asked] - hit, clusters[asked])
    return LeftOut(
        column=column,
        one=kind.one,
        many=kind.many,
        comes=kind.comes,
        crossed=crossed,
        groups=len(np.unique(codes[asked])),
        n=len(asked),
        seen=float(before.mean()),
        new=float(hit.mean()),
        **dict(zip(("low", "high"), _span(hit, clusters[asked]))),
        error=error,
    )


def _across(fast: _Fast, family: np.ndarray, grouping: Grouping) -> Iterator[Across]:
    """Each large market taught alone and asked about each, concepts always new to it."""
    sizes = np.bincount(grouping.codes)
    large = np.argsort(-sizes, kind="stable")[:MOST_MARKETS]
    large = large[sizes[large] >= max(FEWEST_OF_MARKET, ROWS_A_CATEGORY * len(np.unique(fast.rows.answers)))]
    dealt = _pairs(folds.deal(fast.rows.answers, family))
    for taught in large if len(large) > 1 else []:
        pairs = [
            (learn[grouping.codes[learn] == taught], held[np.isin(grouping.codes[held], large)])
            for learn, held in dealt
        ]
        pairs = [(learn, held) for learn, held in pairs if len(learn) and len(held)]
        asked, hit = fast(pairs)
        labels = round(float(np.mean([len(learn) for learn, _ in pairs])))
        for market in large:
            here = grouping.codes[asked] == market
            if here.any():
                value, span = float(hit[here].mean()), _span(hit[here], family[asked][here])
                yield Across(
                    grouping.column,
                    grouping.names[taught],
                    grouping.names[market],
                    labels,
                    int(here.sum()),
                    value,
                    *span,
                )


def standard_error(values: np.ndarray, clusters: np.ndarray) -> float:
    """The standard error of the mean of `values` (n), rows of one of the `clusters` (int [n]) not independent."""
    apart = np.bincount(np.unique(clusters, return_inverse=True)[1], weights=values - values.mean())
    return float(np.sqrt((apart**2).sum())) / len(values)


def _span(hit: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a share, by clusters (Wilson's, of as many rows as would carry the same variance)."""
    value, error = float(hit.mean()), standard_error(hit.astype(float), clusters)
    groups = len(np.unique(clusters))
    rows = min(max(value * (1 - value) / error**2, 1.0), len(hit)) if error else float(groups)
    z = 1.96
    centre, reach = value + z * z / (2 * rows), z * (value * (1 - value) / rows + z * z / (4 * rows * rows)) ** 0.5
    return max((centre - reach) / (1 + z * z / rows), 0.0), min((centre + reach) / (1 + z * z / rows), 1.0)
