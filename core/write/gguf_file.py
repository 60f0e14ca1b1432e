"""A base model's folder as one .gguf file: what llama.cpp, and all that builds on it, reads.

    write(folder, Path("model.gguf"), "Q8_0")

Q8_0 keeps a weight in 8.5 bits, rounded in blocks of 32. Coarser kinds can put the weights back onto the grid on which the base
model lay, which undoes the training without an error: core/write/parity.py measures whether a file says what the model says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.whole import whole

if TYPE_CHECKING:
    import gguf
    import numpy as np
    import torch

KIND = "Q8_0"
NAMES = {"gemma3_text": "gemma3"}  # architectures that are called otherwise there
SPLITS = {
    "qwen2": "qwen2",
    "qwen3": "qwen2",
    "lfm2": "lfm2",
}  # how tokenizers of these split words, as llama.cpp calls it
PACKAGED_SPLIT = "smollm"


def write(folder: Path, to: Path, kind: str = KIND) -> Path:
    """Write the model in `folder` (config.json, tokenizer.json, *.safetensors) to `to`, matrices as `kind`. It is whole or absent.

    InputError where the model's positions are scaled in a way that the format does not know.
    """
    import gguf

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    arch = NAMES.get(config["model_type"], config["model_type"])
    with whole(to) as aside:
        out = gguf.GGUFWriter(aside, arch)
        shapes = _tensors(out, folder, config, arch, gguf.GGMLQuantizationType[kind])
        _shape(out, config, shapes)
        _tokens(out, folder, config, shapes["token_embd.weight"][0])
        out.write_header_to_file()
        out.write_kv_data_to_file()
        out.write_tensors_to_file()
        out.close()
    return to


def _tensors(
    out: gguf.GGUFWriter, folder: Path, config: dict[str, Any], arch: str, kind: gguf.GGMLQuantizationType
) -> dict[str, tuple[int, ...]]:
    """Add every weight; the shape of each by its name."""
    import gguf
    import numpy as np

    name_of = gguf.get_tensor_name_map(
        {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}[arch], config["num_hidden_layers"]
    )
    shapes: dict[str, tuple[int, ...]] = {}
    for ours, tensor in _weights(folder):
        if ours == "lm_head.weight" and config.get("tie_word_embeddings", True):
            continue
        name = name_of.get_name(ours, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise InputError(
                f"The model has weights that a .gguf file of {arch} has no place for: {ours}.", "Export another one."
            )
        values = _turned(ours, tensor.float().numpy(), config)
        shapes[name] = values.shape
        fits = values.ndim == 2 and "shortconv.conv" not in name
        block = gguf.GGML_QUANT_SIZES[kind][0]
        of = gguf.GGMLQuantizationType.F32
        if fits:
            of = kind if values.shape[-1] % block == 0 else gguf.GGMLQuantizationType.F16
        out.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(values, np.float32), of), raw_dtype=of)
    if (scaling := _rope(config)).get("rope_type") == "llama3":
        out.add_tensor("rope_freqs.weight", _stretched(config, scaling))
    return shapes


def _weights(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no dict)
                yield name, opened.get_tensor(name)


def _turned(name: str, values: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """A weight as llama.cpp wants it."""
    kind = config["model_type"]
    if kind == "llama" and (".q_proj." in name or ".k_proj." in name):  # its rotary halves are interleaved there
        heads = config["num_attention_heads"] if ".q_proj." in name else config["num_key_value_heads"]
        halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
        return halves.swapaxes(1, 2).reshape(values.shape)
    if kind == "gemma3_text" and name.endswith("norm.weight"):
        return values + 1  # its norms are kept less one
    return values.squeeze(1) if name.endswith("conv.conv.weight") else values


def _shape(out: gguf.GGUFWriter, config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """The numbers that say how the model computes."""
    kind, heads = config["model_type"], config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    groups = config.get("num_key_value_heads") or heads
    layers = config.get("layer_types") or []
    out.add_name(config.get("_model_name_or_path") or kind)
    out.add_vocab_size(shapes["token_embd.weight"][0])
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_block_count(config["num_hidden_layers"])
    out.add_feed_forward_length(shapes["blk.0.ffn_gate.weight"][0])
    out.add_head_count(heads)
    out.add_head_count_kv([groups if one == "full_attention" else 0 for one in layers] if kind == "lfm2" else groups)
    out.add_key_length(width)
    out.add_value_length(width)
    out.add_rope_dimension_count(width)
    out.add_layer_norm_rms_eps(config.get("rms_norm_eps") or config["norm_eps"])
    out.add_rope_freq_base(_rope(config)["rope_theta"])
    if kind == "lfm2":
        out.add_shortconv_l_cache(config["conv_L_cache"])
    if kind == "gemma3_text":
        out.add_sliding_window(config["sliding_window"])
        out.add_sliding_window_pattern([one == "sliding_attention" for one in layers])
        out.add_rope_freq_base_swa(config["rope_parameters"]["sliding_attention"]["rope_theta"])
    out.add_file_type(7)  # mostly Q8_0


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    """How positions are told: rope_theta and rope_type. InputError for one that the format does not know."""
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10_000.0)}
    rope = rope.get("full_attention", rope)
    if rope.get("rope_type", "default") not in ("default", "llama3"):
        raise InputError(
            f"The model's positions are scaled ({rope['rope_type']}), which the export does not know.",
            "Export another student.",
        )
    return rope


def _stretched(config: dict[str, Any], rope: dict[str, Any]) -> np.ndarray:
    """By how much each rotary frequency is slowed down, float32 (half a head's width): Llama 3.1's rule for long texts."""
    import numpy as np

    width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    waves = 2 * np.pi * rope["rope_theta"] ** (np.arange(0, width, 2) / width)
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    smooth = (rope["original_max_position_embeddings"] / waves - low) / (high - low)
    return (1 / np.clip((1 - smooth) / factor + smooth, 1 / factor, 1)).astype(np.float32)


def _tokens(out: gguf.GGUFWriter, folder: Path, config: dict[str, Any], rows: int) -> None:
    """The tokenizer. Students are asked with tokens of their own tokenizer.json; this is for other programs, and for the end."""
    from gguf import TokenType

    stored = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    words = {number: word for word, number in stored["model"]["vocab"].items()}
    added = {one["id"]: one for one in stored.get("added_tokens", [])}
    words |= {number: one["content"] for number, one in added.items()}
    kinds = [_kind(number, words, added) for number in range(rows)]
    listed = [words.get(number, f"[PAD{number}]") for number in range(rows)]
    merges = [one if isinstance(one, str) else " ".join(one) for one in stored["model"].get("merges", [])]
    if config["model_type"] == "gemma3_text":  # pieces with scores: those merged first score highest
        ranks = {one.replace(" ", ""): -float(place) for place, one in enumerate(merges)}
        out.add_tokenizer_model("llama")
        out.add_tokenizer_pre("default")
        out.add_token_list(listed)
        out.add_token_scores([ranks.get(word, -1e6) for word in listed])
        kinds = [TokenType.BYTE if word[:3] == "<0x" else kind for word, kind in zip(listed, kinds)]
        out.add_add_space_prefix(False)
    else:
        out.add_tokenizer_model("gpt2")
        out.add_tokenizer_pre(SPLITS.get(config["model_type"], _split(stored)))
        out.add_token_list(listed)
        out.add_token_merges(merges)
    out.add_token_types(kinds)
    for name, add in (("bos", out.add_bos_token_id), ("eos", out.add_eos_token_id), ("unk", out.add_unk_token_id)):
        number = config.get(f"{name}_token_id")
        number = number[0] if isinstance(number, list) else number
        if number is not None:
            add(number)
    out.add_add_bos_token(config["model_type"] == "gemma3_text")


def _kind(number: int, words: dict[int, str], added: dict[int, dict]) -> int:
    from gguf import TokenType

    if number in added:
        return TokenType.CONTROL if added[number].get("special") else TokenType.USER_DEFINED
    return TokenType.NORMAL if number in words else TokenType.UNUSED


def _split(stored: dict[str, Any]) -> str:
    """How a llama's tokenizer splits words: Llama 3's have 128,000, SmolLM's 49,152."""
    return "llama-bpe" if len(stored["model"]["vocab"]) > 100_000 else PACKAGED_SPLIT
