import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.encoder import OnnxText, export, tokenizer, torch_encoder
from core.encoders.quantise import quantise
from core.weights import source_folder
from tests.encoders.test_encoder import batch


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    export(torch_encoder(source_folder()), folder / "encoder.onnx")
    (folder / "tokenizer.json").symlink_to(source_folder() / "tokenizer.json")
    return folder


@pytest.fixture(scope="module")
def read(plain, small):
    return OnnxText(plain, small.name)


TEXTS = ["a summer sale on running shoes", "open an account in ten minutes", "taste the new oat drink", "book now"]


@pytest.fixture(scope="module")
def small(plain):
    quantise(plain / "encoder.onnx", plain / "small.onnx", [batch(tokenizer(plain), TEXTS)])
    return plain / "small.onnx"


def test_a_rounded_graph_is_near_the_exact_one_and_a_quarter_of_its_size(plain, small, read):
    others = ["winter tyres fitted while you wait", "a loan that fits", "two", "the museum is open until nine " * 12]
    exact = OnnxText(plain)
    for texts in (TEXTS, others):
        assert ((read(texts) * exact(texts)).sum(1) > 0.995).all()
    assert small.stat().st_size < 0.3 * (plain / "encoder.onnx").stat().st_size


@given(st.lists(st.text(max_size=80), min_size=1, max_size=8))
def test_whatever_is_read_beside_a_text_leaves_its_vector_as_it_is(read, company):
    alone = read(TEXTS[:1])[0]
    assert np.abs(read([*company, TEXTS[0]])[-1] - alone).max() < 1e-6


def test_every_table_of_the_layers_is_rounded(small):
    import onnx

    left = [table for table in onnx.load(small).graph.initializer if table.data_type == onnx.TensorProto.FLOAT]
    assert max(np.prod(table.dims) for table in left) < 40_000, "one scale a word of the vocabulary is the largest"
