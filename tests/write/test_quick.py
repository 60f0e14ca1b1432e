"""Drafting by llama.cpp where it is installed: one brief by it, many by torch, and torch alone where it says something else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.write import gguf_file, language, quick
from core.write.rungs import write as writing
from tests.write import copy, kinds

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (requirements-write.lock)")
HELD = [(row["brief"], row["copy"]) for row in copy.pairs(12)]


@pytest.fixture
def student(tmp_path):
    """A student's folder with a model that has learned a little."""
    base = kinds.base(tmp_path / "base", "llama")
    learner = language.load(base, train=True)
    kinds.tune(learner, [(learner.prompt(brief), learner.copy(text)) for brief, text in HELD], tmp_path)
    kinds.saved(learner, base, tmp_path / "student" / writing.MODEL)
    (tmp_path / "student" / writing.MODEL / writing.WRITING).write_text(json.dumps({"most": 8, "greedy": False}))
    return tmp_path / "student"


def test_one_brief_is_drafted_without_torch_and_its_likelihoods_are_torchs(student, monkeypatch):
    model = student / writing.MODEL
    in_torch = language.load(model)
    assert quick.add(model, HELD)
    monkeypatch.setattr(language, "load", lambda *folder: pytest.fail("torch was loaded"))
    [proposals] = writing.quickest(student)([HELD[0][0]], 8, 3)
    assert len(proposals) == 8 and len({one.score for one in proposals}) > 1
    fast = quick.load(model)
    [drafts] = fast.drafts([fast.prompt(HELD[0][0])], [3], 8, 8, greedy=False)
    again = fast.drafts([fast.prompt(HELD[0][0])], [3], 8, 8, greedy=False)[0]
    assert [one.ids for one in drafts] == [one.ids for one in again], "the seed decides"
    cut = [one.ids for one in drafts if not one.ended]
    said = in_torch.likelihoods([fast.prompt(HELD[0][0])] * len(cut), cut)
    assert np.allclose(said, [one.likelihood for one in drafts if not one.ended], rtol=0.02)
    monkeypatch.setattr(language, "load", lambda folder: in_torch)
    assert len(writing.quickest(student)([brief for brief, _ in HELD[:3]], 2, 3)) == 3


def test_where_the_file_says_something_else_torch_goes_on(student, tmp_path, monkeypatch):
    weights = gguf_file._weights
    monkeypatch.setattr(gguf_file, "_weights", lambda folder: weights(tmp_path / "base"))
    model = student / writing.MODEL
    assert not quick.add(model, HELD) and not quick.add(model, HELD)
    assert not list(model.glob("*.gguf*.part")) and isinstance(quick.load(model), language.Language)
