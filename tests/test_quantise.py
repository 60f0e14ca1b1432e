import numpy as np
import pytest

from core.encoder import OnnxText, export, tokenizer, torch_encoder
from core.quantise import quantise, smooth
from core.weights import source_folder
from tests.test_encoder import batch


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    export(torch_encoder(source_folder()), folder / "encoder.onnx", int8=False)
    (folder / "tokenizer.json").symlink_to(source_folder() / "tokenizer.json")
    return folder


TEXTS = ["a summer sale on running shoes", "open an account in ten minutes", "taste the new oat drink", "book now"]


def test_smoothing_changes_the_rounding_and_not_the_result(plain, tmp_path):
    import onnxruntime

    inputs = batch(tokenizer(plain), TEXTS)
    model = smooth(plain / "encoder.onnx", [inputs])
    evened = [node.output[0] for node in model.graph.node if node.output[0].endswith(".even")]
    assert len(evened) == 6, "one a layer"
    made = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    exact = onnxruntime.InferenceSession(str(plain / "encoder.onnx"), providers=["CPUExecutionProvider"])
    assert np.allclose(made.run(None, inputs)[0], exact.run(None, inputs)[0], atol=1e-4)


def test_rounded_graphs_are_near_the_exact_one_and_a_quarter_of_its_size(plain, tmp_path):
    exact = OnnxText(plain)(TEXTS)
    (tmp_path / "tokenizer.json").symlink_to(plain / "tokenizer.json")
    for samples in ((), [batch(tokenizer(plain), TEXTS)]):
        quantise(plain / "encoder.onnx", tmp_path / "small.onnx", samples)
        assert ((OnnxText(tmp_path, "small.onnx")(TEXTS) * exact).sum(1) > 0.97).all()
        assert (tmp_path / "small.onnx").stat().st_size < 0.3 * (plain / "encoder.onnx").stat().st_size
