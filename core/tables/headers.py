"""Where a table begins and ends: the row of its column names below title lines, and the totals and notes below its rows.

    header = find_header(head, known)      # of [(row number, cells), ...]

The search goes by structure, so that no language has to be known: how many cells a row fills beside its neighbours, whether
they could be names (no numbers above numbers, no value that comes again below), what follows. Known names only strengthen it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

Row = tuple[int, list[str]]
DEPTH = 100  # rows looked at for the header
BODY = 50  # rows below it that are compared
NEAR = 5  # rows right below it that must go with it
SENTENCE = 4  # words in the first row of a single column that make it a text rather than a name
LONG = 200  # characters no column's name has
_NUMBER = re.compile(r"[\s.,:/%+\-–()'’$€£¥]*\d[\s\d.,:/%+\-–()'’$€£¥]*")
_YEAR = re.compile(r"(19|20)\d\d")
# The word a row of totals begins with, alone or before a colon or dash, as reports in the larger languages write it.
_TOTAL = re.compile(
    r"(?:grand |sub-?|report |overall )?total(?:s|e|es|en|i|ul|t|ne|et|summe)?|(?:gesamt|zwischen)?summe|gesamt(?:ergebnis|summe)?|"
    r"insgesamt|somme|suma(?: całkowita| końcowa)?|somma|soma|razem|łącznie|ogółem|celkem|souč[eé]t|spolu|összesen|"
    r"totaal|eindtotaal|summa|yhteensä|sammanlagt|i alt|toplam|genel toplam|итого|всего|разом|σύνολο|"
    r"合计|总计|總計|合計|小计|小計|総計|합계|총계|총합계|סה\"כ|المجموع|الإجمالي|รวม|tổng(?: cộng)?",
    re.IGNORECASE,
)
_TOTAL_ROW = re.compile(rf"(?:{_TOTAL.pattern})\s*(?:$|[:：–—(\-].{{0,80}}$)", re.IGNORECASE)
# What such a row can begin with ("" where its first cell is empty): most rows need no closer look.
TOTAL_INITIALS = frozenset(["", *"öÖgsrotziłlceyuGSROTZIŁLCEYUИВРивр合总總小総합총סاรΣσ"])
PLACEHOLDERS = frozenset(
    (
        "-",
        "--",
        "---",
        "–",
        "—",
        "(not set)",
        "(not provided)",
        "n/a",
        "#n/a",
        "null",
        "(null)",
        "\\n",
        "nan",
        "<na>",
        "(blank)",
    )
)
LONGEST_PLACEHOLDER = max(map(len, PLACEHOLDERS))


def squash(text: str) -> str:
    """Letters and digits only, in one case: how names are compared. "Asset ID", "asset_id" and "assetId" are one."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def is_number(cell: str) -> bool:
    """Whether a cell is a number, a date, a time, a share or an amount, as people in any country write it."""
    return len(cell) <= 40 and _NUMBER.fullmatch(cell) is not None


def is_placeholder(cell: str) -> bool:
    """Whether a cell holds what reports and databases write where there is nothing: --, (not set), n/a, NULL, \\N, NaN."""
    return len(cell) <= LONGEST_PLACEHOLDER and cell.casefold() in PLACEHOLDERS


def is_total(cells: Sequence[str], usual: int) -> bool:
    """Whether a row is a report's sum: it begins with the word for it, and leaves empty some of the `usual` number of cells."""
    first = next((cell for cell in cells if cell), "")
    if len(first) > 120 or not _TOTAL_ROW.match(first):
        return False
    filled = sum(1 for cell in cells if cell and not is_placeholder(cell))
    return len(cells) > 1 and filled < usual


@dataclass(frozen=True)
class Header:
    """`place` among the rows looked at, None where no row holds names; whether that is `sure`; and the other places it may be."""

    place: int | None
    sure: bool
    others: tuple[int, ...] = ()


def find_header(head: Sequence[Row], known: Collection[str] = ()) -> Header:
    """The row of column names among the first rows of a file (none of them empty), by structure and by `known` squashed names."""
    filled = [sum(map(bool, cells)) for _, cells in head[:DEPTH]]
    names = [_known(cells, known) for _, cells in head[:DEPTH]]
    places = [i for i in _beginnings(head, filled) if i == 0 or _goes_on(head, i, max(filled[:i]))]
    good = [i for i in places if _could_be_names(head, i) or names[i] >= max(1, filled[i] / 2)]
    best = good[-1] if good else None
    strong = [
        i
        for i, count in enumerate(names)
        if count >= 2
        and count >= filled[i] / 3
        and (i in good or (filled[i] > max(filled[:i]) and _could_be_names(head, i)))
    ]
    if strong:
        best = strong[0]
    elif best is None or not names[best]:
        best = _after_a_gap(head, filled, names, best)
    if max(filled) == 1 and not any(names) and len(head[0][1][0].split()) >= SENTENCE and best == 0:
        best = None  # one column of sentences, the first like the others
    if best is None:
        return Header(None, False, (places[-1],))
    others = tuple(i for i in places if i != best)
    sure = names[best] >= max(1, filled[best] / 3) or (filled[best] > 1 and _differs(head, best))
    return Header(best, bool(sure), others)


def _known(cells: Sequence[str], known: Collection[str]) -> int:
    return sum(
        1 for cell in cells if cell and (name := squash(cell)) and (name in known or name.rstrip("0123456789") in known)
    )


def _extent(cells: Sequence[str]) -> int:
    return next((i for i in range(len(cells), 0, -1) if cells[i - 1]), 0)


def _beginnings(head: Sequence[Row], filled: Sequence[int]) -> list[int]:
    """The rows a table may begin at: the first, and each that fills clearly more cells than all before it."""
    beginnings, most, widest = [0], filled[0], _extent(head[0][1]) if filled[0] > 1 else 1
    for i in range(1, len(filled)):
        limit = max(2, 0.6 * filled[i])
        fewer = filled[i] > most and most <= limit
        if fewer and (widest <= limit or most == 1 or (_could_be_names(head, i) and _differs(head, i))):
            beginnings.append(i)
        most = max(most, filled[i])
        widest = max(widest, _extent(head[i][1]) if filled[i] > 1 else 1)
    return beginnings


def _goes_on(head: Sequence[Row], place: int, before: int) -> bool:
    """Whether the rows right below go further than any above: else one long row stands among short ones."""
    near = head[place + 1 : place + 1 + NEAR]
    return bool(near) and sum(_extent(cells) > before for _, cells in near) >= 0.6 * len(near)


def _body(head: Sequence[Row], place: int) -> list[list[str]]:
    return [cells for _, cells in head[place + 1 : place + 1 + BODY]]


def _could_be_names(head: Sequence[Row], place: int) -> bool:
    """Whether a row's cells could be the names of the columns below: short, different, not of the kind the rows below are."""
    cells = head[place][1]
    filled = [cell for cell in cells if cell]
    if any(len(cell) > LONG for cell in filled) or (len(filled) > 1 and filled[0].endswith(":") and len(filled) == 2):
        return False
    body = [row for row in _body(head, place) if row != cells]  # exports put together repeat their header
    for at, cell in enumerate(cells):
        below = [row[at] for row in body if at < len(row) and row[at]]
        if cell and below and _like_those_below(cell, below, at):
            return False
    return True


def _like_those_below(cell: str, below: list[str], at: int) -> bool:
    if is_number(cell):
        return (at == 0 or not _YEAR.fullmatch(cell)) and sum(map(is_number, below)) >= 0.6 * len(below)
    if len(below) >= 3 and cell in below and len(set(below)) > 1:
        return True
    shape = _code(cell)
    return bool(shape) and len(below) >= 3 and sum(_code(other) == shape for other in below) >= 0.8 * len(below)


def _code(cell: str) -> str:
    """The shape of a code with digits (B0001 is a9); "" for words."""
    if " " in cell or not any(c.isdigit() for c in cell) or len(cell) < 3 or sum(c.isdigit() for c in cell) < 2:
        return ""
    return re.sub(
        r"9+", "9", re.sub(r"a+", "a", "".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in cell))
    )


def _differs(head: Sequence[Row], place: int) -> bool:
    """Whether some column clearly changes its kind below the names: numbers, or a few values that come again and again."""
    cells, body = head[place][1], _body(head, place)
    for at, cell in enumerate(cells):
        below = [row[at] for row in body if at < len(row) and row[at]]
        if not cell or len(below) < 2 or is_number(cell):
            continue
        if sum(map(is_number, below)) >= 0.8 * len(below) or (_code(below[0]) and not _code(cell)):
            return True
        if len(below) >= 4 and len(set(below)) <= len(below) / 2 and cell not in below:
            return True
    return False


def _after_a_gap(head: Sequence[Row], filled: Sequence[int], names: Sequence[int], best: int | None) -> int | None:
    """A row of known names below a blank line, where the rows above are few notes as wide as the table; else `best`."""
    gaps = [i for i in range(1, len(filled)) if head[i][0] - head[i - 1][0] > 1]
    for i in gaps[:3]:
        notes = all(cells[0].endswith((":", "：")) or count == 1 for (_, cells), count in zip(head[:i], filled))
        wide = filled[i] >= 2 and filled[i] >= max(filled[:i])
        if (
            len(gaps) <= 3
            and i + 1 < len(head)
            and (names[i] >= filled[i] / 2 or (notes and wide))
            and _could_be_names(head, i)
        ):
            return i
    return best
