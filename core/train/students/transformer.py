"""The transformer member: the sentence encoder itself fine-tuned, starting from the embedding member's head. Minutes; the best.

Runs as ONNX afterwards. Training is checkpointed: killed at any moment, it carries on from at most CHECKPOINT_SECONDS before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encoder import OnnxText, export, pad, pooled, prepared, source_folder, tokenizer, torch_encoder
from core.train import softmax
from core.train.data import Rows, Step
from core.train.disk import link
from core.train.students.reading import Reading

if TYPE_CHECKING:
    import torch

BATCH = 32
RATE, HEAD_RATE = 3e-4, 6e-4
SMOOTHING = 0.1  # label smoothing where the teacher gave single answers
CONTRAST, CONTRAST_TEMPERATURE = 0.3, 0.07
MOST_TOKENS, MOST_EPOCHS, FEWEST_EPOCHS = 640_000, 5, 1
CHECKPOINT_SECONDS = 20
INT8_AGREES = 0.995  # the smaller graph is kept only if it answers like the trained one


class Transformer:
    """One table, log_softmax(graph(text)), the graph being encoder and head in one. Its own vectors say nothing of nearness:
    fine-tuning pulls everything into the known categories."""

    def __init__(self, graph: OnnxText):
        self.graph = graph

    def read(self, texts: Sequence[str]) -> Reading:
        """The table of `texts`."""
        return Reading([softmax.log_softmax(self.graph(texts))], None)


def fit(rows: Rows, folder: Path, step: Step, earlier: dict) -> Transformer:
    """Fine-tune on the rows' target distributions, then export.

    The loss is cross-entropy (which is Hinton et al. 2015 at temperature 1) and a little of the supervised contrastive loss.
    """
    import torch

    source = source_folder(rows.encoder)
    model, head = torch_encoder(source, attention="sdpa"), _head(earlier["embedding"])
    # Word embeddings stay as they are: half of all parameters, and rare words are better left where pre-training put them.
    model.embeddings.word_embeddings.weight.requires_grad = False
    _train(model, head, rows, folder / "checkpoint.pt", step)
    step(0, 1, "transformer: exporting")
    plain = torch_encoder(source)
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        member = _export(plain, head, rows, folder)
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    return member


def load(folder: Path) -> Transformer:
    """The member saved in `folder`: an ONNX graph and its tokenizer."""
    return Transformer(OnnxText(folder, "student.onnx"))


def _head(embedding):
    import torch

    width, categories = embedding.coefficients.shape
    head = torch.nn.Linear(width, categories)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(embedding.coefficients.T.copy()))
        head.bias.copy_(torch.from_numpy(embedding.bias))
    return head


def steps_for(lengths: np.ndarray) -> int:
    """Batches to train on rows of `lengths` tokens: as many as MOST_TOKENS allows, but at least one pass and at most five, so
    that training time is bounded until one pass needs more."""
    a_pass = -(-len(lengths) // BATCH)
    return int(np.clip(MOST_TOKENS / (BATCH * lengths.mean()), FEWEST_EPOCHS * a_pass, MOST_EPOCHS * a_pass))


def _train(model, head, rows: Rows, checkpoint: Path, step: Step) -> None:
    import torch

    torch.manual_seed(0)
    cut = tokenizer(prepared(rows.encoder))
    sequences = [e.ids for e in cut.encode_batch_fast(rows.texts)]
    lengths = np.array([len(s) for s in sequences])
    targets = torch.from_numpy(rows.targets if rows.soft else _smooth(rows.targets))
    answers = torch.from_numpy(rows.targets.argmax(1))
    total = steps_for(lengths)
    epochs = -(-total * BATCH // len(sequences))
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": trained}, {"params": head.parameters()}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimiser, [RATE, HEAD_RATE], total_steps=total, pct_start=0.1)
    parts = {"model": model, "head": head, "optimiser": optimiser, "scheduler": scheduler}
    done, saved = _resume(checkpoint, parts), time.monotonic()
    half = torch.cpu._is_avx512_bf16_supported()  # then half the time; where it would be emulated, twice
    model.train()
    for at, chosen in islice(enumerate(_batches(lengths, epochs)), done, total):
        step(at, total, f"transformer: training, pass {at * BATCH // len(sequences) + 1} of {epochs}")
        ids, mask = (torch.from_numpy(part) for part in pad([sequences[i] for i in chosen]))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            vectors = pooled(model, ids, mask)
        vectors = vectors.float()
        loss = torch.nn.functional.cross_entropy(head(vectors), targets[chosen])
        loss = loss + CONTRAST * _contrast(vectors, answers[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        scheduler.step()
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(checkpoint, parts, at + 1)
            saved = time.monotonic()
    _save(checkpoint, parts, total)
    model.eval()


def _contrast(vectors: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """The supervised contrastive loss (Khosla et al. 2020) of a batch of unit `vectors`; rows without a partner do not count."""
    import torch

    itself = torch.eye(len(vectors), dtype=torch.bool)
    partners = (answers[:, None] == answers) & ~itself
    logs = torch.log_softmax((vectors @ vectors.T / CONTRAST_TEMPERATURE).masked_fill(itself, -1e9), dim=1)
    counts = partners.sum(1)
    if not counts.any():
        return vectors.new_zeros(())
    return -((logs * partners).sum(1)[counts > 0] / counts[counts > 0]).mean()


def _batches(lengths: np.ndarray, epochs: int) -> Iterator[np.ndarray]:
    """Row numbers batch by batch, shuffled anew each epoch, rows of like length together; the same each time it is called."""
    for epoch in range(epochs):
        random = np.random.default_rng(epoch)
        noisy = lengths + random.uniform(0, 4, len(lengths))  # ties and near-ties fall into other batches each time
        order = np.argsort(noisy, kind="stable")
        pieces = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
        for piece in random.permutation(len(pieces)):
            yield pieces[piece]


def _smooth(targets: np.ndarray) -> np.ndarray:
    return targets * (1 - SMOOTHING) + SMOOTHING / targets.shape[1]


def _save(path: Path, parts: dict, done: int) -> None:
    """Everything resuming needs, written aside and renamed: a checkpoint is whole or absent."""
    import torch

    state = {name: part.state_dict() for name, part in parts.items()}
    state |= {"rng": torch.get_rng_state(), "done": done}
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def _resume(path: Path, parts: dict) -> int:
    import torch

    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    torch.set_rng_state(state["rng"])
    return state["done"]


def _export(model, head, rows: Rows, folder: Path) -> Transformer:
    link(prepared(rows.encoder) / "tokenizer.json", folder / "tokenizer.json")
    final, exact = (
        folder / "student.onnx",
        folder / "fp32.onnx",
    )  # what is served, and what an export takes along as well
    export(model, exact, int8=False, head=head)
    export(model, final, int8=True, head=head)
    probe = rows.texts[:: max(1, len(rows.texts) // 500)]
    plain, quantised = OnnxText(folder, exact.name), OnnxText(folder, final.name)
    if (plain(probe).argmax(1) == quantised(probe).argmax(1)).mean() >= INT8_AGREES:
        return Transformer(quantised)
    link(exact, final)
    return Transformer(plain)
