"""Several students that answer about the same assets: what they read with alike is read once, and each has its own say of it.

    readings = Readings()
    topic, offer = (share(load(folder), folder, readings) for folder in folders)
    with readings.once():
        answers = [student.answer(texts) for student in (topic, offer)]

Students of one client's tasks mostly read with the same frozen encoder and learned from the same assets: then the vectors, the
counts of words and the nearest assets of a text are the same for all of them. What each answers is what it would answer alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from core.train.students.neighbours import Neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator

    import scipy.sparse as sp

    from core.train.members import Encode
    from core.train.students.tfidf import Tfidf


class Readings:
    """The parts that several students read with, each there once however many of them have it; gone with the last of them.

    For one thread at a time."""

    def __init__(self) -> None:
        self._parts: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()

    def part(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The part that is known by `key`, made where there is none yet."""
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = make()
        return part

    def forget(self) -> None:
        """Let go of what was read: the assets under way are answered."""
        for part in list(self._parts.values()):
            part.forget()

    @contextmanager
    def once(self) -> Iterator[None]:
        """While this holds, each text is read once; then what was read is forgotten."""
        try:
            yield
        finally:
            self.forget()


class OneGraph:
    """An encoder that reads each text once: texts to vectors, as `graph` gives them."""

    def __init__(self, graph: Encode):
        self.graph = graph
        self._known: dict[str, np.ndarray] = {}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors of `texts`, float32 (texts, dimensions)."""
        known = self._known
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, self.graph(new)))
        return np.stack([known[text] for text in texts]) if len(texts) else self.graph(texts)

    def forget(self) -> None:
        """Let go of the vectors."""
        self._known = {}


class OneCount:
    """Counts of words that are made once of the same list of texts."""

    def __init__(self, features: Tfidf):
        self.features = features
        self.forget()

    def read(self, texts: Sequence[str]) -> tuple[sp.csr_matrix, np.ndarray]:
        """As Tfidf.read()."""
        if self._texts is not texts:
            self._texts, self._read = texts, self.features.read(texts)
        return self._read

    def forget(self) -> None:
        """Let go of the counts."""
        self._texts, self._read = None, None


class OneSearch:
    """Training assets among which the nearest of a vector are looked for once, whatever they are labelled."""

    def __init__(self, vectors: np.ndarray):
        self.vectors = vectors
        self._found: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def find(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As Neighbours.find()."""
        keys, found = [vector.tobytes() for vector in vectors], self._found
        new = [row for row, key in enumerate(keys) if key not in found]
        if new:
            rows, near = Neighbours(self.vectors, np.zeros(0, np.int32), 0).find(vectors[new])
            found.update(zip([keys[row] for row in new], zip(rows, near)))
        rows, near = zip(*(found[key] for key in keys))
        return np.stack(rows), np.stack(near)

    def forget(self) -> None:
        """Let go of what was found."""
        self._found = {}


class SharedNeighbours(Neighbours):
    """Neighbours that are looked for together with other students' of the same training assets."""

    def __init__(self, search: OneSearch, answers: np.ndarray, categories: int):
        super().__init__(search.vectors, answers, categories)
        object.__setattr__(self, "search", search)

    def find(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As Neighbours.find()."""
        return self.search.find(vectors)


def mark(*arrays: np.ndarray) -> str:
    """What tells these tables from others: a hash of all they hold."""
    made = hashlib.sha256()
    for array in arrays:
        made.update(f"{array.dtype} {array.shape}".encode())
        made.update(np.ascontiguousarray(array))
    return made.hexdigest()
