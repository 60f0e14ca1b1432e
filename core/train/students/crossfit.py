"""Cross-fitting: every training row answered by a model that did not learn from it, so that all rows teach and all rows judge.

The rows are dealt into FOLDS, families whole (core/train/folds.py); a model of the other folds answers each (Stone 1974). What a
student of all rows says of unseen assets is at least as good, for it learned from more; so weights, thresholds and the promise that
come of these answers are on the careful side, and no row has to be set aside for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from safetensors.numpy import save_file

from core.train.disk import UNSEEN, tables_of
from core.train.folds import FOLDS, held, learned
from core.train.students.reading import Reading

if TYPE_CHECKING:
    from core.train.data import Rows, Step

M = TypeVar("M")  # a member


def unseen(folds: np.ndarray, ask: Callable[[np.ndarray, np.ndarray], Reading]) -> Reading:
    """The reading of the judged rows (folds.judged()), each by a model of the other folds. `ask(learn, held)` gives what a model
    of the rows `learn` makes of the rows `held`."""
    pairs = [(learned(folds, fold), held(folds, fold)) for fold in range(FOLDS)]
    pairs = [(learn, rows) for learn, rows in pairs if len(rows)]
    parts = [ask(learn, rows) for learn, rows in pairs]
    place = np.argsort(np.concatenate([rows for _, rows in pairs]))
    tables = [np.concatenate(pieces)[place] for pieces in zip(*(part.tables for part in parts))]
    if parts[0].nearness is None:
        return Reading(tables, None)
    return Reading(tables, np.concatenate([part.nearness for part in parts])[place])


def fitted(
    count: int,
    folds: np.ndarray | None,
    learn: Callable[[np.ndarray, Step], M],
    look: Callable[[M, np.ndarray], Reading],
    folder: Path,
    step: Step,
) -> M:
    """learn() of all `count` rows. With `folds` first of each fold's others, keeping in `folder` what look() makes of its rows."""
    every = np.arange(count)
    if folds is None:
        return learn(every, step)
    stage = stages(step)
    save(unseen(folds, lambda chosen, held: look(learn(chosen, next(stage)), held)), folder)
    return learn(every, next(stage))


def of_rows(rows: Rows, folds: np.ndarray | None, learn: Callable[[Rows, Step], M], folder: Path, step: Step) -> M:
    """fitted() of a member that learns from rows and reads their texts; ends with it saved in `folder`."""
    member = fitted(
        len(rows.texts),
        folds,
        lambda chosen, step: learn(rows.take(chosen), step),
        lambda member, held: member.read(rows.take(held).texts),
        folder,
        step,
    )
    member.save(folder)
    return member


def stages(step: Step, count: int = FOLDS + 1) -> Iterator[Step]:
    """`count` steps, to be used one after the other, that report as one: which part it is, of a total `count` times as large."""
    for number in range(count):
        yield lambda done, total, message, number=number: step(
            number * total + done, count * total, f"{message}, part {number + 1} of {count}"
        )


def save(reading: Reading, folder: Path) -> None:
    """Keep the reading of training rows with the member in `folder`, in half precision: dearer students take it over."""
    tensors = {f"table.{number}": table.astype(np.float16) for number, table in enumerate(reading.tables)}
    if reading.nearness is not None:
        tensors["nearness"] = reading.nearness
    save_file(tensors, folder / UNSEEN)


def load(folder: Path) -> Reading:
    """What save() kept in `folder`. InputError where it cannot be read."""
    tensors = tables_of(folder / UNSEEN)
    tables = [tensors[name].astype(np.float32) for name in sorted(tensors) if name.startswith("table.")]
    return Reading(tables, tensors.get("nearness"))
