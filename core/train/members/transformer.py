"""The transformer member: the sentence encoder itself fine-tuned, starting from a head on the frozen encoder. Minutes; the best.

Cross-fitted, it is the mean of the weights of the folds' models, a "model soup" (Wortsman et al. 2022): from one start they end so
close together that their mean answers like all of them at once, at the price of one. Runs as ONNX afterwards. Training is
checkpointed: killed at any moment, it carries on from at most CHECKPOINT_SECONDS before.
"""

from __future__ import annotations

import filecmp
import shutil
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encoders.encoder import SAMPLES, OnnxText, export, inputs, pad, pooled, prepared, tokenizer, torch_encoder
from core.encoders.quantise import quantise
from core.train import softmax, steps
from core.train.data import Rows, Step
from core.train.disk import EXACT, SMALL, link
from core.train.members import SMALL_BASE, Export, Member, Model
from core.train.members.embedding import ITERATIONS, STRENGTH
from core.train.students import crossfit
from core.train.students.crossfit import FOLDS
from core.train.students.reading import Reading
from core.weights import source_folder

if TYPE_CHECKING:
    import torch

NOISE = 4.0  # tokens by which rows of like length change their places
BATCH = 32
RATE, HEAD_RATE = 3e-4, 6e-4
SMOOTHING = 0.1  # label smoothing where the teacher gave single answers
CONTRAST, CONTRAST_TEMPERATURE = 0.3, 0.07
MOST_TOKENS, MOST_EPOCHS, FEWEST_EPOCHS = 640_000, 5, 1
FOLD_TOKENS = 240_000  # of each fold's model: together little more than of one model of all rows
WARM_UP = 0.101  # of the steps; at exactly a tenth, torch's OneCycleLR divides by zero where there are ten
CHECKPOINT_SECONDS = 20
INT8_AGREES, PROBED = 0.995, 500  # the smaller graph is kept only if it answers so many texts like the trained one


class Transformer:
    """One table, log_softmax(graph(text)), the graph being encoder and head in one. Its own vectors say nothing of nearness:
    fine-tuning pulls everything into the known categories."""

    def __init__(self, graph: OnnxText):
        self.graph = graph

    def read(self, texts: Sequence[str]) -> Reading:
        """The table of `texts`."""
        return Reading([softmax.log_softmax(self.graph(texts))], None)


def fit(
    rows: Rows, folder: Path, step: Step, earlier: dict[str, Model], folds: np.ndarray | None = None
) -> Transformer:
    """Fine-tune on the rows' target distributions, then export; with `folds`, also keeps what the models of the other folds make of
    each row.

    The loss is cross-entropy (which is Hinton et al. 2015 at temperature 1) and a little of the supervised contrastive loss.
    """
    import torch

    if folds is None:
        head = earlier["embedding"].coefficients, earlier["embedding"].bias
        weights = _train(rows, head, MOST_TOKENS, folder / "whole.pt", step).state_dict()
    else:
        weights = _crossfit(rows, folds, earlier["embedding"].graph, folder, step)
    step(0, 1, "transformer: exporting")
    model = _model(rows.encoder, (earlier["embedding"].coefficients, earlier["embedding"].bias), attention="eager")
    model.load_state_dict(weights)
    with torch.no_grad():
        member = _export(model["encoder"], model["head"], rows, folder)
    for file in folder.glob("*.pt"):
        file.unlink()
    return member


def load(folder: Path) -> Transformer:
    """The member saved in `folder`: an ONNX graph and its tokenizer."""
    return Transformer(OnnxText(folder, "student.onnx"))


def _crossfit(rows: Rows, folds: np.ndarray, encode: OnnxText, folder: Path, step: Step) -> dict[str, torch.Tensor]:
    """The mean of the weights of the models of the folds. A finished one is a file in `folder` until all are."""
    import torch

    vectors = encode(rows.texts, progress=lambda done, total: step(done, total, "transformer: reading the assets"))
    finished, stages = [], list(crossfit.stages(step, FOLDS))

    def ask(chosen: np.ndarray, held: np.ndarray) -> Reading:
        number = len(finished)
        file = folder / f"fold{number}.pt"
        if not file.exists():
            head = softmax.fit(vectors[chosen], rows.targets[chosen], strength=STRENGTH, iterations=ITERATIONS)
            model = _train(rows.take(chosen), head, FOLD_TOKENS, folder / "part.pt", stages[number])
            steps.write(file, {"weights": model.state_dict(), "table": _table(model, rows.take(held))})
            (folder / "part.pt").unlink()
        stored = torch.load(file, weights_only=True)
        finished.append(stored["weights"])
        return Reading([stored["table"].numpy()], None)

    crossfit.save(crossfit.unseen(folds, ask), folder)
    return {name: sum(weights[name] for weights in finished) / len(finished) for name in finished[0]}


def _model(encoder: str, head: tuple[np.ndarray, np.ndarray], attention: str) -> torch.nn.ModuleDict:
    """The base "encoder" with a "head" of these coefficients and bias."""
    import torch

    coefficients, bias = head
    linear = torch.nn.Linear(*coefficients.shape)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(coefficients.T.copy()))
        linear.bias.copy_(torch.from_numpy(bias))
    return torch.nn.ModuleDict({"encoder": torch_encoder(source_folder(encoder), attention), "head": linear})


def steps_for(lengths: np.ndarray, most: int = MOST_TOKENS) -> int:
    """Batches to train on rows of `lengths` tokens: as many as `most` tokens allow, but at least one pass and at most five, so
    that training time is bounded until one pass needs more."""
    a_pass = -(-len(lengths) // BATCH)
    return int(np.clip(most / (BATCH * lengths.mean()), FEWEST_EPOCHS * a_pass, MOST_EPOCHS * a_pass))


def _train(
    rows: Rows, head: tuple[np.ndarray, np.ndarray], tokens: int, checkpoint: Path, step: Step
) -> torch.nn.ModuleDict:
    """Encoder and head trained on `rows` for at most so many `tokens`, starting from the coefficients and bias of `head`."""
    import torch

    torch.manual_seed(0)
    model = _model(rows.encoder, head, attention="sdpa")
    # Word embeddings stay as they are: half of all parameters, and rare words are better left where pre-training put them.
    model["encoder"].get_input_embeddings().weight.requires_grad = False
    cut = tokenizer(prepared(rows.encoder))
    sequences = [e.ids for e in cut.encode_batch_fast(rows.texts)]
    lengths = np.array([len(s) for s in sequences])
    targets = torch.from_numpy(rows.targets if rows.soft else _smooth(rows.targets))
    answers = torch.from_numpy(rows.answers)
    total = steps_for(lengths, tokens)
    epochs = -(-total * BATCH // len(sequences))
    trained = [p for p in model["encoder"].parameters() if p.requires_grad]
    groups = [{"params": trained}, {"params": model["head"].parameters()}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimiser, [RATE, HEAD_RATE], total_steps=total, pct_start=WARM_UP)
    parts = {"model": model, "optimiser": optimiser, "scheduler": scheduler}
    done, saved = steps.resume(checkpoint, parts), time.monotonic()
    model.train()
    for at, chosen in islice(enumerate(steps.batches(lengths, BATCH, epochs, NOISE)), done, total):
        step(at, total, f"transformer: training, pass {at * BATCH // len(sequences) + 1} of {epochs}")
        ids, mask = (torch.from_numpy(part) for part in pad([sequences[i] for i in chosen]))
        vectors = _vectors(model, ids, mask)
        loss = torch.nn.functional.cross_entropy(model["head"](vectors), targets[chosen])
        loss = loss + CONTRAST * _contrast(vectors, answers[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        scheduler.step()
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            steps.save(checkpoint, parts, at + 1)
            saved = time.monotonic()
    steps.save(checkpoint, parts, total)
    return model.eval()


def _vectors(model: torch.nn.ModuleDict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    import torch

    half = torch.cpu._is_avx512_bf16_supported()  # then half the time; where it would be emulated, twice
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        vectors = pooled(model["encoder"], ids, mask)
    return vectors.float()


def _table(model: torch.nn.ModuleDict, rows: Rows) -> torch.Tensor:
    """The log probabilities that `model` gives `rows`, (rows, categories)."""
    import torch

    sequences = [e.ids for e in tokenizer(prepared(rows.encoder)).encode_batch_fast(rows.texts)]
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    table = torch.empty(rows.targets.shape)
    with torch.no_grad():
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            ids, mask = (torch.from_numpy(part) for part in pad([sequences[i] for i in chosen]))
            table[chosen] = torch.log_softmax(model["head"](_vectors(model, ids, mask)), dim=1)
    return table


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


def _smooth(targets: np.ndarray) -> np.ndarray:
    return targets * (1 - SMOOTHING) + SMOOTHING / targets.shape[1]


def _export(model, head, rows: Rows, folder: Path) -> Transformer:
    link(prepared(rows.encoder) / "tokenizer.json", folder / "tokenizer.json")
    # What is served, and what an export takes along as well.
    final, exact = folder / "student.onnx", folder / EXACT
    export(model, exact, head=head)
    probe = rows.texts[:: max(1, len(rows.texts) // PROBED)]
    quantise(exact, final, inputs(tokenizer(folder), probe[:: -(-len(probe) // SAMPLES)]))
    plain, quantised = OnnxText(folder, exact.name), OnnxText(folder, final.name)
    if (plain(probe).argmax(1) == quantised(probe).argmax(1)).mean() >= INT8_AGREES:
        return Transformer(quantised)
    link(exact, final)
    return Transformer(plain)


def write(source: Path, folder: Path, base: str | None) -> None:
    """An export's files, of the member saved in `source`; no small graph where in training it did not answer like the exact one."""
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(source / EXACT, folder / EXACT)
    if not filecmp.cmp(source / "student.onnx", source / EXACT, shallow=False):
        shutil.copyfile(source / "student.onnx", folder / SMALL)


MEMBER = Member(
    name="Transformer",
    caption="Trains the small base model on the teacher's answers, too. "
    "Ten minutes to train, some 30 ms for the hardest; often best.",
    made_of="MiniLM-L6 fine-tuned on the teacher's answers, checkpointed",
    alone="the base model trained here alone settles",
    beside="the one trained here",
    keeps="",
    needs=("linear", "embedding", "large"),
    minutes=10,
    milliseconds=1.6,
    judges=0,  # fine-tuning pulls everything into the known categories
    base=SMALL_BASE,
    tunes=True,
    fit=fit,
    load=load,
    quick=None,
    export=Export("graph", write),
    several=False,
)
