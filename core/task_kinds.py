"""What a student of a task may learn to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What a student of a task learns to do. `page`: where its way begins; `waits`: why no task of the kind can be made yet, empty
    where one can."""

    name: str
    label: str
    page: str = "assets"
    waits: str = ""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("choose_one", "Choose one category"),
        Kind("choose_several", "Choose several categories", waits="Assets with several categories of one taxonomy"),
        Kind("write", "Write", "write"),
    )
}
