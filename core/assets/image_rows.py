"""Images, with the rows of a table where there is one, as a table that goes the way of any file of assets.

A row is an asset with its image, what was typed of it and the words that were read; the facts stand in columns of their own.
Every image and every row is either in it or listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.assets import image_names
from core.assets.image_names import Names
from core.images import words
from core.images.kept import Image
from core.images.words import Word
from core.tables.columns import Mapping, is_text_name
from core.tables.files import Table
from core.tables.problems import Problems
from core.words import counted

FILE, WORDS, HASH = "image file", "words on the image", "image hash"
LARGE = "large words on the image"
# SQL of an asset `a`: the file of its image, as a column of that name; the id is it where nothing else is the id.
FILE_OF = f"""iif(a.image is null, null, ifnull(json_extract(a.extra, '$."{FILE}"'), a.external_id)) as "{FILE}\""""
FACTS = ("image size", "image placement", "image colours", "image moves", LARGE)
LONGEST_ID = 200  # as core/assets/rows.py has it
NO_WORDS = "Type what it says or shows into a column of text."


@dataclass(frozen=True)
class Taken:
    """What a source holds: `images` by name, `unfit` by name (what is wrong and what to do), `remarks` by name, `unread`: why the
    words of an image could not be read, by its hash."""

    images: dict[str, Image]
    unfit: dict[str, tuple[str, str]]
    remarks: dict[str, str]
    unread: dict[str, str]
    words: dict[str, list[Word]]


def alone(path: Path, taken: Taken) -> Table:
    """A table of the images, a row each, by name."""
    names = sorted([*taken.images, *taken.unfit])

    def rows(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        for row, name in enumerate(names, 1):
            table.share = row / len(names)
            if name in taken.unfit:
                _leave_out(table, problems, row, name, *taken.unfit[name])
            elif not _text(taken, name):
                _wordless(table, problems, row, name, taken)
            else:
                _remark(problems, row, name, taken)
                yield row, _cells(taken, name)

    return _table(path, (), rows)


def names_of(taken: Taken) -> Names:
    """The names of all that a source holds, to be found by what a table says."""
    return Names([*taken.images, *taken.unfit])


def beside(path: Path, taken: Taken, rows_of: Table, image_column: str, text: tuple[str, ...]) -> Table:
    """The rows of a table, each with its image; `text`: the columns that hold what was typed.

    Images without a row, and rows without their image, are listed; such a row goes on with what was typed.
    """
    names = names_of(taken)
    at = rows_of.columns.index(image_column)
    typed = [rows_of.columns.index(one) for one in text]

    def rows(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        used: set[str] = set()
        for row, cells in rows_of.records(problems):
            table.share = rows_of.share
            meant = names.meant(cells[at])
            name = meant.name
            if name is not None:
                used.add(name)
            has_text = any(cells[place].strip() for place in typed)
            why = _missing(cells[at], meant, taken)
            if why is not None and has_text:
                problems.add(row, image_column, f"{why[0]} Its words were taken as they are typed.", why[1])
            elif why is not None:
                table.left_out += 1
                problems.add(row, image_column, f"{why[0]} The row was left out.", why[1])
                continue
            elif not has_text and not _text(taken, name):
                _wordless(table, problems, row, name, taken)
                continue
            else:
                _remark(problems, row, name, taken)
            yield row, [*cells, *(_cells(taken, name) if why is None else [cells[at], *[""] * (len(FACTS) + 2)])]
        table.left_out += rows_of.left_out
        table.aside += rows_of.aside
        if taken.unread:
            why = next(iter(taken.unread.values())).rstrip(".")
            what = f"The words on {counted(len(taken.unread), 'image')} could not be read ({why}); what was typed was taken."
            problems.add(
                None,
                WORDS,
                what,
                "Once they can be, read them again: on the page Assets, or with imports --read-again.",
            )
        for name in sorted({*taken.images, *taken.unfit} - used):
            why = taken.unfit.get(name, ("stands in no row of the table.", "Add a row for it."))
            problems.add(None, image_column, f"{name[:120]} {why[0]} It was left out.", why[1])

    return _table(path, tuple(rows_of.columns), rows)


def mapping(table: Table, guess: Mapping | None = None) -> Mapping:
    """How such a table is imported: as its own columns were guessed, with the words on the images after what was typed."""
    roles = guess or Mapping(text=())
    file, hash_, words_ = (_column(table, name) for name in (FILE, HASH, WORDS))
    return replace(roles, id=roles.id or file, image=hash_, text=(*roles.text, words_))


def typed(guess: Mapping) -> tuple[str, ...]:
    """The columns that hold what was typed: those called so, for the longest words of a table of images may be anything."""
    return tuple(column for column in guess.text if is_text_name(column))


def _column(table: Table, name: str) -> str:
    """The last column of this name: the table of a person may have one, too."""
    own = len(FACTS) + 3
    order = (FILE, *FACTS, WORDS, HASH)
    return table.columns[len(table.columns) - own + order.index(name)]


def _table(path: Path, columns: tuple[str, ...], rows) -> Table:
    def raw(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        yield 0, [*columns, FILE, *FACTS, WORDS, HASH]
        yield from rows(table, problems)

    table = Table(path, "json", "images", raw)
    table.read_header(())
    table.escaped = False
    return table


def _cells(taken: Taken, name: str) -> list[str]:
    image = taken.images[name]
    facts, found = image.facts, taken.words.get(image.sha256, [])
    told = [f"{facts.width}x{facts.height}", facts.placement, ", ".join(facts.colours), "yes" if facts.animated else ""]
    id = name if len(name) <= LONGEST_ID else f"image-{image.sha256[:16]}"
    return [id, *told, words.large(found), words.text_of(found), image.sha256]


def _text(taken: Taken, name: str) -> str:
    return words.text_of(taken.words.get(taken.images[name].sha256, []))


def _missing(cell: str, meant: image_names.Meant, taken: Taken) -> tuple[str, str] | None:
    """Why a row has no image it can use; None where it has one."""
    if meant.several:
        return f"Several images are called {cell[:80]}.", "Write the path, with the folder."
    if meant.name is None:
        what = f"There is no image called {cell[:80]}." if cell.strip() else "The row names no image."
        return what, "Correct the name, or add the image."
    if meant.name in taken.unfit:
        what, todo = taken.unfit[meant.name]
        return f"{meant.name[:120]} {what}", todo
    return None


def _wordless(table: Table, problems: Problems, row: int, name: str, taken: Taken) -> None:
    why = taken.unread.get(taken.images[name].sha256)
    what = f"could not be read ({why.rstrip('.')})." if why else "has no words that can be read."
    _leave_out(table, problems, row, name, what, NO_WORDS)


def _leave_out(table: Table, problems: Problems, row: int, name: str, what: str, todo: str) -> None:
    table.left_out += 1
    problems.add(row, FILE, f"{name[:120]} {what} It was left out.", todo)


def _remark(problems: Problems, row: int, name: str, taken: Taken) -> None:
    if name in taken.remarks:
        problems.remark(row, FILE, f"{name[:120]} {taken.remarks[name]}", "Nothing, if the image is right.")
