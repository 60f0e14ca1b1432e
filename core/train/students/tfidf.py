"""TF-IDF of words (1-2) and of characters inside words (2-5): what scikit-learn's TfidfVectorizer gives, several times faster.

Both kinds of n-gram are made of pieces, the stretches between white space: no character n-gram crosses one, and no word
does. So each distinct piece is taken apart once and remembered, a text is one look-up a piece, and the n-grams of a chunk
of texts are counted by one sparse product, (texts x pieces) @ (pieces x n-grams).
"""

from __future__ import annotations

import re
import threading
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from itertools import chain

import numpy as np
import scipy.sparse as sp

WORD, CHARACTER = "word", "char_wb"  # the two kinds, by scikit-learn's names
KINDS = (WORD, CHARACTER)
LONGEST = 5  # characters in an n-gram at most, at least two; a space stands for either end of a piece
# Keep one-letter words and digits: sizes, prices and "5 %" tell categories apart.
TOKENS = re.compile(r"\w+")
FEWEST_TEXTS = 2  # that a feature must occur in to be learnt
MOST_FEATURES = 60_000  # of each kind
CHUNK, CHUNK_CHARACTERS = 4096, 4_000_000  # texts counted at a time, and their characters
PAIRS = 1 << 32  # codes of single words are below it, those of two neighbours are not
REMEMBERED = 4_000_000  # characters of pieces, some 250,000 pieces in 100 MB; beyond that remembering starts anew


class Tfidf:
    """Texts to features. `features` and `idf` hold, for each of KINDS, its n-grams in column order and their inverse
    document frequencies, float32; the columns of the words come first."""

    def __init__(self, features: dict[str, list[str]], idf: dict[str, np.ndarray]):
        self.features, self.idf = features, idf
        tokens: dict[str, int] = {}
        codes = [code([tokens.setdefault(t, len(tokens)) for t in words.split(" ")]) for words in features[WORD]]
        grams = {gram: column for column, gram in enumerate(features[CHARACTER])}
        self._columns = np.argsort(codes)
        self._codes = np.array(codes, np.int64)[self._columns]
        self._pieces = Pieces(tokens.get, grams.get)

    def __call__(self, texts: Sequence[str]) -> sp.csr_matrix:
        """TF-IDF of `texts`, float32 CSR of shape (texts, features); either kind's part of a row has length 1, or 0."""
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[sp.csr_matrix, np.ndarray]:
        """The TF-IDF of `texts`, and the share of each text's words that are known, float32 (texts); 0 without any word."""
        parts = [self._weighted(chunk) for chunk in chunks(texts)]
        if len(parts) == 1:
            return parts[0]
        tables, known = zip(*parts)
        return sp.vstack(tables, format="csr"), np.concatenate(known)

    def _weighted(self, texts: Sequence[str]) -> tuple[sp.csr_matrix, np.ndarray]:
        rows, codes, grams, share = self._pieces.count(texts, len(self.features[CHARACTER]))
        return self.weighed(self.counted_words(rows, codes, len(texts)), grams), share

    def counted_words(self, rows: np.ndarray, codes: np.ndarray, texts: int) -> sp.csr_matrix:
        """How often each of so many `texts` holds each word n-gram of the features, CSR; occurrences come as (row, code)."""
        at = np.searchsorted(self._codes, codes)
        known = np.flatnonzero(np.append(self._codes, -1)[at] == codes)
        shape = (texts, len(self._codes))
        return sp.coo_matrix((np.ones(len(known), np.float32), (rows[known], self._columns[at[known]])), shape).tocsr()

    def weighed(self, words: sp.csr_matrix, grams: sp.csr_matrix) -> sp.csr_matrix:
        """The TF-IDF of texts with these counts of words and of character n-grams."""
        weighed = [_weigh(words, self.idf[WORD]), _weigh(grams, self.idf[CHARACTER])]
        return sp.hstack(weighed, format="csr", dtype=np.float32)


LEARN: ContextVar[Callable[[Sequence[str], int], Tfidf] | None] = ContextVar("learn", default=None)


def learn(texts: Sequence[str], most: int = MOST_FEATURES) -> Tfidf:
    """The features that occur in at least two of `texts`, the `most` frequent of each kind, in alphabetical order; counted by
    LEARN, where students learn together (counted.py)."""
    if counted := LEARN.get():
        return counted(texts, most)
    tokens, grams = defaultdict(), defaultdict()
    tokens.default_factory, grams.default_factory = tokens.__len__, grams.__len__  # what is new gets the next number
    pieces = Pieces(tokens.__getitem__, grams.__getitem__)
    words, characters = [], []
    for chunk in chunks(texts):
        rows, codes, counts, _ = pieces.count(chunk)
        distinct, column = np.unique(codes, return_inverse=True)
        shape = (len(chunk), len(distinct))  # which may be nothing: not every text has a word
        words.append(frequencies(sp.csr_matrix((np.ones(len(rows), np.float32), (rows, column)), shape), distinct))
        characters.append(frequencies(counts, np.arange(counts.shape[1])))
    token_names, gram_names = list(tokens), list(grams)
    features, idf = {}, {}
    features[WORD], frequency = most_frequent(words, lambda code: spelt(code, token_names), most)
    idf[WORD] = inverse_frequency(frequency, len(texts))
    features[CHARACTER], frequency = most_frequent(characters, gram_names.__getitem__, most)
    idf[CHARACTER] = inverse_frequency(frequency, len(texts))
    return Tfidf(features, idf)


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """`texts` in stretches that bound what is in memory; at least one, maybe empty."""
    start = characters = 0
    for end, text in enumerate(texts):
        characters += len(text)
        if end > start and (end - start >= CHUNK or characters > CHUNK_CHARACTERS):
            yield texts[start:end]
            start, characters = end, len(text)
    yield texts[start:]


def frequencies(counts: sp.csr_matrix, codes: np.ndarray) -> np.ndarray:
    """Three rows, a column for each feature that occurs in `counts`: its code, texts that hold it, occurrences."""
    texts = np.bincount(counts.indices, minlength=len(codes))
    occurrences = np.bincount(counts.indices, counts.data, minlength=len(codes)).astype(np.int64)
    return np.stack([codes, texts, occurrences])[:, texts > 0]


def most_frequent(parts: list[np.ndarray], spell: Callable[[int], str], most: int) -> tuple[list[str], np.ndarray]:
    """The `most` features to learn, in alphabetical order, and how many texts hold each; `parts` are the
    frequencies() of each chunk."""
    every = np.concatenate(parts, axis=1)
    codes, column = np.unique(every[0], return_inverse=True)
    texts, occurrences = (np.bincount(column, row).astype(np.int64) for row in every[1:])
    often = np.flatnonzero(texts >= FEWEST_TEXTS)
    names = np.array([spell(code) for code in codes[often].tolist()], object)
    alphabetical = names.argsort()
    often, names = often[alphabetical], names[alphabetical]
    frequent = np.sort(np.argsort(-occurrences[often], kind="stable")[:most])
    return names[frequent].tolist(), texts[often[frequent]]


def inverse_frequency(texts: np.ndarray, count: int) -> np.ndarray:
    """Smoothed inverse document frequency: as if one more text held every feature."""
    return (np.log((1 + count) / (1 + texts)) + 1).astype(np.float32)


def _weigh(counts: sp.csr_matrix, idf: np.ndarray) -> sp.csr_matrix:
    """(1 + log count) * idf, each row scaled to length 1."""
    weights = (1 + np.log(counts.data)) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, weights * weights, minlength=counts.shape[0])).astype(np.float32)
    return sp.csr_matrix((weights / lengths[rows], counts.indices, counts.indptr), counts.shape)


class Pieces(dict):
    """Piece -> its number; a piece not seen before is taken apart when it is asked for.

    `token` and `gram` give the number of a word and of a character n-gram, None where it does not matter.
    """

    def __init__(self, token: Callable[[str], int | None], gram: Callable[[str], int | None]):
        super().__init__()
        self._token, self._gram = token, gram
        self._lock = threading.Lock()  # one student may serve several threads
        self._forget()

    def _forget(self) -> None:
        self.clear()
        self._size, self._tokens, self._grams = 0, _Lists(), _Lists()

    def __missing__(self, piece: str) -> int:
        tokens = [-1 if number is None else number for number in map(self._token, TOKENS.findall(piece))]
        grams = [number for number in map(self._gram, _character_ngrams(piece)) if number is not None]
        self._tokens.append(tokens)
        self._grams.append(grams)
        self._size += len(piece) + 8  # a short piece takes memory, too
        number = self[piece] = len(self)
        return number

    def count(
        self, texts: Sequence[str], grams: int | None = None
    ) -> tuple[np.ndarray, np.ndarray, sp.csr_matrix, np.ndarray]:
        """The word n-grams of `texts`, each occurrence as (row, code); the counts of the character n-grams, CSR of
        shape (texts, `grams`: by default as many as are known now); the share of each text's words that matter."""
        pieces = [text.lower().split() for text in texts]
        with self._lock:
            if self._size > REMEMBERED:
                self._forget()
            flat = np.fromiter(map(self.__getitem__, chain.from_iterable(pieces)), np.int64)
            distinct, at = np.unique(flat, return_inverse=True)
            tokens, tokens_end = self._tokens.take(flat)
            columns, columns_end = self._grams.take(distinct)
        ends = np.cumsum([0, *map(len, pieces)])
        rows, codes = _word_ngrams(tokens, tokens_end[ends])
        width = grams if grams is not None else int(columns.max(initial=-1)) + 1
        ones = np.ones(max(len(columns), len(at)), np.float32)
        of_pieces = sp.csr_matrix((ones[: len(columns)], columns, columns_end), (len(distinct), width))
        of_texts = sp.csr_matrix((ones[: len(at)], at, ends), (len(texts), len(distinct)))
        return rows, codes, of_texts @ of_pieces, _share(tokens >= 0, tokens_end[ends])


class _Lists:
    """Lists of whole numbers, one after the other in one array."""

    def __init__(self) -> None:
        self.values, self._ends = array("i"), array("q", [0])

    def append(self, numbers: Iterable[int]) -> None:
        """Add a list."""
        self.values.extend(numbers)
        self._ends.append(len(self.values))

    def take(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lists with these numbers, one after the other, and where each begins, with the end of the last."""
        starts = np.frombuffer(self._ends, np.int64)
        lengths = starts[which + 1] - starts[which]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(starts[which] - ends[:-1], lengths) + np.arange(ends[-1])
        return (np.frombuffer(self.values, np.int32)[places] if len(places) else np.zeros(0, np.int32)), ends


def _character_ngrams(piece: str) -> list[str]:
    """Every stretch of two to five characters of a piece with a space at either end."""
    padded = f" {piece} "
    size = len(padded)
    return [padded[at : at + n] for n in range(2, min(LONGEST, size) + 1) for at in range(size - n + 1)]


def _word_ngrams(tokens: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words and pairs of neighbours as (row, code), from the words of all texts in order and where each text's end."""
    rows = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    tokens = tokens.astype(np.int64)
    pairs = np.flatnonzero((rows[1:] == rows[:-1]) & (tokens[1:] >= 0) & (tokens[:-1] >= 0))
    known = np.flatnonzero(tokens >= 0)
    codes = [tokens[known], (tokens[pairs] + 1) << 32 | tokens[pairs + 1]]
    return np.concatenate([rows[known], rows[pairs]]), np.concatenate(codes)


def _share(known: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The share of True in each stretch of `known` between two `ends`; 0 in an empty one."""
    sums = np.concatenate([[0], np.cumsum(known)])[ends]
    return (np.diff(sums) / np.maximum(np.diff(ends), 1)).astype(np.float32)


def code(tokens: Sequence[int]) -> int:
    """One number for a word, or for two neighbours."""
    return tokens[0] if len(tokens) == 1 else (tokens[0] + 1) * PAIRS | tokens[1]


def spelt(code: int, names: Sequence[str]) -> str:
    """The words that a code() stands for, by the names of their numbers."""
    return names[code] if code < PAIRS else f"{names[code // PAIRS - 1]} {names[code % PAIRS]}"
