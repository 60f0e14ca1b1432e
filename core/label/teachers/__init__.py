"""Teachers: whoever answers first. One file a kind; a new kind is a file and a line in KINDS.

A teacher is named by a spec, `kind` or `kind:detail`: "built-in", "recorded:COLUMN", "connection:NAME", and "openai:MODEL" for each
kind of core/wires/providers.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sqlite_utils import Database

from core import tasks
from core.errors import InputError
from core.images.seen import Sight, sight_of
from core.tasks import Task
from core.taxonomy import StoredCategory, tagsets
from core.wires import providers

# kind -> module whose make() makes it from (db, task, spec, categories); each kind of a provider's is hosted as well
KINDS = {
    "built-in": "core.label.teachers.builtin",
    "recorded": "core.label.teachers.recorded",
    "connection": "core.label.teachers.hosted",
}


TAGS = "core.label.teachers.joint"  # whose alone() makes a hosted one of a task that chooses several


@dataclass(frozen=True)
class Asset:
    """What a teacher gets to read, and to see where it looks."""

    id: int
    text: str

    @property
    def sight(self) -> Sight | None:
        """The image that goes with the text."""
        return sight_of(self.text)


@dataclass(frozen=True)
class Answer:
    """What a teacher said of one asset: a category id, or the reason why there is none.

    `distribution` covers the assignable categories in taxonomy order and sums to 1. `confidence_kind` says where the confidence
    came from. Tokens, cost (USD) and latency (ms) are None where they are not known. `mapped`: a near miss, put on the category
    it can only have meant. `facet`: the place of the facet among those asked about together. `tags`: for a facet that takes several
    categories, the ids of those it has, none maybe; there is no category_id then. `remark`: what was
    put right in it, in a sentence.
    """

    asset_id: int
    category_id: int | None
    confidence: float | None = None
    confidence_kind: str | None = None
    distribution: np.ndarray | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    error: str | None = None
    mapped: bool = False
    facet: int = 0
    tags: tuple[int, ...] | None = None
    remark: str | None = None


def worded(answer: Answer | None, labels: Mapping[int, str]) -> str | None:
    """What an answer says, by the `labels` of categories in the taxonomy's order (and of sets of tags, where it may be one's id);
    None where it says nothing."""
    if answer is None:
        return None
    return labels.get(answer.category_id) if answer.tags is None else tagsets.words(answer.tags, labels)


class Teacher(Protocol):
    """`fingerprint` changes whenever the same asset could get another answer: old answers are then not reused."""

    name: str
    fingerprint: str

    def pending(self, db: Database, run_id: int) -> Iterator[list[Asset]]:
        """The assets of the run's client still to be answered, in batches."""

    def answer(self, assets: Sequence[Asset]) -> list[Answer]:
        """One answer an asset, in order."""


def make(db: Database, task: Task, spec: str, categories: Sequence[StoredCategory]) -> Teacher:
    """The teacher called `spec` for a client's categories, to be asked about single assets. InputError when there is no such kind,
    and for the built-in one where the task chooses several."""
    kind = spec.partition(":")[0]
    kinds = dict.fromkeys(providers.kinds(), KINDS["connection"]) | KINDS
    if kind not in kinds:
        raise InputError(
            f"There is no teacher of the kind '{kind}'.",
            f"Choose one of: built-in, recorded:COLUMN, connection:NAME, {providers.specs()}.",
        )
    if kind == "built-in":
        tasks.one_category(
            task,
            "Asking the built-in teacher",
            "Label its assets with a hosted teacher (`label --teacher connection:NAME`), or import a column of its tags.",
        )
    if task.several and kind != "recorded":
        return importlib.import_module(TAGS).alone(db, task, spec, list(categories))
    return importlib.import_module(kinds[kind]).make(db, task, spec, list(categories))


def for_labels(
    db: Database, task: Task, spec: str, categories: Sequence[StoredCategory], looks: bool | None = None
) -> Teacher:
    """As make(), for a label run: that of a hosted teacher can be about a task that chooses several, whose answers the Joint
    teacher reads (core/label/teachers/joint.py). `looks`: whether a hosted one gets the images (None: as was chosen)."""
    if is_hosted(spec):
        return importlib.import_module(KINDS["connection"]).make(db, task, spec, list(categories), looks)
    return make(db, task, spec, categories)


def is_hosted(spec: str) -> bool:
    """Whether the teacher called `spec` is a model behind a connection, which is paid for its answers."""
    return spec.partition(":")[0] in {"connection", *providers.kinds()}


def batches(db: Database, sql: str, parameters: list, size: int = 256) -> Iterator[list[Asset]]:
    """The assets of `sql` (selects a.id, a.text and ends in its where clause), `size` at a time.

    Read by keyset, so that no cursor stays open while answers are written.
    """
    last = 0
    while True:
        rows = list(db.execute(f"{sql} and a.id > ? order by a.id limit ?", [*parameters, last, size]))
        if not rows:
            return
        last = rows[-1][0]
        yield [Asset(*row) for row in rows]


def within(pages: Iterator[list[Asset]], only: Collection[int] | None) -> Iterator[list[Asset]]:
    """Of pages of assets those whose id is in `only`; None: all."""
    for page in pages:
        if wanted := page if only is None else [asset for asset in page if asset.id in only]:
            yield wanted


def lacking(db: Database, run_id: int) -> Iterator[list[Asset]]:
    """The assets that a run has no answer for yet, one of each duplicate group, in batches."""
    return batches(
        db,
        """select a.id, a.text from label_runs run join tasks t on t.id = run.task_id
           join assets a on a.client_id = t.client_id and a.group_id = a.id
           left join labels l on l.run_id = run.id and l.asset_id = a.id and l.error is null
           where run.id = ? and l.asset_id is null""",
        [run_id],
    )
