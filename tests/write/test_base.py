"""Base models that people choose: what is taken, of every kind of model, and the sentence for what is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core import hub, settings
from core.errors import InputError
from core.write import base, gguf_file, language, parity
from tests.write import copy, drafted, kinds


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path, 20)


def test_a_folder_and_a_gguf_file_are_chosen_by_task_with_their_licence(db, task, small_base, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(small_base, folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    base.choose(db, task, str(folder))
    assert settings.get(db, base.SETTING, task) == str(folder) and base.licence(str(folder)) == "mit"
    assert base.named(str(folder)) == "mine" and base.parameters(folder) > 10_000
    made = gguf_file.write(kinds.base(tmp_path / "qwen2", "qwen2", tied=False), tmp_path / "own.gguf", "F16")
    base.choose(db, task, str(made))
    unpacked = Path(settings.get(db, base.SETTING, task))
    assert base.named(str(unpacked)) == "own.gguf" and unpacked.parent == settings.home() / "bases"
    assert json.loads((unpacked / "config.json").read_text())["tie_word_embeddings"] is True, (
        "one matrix, twice in the file"
    )
    base.choose(db, task, " ")
    assert settings.get(db, base.SETTING, task) == base.PACKAGED


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), r"no tokenizer\.json"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), r"run code .*\.bin"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x08" * 40), "damaged or cut off"),
        (lambda folder: _cut(folder / "model.safetensors"), "damaged or cut off"),
        (lambda folder: _kind(folder, "mamba"), "of the kind mamba"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json .* is damaged"),
        (shutil.rmtree, "There is no base model"),
        (lambda folder: _kind(folder, "gemma3_text"), "Gemma Terms of Use"),
    ],
)
def test_what_cannot_be_built_on_is_refused_and_the_setting_stays(db, task, small_base, tmp_path, harm, said):
    shutil.copytree(small_base, tmp_path / "mine")
    harm(tmp_path / "mine")
    with pytest.raises(InputError, match=said):
        base.choose(db, task, str(tmp_path / "mine"))
    assert settings.get(db, base.SETTING, task) == base.PACKAGED


def _cut(file) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def _kind(folder, kind: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": kind}))


def test_a_gguf_file_cut_off_leaves_nothing_behind(db, task, small_base, tmp_path):
    made = gguf_file.write(small_base, tmp_path / "own.gguf", "F16")
    _cut(made)
    with pytest.raises(InputError, match=r"own\.gguf is damaged, cut off"):
        base.choose(db, task, str(made))
    assert not list((settings.home() / "bases").iterdir())


def test_terms_once_accepted_let_a_model_in(db, task, tmp_path):
    folder = kinds.base(tmp_path / "gemma", "gemma3_text")
    base.choose(db, task, str(folder), accepted=True)
    assert settings.get(db, base.SETTING, task) == str(folder)


def test_without_a_network_the_hub_is_said_to_be_out_of_reach(db, task):
    assert hub.is_id("HuggingFaceTB/SmolLM2-360M") and not hub.is_id("/srv/models/mine") and not hub.is_id("mine")
    with pytest.raises(InputError, match="hub cannot be reached, so nobody/nothing") as refused:
        base.choose(db, task, "nobody/nothing")
    assert "copy its folder" in str(refused.value) and not list((settings.home() / "bases").iterdir())


@pytest.mark.parametrize("kind", base.ARCHITECTURES)
def test_every_kind_trains_writes_and_is_exported(kind, tmp_path):
    folder = kinds.base(tmp_path / "base", kind)
    rows = copy.pairs(12)
    learner = language.load(folder, train=True)
    pairs = [(learner.prompt(row["brief"]), learner.copy(row["copy"])) for row in rows]
    assert (pairs[0][0][0] == 1) == (kind == "gemma3_text"), "Gemma's prompts begin with its first token"
    before = learner.likelihoods(*zip(*pairs)).mean()
    kinds.tune(learner, pairs, tmp_path)
    assert learner.likelihoods(*zip(*pairs)).mean() > before
    drafts = learner.drafts([prompt for prompt, _ in pairs[:2]], [1, 2], 2, 6, greedy=False)
    assert all(one.ids for some in drafts for one in some)
    student = kinds.saved(learner, folder, tmp_path / "student")
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (requirements-write.lock)")
    file = gguf_file.write(student, tmp_path / "model.gguf")
    measured = parity.measure(student, file, [(row["brief"], row["copy"]) for row in rows])
    assert abs(measured.more) < parity.LOST, measured


LIMITED = """
import resource, sys
from pathlib import Path
from core.errors import outside
from core.write import language
model = language.load(Path(sys.argv[1]), train=True)
import psutil
resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 200_000_000,) * 2)
try:
    language.losses(model, [[5] * 1_000] * 512, [[6] * 200] * 512).mean().backward()
except Exception as error:
    print(outside(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_where_memory_runs_out_a_sentence_says_so(small_base):
    done = subprocess.run([sys.executable, "-c", LIMITED, str(small_base)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("There is not enough memory for this."), done.stdout + done.stderr[-2000:]
