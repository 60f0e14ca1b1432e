"""Which column of a taxonomy file holds what: guessed from names and, where none helps, from contents; or chosen.

A choice is a dictionary: name, parent, description, examples and key to a column each (or None); `tiers` to the columns that spell
out a level each; `level` to the column that says how deep a row stands (Tier 1, Tier 2), each below the last one above it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.errors import InputError
from core.tables import columns
from core.tables.files import squash

LONG = 20  # characters of a description, on average
ROLES = tuple(columns.TAXONOMY_NAMES)
Choice = dict[str, "str | tuple[str, ...] | None"]
_LEVEL = re.compile(r"(?:tier|level|lvl|l|t|ebene|nivel|niveau)?[\s._-]*(\d{1,2})(?:\.0)?", re.IGNORECASE)
_NAME_ENDINGS = ("category", "categories", "name", "label", "topic", "segment", "genre", "interest")
_KEY_ENDINGS = ("code", "id", "number", "key")


def guess(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Choice:
    """The choice for a file from its columns and first rows; no `name` where nothing tells one column from another."""
    choice: Choice = dict(columns.guess_roles(names, columns.TAXONOMY_NAMES))
    cells = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    level = next(
        (n for n in names if squash(n) in columns.LEVEL_NAMES and n not in choice.values() and levels(cells[n])), None
    )
    numbered = [(int(m[1]), name) for name in names if (m := columns.TIER.fullmatch(squash(name)))]
    tiers = [name for _, name in sorted(numbered)]
    if choice["name"] is None and len(tiers) > 1:
        return {**choice, "parent": None, "tiers": tuple(tiers)}
    free = [name for name in names if name not in (*choice.values(), level)]
    if choice["name"] is None:
        choice["name"] = _one_ending(free, _NAME_ENDINGS) or (names[0] if len(names) == 1 else _wordiest(free, cells))
        free = [name for name in free if name != choice["name"]]
    if choice["key"] is None:
        keys = (name for name in free if squash(name).endswith(_KEY_ENDINGS))
        choice["key"] = next((name for name in keys if _all_different(cells[name])), None)
    if choice["description"] is None and choice["name"] is not None:
        taken = {column for column in choice.values() if column} | {level}
        choice["description"] = _telling([name for name in names if name not in taken], cells)
    return {**choice, "level": level} if level and choice["parent"] is None else choice


def unused_columns(names: Sequence[str], choice: Mapping) -> str:
    """The columns that play no role, in a sentence: Not used: Owner, Colour. Empty where each plays one."""
    used = {
        column for picked in choice.values() for column in (picked if isinstance(picked, tuple | list) else [picked])
    }
    unused = [name for name in names if name not in used]
    more = f" and {len(unused) - 10:,} more" if len(unused) > 10 else ""
    return f"Not used: {', '.join(name[:60] for name in unused[:10])}{more}." if unused else ""


def correct(choice: Choice, named: Mapping) -> Choice:
    """A guess corrected by what a person named: a column named for one role plays no other, names stand instead of levels."""
    used = {
        column
        for columns in named.values()
        for column in (columns if isinstance(columns, tuple | list) else [columns])
        if column
    }
    assigned = {role: column for role, column in choice.items() if not (isinstance(column, str) and column in used)}
    if named.get("name"):
        assigned.pop("tiers", None)
    if named.get("parent"):
        assigned.pop("level", None)
    return {**assigned, **named}


def check(choice: Mapping, names: Sequence[str], where: str) -> Choice:
    """The choice with every role. Raises InputError for a column the file lacks and where no column holds names."""
    chosen: Choice = {role: choice.get(role) or None for role in ROLES}
    chosen |= {role: choice[role] for role in ("tiers", "level") if choice.get(role)}
    listed = ", ".join(names)[:500]
    for role, picked in chosen.items():
        for column in picked if isinstance(picked, tuple | list) else [picked]:
            if column is not None and column not in names:
                raise InputError(f"The file has no column {column}.", f"Choose the {role} from: {listed}.", where=where)
    if chosen["name"] is None and "tiers" not in chosen:
        raise InputError(
            "No column of category names was found.", f"Name it name, or choose it from: {listed}.", where=where
        )
    return chosen


def levels(cells: Sequence[str]) -> list[int] | None:
    """How deep each cell of a column of levels says its row stands; None where it is no such column."""
    matches = [_LEVEL.fullmatch(cell.strip()) for cell in cells if cell.strip()]
    if not matches or not all(matches) or len(matches) < len(cells):
        return None
    return [int(match[1]) for match in matches]


def _one_ending(names: Sequence[str], endings: tuple[str, ...]) -> str | None:
    fitting = [name for name in names if squash(name).endswith(endings)]
    return fitting[0] if len(fitting) == 1 else None


def _wordiest(names: Sequence[str], cells: Mapping[str, list[str]]) -> str | None:
    """The column of short, mostly different words; None where there is none or two are alike."""
    fitting = []
    for name in names:
        filled = [cell for cell in cells[name] if cell]
        letters = sum(any(c.isalpha() for c in cell) and not any(c.isdigit() for c in cell) for cell in filled)
        short = sum(len(cell) for cell in filled) <= 60 * len(filled)
        if filled and short and letters >= 0.8 * len(cells[name]) and len(set(filled)) >= 0.8 * len(filled):
            fitting.append(name)
    return fitting[0] if len(fitting) == 1 else None


def _telling(names: Sequence[str], cells: Mapping[str, list[str]]) -> str | None:
    """The column of sentences, nearly all different: several words each, no links; the longest where there are more."""
    lengths = {}
    for name in names:
        filled = [cell for cell in cells[name] if cell]
        words = sum(cell.count(" ") >= 2 and "://" not in cell for cell in filled)
        length = sum(map(len, filled)) / max(len(filled), 1)
        if len(filled) >= 2 and words >= 0.6 * len(filled) and length >= LONG and len(set(filled)) >= 0.9 * len(filled):
            lengths[name] = length
    return max(lengths, key=lengths.__getitem__, default=None)


def _all_different(cells: Sequence[str]) -> bool:
    return bool(cells) and all(cells) and len(set(cells)) == len(cells)
