"""Fine-tuning, writing and scoring with a model of two layers: what is learned, resumed, drawn and refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.write import base, language, probes, rouge, sampling, tuning, wording
from core.write.rungs import write
from core.write.tuning import Recipe
from tests.write import copy, kinds

QUIET = lambda done, total, message: None  # noqa: E731


@pytest.fixture
def rows(small_base) -> list[tuple[list[int], list[int]]]:
    model = language.load(small_base)
    return [(model.prompt(row["brief"]), model.copy(row["copy"])) for row in copy.pairs(60)]


def test_training_lowers_the_loss_of_copy_and_not_more_than_that(small_base, rows, tmp_path):
    learner = language.load(small_base, train=True)
    before = language.likelihoods(learner, *zip(*rows)).mean()
    told = []
    tuning.tune(learner, rows, Recipe(3, 16, 3e-3), tmp_path / "checkpoint", QUIET, told.append)
    assert language.likelihoods(learner, *zip(*rows)).mean() > before + 10 and told == [0, 1, 2]


@pytest.mark.parametrize("kind", ["llama", "lfm2"])
def test_lower_layers_stay_as_they_are_and_their_work_once_done_changes_no_loss(kind, rows, tmp_path):
    learner = language.load(kinds.base(tmp_path / "base", kind), train=True)
    before = {name: weight.detach().clone() for name, weight in learner.model.named_parameters()}
    loss = language.likelihoods(learner, *zip(*rows))
    frozen = tuning.freeze(learner.model, 0.5)
    states = tuning.below(learner, rows, frozen)
    assert (states is None) == (kind == "lfm2")  # whose layers are of two kinds
    if states:
        with tuning.only(learner.model, slice(frozen, None)):
            again = [language.losses(learner, [row[0]], [row[1]], [state]).sum() for row, state in zip(rows, states)]
        assert np.allclose(loss, [-one.item() for one in again], atol=1e-3)
    tuning.tune(learner, rows, Recipe(3, 16, 3e-3, learning=0.5), tmp_path / "point", QUIET, lambda epoch: None)
    assert language.likelihoods(learner, *zip(*rows)).mean() > loss.mean() + 3
    stayed = {
        name for name, weight in learner.model.named_parameters() if torch.equal(weight.float(), half(before[name]))
    }
    assert any("layers.0." in name for name in stayed) and any("embed_tokens" in name for name in stayed)
    assert not any("layers.1." in name for name in stayed)


def half(weight: torch.Tensor) -> torch.Tensor:
    """As the model computes with it."""
    return weight.to(torch.bfloat16).float() if language.half() else weight


@pytest.mark.parametrize(("half_there", "off"), [(False, 1e-5), (True, 0.02)])
@pytest.mark.parametrize("kind", ["llama", "lfm2"])
def test_a_batch_that_goes_in_portions_has_the_loss_and_the_gradients_of_one_that_does_not(
    kind, half_there, off, rows, tmp_path, monkeypatch
):
    monkeypatch.setattr(tuning, "half", lambda: half_there)
    learner = language.load(kinds.base(tmp_path / "base", kind), train=True)
    weights, found = tuning.Weights(learner.model), []
    for at_once in (10_000, 150, 1):
        loss = tuning.gradients(learner, rows[:9], None, weights, at_once)
        found.append((loss, torch.cat([weight.grad.flatten() for weight in weights.kept]).clone()))
    (whole, gradient), *others = found
    for loss, other in others:
        assert loss == pytest.approx(whole, rel=off) and (other - gradient).norm() < off * gradient.norm()


@pytest.mark.parametrize("half_there", [False, True])
def test_weights_are_kept_in_half_precision_and_judged_in_what_the_processor_computes_in(
    half_there, small_base, rows, tmp_path, monkeypatch
):
    monkeypatch.setattr(language, "half", lambda: half_there)
    learner = language.load(small_base, train=True)
    model, kind = write._coarse(learner, [(row["brief"], row["copy"]) for row in copy.pairs(20)])
    assert (model.dtype, kind) == (torch.bfloat16 if half_there else torch.float32, torch.bfloat16)
    write._save(replace(learner, model=model), kind, small_base, tmp_path, {"most": 9, "greedy": False})
    kept = language.load(tmp_path / write.MODEL).model
    for judged, said in zip(model.parameters(), kept.parameters()):
        assert torch.equal(judged.float(), said.float())
    size = sum(weight.numel() for weight in kept.parameters())
    assert (tmp_path / write.MODEL / "model.safetensors").stat().st_size < 2.2 * size


@pytest.mark.parametrize("stop", [3, 4, 9])
def test_a_training_cut_off_goes_on_to_the_same_weights(small_base, rows, tmp_path, monkeypatch, stop):
    monkeypatch.setattr(tuning, "CHECKPOINT_SECONDS", 0)
    recipe, straight = Recipe(3, 16, 1e-3), language.load(small_base, train=True)
    tuning.tune(straight, rows, recipe, tmp_path / "one", QUIET, lambda epoch: None)

    def cut(done: int, total: int, message: str) -> None:
        if done == stop:
            raise Cancelled

    ended: list[int] = []
    with pytest.raises(Cancelled):
        tuning.tune(language.load(small_base, train=True), rows, recipe, tmp_path / "two", cut, ended.append)
    again = language.load(small_base, train=True)
    tuning.tune(again, rows, recipe, tmp_path / "two", QUIET, ended.append)
    assert ended == [0, 1, 2]
    for one, other in zip(straight.model.parameters(), again.model.parameters()):
        assert torch.allclose(one.detach().float(), other.detach().float(), atol=1e-6)


def test_drafts_are_drawn_by_their_seed_and_their_likelihood_is_that_of_their_tokens(small_base, rows):
    writer = language.load(small_base)
    writer.model.float()
    prompts = [prompt for prompt, _ in rows[:5]]
    made = sampling.write(writer, prompts, [1, 2, 3, 4, 5], 4, 12)
    assert [[one.ids for one in some] for some in made] == [
        [one.ids for one in some] for some in sampling.write(writer, prompts, [1, 2, 3, 4, 5], 4, 12)
    ]
    assert len({tuple(one.ids) for some in made for one in some}) > 15
    for prompt, some in zip(prompts, made):
        for one in some:
            assert len(one.ids) <= 12 and not set(one.ids) & writer.breaks
        cut = [one for one in some if not one.ended]
        said = language.likelihoods(writer, [prompt] * len(cut), [one.ids for one in cut])
        assert np.allclose(said, [one.likelihood for one in cut], atol=1e-2)
    [[likeliest]] = sampling.write(writer, prompts[:1], [9], 4, 12, greedy=True)
    assert [likeliest.ids] == [one.ids for one in sampling.write(writer, prompts[:1], [8], 4, 12, greedy=True)[0]]


def test_a_long_brief_is_cut_and_still_asks_for_copy(small_base):
    model = language.load(small_base)
    prompt = model.prompt("word " * 20_000)
    assert len(prompt) < wording.MOST_BRIEF + 20
    assert model.text(prompt[-6:]).endswith("Copy:")


def test_the_role_probe_exchanges_two_speakers():
    brief = "#Person1#: May I?\n#Person2#: You may."
    assert probes.exchanged(brief, "#Person1# asks #Person2#.") == "#Person2# asks #Person1#."
    assert probes.exchanged(brief, "#Person1# asks.") is None
    assert probes.exchanged("Acme, soap", "Acme. Clean.") is None


def test_the_role_probe_counts_what_the_model_prefers(small_base, tmp_path):
    pairs = [(f"Ann: May I have {n}?\nBob: You may.", f"Ann asks Bob for {n}.") for n in range(60)]
    learner = language.load(small_base, train=True)
    rows = [(learner.prompt(brief), learner.copy(text)) for brief, text in pairs]
    tuning.tune(learner, rows, Recipe(4, 8, 3e-3), tmp_path / "checkpoint", QUIET, lambda epoch: None)
    found = probes.probe(learner, pairs)
    assert found.n == 60 and found.value == 1 and found.low > 0.9
    assert probes.probe(learner, [("Acme, soap", "Clean.")]) is None


def test_rouge_is_that_of_its_definition():
    assert rouge.overlap("the cat sat", "The cat ran!") == pytest.approx(2 / 3)
    assert rouge.overlap("the cat sat", "the cat ran", 2) == pytest.approx(1 / 2)
    assert rouge.overlap("", "the cat") == 0
    assert rouge.overlap("She was asking two ponies", "she asked a pony") == pytest.approx(2 * 3 / 9), "by their stems"
    assert rouge.stemmed(["asked", "snake_case", "straße", "9", "asks"]) == ["ask", "snake_case", "straß", "9", "ask"]
    assert rouge.mean("a b", ["a b", "c d"]) == pytest.approx(0.5)


def test_base_models_that_cannot_be_used_are_refused(small_base, tmp_path, monkeypatch):
    assert base.prepared(str(small_base)) == small_base and base.licence(str(small_base)) == "not stated"
    with pytest.raises(InputError, match="no base model"):
        base.prepared(str(tmp_path / "nowhere.gguf"))
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF" + b"\x07" * 500)
    with pytest.raises(InputError, match="cannot be read"):
        base.prepared(str(tmp_path / "damaged.gguf"))
    monkeypatch.setattr(base, "_packaged", lambda: tmp_path / "damaged.gguf")
    with pytest.raises(InputError, match="SHA-256 differs"):
        base.prepared()
    (tmp_path / "half").mkdir()
    with pytest.raises(InputError, match=r"no config\.json"):
        base.prepared(str(tmp_path / "half"))
    told = json.loads((small_base / "config.json").read_text())
    (tmp_path / "half/config.json").write_text(json.dumps(told | {"model_type": "bert"}))
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        base.prepared(str(tmp_path / "half"))
    (tmp_path / "half/tokenizer.json").write_text("{}")
    (tmp_path / "half/model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="kind bert"):
        base.prepared(str(tmp_path / "half"))
    (tmp_path / "half/config.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="cannot be read"):
        language.load(base.prepared(str(tmp_path / "half")))
