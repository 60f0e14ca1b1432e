"""Image encoders: read as transformers reads them, exported, rounded; what cannot be one is a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import settings
from core.errors import InputError
from core.images import encoder, pixels
from core.images.looking import facts_of, upright
from core.images.seen import Sight
from tests.images import encoders
from tests.images.pictures import drawn, saved


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: encoders.save(tmp_path_factory.mktemp(kind), kind) for kind in ("clip", "siglip")}


def sights(count: int = 6) -> list[Sight]:
    """Images of several shapes."""
    made = [saved(drawn(size=(40 + 30 * number, 90), seed=number)) for number in range(count)]
    return [Sight(str(number), facts_of(upright(data)), data) for number, data in enumerate(made)]


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_vectors_are_those_of_torch_exactly_and_nearly_where_rounded(kind, folders):
    import torch
    from transformers import AutoModel

    folder = encoder.prepared(str(folders[kind]))
    assert encoder.prepared(str(folders[kind])) == folder
    some = sights()
    plan = json.loads((folder / encoder.PLAN).read_text())
    numbers = np.stack([pixels.numbers(upright(one.data()), plan) for one in some])
    assert numbers.shape == (6, 3, 32, 32)
    model = AutoModel.from_pretrained(folders[kind]).eval()
    with torch.no_grad():
        made = model.get_image_features(pixel_values=torch.from_numpy(numbers)).pooler_output.numpy()
        ids = torch.tensor([[1, 4, 2]] if kind == "clip" else [[1, 4, 2, *[0] * 13]])
        said = model.get_text_features(input_ids=ids).pooler_output.numpy()[0]
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    assert np.allclose(encoder.OnnxImages(folder, encoder.EXACT)(some), made, atol=1e-4)
    near = (encoder.OnnxImages(folder)(some) * made).sum(1)
    assert near.min() > encoder.NEAR and (folder / encoder.SMALL).read_bytes() != (folder / encoder.EXACT).read_bytes()
    names, scale = encoder.of_names(folder, ["Sale", "Travel"])
    assert np.allclose(names[0], said / np.linalg.norm(said), atol=1e-4) and scale == pytest.approx(
        float(model.logit_scale.exp())
    )


def test_an_image_is_prepared_as_transformers_prepares_it():
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    image = drawn("Sale", size=(300, 250))
    wanted = CLIPImageProcessorPil(**encoders.CLIP_PIXELS)(image, return_tensors="np")["pixel_values"][0]
    assert np.allclose(pixels.numbers(image, pixels.plan(encoders.CLIP_PIXELS)), wanted, atol=2 / 255 / 0.25)
    thin = Image.new("RGB", (3, 2000))
    assert pixels.numbers(thin, pixels.plan(encoders.CLIP_PIXELS)).shape == (3, 32, 32)


def test_a_folder_in_onnx_form_is_taken_as_it_is(folders, tmp_path):
    made, folder = encoder.prepared(str(folders["clip"])), tmp_path / "onnx form"
    (folder / "onnx").mkdir(parents=True)
    shutil.copy(made / encoder.EXACT, folder / "onnx" / encoder.VISION)
    (folder / "config.json").write_text('{"model_type": "mobileclip"}')
    shutil.copy(folders["clip"] / "preprocessor_config.json", folder)
    again = encoder.prepared(str(folder))
    some = sights(2)
    assert np.allclose(encoder.OnnxImages(again, encoder.EXACT)(some), encoder.OnnxImages(made, encoder.EXACT)(some))
    assert encoder.of_names(again, ["Sale"]) is None and encoder.licence(str(folder)) == "not stated"
    assert encoder.licence(str(folders["clip"])) == "mit"


def test_what_cannot_be_an_image_encoder_is_a_sentence_and_runs_no_code(folders, tmp_path, db):
    def copy(name: str) -> Path:
        shutil.copytree(folders["clip"], tmp_path / name)
        return tmp_path / name

    (without := copy("a")) and (without / "preprocessor_config.json").unlink()
    (pickled := copy("b")) and (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    (damaged := copy("c")) and (damaged / "model.safetensors").write_bytes(b"\x10")
    (other := copy("d")) and (other / "config.json").write_text(
        '{"model_type": "bert", "auto_map": {"AutoModel": "evil.Evil"}}'
    )
    (other / "evil.py").write_text("raise SystemExit('it ran')")
    (several := copy("e")) and (several / "preprocessor_config.json").write_text(
        json.dumps(encoders.CLIP_PIXELS | {"do_center_crop": False})
    )
    for folder, words in (
        (tmp_path / "nowhere", "There is no image model"),
        (without, "has no preprocessor_config.json"),
        (pickled, "of a kind that can run code"),
        (damaged, "cannot be read"),
        (other, "is of the kind bert"),
        (several, "cannot be followed: it gives images of several sizes"),
    ):
        with pytest.raises(InputError, match=words):
            encoder.choose(db, str(folder))
    assert settings.get(db, encoder.SETTING) == ""
    encoder.choose(db, f" {folders['clip']} ")
    assert settings.get(db, encoder.SETTING) == str(folders["clip"])
