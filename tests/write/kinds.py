"""A tiny untrained base model of every kind that students can build on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from core.write import tuning
from core.write.language import Language
from tests.write import copy

SHAPE = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 16, "max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
OWN: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "gemma3_text": {
        "sliding_window": 64,
        "layer_types": ["sliding_attention", "full_attention"],
        "query_pre_attn_scalar": 16,
    },
    "lfm2": {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
}


def base(folder: Path, kind: str, tied: bool = True) -> Path:
    """A model of the kind, with the tokenizer of copy.base(); `tied` False: its output matrix is a second copy of its input's."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    copy.base(folder)
    torch.manual_seed(0)
    shape = SHAPE | OWN[kind]
    if kind in ("qwen2", "lfm2"):
        del shape["head_dim"]
    config = AutoConfig.for_model(kind, vocab_size=600, tie_word_embeddings=tied, **shape)
    model = AutoModelForCausalLM.from_config(config)
    if not tied:
        model.lm_head.weight.data = model.get_input_embeddings().weight.data.clone()
    model.save_pretrained(folder)
    return folder


def tune(learner: Language, rows: list[tuple[list[int], list[int]]], scratch: Path) -> None:
    """A few steps."""
    tuning.tune(learner, rows, tuning.Recipe(2, 6, 3e-3), scratch / "point", lambda *told: None, lambda epoch: None)


def saved(learner: Language, base: Path, folder: Path) -> Path:
    """The model in full precision, as a student's folder has it."""
    learner.model.eval().save_pretrained(folder)
    shutil.copyfile(base / "tokenizer.json", folder / "tokenizer.json")
    return folder
