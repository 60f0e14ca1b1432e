"""Which assets are copies of each other: the same words, or nearly the same text. Pure functions over texts.

Two texts are exact copies when their normal forms are equal: case, width, punctuation, spacing and ad sizes such as 300x250
ignored. They are near copies when the sets of 5-character pieces of their normal forms overlap by nine tenths (Jaccard).
One word changed in twenty-five or so stays within that; a short text with one other word does not, on purpose: "Can I top up
my card?" and "Why can't I top up my card?" want different answers. MinHash (Broder 1997) in the variant of datasketch's
"affine32" finds candidates by bands (locality-sensitive hashing); each candidate is then checked exactly.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

PIECE = 5
THRESHOLD = 0.9
# A pair at Jaccard 0.9 shares one of 8 bands of 8 values with probability 1 - (1 - 0.9^8)^8 = 0.989; at 0.6 with 0.13.
BANDS = 8
BAND_SIZE = 8
SEED = 20
CHECKS_PER_TEXT = 2  # exact comparisons a text and band on average, so that a million look-alikes stay linear
PIECES_AT_ONCE = 2_000_000
PADDING = "\x02" * (PIECE - 1)  # so that a change in the first or last word costs as much as one in the middle

_SIZE = re.compile(r"(?<![^\W_])\d{2,4} ?[x×] ?\d{2,4}(?![^\W_])")
_KEEP = "%"
_SIGNS = "".join(
    re.escape(chr(c)) for c in range(0x3100) if unicodedata.category(chr(c))[0] in "PZC" and chr(c) not in _KEEP + "'’"
)
_SIGN = re.compile(f"[{_SIGNS}]+")


def normal_form(text: str) -> str:
    """The form in which copies are equal. Digits, percent and currency signs stay: 20% off is not 30% off."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _SIZE.sub(" ", text.casefold()).replace("'", "").replace("’", "")
    form = _SIGN.sub(" ", text).strip()
    return form or text.strip()


def form_hash(form: str) -> str:
    """32 hex characters that stand for a normal form."""
    return hashlib.blake2b(form.encode(), digest_size=16).hexdigest()


def _pieces(forms: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The hashed 5-character pieces of texts, one after the other (uint32), and where each text's begin (n + 1)."""
    padded = [PADDING + form + PADDING for form in forms]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter((len(p) for p in padded), dtype=np.int64, count=len(padded))
    hashes = np.zeros(max(len(codes) - PIECE + 1, 0), dtype=np.uint32)
    for offset in range(PIECE):
        hashes = (hashes ^ codes[offset : offset + len(hashes)]) * np.uint32(16777619)
        hashes ^= hashes >> np.uint32(15)
    # Drop the pieces that reach from one text into the next: the last PIECE - 1 of each.
    ends = np.cumsum(lengths)
    inside = np.ones(len(codes), dtype=bool)
    for back in range(1, PIECE):
        inside[ends - back] = False
    return hashes[inside[: len(hashes)]], np.concatenate([[0], np.cumsum(lengths - PIECE + 1)])


def signatures(forms: Sequence[str]) -> np.ndarray:
    """MinHash signatures, uint32 (n, 64): the smallest value of each permutation over a text's pieces."""
    from datasketch import MinHash  # brings half of scipy, a second that only imports of files need pay

    multipliers, offsets = MinHash(num_perm=BANDS * BAND_SIZE, seed=SEED, scheme="affine32").permutations
    result = np.empty((len(forms), BANDS * BAND_SIZE), dtype=np.uint32)
    for start, stop in _blocks(forms):
        hashes, begins = _pieces(forms[start:stop])
        mixed = _mix(hashes)
        for k in range(BANDS * BAND_SIZE):
            result[start:stop, k] = np.minimum.reduceat(mixed * multipliers[k] + offsets[k], begins[:-1])
    return result


def _mix(values: np.ndarray) -> np.ndarray:
    """MurmurHash3's 32-bit finaliser, which datasketch applies before its permutations."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


def bands(forms: Sequence[str]) -> np.ndarray:
    """The LSH bands of texts, uint32 (n, 8): texts that are near copies almost surely have one in common."""
    parts = signatures(forms).reshape(-1, BANDS, BAND_SIZE).astype(np.uint64)
    result = np.zeros(parts.shape[:2], dtype=np.uint64)
    for k in range(BAND_SIZE):
        result = (result ^ parts[:, :, k]) * np.uint64(0x9E3779B97F4A7C15)
        result ^= result >> np.uint64(29)
    return (result >> np.uint64(32)).astype(np.uint32)


def _blocks(forms: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Cut texts into runs of about PIECES_AT_ONCE characters, to bound memory."""
    start = size = 0
    for i, form in enumerate(forms):
        size += len(form) + PIECE
        if size > PIECES_AT_ONCE:
            yield start, i + 1
            start, size = i + 1, 0
    if start < len(forms):
        yield start, len(forms)


class _PieceSets:
    """The piece sets of chosen texts, sorted, one after the other: 4 bytes a piece."""

    def __init__(self, forms: Sequence[str], chosen: np.ndarray):
        """`chosen`: places of the texts, int (m,)."""
        self.place = np.full(len(forms), -1, dtype=np.int64)
        self.place[chosen] = np.arange(len(chosen))
        parts, counts = [np.zeros(0, dtype=np.uint32)], [np.zeros(1, dtype=np.int64)]
        texts = [forms[i] for i in chosen.tolist()]
        for start, stop in _blocks(texts):
            hashes, begins = _pieces(texts[start:stop])
            marked = np.repeat(np.arange(stop - start, dtype=np.uint64), np.diff(begins)) << np.uint64(32)
            marked |= hashes
            marked.sort()
            marked = marked[np.concatenate([[True], marked[1:] != marked[:-1]])]
            parts.append(marked.astype(np.uint32))  # keeps the low half
            counts.append(np.bincount((marked >> np.uint64(32)).astype(np.int64), minlength=stop - start))
        self.pieces = np.concatenate(parts)
        self.begins = np.cumsum(np.concatenate(counts))

    def overlaps(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The exact Jaccard overlap of pairs of texts, float (pairs,). Fast where `left` repeats in runs."""
        result = np.empty(len(left))
        sizes = np.diff(self.begins)[self.place[right]]
        stops = np.searchsorted(
            np.cumsum(sizes), np.arange(PIECES_AT_ONCE, sizes.sum() + PIECES_AT_ONCE, PIECES_AT_ONCE)
        )
        start = 0
        for stop in np.minimum(stops + 1, len(left)).tolist():
            if stop > start:
                result[start:stop] = self._overlaps(self.place[left[start:stop]], self.place[right[start:stop]])
            start = stop
        return result

    def _overlaps(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        leaders, owner = np.unique(left, return_inverse=True)
        sizes = np.diff(self.begins)
        wanted = self._marked(leaders, np.arange(len(leaders)))
        asked = self._marked(right, owner)
        at = np.minimum(np.searchsorted(wanted, asked), len(wanted) - 1)
        pair = np.repeat(np.arange(len(right)), sizes[right])
        shared = np.bincount(pair[wanted[at] == asked], minlength=len(right))
        return shared / (sizes[left] + sizes[right] - shared)

    def _marked(self, texts: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """The pieces of texts with a mark in the upper half, uint64."""
        sizes = np.diff(self.begins)[texts]
        pieces = self.pieces[_ranges(self.begins[texts], sizes)].astype(np.uint64)
        return pieces | (np.repeat(marks.astype(np.uint64), sizes) << np.uint64(32))


def _ranges(begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """begins[0], begins[0] + 1, ... for sizes[0] numbers, then the same of the next."""
    shifts = np.repeat(begins - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    return shifts + np.arange(sizes.sum())


@dataclass(frozen=True)
class Grouping:
    """Of each text: the place that stands for its group, the id of the group it joined (0: a new one), and its split.

    `crossing` are the places of texts that resemble one of another split.
    """

    root: list[int]
    fixed: list[int]
    split: list[str | None]
    crossing: list[int]


class _Groups:
    """Union-find in which a group keeps to one split and holds at most one group that was there before."""

    def __init__(self, splits: Sequence[str | None], fixed: Sequence[int]):
        self.parent = list(range(len(splits)))
        self.split = list(splits)
        self.fixed = list(fixed)
        first: dict[int, int] = {}
        for i, group_id in enumerate(fixed):
            if group_id:
                self.parent[i] = first.setdefault(group_id, i)
                self.split[self.parent[i]] = self.split[self.parent[i]] or self.split[i]

    def find(self, i: int) -> int:
        """The place that stands for the group of i."""
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def join(self, i: int, j: int) -> bool:
        """Unite two groups; False where their splits forbid it. Groups from before are left apart: ids stay stable."""
        i, j = sorted((self.find(i), self.find(j)))
        if i == j:
            return True
        if self.split[i] and self.split[j] and self.split[i] != self.split[j]:
            return False
        if self.fixed[i] and self.fixed[j] and self.fixed[i] != self.fixed[j]:
            return True
        self.parent[j] = i
        self.split[i] = self.split[i] or self.split[j]
        self.fixed[i] = self.fixed[i] or self.fixed[j]
        return True


def group(
    forms: Sequence[str],
    splits: Sequence[str | None],
    fixed: Sequence[int],
    known_bands: np.ndarray | None = None,
    tick: Callable[[float], None] = lambda share: None,
    alike: Iterable[tuple[int, int]] = (),
) -> Grouping:
    """Group texts (normal forms; each (form, split) once) with their copies; linear in the texts.

    `splits`: the split a text is bound to, or None. `fixed`: the id of the group a text is in already, 0 for new ones;
    groups that exist are never united or changed. `known_bands` (n, 8): bands(forms) where at hand. `tick` is told the share done.
    `alike`: pairs of places that are copies for another reason than their words.
    Candidates of one bucket are compared with the bucket's first text, those unlike it with the first of the rest and so
    on, as long as CHECKS_PER_TEXT lasts.
    """
    n = len(forms)
    groups = _Groups(splits, fixed)
    crossing: set[int] = set()
    for pair in alike:
        if not groups.join(*pair):
            crossing.update(pair)
    table = bands(forms) if known_bands is None else known_bands
    is_new = np.array([f == 0 for f in fixed], dtype=bool)
    rank = np.empty(n, dtype=np.int64)
    rank[sorted(range(n), key=lambda i: (forms[i], splits[i] or ""))] = np.arange(n)
    sets = _PieceSets(forms, np.flatnonzero(_in_company(table)))
    for band in range(BANDS):
        checks_left = CHECKS_PER_TEXT * n + 5_000
        # In a bucket, texts of existing groups lead; the rest by content, so that the order of rows does not matter.
        rest = np.lexsort((rank, is_new, table[:, band])) if n else np.zeros(0, dtype=np.int64)
        rest = rest[_crowded(table[rest, band])]
        while len(rest) and checks_left > 0:
            ids = table[rest, band]
            leads = np.concatenate([[True], ids[1:] != ids[:-1]])
            leaders = np.repeat(rest[leads], np.diff(np.append(np.flatnonzero(leads), len(rest))))
            settled = _compare(sets, groups, crossing, leaders[~leads], rest[~leads], is_new)
            checks_left -= len(settled)
            rest = rest[~leads][~settled]
            rest = rest[_crowded(table[rest, band])]
        tick((band + 1) / BANDS)
    root = [groups.find(i) for i in range(n)]
    return Grouping(root, [groups.fixed[i] for i in root], [groups.split[i] for i in root], sorted(crossing))


def _crowded(values: np.ndarray) -> np.ndarray:
    """Which of sorted values stand at least twice."""
    same = values[1:] == values[:-1]
    return np.concatenate([same, [False]]) | np.concatenate([[False], same]) if len(values) else np.zeros(0, dtype=bool)


def _in_company(table: np.ndarray) -> np.ndarray:
    """Which texts share a band with another, bool (n,)."""
    result = np.zeros(len(table), dtype=bool)
    for band in range(table.shape[1]):
        order = np.argsort(table[:, band])
        result[order[_crowded(table[order, band])]] = True
    return result


def _compare(
    sets: _PieceSets,
    groups: _Groups,
    crossing: set[int],
    leaders: np.ndarray,
    candidates: np.ndarray,
    is_new: np.ndarray,
) -> np.ndarray:
    """Join each candidate to its leader where they are near copies; True where a candidate needs no other leader."""
    pairs = list(zip(leaders.tolist(), candidates.tolist()))
    settled = np.fromiter((groups.find(i) == groups.find(j) for i, j in pairs), dtype=bool, count=len(pairs))
    # Two texts that were there before are never united, so their likeness does not matter.
    check = np.flatnonzero(~settled & (is_new[leaders] | is_new[candidates]))
    alike = sets.overlaps(leaders[check], candidates[check]) >= THRESHOLD
    for k in check[alike].tolist():
        settled[k] = groups.join(*pairs[k])
        if not settled[k]:
            crossing.update(pairs[k])
    return settled
