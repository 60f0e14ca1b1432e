"""The rows of a taxonomy file, whatever its form: a table with a parent column, one with a column a level, or JSON."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.escape import Cells, undefuse
from core.tables import columns, jsons
from core.tables.encodings import find_encoding, named_encoding
from core.tables.files import AS_FOUND, HEAD, Doubt, Problems, ReadAs, Table, open_table
from core.taxonomy import columns as category_columns
from core.taxonomy import outlines
from core.taxonomy.columns import ROLES, Choice

if TYPE_CHECKING:
    from core.taxonomy.categories import Category

MAX_BYTES = 20_000_000
MAX_ROWS = 100_000
MAX_CHARACTERS = 40_000_000
MAX_EXAMPLES = 50
MAX_DESCRIPTION = 5_000
MAX_EXAMPLE = 2_000
MAX_DEPTH = 50
JSON_CHILDREN = ("children", "categories", "subcategories", "items", "nodes")


@dataclass(frozen=True)
class Row:
    """One category as a file gives it: `parent` is text (an id, a name, a path), `above` the place of its parent if nested; `facet`
    which question it answers, where the file holds several, `pick` how many of its categories an asset may have."""

    row: int
    name: str
    parent: str = ""
    description: str = ""
    examples: tuple[str, ...] = ()
    key: str = ""
    above: int | None = None
    facet: str = ""
    pick: str = ""


@dataclass(frozen=True)
class Seen:
    """A taxonomy file before it is read: its columns, the guess of what each holds, and what is in doubt."""

    columns: list[str]
    guess: Choice
    doubts: list[Doubt]


def look(path: Path, read_as: ReadAs = AS_FOUND) -> Seen:
    """What a taxonomy file holds, also where no column of names is found: then one is to be chosen. Raises InputError."""
    path = Path(path)
    if _is_json(path):
        flat, names = _json_items(_json_list(path, read_as), Problems())
        return Seen(names, category_columns.guess(names, _json_cells(flat, names)), [])
    table = open_table(path, columns.KNOWN_TAXONOMY_NAMES, read_as=read_as, max_bytes=MAX_BYTES)
    return Seen(table.columns, category_columns.guess(table.columns, table.head), table.doubts)


def chosen(path: Path, named: Mapping, read_as: ReadAs = AS_FOUND) -> Choice | None:
    """The guess for a file with the columns that were named going first; None where none was named. Raises InputError."""
    return category_columns.correct(look(path, read_as).guess, named) if named else None


def read_rows(
    path: Path, mapping: Choice | None, problems: Problems, read_as: ReadAs = AS_FOUND
) -> tuple[list[Row], list[str], Choice, list[Doubt]]:
    """The rows of a taxonomy file, its columns, which of them plays which role, and what is in doubt. Raises InputError."""
    if _is_json(path):
        flat, names = _json_items(_json_list(path, read_as), problems)
        guess = category_columns.guess(names, _json_cells(flat, names)) if mapping is None else mapping
        chosen = category_columns.check(guess, names, path.name)
        return _json_rows(flat, chosen, problems), names, chosen, []
    table = open_table(path, columns.KNOWN_TAXONOMY_NAMES, read_as=read_as, max_bytes=MAX_BYTES, indents=True)
    records = list(_bounded(table, problems))
    guess = category_columns.guess(table.columns, _bare(table.head)) if mapping is None else mapping
    chosen = category_columns.check(guess, table.columns, path.name)
    return _table_rows(table.columns, chosen, records, problems), table.columns, chosen, table.doubts


def _bounded(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table that is read whole, on a page, too: no more of it than a taxonomy may hold."""
    characters = 0
    for count, (row, cells) in enumerate(table.records(problems, pad=True)):
        characters += sum(map(len, cells))
        if count >= MAX_ROWS or characters > MAX_CHARACTERS:
            raise InputError(
                f"The file has over {MAX_ROWS:,} rows or {MAX_CHARACTERS // 1_000_000} million characters: no taxonomy.",
                "Choose the file that lists the categories, not the assets.",
                where=table.path.name,
            )
        yield row, [undefuse(cell) for cell in cells]


def _bare(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    return [[cell.strip() for cell in cells] for cells in rows]


def _table_rows(
    names: list[str], chosen: Choice, records: list[tuple[int, list[str]]], problems: Problems
) -> list[Row]:
    """The rows of a table by the columns chosen; blocks and indents made for the eye are understood (outlines)."""
    numbers, cells = [row for row, _ in records], _bare(cells for _, cells in records)
    at = {role: names.index(c) for role, c in chosen.items() if isinstance(c, str)}
    if "tiers" in chosen:
        return _tier_rows(names, chosen, list(zip(numbers, cells)), problems)
    if "parent" in at and outlines.is_outline(*([row[at[role]] for row in cells] for role in ("parent", "name"))):
        _tell_outline(chosen["parent"], problems)
        blocks = {**chosen, "tiers": (chosen["parent"], chosen["name"])}
        return _tier_rows(names, blocks, list(zip(numbers, cells)), problems)
    rows = [
        _row(number, {role: row[place] for role, place in at.items()}, problems) for number, row in zip(numbers, cells)
    ]
    if "level" in chosen:
        return _below(rows, [row[at["level"]] for row in cells], chosen["level"], problems)
    depths = outlines.depths([row[at["name"]] for _, row in records]) if "parent" not in at else None
    return rows if depths is None else _nested(rows, depths)


def _tell_outline(column: str, problems: Problems) -> None:
    problems.remark(
        None,
        column,
        f"The column {column} is filled in the first row of each block only; the rows below took the value above.",
        "Fill it in every row where that is not meant.",
    )


def _nested(rows: list[Row], depths: Sequence[int | None]) -> list[Row]:
    return [replace(row, above=place) for row, place in zip(rows, outlines.above(depths))]


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json" and path.is_file() and 0 < path.stat().st_size <= MAX_BYTES


def _json_list(path: Path, read_as: ReadAs) -> list[Any]:
    encoding = named_encoding(read_as.encoding) if read_as.encoding else find_encoding(path)
    value = jsons.load_whole(path, encoding)
    if isinstance(value, dict):
        value = next((value[k] for k in (*JSON_CHILDREN, "taxonomy") if isinstance(value.get(k), list)), [])
    if not isinstance(value, list) or not any(isinstance(item, dict | str) for item in value):
        raise InputError(
            "The file holds no list of categories.", 'Write [{"name": "...", "parent": "..."}, ...].', where=path.name
        )
    return value


def _below(rows: list[Row], cells: list[str], column: str, problems: Problems) -> list[Row]:
    """The rows each under the last one above it that stands higher, as a column of levels says."""
    depths = []
    for row, cell in zip(rows, cells):
        level = category_columns.levels([cell])
        if level is None:
            what = f"{cell[:60] or 'An empty cell'} is no level; the category was taken as top level."
            problems.add(row.row, column, what, "Write Tier 1, Tier 2 … or 1, 2 …")
        depths.append(level[0] if level else None)
    return _nested(rows, depths)


def _row(row: int, fields: dict[str, str], problems: Problems, *, above: int | None = None) -> Row:
    description = fields.get("description", "")
    if len(description) > MAX_DESCRIPTION:
        problems.add(
            row,
            "description",
            f"The description has {len(description):,} characters; it was cut to {MAX_DESCRIPTION:,}.",
            "Shorten it.",
        )
    examples, whole = split_examples(fields.get("examples", ""))
    if not whole:
        what = f"At most {MAX_EXAMPLES} examples of {MAX_EXAMPLE:,} characters are kept; the others were cut."
        problems.add(row, "examples", what, "Keep the best ones.")
    return Row(
        row=row,
        name=" ".join(fields.get("name", "").split()),
        parent=" ".join(fields.get("parent", "").split()),
        description=description[:MAX_DESCRIPTION],
        examples=examples,
        key=fields.get("key", ""),
        above=above,
        facet=" ".join(fields.get("facet", "").split()),
        pick=" ".join(fields.get("pick", "").split()),
    )


def to_csv(categories: Iterable[Category]) -> str:
    """The categories to assign as a table that reads back as it was, formulas defused."""
    categories = list(categories)
    codes = {c.label: c.key for c in categories}
    taken = {c.key for c in categories if c.key}
    out = io.StringIO(newline="")
    table = Cells(out)
    table.row("code", "name", "parent", "description", "examples")
    for c in categories:
        if c.assignable:
            # A parent is named, by its code only where its name is another's code.
            parent = (codes[c.parent] if c.parent in taken else None) or c.parent or ""
            table.row(c.key, c.name, parent, c.description, _joined(c.examples))
    return out.getvalue()


def _joined(examples: Sequence[str]) -> str:
    """Examples as one cell: a line each, as JSON where that would split or join them."""
    cell = "\n".join(examples)
    return cell if split_examples(cell)[0] == tuple(examples) else json.dumps(list(examples), ensure_ascii=False)


def _json_examples(cell: str) -> tuple[str, ...] | None:
    try:
        value = json.loads(cell)
    except ValueError:
        return None
    return tuple(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else None


def split_examples(cell: str) -> tuple[tuple[str, ...], bool]:
    """Examples of one cell, separated by | or line breaks, else by semicolons, and whether that is all of them: at most 50 of
    2,000 characters are kept."""
    if cell.startswith("["):
        listed = _json_examples(cell)
        if listed is not None:
            return listed[:MAX_EXAMPLES], len(listed) <= MAX_EXAMPLES
    parts = re.split(r"[|\n]", cell) if "|" in cell or "\n" in cell else cell.split(";")
    examples = [part.strip() for part in parts if part.strip()]
    shortened = tuple(part[:MAX_EXAMPLE] for part in examples[:MAX_EXAMPLES])
    return shortened, list(shortened) == examples


def _tier_rows(names: list[str], chosen: Choice, records: list[tuple[int, list[str]]], problems: Problems) -> list[Row]:
    """Rows of a file that spells out each level in a column of its own: Tier 1, Tier 2, ..."""
    places = [names.index(tier) for tier in chosen["tiers"]]
    at = {role: names.index(chosen[role]) for role in ROLES if role not in ("name", "parent") and chosen[role]}
    rows = []
    for (row, cells), tiers in zip(records, outlines.filled_down([[c[p] for p in places] for _, c in records])):
        path = [tier for tier in tiers if tier]
        fields = {role: cells[place] for role, place in at.items()}
        rows.append(_row(row, {**fields, "name": path[-1] if path else "", "parent": " > ".join(path[:-1])}, problems))
    return rows


def _json_items(items: list[Any], problems: Problems) -> tuple[list[tuple[int, dict, int | None]], list[str]]:
    """The objects of a list (or plain names), nested by "children" or flat: (row, object, place of the one above); all fields."""
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
    return flat, list(fields)


def _json_cells(flat: list[tuple[int, dict, int | None]], names: list[str]) -> list[list[str]]:
    """The first objects as rows of a table, to guess from."""
    return [[jsons.text_of(item.get(name)) for name in names] for _, item, _ in flat[:HEAD]]


def _json_rows(flat: list[tuple[int, dict, int | None]], chosen: Choice, problems: Problems) -> list[Row]:
    rows = []
    for row, item, above in flat:
        cells = {}
        for role in ROLES:
            value = item.get(chosen[role]) if chosen[role] is not None else None
            if role == "examples" and isinstance(value, list):
                value = "\n".join(jsons.text_of(v).replace("\n", " ") for v in value)
            cells[role] = jsons.text_of(value)
        rows.append(_row(row, cells, problems, above=above))
    return rows
