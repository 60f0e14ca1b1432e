"""What training loops share: batches in an order that comes again, and a checkpoint from which a killed training carries on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.whole import whole


def batches(lengths: np.ndarray, size: int, epochs: int, noise: float) -> Iterator[np.ndarray]:
    """Row numbers, int (size,), batch by batch: rows of like length together, shuffled anew each epoch; the same each time it is
    called. `lengths`: tokens of the rows (n,); `noise`: tokens added by chance, so that near-ties fall into other batches."""
    for epoch in range(epochs):
        random = np.random.default_rng(epoch)
        order = np.argsort(lengths + random.uniform(0, noise, len(lengths)), kind="stable")
        pieces = [order[start : start + size] for start in range(0, len(order), size)]
        for piece in random.permutation(len(pieces)):
            yield pieces[piece]


def save(path: Path, parts: dict, done: int) -> None:
    """Everything that resuming needs, whole or not at all: the parts' states, torch's dice and the number of steps done."""
    import torch

    write(
        path, {name: part.state_dict() for name, part in parts.items()} | {"rng": torch.get_rng_state(), "done": done}
    )


def write(path: Path, state: dict) -> None:
    """Tensors by name into a file that is whole or absent."""
    import torch

    with whole(path) as aside, aside.open("wb") as out:  # ours, so that a full disk is said to be one
        torch.save(state, out)


def resume(path: Path, parts: dict) -> int:
    """Put the parts and torch's dice where the checkpoint has them; the number of steps done, 0 where there is none."""
    import torch

    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    torch.set_rng_state(state["rng"])
    return state["done"]
