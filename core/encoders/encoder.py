"""The base sentence encoders: exported to ONNX once, then run without torch.

Which there are, and where, is in core/weights.py. Vectors are mean-pooled over tokens and scaled to length 1, as those models were
trained (Reimers and Gurevych 2019); those of the large one show an earlier layer beside the last.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import settings
from core.encoders.quantise import quantise
from core.errors import InputError
from core.settings import processors
from core.weights import CHOOSE, LARGE, PACKAGED, SHA256, opened, sha256, source_folder, stamp

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

MAX_TOKENS = 128  # all-MiniLM-L6-v2 was trained on sequences of 128; assets are shorter
SAMPLES = 48  # texts read to see how large each channel of an encoder becomes
NEAR = 0.97  # mean cosine of int8 vectors to the exact ones, below which the exact graph is used
ROUNDING = 2  # of what quantise() makes of an encoder: raised when the same weights come out as other vectors
OPSET = 17
LAST = (-1,)
SLOW_FUSIONS = ["SkipLayerNormFusion"]  # that node takes several times as long as the two it stands for: 12 % of all
THREADS = 0  # that batches are dealt to; 0: one a processor
FEWEST_TOKENS = 128  # of a batch, where a processor would else have none
WORTH_KEEPING = 50  # texts of a list that read_once() keeps
_READ: ContextVar[dict[bytes, np.ndarray] | None] = ContextVar("read", default=None)
BATCH_TOKENS = 512  # run at once: what fits the processor's cache is up to half as fast again as larger batches


def prepared(name: str = PACKAGED) -> Path:
    """The workspace folder holding encoder.onnx (int8) and tokenizer.json of encoder `name`; exported on first use: seconds, half a
    minute the large one."""
    layers = layers_of(name)
    folder = settings.subfolder("encoders") / f"{stamp(name)}-{ROUNDING}-{len(layers)}"
    if not (folder / "encoder.onnx").is_file():
        with opened(name) as source, tempfile.TemporaryDirectory(dir=settings.subfolder("encoders")) as scratch:
            work = Path(scratch) / folder.name
            work.mkdir()
            shutil.copy(source / "tokenizer.json", work / "tokenizer.json")
            export(torch_encoder(source), work / "exact.onnx", layers=layers)
            texts = _samples()
            quantise(work / "exact.onnx", work / "encoder.onnx", inputs(tokenizer(work), texts))
            exact, small = (OnnxText(work, file)(texts) for file in ("exact.onnx", "encoder.onnx"))
            if (exact * small).sum(
                1
            ).mean() < NEAR:  # there may be architectures, and processors, that int8 does not suit
                (work / "exact.onnx").replace(work / "encoder.onnx")
            (work / "exact.onnx").unlink(missing_ok=True)
            (work / "config.json").write_text(
                json.dumps({"name": name, "sha256": sha256(source / "model.safetensors")})
            )
            if not folder.exists():
                work.rename(folder)  # a folder is either whole or absent
    return folder


def layers_of(name: str) -> tuple[int, ...]:
    """The layers of encoder `name` whose means make its vectors."""
    return (-4, -1) if name == LARGE else LAST  # the last of the large one knows less of some things than one before it


def _samples() -> list[str]:
    """Texts like those to come: of the sample client."""
    with (settings.SAMPLE / "assets.csv").open(encoding="utf-8-sig", newline="") as file:
        return [f"{row['headline']} {row['body']}" for row in islice(csv.DictReader(file), SAMPLES)]


def inputs(tokens: Tokenizer, texts: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """What a graph reads of `texts`, in batches."""
    sequences = [encoded.ids for encoded in tokens.encode_batch_fast(list(texts))]
    return [dict(zip(("ids", "mask"), pad(sequences[at : at + 16]))) for at in range(0, len(sequences), 16)]


def torch_encoder(source: Path, attention: str = "eager") -> torch.nn.Module:
    """The encoder as a torch module in float32; eager attention is what the exporter can trace, "sdpa" trains faster."""
    from transformers import AutoModel, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    options = {"attn_implementation": attention, "local_files_only": True}
    try:
        return AutoModel.from_pretrained(source, trust_remote_code=False, add_pooling_layer=False, **options)
    except TypeError:  # of an architecture that has no such layer
        return AutoModel.from_pretrained(source, trust_remote_code=False, **options)


def check(name: str) -> None:
    """See whether encoder `name`, where it is a folder, can be one, without reading its weights. InputError if not."""
    if name in SHA256:
        return  # packaged: checked where it is read
    from safetensors import SafetensorError, safe_open
    from transformers import AutoConfig

    folder = source_folder(name)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        tokenizer(folder)
        with safe_open(folder / "model.safetensors", "numpy"):
            fits = not config.is_encoder_decoder and config.hidden_size
    except Exception as error:  # tokenizers raises nothing narrower
        reason = (
            "its weights are no safetensors file" if isinstance(error, SafetensorError) else str(error).split("\n")[0]
        )
        raise InputError(f"The base model in {folder} cannot be read: {reason.rstrip('.')}.", CHOOSE) from error
    if not fits:
        raise InputError(
            f"The model in {folder} ({config.model_type}) is no base model that students can read with.", CHOOSE
        )


def pooled(model: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor, layers: Sequence[int] = LAST) -> torch.Tensor:
    """Mean-pooled vectors of length 1, shape (batch, dimensions), for token ids and mask of shape (batch, tokens): of several
    `layers` side by side, each of the same length."""
    import torch

    hidden = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    weights = mask.unsqueeze(-1).to(hidden[-1].dtype)
    means = [(hidden[layer] * weights).sum(1) / weights.sum(1).clamp(min=1e-9) for layer in layers]
    return torch.cat([torch.nn.functional.normalize(mean, dim=1) for mean in means], dim=1) / len(layers) ** 0.5


def export(
    model: torch.nn.Module, path: Path, *, head: torch.nn.Module | None = None, layers: Sequence[int] = LAST
) -> None:
    """Write `model` (and `head`, a module from vectors to logits) to `path` as ONNX in full precision; inputs `ids` and `mask`,
    output `out`. `layers`: see pooled()."""
    import torch

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.head = model, head

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            vectors = pooled(self.model, ids, mask, layers)
            return vectors if self.head is None else self.head(vectors)

    graph = Graph().eval()
    ids = torch.tensor([[101, 2023, 102], [101, 102, 0]])
    axes = {"ids": {0: "batch", 1: "tokens"}, "mask": {0: "batch", 1: "tokens"}, "out": {0: "batch"}}
    import warnings

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracer notes about constant shapes and the older exporter
        torch.onnx.export(
            graph,
            (ids, (ids > 0).long()),
            path,
            input_names=["ids", "mask"],
            output_names=["out"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def tokenizer(folder: Path) -> Tokenizer:
    """The fast tokenizer of `folder`, cut at MAX_TOKENS, without padding (batches pad themselves to their longest)."""
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_file(str(folder / "tokenizer.json"))
    loaded.no_padding()
    loaded.enable_truncation(MAX_TOKENS)
    return loaded


@contextmanager
def read_once() -> Iterator[None]:
    """While this holds, a list of texts that an encoder has read is not read again: a client's tasks learn from the same assets. In
    memory, 1.5 kB a text; lists and not texts, for the last digits of a text's vector depend on what is read beside it."""
    token = _READ.set({})
    try:
        yield
    finally:
        _READ.reset(token)


class OnnxText:
    """An ONNX graph over tokenised text: `OnnxText(folder, file)(texts)` gives float32 of shape (texts, outputs).

    Each processor takes one batch after the other: sharing one out among them is slower, but for a single text in a large graph.
    """

    def __init__(self, folder: Path, file: str = "encoder.onnx"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        # Where a processor adds products of bytes in 16 bits (AVX2 without VNNI) they overflow: exact there, a sixth slower.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self.session = onnxruntime.InferenceSession(
            str(folder / file), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
        )
        self.tokenizer, self._graph = tokenizer(folder), folder / file

    def __call__(self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """Run `texts`, sorted by length so that little is padded, in batches; rows come back in the given order."""
        if not texts:
            return np.zeros((0, self.session.get_outputs()[0].shape[1] or 0), np.float32)
        read = _READ.get()
        if read is None or len(texts) < WORTH_KEEPING:
            return self._read(texts, progress)
        key = hashlib.sha256(self._graph.read_bytes() + "\x1e".join(texts).encode("utf-8", "surrogatepass")).digest()
        if key not in read:
            read[key] = self._read(texts, progress)
        return read[key]

    def _read(self, texts: Sequence[str], progress: Callable[[int, int], None] | None) -> np.ndarray:
        parts: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        done = 0
        # Tokenising in blocks keeps memory flat however many texts come; a block is enough to sort by length.
        for start in range(0, len(texts), 4096):
            encoded = self.tokenizer.encode_batch_fast(list(texts[start : start + 4096]))
            lengths = np.array([len(e.ids) for e in encoded])
            order = np.argsort(lengths, kind="stable")
            each = max(int(lengths.sum()) // (THREADS or processors()), FEWEST_TOKENS)
            chosen = [order[first:end] for first, end in batches(lengths[order], min(each, BATCH_TOKENS))]
            for some, vectors in zip(chosen, self._run([pad([encoded[i].ids for i in some]) for some in chosen])):
                parts.append(vectors)
                rows.append(some + start)
                done += len(some)
                if progress:
                    progress(done, len(texts))
        result = np.empty((len(texts), parts[0].shape[1]), np.float32)
        result[np.concatenate(rows)] = np.concatenate(parts)
        return result

    def _run(self, padded: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
        """The outputs of batches of ids and mask, in order."""
        run = lambda both: self.session.run(None, {"ids": both[0], "mask": both[1]})[0]  # noqa: E731
        if len(padded) == 1 or THREADS == 1:
            yield from map(run, padded)
        else:
            with ThreadPoolExecutor(THREADS or processors()) as threads:
                yield from threads.map(run, padded)


def batches(lengths: np.ndarray, most: int = BATCH_TOKENS) -> Iterator[tuple[int, int]]:
    """(first, end) of batches over rising `lengths` of token sequences; several together are padded to `most` tokens."""
    first = 0
    while first < len(lengths):
        ahead = lengths[first : first + most]
        fits = ahead * np.arange(1, len(ahead) + 1) <= most  # true, then false: both factors rise
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
def encoder(name: str = PACKAGED) -> OnnxText:
    """The ready int8 sentence encoder, kept in memory."""
    return OnnxText(prepared(name))
