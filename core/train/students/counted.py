"""Words and character n-grams counted once for several students of the same assets.

    with learning_together():
        for task in tasks:
            train(db, task, ...)

Facets of a client learn from the same texts, dealt into other folds: all that differs is which n-grams the rows of a fold hold
often enough. While this holds each text is taken apart the first time it comes. What is learned is to the last bit what is learned
alone: counts are whole numbers, n-grams are put in order by their names, and those of a text stand in its row as they do in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp

from core.encoders.encoder import read_once
from core.train.students import tfidf
from core.train.students.tfidf import CHARACTER, WORD, Tfidf


@contextmanager
def learning_together() -> Iterator[None]:
    """While this holds, what students learn from the same texts is read and counted once. In memory, 3 kB a text."""
    token = tfidf.LEARN.set(_Counted().learn)
    try:
        with read_once():
            yield
    finally:
        tfidf.LEARN.reset(token)


class _Counted:
    """Texts, each known by itself: the codes of its words and pairs of them, the counts of its character n-grams."""

    def __init__(self) -> None:
        self.tokens, self.grams = defaultdict(), defaultdict()
        self.tokens.default_factory, self.grams.default_factory = self.tokens.__len__, self.grams.__len__
        self._pieces = tfidf.Pieces(self.tokens.__getitem__, self.grams.__getitem__)
        self.place: dict[str, int] = {}
        self._codes, self._ends = np.zeros(0, np.int64), np.zeros(1, np.int64)
        self._counts = sp.csr_matrix((0, 0), dtype=np.float32)

    def learn(self, texts: Sequence[str], most: int) -> Tfidf:
        """As tfidf.learn()."""
        self._add(texts)
        at = self.rows(texts)
        rows, codes = self.words(at)
        distinct, column = np.unique(codes, return_inverse=True)
        words = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, column)), (len(at), len(distinct)))
        counts = self.counts(at)
        token_names, gram_names = list(self.tokens), list(self.grams)
        frequencies = {
            WORD: tfidf.frequencies(words, distinct),
            CHARACTER: tfidf.frequencies(counts, np.arange(counts.shape[1])),
        }
        spell = {WORD: lambda code: tfidf.spelt(code, token_names), CHARACTER: gram_names.__getitem__}
        features, idf = {}, {}
        for kind in tfidf.KINDS:
            features[kind], often = tfidf.most_frequent([frequencies[kind]], spell[kind], most)
            idf[kind] = tfidf.inverse_frequency(often, len(texts))
        return _Known(features, idf, self)

    def _add(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self.place]
        self.place |= {text: row for row, text in enumerate(new, len(self.place))}
        every = [self._counts]
        for chunk in tfidf.chunks(new) if new else ():
            rows, codes, counts, _ = self._pieces.count(chunk)
            lengths = np.bincount(rows, minlength=len(chunk))
            self._codes = np.concatenate([self._codes, codes[np.argsort(rows, kind="stable")]])
            self._ends = np.concatenate([self._ends, self._ends[-1] + np.cumsum(lengths)])
            every.append(counts)
        for counts in every:
            counts.resize(counts.shape[0], len(self.grams))
        self._counts = sp.vstack(every, format="csr") if len(every) > 1 else self._counts

    def rows(self, texts: Sequence[str]) -> np.ndarray:
        """The row of each of these texts, int (texts). KeyError for one that is not known."""
        return np.fromiter(map(self.place.__getitem__, texts), np.int64, len(texts))

    def words(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The word n-grams of the rows `at`, each occurrence as (its place among them, code)."""
        starts = self._ends[at]
        lengths = self._ends[at + 1] - starts
        before = np.cumsum(lengths) - lengths
        places = np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
        return np.repeat(np.arange(len(at)), lengths), self._codes[places]

    def counts(self, at: np.ndarray) -> sp.csr_matrix:
        """How often the rows `at` hold each character n-gram, CSR of shape (rows, n-grams), in the order that tfidf has them."""
        return self._counts[at]


class _Known(Tfidf):
    """Features that find the texts they know already counted; others are counted as ever."""

    def __init__(self, features: dict[str, list[str]], idf: dict[str, np.ndarray], counted: _Counted):
        self.features, self.idf, self._counted, self._alone = features, idf, counted, None
        pairs = [[counted.tokens[token] for token in name.split(" ")] for name in features[WORD]]
        codes = np.array([tfidf.code(tokens) for tokens in pairs], np.int64)
        self._columns = np.argsort(codes)
        self._codes = codes[self._columns]
        self._is_known = np.zeros(len(counted.tokens), bool)
        self._is_known[[token for tokens in pairs for token in tokens]] = True
        self._gram_columns = np.full(len(counted.grams), -1, np.int32)
        self._gram_columns[[counted.grams[name] for name in features[CHARACTER]]] = np.arange(len(features[CHARACTER]))

    def read(self, texts: Sequence[str]) -> tuple[sp.csr_matrix, np.ndarray]:
        """As Tfidf.read()."""
        if all(text in self._counted.place for text in texts):
            return self._known(self._counted.rows(texts))
        self._alone = self._alone or Tfidf(self.features, self.idf)
        return self._alone.read(texts)

    def _known(self, at: np.ndarray) -> tuple[sp.csr_matrix, np.ndarray]:
        rows, codes = self._counted.words(at)
        single = codes < tfidf.PAIRS
        share = self._share(rows[single], codes[single], len(at))
        words = self.counted_words(rows, codes, len(at))
        counts = self._counted.counts(at)
        columns = self._of_gram(counts.indices)
        kept = columns >= 0
        ends = np.concatenate([[0], np.cumsum(kept)])[counts.indptr]
        grams = sp.csr_matrix((counts.data[kept], columns[kept], ends), (len(at), len(self.features[CHARACTER])))
        return self.weighed(words, grams), share

    def _of_gram(self, grams: np.ndarray) -> np.ndarray:
        """The column of each n-gram, -1 where it has none: those that came after it was learned have none."""
        inside = grams < len(self._gram_columns)
        return np.where(inside, self._gram_columns[np.where(inside, grams, 0)], -1)

    def _share(self, rows: np.ndarray, tokens: np.ndarray, count: int) -> np.ndarray:
        """The share of each row's words that are known; 0 without any word."""
        known = np.append(self._is_known, False)[np.minimum(tokens, len(self._is_known))]
        words = np.bincount(rows, minlength=count)
        return (np.bincount(rows[known], minlength=count) / np.maximum(words, 1)).astype(np.float32)
