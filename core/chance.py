"""Drawing by chance so that the same is drawn every time: by what a thing is called, or by its number."""

from __future__ import annotations

import hashlib


def chance(name: object) -> float:
    """A number in [0, 1) drawn by a name: the same every time, and unrelated to anything else."""
    return int.from_bytes(hashlib.sha256(str(name).encode()).digest()[:7], "big") / 2**56


def scattered(column: str) -> str:
    """SQL to order by: the whole numbers of a column, neighbours far apart. Multiplying by 2^32 over the golden ratio scatters them
    evenly (Knuth, vol. 3, 6.4)."""
    return f"({column} * 2654435761) & 4294967295"
