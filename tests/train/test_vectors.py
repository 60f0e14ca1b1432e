"""Vectors kept on disk."""

from __future__ import annotations

import numpy as np
import pytest

from core.encoders.encoder import encoder
from core.train import vectors
from core.train.vectors import StoredVectors

TEXTS = ["winter tyres", "a beach hotel", "winter tyres", "join our team"]


def test_each_text_is_read_once_and_found_again(workspace, encoders, tmp_path, monkeypatch):
    read = []

    def counting(name):
        def encode(texts, progress=None):
            read.extend(texts)
            return encoder(name)(texts)

        return encode

    monkeypatch.setattr(vectors, "encoder", counting)
    monkeypatch.setattr(vectors, "BLOCK", 2)
    StoredVectors(tmp_path / "v.npz", "packaged").add(TEXTS, lambda *_: None)
    assert sorted(read) == sorted(set(TEXTS))
    kept = StoredVectors(tmp_path / "v.npz", "packaged")
    found = kept([*TEXTS, "something new"])
    assert len(read) == 4 and read[-1] == "something new"
    same = (found * encoder("packaged")([*TEXTS, "something new"])).sum(axis=1)
    assert same.min() > 0.999  # kept in half precision


def test_what_is_read_before_a_stop_is_kept(workspace, encoders, tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "BLOCK", 1)
    kept = StoredVectors(tmp_path / "v.npz", "packaged")
    calls = iter(range(100))

    def stop(*_):
        if next(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.add(TEXTS, stop)
    left = []
    StoredVectors(tmp_path / "v.npz", "packaged").add(TEXTS, lambda done, total, message: left.append(total))
    assert left and left[-1] == 1


def test_another_encoders_vectors_are_dropped(workspace, encoders, tmp_path):
    StoredVectors(tmp_path / "v.npz", "packaged").add(TEXTS, lambda *_: None)
    with np.load(tmp_path / "v.npz") as made:
        np.savez(tmp_path / "v.npz", **{**made, "encoder": "another", "vectors": 0 * made["vectors"]})
    assert np.allclose(np.linalg.norm(StoredVectors(tmp_path / "v.npz", "packaged")(TEXTS), axis=1), 1, atol=1e-2)


def test_nothing_gives_nothing(workspace, encoders, tmp_path):
    assert len(StoredVectors(tmp_path / "v.npz", "packaged")([])) == 0
