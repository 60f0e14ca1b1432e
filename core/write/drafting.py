"""Drafts: what a student proposes, put through the gates, the best first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from sqlite_utils import Database

from core.database import now
from core.encoders.encoder import encoder
from core.errors import InputError
from core.write import gates, known, scorer, slots, voice
from core.write.gates import Finding
from core.write.guide import Guide
from core.write.known import Encode, Known
from core.write.rungs import Proposal, Propose, Rung, rungs
from core.write.scorer import Scorer
from core.write.voice import Voice

CONFIG = "config.json"
GOOD = "good enough"  # the gate of the scorer


@dataclass(frozen=True)
class Draft:
    """A text with its facts filled in, what the gates say of it, the rank of its brief among a hundred, and what else is known of
    it, for the scorer."""

    text: str
    slotted: str
    findings: tuple[Finding, ...]
    rank: int
    features: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(one.passed for one in self.findings)

    def as_dict(self) -> dict:
        """As commands and the database have it."""
        return {"text": self.text, "passed": self.passed, "gates": [asdict(one) for one in self.findings]}


class Rules(Protocol):
    """What gates go by."""

    guide: Guide
    known: Known
    encode: Encode


@dataclass(frozen=True)
class Writer:
    """A student ready to write; `voice` and `scorer` where it has them. `runtime`: what its model drafts with, None without one."""

    rung: Rung
    guide: Guide
    known: Known
    encode: Encode
    propose: Propose
    voice: Voice | None = None
    scorer: Scorer | None = None
    runtime: str | None = None

    def drafts(self, briefs: Sequence[str], count: int = 1, seed: int = 0) -> list[list[Draft]]:
        """Up to `count` drafts of each brief, those that pass first; a rung that chooses draws more and shows the best of them. The
        scorer, where one is learned, says their order, and stops those that are not good enough."""
        proposals = self.propose(briefs, self.rung.draws or count, seed)
        drafts = gated(proposals, [(brief, "") for brief in briefs], self, new=self.rung.new, ear=self.voice)
        return [(scored(some, self.scorer) if self.scorer else some)[:count] for some in drafts]


def scored(drafts: list[Draft], by: Scorer) -> list[Draft]:
    """Drafts of one brief in a scorer's order, those that pass first, with what it says of each as a gate."""
    if not drafts:
        return drafts
    likely = by.likely([draft.features for draft in drafts])
    found = [
        replace(draft, findings=(*draft.findings, Finding(GOOD, not (why := scorer.below(by, float(one))), why)))
        for draft, one in zip(drafts, likely)
    ]
    return [draft for draft, _ in sorted(zip(found, likely), key=lambda one: (not one[0].passed, -one[1]))]


def gated(
    proposals: list[list[Proposal]],
    pairs: Sequence[tuple[str, str]],
    rules: Rules,
    *,
    new: bool,
    ear: Voice | None = None,
) -> list[list[Draft]]:
    """Proposals of each pair's brief through the gates: those that pass first, by their score. Each text once."""
    once = [{proposal.slotted: proposal for proposal in some} for some in proposals]
    flat = [(place, proposal) for place, some in enumerate(once) for proposal in some.values()]
    asked = [(pairs[place][0], proposal.slotted) for place, proposal in flat]
    result: list[list[tuple[Draft, float]]] = [[] for _ in proposals]
    heard = ear.likely([slotted for _, slotted in asked]).tolist() if ear and asked else [None] * len(asked)
    settled = gates.cases(asked, rules.guide, rules.known, rules.encode, new=new)
    for (place, proposal), case, one in zip(flat, settled, heard):
        facts = len(slots.SLOT.findall(case.slotted))
        known_of = scorer.features(case.text, facts, case.rank, one, proposal.told)
        draft = Draft(case.text, case.slotted, tuple(gates.find(case)), case.rank, known_of)
        result[place].append((draft, proposal.score))
    order = [sorted(some, key=lambda one: (not one[0].passed, -one[1])) for some in result]
    return [[draft for draft, _ in some] for some in order]


def keep(
    db: Database,
    task_id: int,
    brief: str,
    records: Sequence[dict],
    *,
    author: str = "student",
    writer_id: int | None = None,
    seed: int = 0,
) -> list[int]:
    """Put what was written of a brief (Draft.as_dict()) into the database, in this order; the ids."""
    row = {"task_id": task_id, "writer_id": writer_id, "author": author, "brief": brief, "seed": seed, "created": now()}
    return [
        db["drafts"]
        .insert(
            row
            | {
                "place": place,
                "text": draft["text"],
                "passed": int(draft["passed"]),
                "gates": json.dumps(draft["gates"]),
            }
        )
        .last_pk
        for place, draft in enumerate(records)
    ]


@lru_cache(maxsize=2)
def load(folder: Path) -> Writer:
    """The student in a folder, kept in memory. InputError where its files are damaged or missing."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(
            "The student's files are missing from the workspace.", "Restore its folder from a copy, or train it again.",
            where=str(folder),
        ) from None  # fmt: skip
    rung, encode, there = rungs()[config["kind"]], encoder(), known.load(folder)
    rules = Guide.model_validate(config["guide"])
    propose = rung.load(folder, there, encode)
    return Writer(rung, rules, there, encode, propose, voice.load(folder), runtime=propose.runtime)
