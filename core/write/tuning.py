"""Fine-tuning a base model on pairs of brief and copy: the loss is on the copy alone, its end included.

The upper layers learn; what the lower ones make of each pair is worked out once, for all passes. Weights that learn are kept in
full precision and computed with in half where the processor has it; batches are of like length, and go there and back AT_ONCE
tokens at a time. Killed at any moment, it carries on from CHECKPOINT_SECONDS before, from longer before where saving takes long.
Settings: docs/writing.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError
from core.train import steps
from core.write.language import Language, half, losses, padded, portions

if TYPE_CHECKING:
    import torch

CHECKPOINT_SECONDS = 120  # a checkpoint of the packaged model has 0.6 GB
SAVING = 0.05  # of the time that checkpoints may take: on a slow disk there are fewer
PLAIN = 128  # tokens up to which attention is worked out plainly: half the time of the fused kernel's way back
WARM_UP = 0.06  # of the steps
AT_ONCE = 2_048  # tokens of a batch on their way there and back together: the packaged model keeps 1.3 MB of each
NOISE = 0.1  # of the mean length, by which pairs of like length change their places
MOST_KEPT = 2**31  # bytes that the lower layers' work may take; where it is more, it is done at every step
Step = Callable[[int, int, str], None]
Rows = list[tuple[list[int], list[int]]]  # prompt and copy in tokens


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train; `learning`: the share of layers that do."""

    epochs: int
    batch: int
    rate: float
    learning: float = 1.0


SHORT = Recipe(epochs=3, batch=16, rate=1e-4)
MEDIUM = Recipe(epochs=2, batch=16, rate=4e-4, learning=1 / 3)
LONG = Recipe(epochs=1, batch=8, rate=2e-4)
MEDIUM_FROM, LONG_FROM = 50, 100  # tokens of brief and copy on average: longer pairs take more time, and say more each


def recipe_for(lengths: np.ndarray) -> Recipe:
    """The recipe for pairs of so many tokens."""
    if lengths.mean() > LONG_FROM:
        return LONG
    return MEDIUM if lengths.mean() > MEDIUM_FROM else SHORT


def tune(
    language: Language,
    pairs: Rows,
    recipe: Recipe,
    checkpoint: Path,
    step: Step,
    ended: Callable[[int], None],
) -> None:
    """Train the model in place on (prompt, copy) token lists; `ended` is told each epoch that is over, from 0.

    A checkpoint at `checkpoint` is carried on from; epochs that were over when it was written are not told again. InputError where
    the loss is no number any more.
    """
    import torch

    lengths = np.array([len(prompt) + len(copy) for prompt, copy in pairs])
    a_pass = -(-len(pairs) // recipe.batch)
    total = a_pass * recipe.epochs
    frozen = freeze(language.model, recipe.learning)
    weights = Weights(language.model)
    optimiser = torch.optim.AdamW(weights.kept, lr=recipe.rate, weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: _rate(done, total))
    parts = {"weights": weights, "optimiser": optimiser, "scheduler": scheduler}
    language.model.set_attn_implementation("eager" if lengths.max() <= PLAIN else "sdpa")
    done, saved, apart = steps.resume(checkpoint, parts), time.monotonic(), CHECKPOINT_SECONDS
    states = below(language, pairs, frozen) if recipe.epochs > 1 and frozen else None
    batches = steps.batches(lengths, recipe.batch, recipe.epochs, NOISE * lengths.mean())
    for at, chosen in islice(enumerate(batches), done, total):
        epoch, place = divmod(at, a_pass)
        step(at, total, f"write: training, pass {epoch + 1} of {recipe.epochs}")
        language.model.train()
        with only(language.model, slice(frozen, None)) if states else nullcontext():
            _learn(
                language,
                [pairs[i] for i in chosen],
                [states[i] for i in chosen] if states else None,
                weights,
                optimiser,
            )
        scheduler.step()
        last = place + 1 == a_pass
        if last:
            language.model.eval()
            ended(epoch)
        if at + 1 < total and (last or time.monotonic() - saved > apart):
            started = time.monotonic()
            steps.save(checkpoint, parts, at + 1)
            saved = time.monotonic()
            apart = max(CHECKPOINT_SECONDS, (saved - started) / SAVING)


def freeze(model: torch.nn.Module, learning: float) -> int:
    """Have the lower layers and the words' vectors stay as they are; how many layers do."""
    layers = model.base_model.layers
    frozen = round((1 - learning) * len(layers))
    if frozen:
        for still in (model.get_input_embeddings(), model.get_output_embeddings(), *layers[:frozen]):
            still.requires_grad_(False)
    return frozen


def below(language: Language, pairs: Rows, frozen: int) -> list[torch.Tensor] | None:
    """What the frozen layers make of each pair, (its tokens, width) each; None where that takes too much memory, or where a model's
    layers differ in kind, so that they know each other's places."""
    import torch

    config = language.model.config
    sizes = [len(prompt) + len(copy) for prompt, copy in pairs]
    memory = sum(sizes) * config.hidden_size * language.model.dtype.itemsize
    if memory > MOST_KEPT or len(set(getattr(config, "layer_types", None) or [""])) > 1:
        return None
    states = [torch.empty(0)] * len(pairs)
    with torch.no_grad(), only(language.model, slice(frozen)):
        for chosen in portions(sizes):
            ids, mask = padded([pairs[i][0] + pairs[i][1] for i in chosen])
            read = language.model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
            for i, state in zip(chosen, read):
                states[i] = state[: sizes[i]].clone()
    return states


@contextmanager
def only(model: torch.nn.Module, some: slice) -> Iterator[None]:
    """Have the model consist of some of its layers, read and given as they are: without those above, no last norm."""
    import torch

    body = model.base_model
    layers, norm = body.layers, body.norm
    body.layers = layers[some]
    if some.stop is not None:
        body.norm = torch.nn.Identity()
    try:
        yield
    finally:
        body.layers, body.norm = layers, norm


class Weights:
    """A model's weights that learn, as the optimiser moves them: `kept` in full precision, while the model computes with a copy in
    half where the processor has that (mixed precision: Micikevicius et al. 2018, arXiv 1710.03740). One cast a step is a third
    cheaper than casting at every use."""

    def __init__(self, model: torch.nn.Module):
        import torch

        self._used = [weight for weight in model.parameters() if weight.requires_grad]
        self.kept = self._used
        if half():
            self.kept = [weight.detach().clone().requires_grad_() for weight in self._used]
            model.to(torch.bfloat16)

    def forget_gradients(self) -> None:
        """Those of the weights used; where others are kept, the memory of their gradients is, too."""
        for used in self._used:
            used.grad = None

    def take_gradients(self, *, more: bool = False) -> None:
        """The gradients of the weights used become those of the weights kept, or are `more` of them, added in full precision."""
        import torch

        if self.kept is self._used:  # where they add up by themselves
            return
        for kept in self.kept:
            kept.grad = torch.empty_like(kept) if kept.grad is None else kept.grad
        take = torch._foreach_add_ if more else torch._foreach_copy_
        take([kept.grad for kept in self.kept], [used.grad for used in self._used])
        self.forget_gradients()

    def moved(self) -> None:
        """The weights kept have moved: use them."""
        import torch

        if self.kept is not self._used:
            with torch.no_grad():
                torch._foreach_copy_(self._used, self.kept)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """For a checkpoint."""
        return {str(place): weight.detach() for place, weight in enumerate(self.kept)}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """From a checkpoint."""
        import torch

        with torch.no_grad():
            for place, weight in enumerate(self.kept):
                weight.copy_(state[str(place)])
        self.moved()


def _learn(
    language: Language, pairs: Rows, states: list[torch.Tensor] | None, weights: Weights, optimiser: Any
) -> None:
    import torch

    gradients(language, pairs, states, weights)
    torch.nn.utils.clip_grad_norm_(weights.kept, 1.0)
    optimiser.step()
    weights.moved()


def gradients(
    language: Language, pairs: Rows, states: list[torch.Tensor] | None, weights: Weights, at_once: int = AT_ONCE
) -> float:
    """Leave the gradients of a batch's loss at the weights kept; the loss, nats a token of copy. Pairs of more than `at_once`
    tokens together go there and back in portions: their gradients add up to those of the batch, and the memory of one is taken.

    InputError where the loss is no number.
    """
    import torch

    tokens, loss = sum(len(copy) for _, copy in pairs), 0.0
    weights.forget_gradients()
    for place, chosen in enumerate(portions([len(prompt) + len(copy) for prompt, copy in pairs], at_once)):
        of = [states[i] for i in chosen] if states else None
        part = losses(language, *map(list, zip(*(pairs[i] for i in chosen))), of).sum() / tokens
        if not torch.isfinite(part):
            raise InputError(
                "The training went wrong: its loss is no number any more.", "Train again, or choose another base model."
            )
        part.backward()
        weights.take_gradients(more=place > 0)
        loss += part.item()
    return loss


def _rate(done: int, total: int) -> float:
    """The share of the full learning rate: up over WARM_UP of the steps, then down to nothing in a straight line."""
    rise = max(1, round(WARM_UP * total))
    return min((done + 1) / rise, max(total - done, 0) / max(total - rise, 1))
