"""What two taxonomy files cannot show for sure: which categories may have been renamed, merged or split. A person confirms each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.taxonomy import Category
from core.taxonomy.diff import Draft, backward, forward

LOOKED_AT = 8  # nearest names weighed for each category
ALIKE_NAMES = 0.5  # cosine of character pieces: "Sneaker" and "Sneakers" 0.9, "Loans" and "Personal loans" 0.6
ALIKE_MEANING = 0.6  # cosine of the encoder's vectors
AT_ONCE = 512


@dataclass(frozen=True)
class Proposal:
    """A guess: the labels `before` go on as the labels `after`; `why` says what speaks for it, `score` (0..1) how strongly."""

    kind: Literal["renamed", "merged", "split"]
    before: tuple[str, ...]
    after: tuple[str, ...]
    why: str
    score: float


def accept(draft: Draft, proposal: Proposal) -> Draft:
    """The draft with what was proposed taken as so."""
    links = {(old, new) for old in proposal.before for new in proposal.after}
    return replace(draft, links=draft.links | links)


def proposals(draft: Draft, encode: Callable[[list[str]], np.ndarray] | None = None) -> list[Proposal]:
    """Guesses about categories that the draft has as removed or added, the likeliest first.

    What speaks for one: the same code, the same description, one name within the other or in the other's description, similar
    names (cosine of character n-grams) and, where `encode` is given (texts to vectors of length 1), a similar meaning.
    """
    to, come_from = forward(draft.links), backward(draft.links)
    gone = [c for c in draft.before if not to[c.label]]
    new = [c for c in draft.categories if not come_from[c.label]]
    if not gone and not new:
        return []
    onward = _best(gone, draft.categories, encode)  # for each that is gone, what it may have become
    origin = _best(new, draft.before, encode)  # for each that is new, where it may have come from
    proposed, explained = [], set()
    fresh, lost = {c.label for c in new}, {c.label for c in gone}
    for labels, (other, why, score) in _grouped(onward):
        if len(labels) == 1 and other in fresh and origin.get(other, (labels[0],))[0] in (labels[0], None):
            continue  # one for one: weighed below, where it may be part of a split
        olds = (*sorted(come_from[other] - set(labels)), *labels)
        if len(olds) > 1 and (other in fresh or score >= 0.7):
            proposed.append(Proposal("merged", olds, (other,), why, score))
            explained |= {*labels, other}
    for labels, (other, why, score) in _grouped(origin):
        news = (*sorted(to[other] - set(labels)), *labels)
        if explained & {other, *labels} or (other not in lost and score < 0.7):
            continue
        kind = "split" if len(news) > 1 else "renamed"
        proposed.append(Proposal(kind, (other,), news, why, score))
        explained |= {other, *labels}
    for label, (other, why, score) in onward.items():
        if label not in explained and other not in explained and other in fresh:
            proposed.append(Proposal("renamed", (label,), (other,), why, score))
            explained |= {label, other}
    return sorted(proposed, key=lambda proposal: -proposal.score)


def _grouped(best: dict[str, tuple[str, str, float]]):
    """(labels, (their common best, why, lowest score)), each best once."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label, (other, _, _) in best.items():
        groups[other].append(label)
    for other, labels in groups.items():
        weakest = min((best[label] for label in labels), key=lambda match: match[2])
        yield tuple(labels), (other, weakest[1], weakest[2])


def _best(
    some: Sequence[Category], others: Sequence[Category], encode: Callable[[list[str]], np.ndarray] | None
) -> dict[str, tuple[str, str, float]]:
    """For each of `some` the likeliest of `others`: (label, why, score); left out where nothing speaks for any."""
    if not some or not others:
        return {}
    by_key = {c.key: c for c in others if c.key}
    by_description = {c.description.strip().lower(): c for c in others if c.description.strip()}
    near = _nearest_names([c.name for c in some], [c.name for c in others])
    meanings = _nearest_meanings(some, others, encode) if encode else [[] for _ in some]
    mentions = _Mentions(others)
    best = {}
    for category, names, meaning in zip(some, near, meanings):
        candidates = [(others[place].label, why, score) for place, why, score in _by_name(category, others, names)]
        candidates += [(others[place].label, "similar meaning", float(score)) for place, score in meaning]
        candidates += [(label, "named in the description", 0.75) for label in mentions.of(category)]
        if category.key in by_key:
            candidates.append((by_key[category.key].label, "same code", 1.0))
        same = by_description.get(category.description.strip().lower())
        if same is not None:
            candidates.append((same.label, "same description", 0.95))
        if candidates:
            best[category.label] = max(candidates, key=lambda one: one[2])
    return best


def _by_name(category: Category, others: Sequence[Category], names: list[tuple[int, float]]):
    words = _words(category.name)
    for place, score in names:
        theirs = _words(others[place].name)
        if words and theirs and (words <= theirs or theirs <= words):
            yield place, "one name within the other", max(0.7, float(score))
        elif score >= ALIKE_NAMES:
            yield place, "similar names", float(score)


class _Mentions:
    """Finds the categories whose description holds all words of a name, where only a few do."""

    def __init__(self, categories: Sequence[Category]):
        self.labels: dict[str, set[str]] = defaultdict(set)
        for category in categories:
            for word in _words(category.description):
                self.labels[word].add(category.label)

    def of(self, category: Category) -> list[str]:
        sets = [self.labels.get(word, set()) for word in _words(category.name)]
        labels = set.intersection(*sets) if sets else set()
        return sorted(labels) if len(labels) <= 2 else []


def _words(text: str) -> set[str]:
    """The words of a text that tell something, their plural s left out."""
    return {word.removesuffix("s") for word in re.findall(r"\w{3,}", text.lower())} - {"and", "the", "other", "for"}


def _nearest_names(some: list[str], others: list[str]) -> list[list[tuple[int, float]]]:
    """For each name the places of the nearest others with their cosine, nearest first."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # here: most looks at a taxonomy find nothing new

    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), dtype=np.float32)
    table = pieces.fit_transform(others)
    return _top((pieces.transform(some[start : start + AT_ONCE]) @ table.T).toarray() for start in _starts(some))


def _nearest_meanings(some: Sequence[Category], others: Sequence[Category], encode) -> list[list[tuple[int, float]]]:
    first, second = (encode([f"{c.name}. {c.description}".strip() for c in side]) for side in (some, others))
    near = _top(first[start : start + AT_ONCE] @ second.T for start in _starts(some))
    return [[one for one in row if one[1] >= ALIKE_MEANING] for row in near]


def _starts(some: Sequence) -> range:
    return range(0, len(some), AT_ONCE)


def _top(blocks) -> list[list[tuple[int, float]]]:
    rows = []
    for block in blocks:
        order = np.argsort(-block, axis=1, kind="stable")[:, :LOOKED_AT]
        rows += [[(int(place), float(row[place])) for place in places] for row, places in zip(block, order)]
    return rows
