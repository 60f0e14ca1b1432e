"""What a student of a task may learn to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What a student of a task learns to do. `page`: where its way begins; `sorts`: whether its answers are categories of a
    taxonomy."""

    name: str
    label: str
    page: str = "assets"
    sorts: bool = True


KINDS = {
    kind.name: kind
    for kind in (
        Kind("choose_one", "Choose one category"),
        Kind("choose_several", "Choose several categories"),
        Kind("write", "Write", "write", sorts=False),
    )
}
