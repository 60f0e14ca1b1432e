"""Vectors of many texts kept on disk, so that round after round reads each text once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from core.encoders.encoder import encoder, prepared
from core.train.data import Step

BLOCK = 8192  # texts read between two writes: what a stop may cost


class StoredVectors:
    """The vectors of encoder `name` in `file` (.npz): hashes of texts, unit vectors in half precision.

    Those of another encoder are dropped.
    """

    def __init__(self, file: Path, name: str):
        self.file, self.encoder = file, name
        self._made_by = prepared(name).name
        self._keys, self._vectors = np.zeros(0, np.uint64), np.zeros((0, 0), np.float16)
        if file.exists():
            with np.load(file, allow_pickle=False) as stored:
                if str(stored["encoder"]) == self._made_by:
                    self._keys, self._vectors = stored["keys"], stored["vectors"]

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Their vectors, float32 (texts, dimensions); those not read before are read now."""
        self.add(texts, lambda *_: None)
        return self._vectors[np.searchsorted(self._keys, keys(texts))].astype(np.float32)

    def add(self, texts: Sequence[str], step: Step) -> None:
        """Read those of `texts` not read yet; each block is on disk before the next."""
        new_keys, first = np.unique(keys(texts), return_index=True)
        new = ~np.isin(new_keys, self._keys, assume_unique=True)
        new_keys, todo = new_keys[new], [texts[i] for i in first[new]]
        for start in range(0, len(todo), BLOCK):
            vectors = encoder(self.encoder)(
                todo[start : start + BLOCK],
                progress=lambda done, _, start=start: step(start + done, len(todo), "Reading the assets"),
            ).astype(np.float16)
            both = np.concatenate([self._keys, new_keys[start : start + BLOCK]])
            order = np.argsort(both)
            self._keys = both[order]
            self._vectors = (np.concatenate([self._vectors, vectors]) if len(self._vectors) else vectors)[order]
            self._write()

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.file.with_suffix(".part.npz")
        np.savez(scratch, encoder=self._made_by, keys=self._keys, vectors=self._vectors)
        scratch.replace(self.file)  # the file is either whole or the one before


def keys(texts: Iterable[str]) -> np.ndarray:
    """A number for each text, uint64 (texts), by which it is found again: the first 8 bytes of its BLAKE2b hash."""
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), np.uint64)
