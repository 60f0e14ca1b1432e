"""The rows of a taxonomy file, whatever its form: a table with a parent column, one with a column a level, or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.ingest import columns, jsons
from core.ingest.encodings import find_encoding, named_encoding
from core.ingest.files import AS_FOUND, Doubt, Problems, ReadAs, open_table, squash

MAX_BYTES = 20_000_000
MAX_EXAMPLES = 50
MAX_DESCRIPTION = 5_000
MAX_EXAMPLE = 2_000
MAX_DEPTH = 50
ROLES = tuple(columns.TAXONOMY_NAMES)
JSON_CHILDREN = ("children", "categories", "subcategories", "items", "nodes")


@dataclass(frozen=True)
class Row:
    """One category as a file gives it: `parent` is text (an id, a name, a path), `above` the place of its parent if nested."""

    row: int
    name: str
    parent: str = ""
    description: str = ""
    examples: tuple[str, ...] = ()
    key: str = ""
    above: int | None = None


def read_rows(
    path: Path, mapping: dict[str, str | None] | None, problems: Problems, read_as: ReadAs = AS_FOUND
) -> tuple[list[Row], list[str], dict[str, str | None], list[Doubt]]:
    """The rows of a taxonomy file, its columns, which of them plays which role, and what is in doubt. Raises InputError."""
    if path.suffix.lower() == ".json" and path.is_file() and 0 < path.stat().st_size <= MAX_BYTES:
        encoding = named_encoding(read_as.encoding) if read_as.encoding else find_encoding(path)
        value = jsons.load_whole(path, encoding)
        if isinstance(value, dict):
            value = next((value[k] for k in (*JSON_CHILDREN, "taxonomy") if isinstance(value.get(k), list)), [])
        if not isinstance(value, list) or not any(isinstance(item, dict | str) for item in value):
            raise InputError(
                "The file holds no list of categories.",
                'Write [{"name": "...", "parent": "..."}, ...].',
                where=path.name,
            )
        return *_json_rows(value, mapping, problems), []
    table = open_table(path, columns.KNOWN_TAXONOMY_NAMES, read_as=read_as, max_bytes=MAX_BYTES)
    records = list(table.records(problems, pad=True))
    tiers = sorted((int(m[1]), c) for c in table.columns if (m := columns.TIER.fullmatch(squash(c))))
    guessed = columns.guess_roles(table.columns, columns.TAXONOMY_NAMES)
    if mapping is None and guessed["name"] is None and len(tiers) > 1:
        return list(_tier_rows(table.columns, [c for _, c in tiers], records)), table.columns, guessed, table.doubts
    chosen = _chosen(mapping, guessed, table.columns, path.name)
    at = {role: table.columns.index(c) for role, c in chosen.items() if c is not None}
    rows = [_row(row, {role: cells[place] for role, place in at.items()}, problems) for row, cells in records]
    return rows, table.columns, chosen, table.doubts


def _chosen(
    mapping: dict | None, guessed: dict[str, str | None], names: Sequence[str], where: str
) -> dict[str, str | None]:
    chosen = {role: (guessed if mapping is None else mapping).get(role) or None for role in ROLES}
    for role, column in chosen.items():
        if column is not None and column not in names:
            raise InputError(
                f"The file has no column {column}.", f"Choose the {role} from: {', '.join(names)[:500]}.", where=where
            )
    if chosen["name"] is None and mapping is None and len(names) == 1:
        chosen["name"] = names[0]
    if chosen["name"] is None:
        raise InputError(
            "No column of category names was found.",
            f"Name it name, or choose it from: {', '.join(names)[:500]}.",
            where=where,
        )
    return chosen


def _row(row: int, fields: dict[str, str], problems: Problems, *, above: int | None = None) -> Row:
    description = fields.get("description", "")
    if len(description) > MAX_DESCRIPTION:
        problems.add(
            row,
            "description",
            f"The description has {len(description):,} characters; it was cut to {MAX_DESCRIPTION:,}.",
            "Shorten it.",
        )
    return Row(
        row=row,
        name=" ".join(fields.get("name", "").split()),
        parent=" ".join(fields.get("parent", "").split()),
        description=description[:MAX_DESCRIPTION],
        examples=split_examples(fields.get("examples", "")),
        key=fields.get("key", ""),
        above=above,
    )


def split_examples(cell: str) -> tuple[str, ...]:
    """Examples of one cell: separated by | or line breaks, else by semicolons; at most 50 of 2,000 characters."""
    parts = re.split(r"[|\n]", cell) if "|" in cell or "\n" in cell else cell.split(";")
    return tuple(part.strip()[:MAX_EXAMPLE] for part in parts if part.strip())[:MAX_EXAMPLES]


def _tier_rows(names: list[str], tiers: list[str], records: list[tuple[int, list[str]]]) -> Iterator[Row]:
    """Rows of a file that spells out each level in a column of its own: Tier 1, Tier 2, ..."""
    places = [names.index(tier) for tier in tiers]
    roles = columns.guess_roles([n for n in names if n not in tiers], columns.TAXONOMY_NAMES)
    at = {role: names.index(c) for role, c in roles.items() if c is not None and role not in ("name", "parent")}
    for row, cells in records:
        path = [cells[place] for place in places if cells[place]]
        fields = {role: cells[place] for role, place in at.items()}
        yield _row(row, {**fields, "name": path[-1] if path else "", "parent": " > ".join(path[:-1])}, Problems())


def _json_rows(
    items: list[Any], mapping: dict[str, str | None] | None, problems: Problems
) -> tuple[list[Row], list[str], dict[str, str | None]]:
    """Rows of a list of objects (or plain names), nested by "children" or flat with a parent field."""
    fields: dict[str, None] = {}
    flat: list[tuple[int, dict, int | None]] = []
    waiting = [(item, None, 1) for item in reversed(items)]
    while waiting:
        item, above, depth = waiting.pop()
        place = len(flat)
        item = {"name": item} if isinstance(item, str) else item
        if not isinstance(item, dict) or depth > MAX_DEPTH:
            problems.add(
                place + 1, None, "The entry is no category; it was left out.", 'Write {"name": "...", "parent": "..."}.'
            )
            continue
        children = next((item[k] for k in JSON_CHILDREN if isinstance(item.get(k), list)), [])
        plain = {str(k): v for k, v in item.items() if v is not children or not children}
        fields.update(dict.fromkeys(plain))
        flat.append((place + 1, plain, above))
        waiting.extend((child, place, depth + 1) for child in reversed(children))
    names = list(fields)
    chosen = _chosen(mapping, columns.guess_roles(names, columns.TAXONOMY_NAMES), names, "")
    rows = []
    for row, item, above in flat:
        cells = {}
        for role, column in chosen.items():
            value = item.get(column) if column is not None else None
            if role == "examples" and isinstance(value, list):
                value = "\n".join(jsons.text_of(v).replace("\n", " ") for v in value)
            cells[role] = jsons.text_of(value)
        rows.append(_row(row, cells, problems, above=above))
    return rows, names, chosen
