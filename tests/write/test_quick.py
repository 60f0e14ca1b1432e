"""A student drafts with llama.cpp where its file is what it was made as, and with torch where not: by its seed, before the same
gates."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from core import settings
from core.write import drafting, gates, gguf_file, llama, quick, use
from core.write.guide import Guide
from core.write.rungs import write as writing
from tests.write import copy, drafted

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (requirements-write.lock)")

BRIEFS = [row["brief"] for row in copy.pairs(6, seed=9)]
HELD = [(row["brief"], row["copy"]) for row in copy.pairs(40, seed=5)]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A model that has learned a little, with its file."""
    model = drafted.learned(tmp_path_factory.mktemp("models"))
    assert quick.wanted(model) and quick.make(model, HELD) and not quick.wanted(model) and not quick.make(model, HELD)
    assert not list(model.glob("*.part")) + list(model.glob(".*.part"))
    return model


@pytest.fixture
def taught(encoders, db, tmp_path, made):
    yield drafted.taught(db, tmp_path, made, Guide(banned=("shoes", "roast")))
    drafting.load.cache_clear()


def folder(row: dict) -> Path:
    return settings.home() / row["path"]


def without_file(row: dict) -> drafting.Writer:
    """The student as torch alone has it."""
    (folder(row) / writing.MODEL / quick.FILE).unlink()
    drafting.load.cache_clear()
    return use.writer_of(row)


@pytest.mark.parametrize("kind", ["write", "choose"])
def test_drafts_of_both_runtimes_go_through_the_same_gates_and_come_again_by_their_seed(taught, kind):
    row = taught[1][kind]
    fast = use.writer_of(row)
    first = fast.drafts(BRIEFS, 4, seed=3)
    assert fast.runtime == "llama.cpp" and first == fast.drafts(BRIEFS, 4, seed=3) != fast.drafts(BRIEFS, 4, seed=4)
    drafting.load.cache_clear()
    assert use.writer_of(row).drafts(BRIEFS, 4, seed=3) == first, "whatever was drafted before"
    slow = without_file(row)
    second = slow.drafts(BRIEFS, 4, seed=3)
    assert slow.runtime == "torch" and second == slow.drafts(BRIEFS, 4, seed=3)
    stopped = set()
    for some in (first, second):
        for brief, each in zip(BRIEFS, some):
            for draft in each:
                [case] = gates.cases([(brief, draft.slotted)], fast.guide, fast.known, fast.encode, new=True)
                assert draft.findings == tuple(gates.find(case))
                stopped |= {one.name for one in draft.findings if not one.passed}
    assert "banned words" in stopped
    told = [draft.features for some in (first, second) for each in some for draft in each]
    assert all({"log_p", "gain"} <= set(one) for one in told)


def test_a_student_asked_for_more_drafts_than_go_at_once_writes_them_all(taught):
    [drafts] = use.writer_of(taught[1]["write"]).drafts(BRIEFS[:1], 20)
    assert len(drafts) > 12


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda model: (model / quick.FILE).unlink(), "damaged or missing"),
        (
            lambda model: (model / quick.FILE).write_bytes((model / quick.FILE).read_bytes()[:-900]),
            "damaged or missing",
        ),
        (lambda model: _flip(model / quick.FILE), "damaged or missing"),
        (lambda model: (model / quick.ABOUT).unlink(), "has no model.gguf yet"),
        (lambda model: (model / quick.ABOUT).write_text("[]"), "has no model.gguf yet"),
        (lambda model: _other_weights(model), "made of other weights"),
    ],
)
def test_a_file_that_is_not_what_it_was_made_as_is_left_to_torch_with_one_line(taught, caplog, harm, why):
    row = taught[1]["write"]
    model = folder(row) / writing.MODEL
    harm(model)
    drafting.load.cache_clear()
    with caplog.at_level(logging.INFO, "understudy"):
        writer = use.writer_of(row)
        assert writer.runtime == "torch" and writer.drafts(BRIEFS[:2], 2)
    assert len(caplog.messages) == 1 and why in caplog.messages[0]


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-5000] ^= 255
    file.write_bytes(content)


def _other_weights(model: Path) -> None:
    """Other weights in the place of those that the file was made of."""
    from safetensors.torch import load_file, save_file

    there = load_file(model / "model.safetensors")
    save_file({name: weight * 1.5 for name, weight in there.items()}, model / "model.safetensors", {"format": "pt"})


def test_where_the_package_is_absent_torch_drafts(taught, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr(llama, "installed", lambda: False)
    with caplog.at_level(logging.INFO, "understudy"):
        writer = use.writer_of(taught[1]["choose"])
    assert writer.runtime == "torch" and len(writer.drafts(BRIEFS[:1], 3)[0]) == 3
    assert caplog.messages == ["Drafts come from torch: xllamacpp is not installed."]


def test_a_file_that_lost_what_was_learned_is_not_kept_nor_made_again(taught, made, caplog, monkeypatch):
    model = folder(taught[1]["write"]) / writing.MODEL
    for name in (quick.FILE, quick.ABOUT):
        (model / name).unlink()
    weights = gguf_file._weights
    monkeypatch.setattr(gguf_file, "_weights", lambda folder: weights(made.with_name("base")))
    assert quick.make(model, HELD) is False and not (model / quick.FILE).exists() and not quick.wanted(model)
    assert "part of what it learned is lost" in caplog.messages[-1]
    assert use.writer_of(taught[1]["write"]).runtime == "torch" and "is lost" in caplog.messages[-1]


def test_a_student_that_shares_its_model_shares_the_file(taught):
    below, model = (folder(taught[1][kind]) / writing.MODEL for kind in ("write", "choose"))
    for name in (quick.FILE, quick.ABOUT):
        (model / name).unlink()
    assert quick.taken(below, model) and (below / quick.FILE).samefile(model / quick.FILE)
    assert use.writer_of(taught[1]["choose"]).runtime == "llama.cpp"
    _other_weights(model)
    assert not quick.taken(below, model)


def test_the_answer_of_a_student_says_what_drafted_it(taught, db):
    task = taught[0]
    assert use.write(db, task, BRIEFS[0], 2)["runtime"] == "llama.cpp"
    assert use.write(db, task, BRIEFS[0], 2, which=taught[1]["retrieve"]["id"])["runtime"] is None
