"""Lists of categories written for the eye: a tier filled in the first row of its block only, or names indented below each other."""

from __future__ import annotations

from collections.abc import Sequence

TAB = 4  # columns a tab is wide


def filled_down(paths: Sequence[Sequence[str]]) -> list[list[str]]:
    """Paths of tiers with blanks filled: a blank tier before a filled one takes the value above, within the block above."""
    above: list[str] = []
    whole = []
    for path in paths:
        depth = max((place for place, cell in enumerate(path, 1) if cell), default=0)
        cells = list(path)
        for place in range(depth):
            same = place < len(above) and cells[:place] == above[:place]
            if not cells[place] and same:
                cells[place] = above[place]
        if depth:
            above = cells[:depth]
        whole.append(cells)
    return whole


def is_outline(parents: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a column of parents is filled in the first row of each block only: each parent once, none of them named below.

    Elsewhere an empty parent means top level, and that category has a row of its own.
    """
    filled = [parent for parent in parents if parent]
    return (
        bool(filled)
        and len(filled) < len(parents)
        and bool(parents[0])
        and len(set(filled)) == len(filled)
        and not set(filled) & set(names)
    )


def depths(cells: Sequence[str]) -> list[int] | None:
    """How far each cell is indented; None where indents are not meant: the first is, too few are, or by a stray space."""
    widths = [_indent(cell) for cell in cells]
    some = sum(width > 0 for width in widths)
    return widths if widths and not widths[0] and some >= len(widths) / 4 and max(widths) > 1 else None


def above(depths: Sequence[int | None]) -> list[int | None]:
    """For each row the place of the last one before it that stands higher; None for the top, and where no depth is known."""
    open_rows: list[tuple[int, int]] = []  # (depth, place) from the top down to the row before
    placed: list[int | None] = []
    for place, depth in enumerate(depths):
        while open_rows and open_rows[-1][0] >= (depth or 0):
            open_rows.pop()
        placed.append(open_rows[-1][1] if open_rows else None)
        if depth is not None:
            open_rows.append((depth, place))
    return placed


def _indent(cell: str) -> int:
    blank = cell[: len(cell) - len(cell.lstrip())]
    return sum(TAB if c == "\t" else 2 if c == "\u3000" else 1 for c in blank)
