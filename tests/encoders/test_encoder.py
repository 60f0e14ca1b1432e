import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import weights
from core.encoders.encoder import (
    BATCH_TOKENS,
    WORTH_KEEPING,
    OnnxText,
    batches,
    check,
    pad,
    pooled,
    prepared,
    read_once,
    tokenizer,
    torch_encoder,
)
from core.errors import InputError


def batch(read, texts):
    """The inputs of a graph for `texts`."""
    return dict(zip(("ids", "mask"), pad([encoded.ids for encoded in read.encode_batch(texts)])))


@given(st.lists(st.integers(1, 128), max_size=900))
def test_batches_hold_every_row_once_and_stay_small(lengths):
    rising = np.sort(np.array(lengths, int))
    cuts = list(batches(rising))
    assert [first for first, _ in cuts] == [0, *(end for _, end in cuts)][: len(cuts)]
    assert (cuts[-1][1] if cuts else 0) == len(rising)
    assert all(end == first + 1 or (end - first) * rising[end - 1] <= BATCH_TOKENS for first, end in cuts)


def test_vectors_do_not_depend_on_what_they_are_read_with(encoders):
    from core.encoders.encoder import encoder

    texts = ["two words", "a somewhat longer sentence about a summer sale", "x " * 300, ""] * 40
    read = encoder()
    together, alone = read(texts), np.concatenate([read([text]) for text in texts[:4]])
    assert together.shape == (160, 384) and np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    assert np.abs(together[:4] - alone).max() < 1e-6


def test_the_large_encoder_is_near_the_exact_one_rounded_as_it_is(large_encoder, workspace):
    """Were its channels not evened out, the cosine would be below 0.99."""
    import torch

    texts = ["How do I get my card back?", "Charged twice for one booking", "two words", "a sale of everything " * 9]
    rounded = OnnxText(large_encoder)(texts)
    assert rounded.shape == (4, 1536) and np.allclose(np.linalg.norm(rounded, axis=1), 1, atol=1e-4)
    with weights.opened(weights.LARGE) as source, torch.no_grad():
        inputs = batch(tokenizer(source), texts)
        exact = pooled(torch_encoder(source).eval(), *map(torch.from_numpy, inputs.values()), layers=(9, 12)).numpy()
    assert (rounded * exact).sum(1).min() > 0.99
    assert not [path for path in (workspace / "encoders").iterdir() if path.name != large_encoder.name]


def saved(folder, config, **options):
    """A folder with a small model of `config`, untrained, and the packaged encoder's tokenizer."""
    import torch
    from transformers import AutoModel

    torch.manual_seed(0)
    AutoModel.from_config(config, **options).save_pretrained(folder)
    shutil.copy(weights.source_folder() / "tokenizer.json", folder)
    return folder


def test_an_encoder_of_another_architecture_is_read_too(workspace, tmp_path):
    """One without a pooling layer."""
    from transformers import DistilBertConfig

    folder = saved(tmp_path / "distil", DistilBertConfig(n_layers=2, n_heads=2, dim=768, hidden_dim=1024))
    check(str(folder))
    assert OnnxText(prepared(str(folder)))(["a sale", "a longer text"]).shape == (2, 768)


def test_layers_that_share_their_weights_are_read_right(workspace, tmp_path):
    import torch
    from transformers import AlbertConfig

    sizes = {"embedding_size": 128, "hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 2}
    folder = saved(tmp_path / "albert", AlbertConfig(num_hidden_layers=3, vocab_size=30522, **sizes))
    texts = ["a sale", "a longer text about a summer sale"]
    with torch.no_grad():
        inputs = batch(tokenizer(folder), texts)
        exact = pooled(torch_encoder(folder).eval(), *map(torch.from_numpy, inputs.values())).numpy()
    assert ((OnnxText(prepared(str(folder)))(texts) * exact).sum(1) > 0.99).all()


def test_an_encoder_that_int8_does_not_suit_is_used_as_it_is(workspace, tmp_path, monkeypatch):
    from transformers import DistilBertConfig

    from core.encoders import encoder

    folder = saved(tmp_path / "distil", DistilBertConfig(n_layers=1, n_heads=2, dim=64, hidden_dim=64))
    monkeypatch.setattr(encoder, "NEAR", 1.1)
    made = prepared(str(folder))
    assert (made / "encoder.onnx").stat().st_size > 4 * 30522 * 64 and not (made / "exact.onnx").exists()


def test_the_large_ones_weights_from_a_folder_are_another_encoder(monkeypatch, workspace):
    """As the base encoder it gives vectors of its last layer alone: those prepared for the large one are not taken for them."""
    from core.encoders import encoder

    monkeypatch.setattr(encoder, "stamp", lambda name: "same")
    for layers in (1, 2):
        (workspace / "encoders" / f"same-{encoder.ROUNDING}-{layers}").mkdir(parents=True)
        (workspace / "encoders" / f"same-{encoder.ROUNDING}-{layers}" / "encoder.onnx").touch()
    assert prepared(weights.LARGE) != prepared("/some/folder")


def test_a_folder_that_holds_no_encoder_is_said_in_words(tmp_path):
    from transformers import T5Config

    tiny = {"num_layers": 1, "d_model": 16, "d_kv": 8, "d_ff": 16, "num_heads": 2}
    with pytest.raises(InputError, match=r"\(t5\) is no base model"):
        check(str(saved(tmp_path / "t5", T5Config(**tiny))))
    broken = tmp_path / "broken"
    shutil.copytree(tmp_path / "t5", broken)
    for file, text, said in (
        ("model.safetensors", "no weights", "no safetensors file"),
        ("tokenizer.json", "{}", "cannot be read"),
        ("config.json", json.dumps({"model_type": "of its own"}), "cannot be read"),
    ):
        (broken / file).write_text(text)
        with pytest.raises(InputError, match=said):
            check(str(broken))


def test_a_list_is_read_once_for_several_students_and_each_gets_the_same_numbers(encoders, monkeypatch):
    texts = [f"a sale of {number} boots" for number in range(WORTH_KEEPING)]
    folder, read = prepared(weights.PACKAGED), []
    plain = OnnxText(folder)(texts)
    real = OnnxText._read
    monkeypatch.setattr(
        OnnxText, "_read", lambda self, some, progress: read.append(len(some)) or real(self, some, progress)
    )
    with read_once():
        assert all(np.array_equal(OnnxText(folder)(texts), plain) for _ in range(3))
        OnnxText(folder)(texts[:5])
        OnnxText(folder)(texts[:5])
    assert read == [WORTH_KEEPING, 5, 5]
    OnnxText(folder)(texts)
    assert len(read) == 4
