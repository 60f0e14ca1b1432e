"""What a student wrote of each test brief when it was judged, kept in its folder: two students are compared by it on the briefs
that both were judged on, and nothing is drafted again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.whole import write_whole
from core.write import gates, slots
from core.write.drafting import Draft
from core.write.known import Known

FILE = "judged.json"


@dataclass(frozen=True)
class Judged:
    """The best draft of a test brief. `stopped`: the gates that it does not pass; `near`: it is nearly an approved copy."""

    brief: str
    text: str
    stopped: tuple[str, ...]
    near: bool

    @property
    def passed(self) -> bool:
        return not self.stopped


def keep(folder: Path, best: Sequence[tuple[str, Draft]], known: Known) -> None:
    """Write the best draft of each brief into a student's folder."""
    rows = [
        Judged(
            brief,
            draft.text,
            tuple(one.name for one in draft.findings if not one.passed),
            gates.near_copy(draft.text, slots.put(draft.text, brief), brief, known) is not None,
        )
        for brief, draft in best
    ]
    write_whole(folder / FILE, json.dumps([asdict(row) for row in rows], ensure_ascii=False))


def load(folder: Path) -> dict[str, Judged]:
    """What was kept, by brief; empty where a student was judged before this was kept, or its files are gone."""
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {row["brief"]: Judged(**row | {"stopped": tuple(row["stopped"])}) for row in rows}
