"""Image encoders for tests: CLIP and SigLIP of a few thousand weights, as transformers saves them, with tokenizers of their own."""

from __future__ import annotations

import json
from pathlib import Path

CLIP_PIXELS = {
    "do_resize": True,
    "size": {"shortest_edge": 32},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
SIGLIP_PIXELS = {
    "do_resize": True,
    "size": {"height": 32, "width": 32},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}
SIZES = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4}
WORDS = ["<pad>", "<s>", "</s>", "<unk>", "sale", "opening", "hiring", "travel", "discount", "store"]


def save(folder: Path, kind: str = "clip") -> Path:
    """A model of that kind with weights drawn at random, in `folder`."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

    torch.manual_seed(0)
    text = {**SIZES, "vocab_size": len(WORDS), "max_position_embeddings": 16}
    text |= {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    vision = {**SIZES, "image_size": 32, "patch_size": 8}
    if kind == "clip":
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=48))
    else:
        model = SiglipModel(SiglipConfig(text_config=text | {"projection_size": 64}, vision_config=vision))
    model.save_pretrained(folder)
    tokens = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokens.normalizer = normalizers.Lowercase()
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 1), ("</s>", 2)])
    tokens.save(str(folder / "tokenizer.json"))
    pixels = CLIP_PIXELS if kind == "clip" else SIGLIP_PIXELS
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder
