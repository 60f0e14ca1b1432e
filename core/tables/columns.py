"""Which column holds what, guessed from its name (core/asset_columns.py, column_names.py), else from what its cells hold.

The lists of names run from the surest to the vaguest: the first name of a list that a file has wins the role. Text is the
exception: every column with a text name belongs to it. Cells decide what names leave open: those that are the client's
categories are labels, a short one that never comes twice is the id, the longest words are the text. A column of addresses or
dates is none of text and label, whatever it is called. No column plays two roles.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Mapping as Values
from dataclasses import dataclass, make_dataclass, replace

from core.asset_columns import ASSET_COLUMNS, DURATIONS, TEXT_NAMES, VAGUE_IDS
from core.tables.column_names import LEVEL_NAMES, TAXONOMY_NAMES
from core.tables.headers import is_number, squash
from core.tables.names import form

MOST = 0.8  # share of a column's filled cells that makes them all its kind
LABELLED = 0.5  # share of them that names categories
FEWEST = 3  # rows from which it says something that no value comes twice
LONGEST_ID, LONG_NUMBER = 64, 11  # characters of an id; digits that only ids have
TIER = re.compile(r"(?:tier|level|lvl|l)(\d+)")
_UNDECOMPOSED = str.maketrans("łıøđ", "liod")  # letters that Unicode does not take for one with an accent
_LINK = re.compile(r"(?:https?://|www\.)\S+|[^\s@]+@[^\s@]+\.\w+", re.IGNORECASE)
_FILE = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]\w{1,5}(?:[/?#]\S*)?", re.IGNORECASE)  # or a bare domain
_MONTH = r"[^\W\d_]{3,10}\.?"
_DATE = re.compile(
    rf"\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d\S*|\d{{1,2}}[. /-]{{1,2}}{_MONTH}[ /-]\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}}"
    r"|\d{4}年\d{1,2}月(?:\d{1,2}日)?"
)
_DAY = re.compile(r"\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:\d\d|\d{4})")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:#./-]*")
_AMOUNT = re.compile(r"[\d.,]+[A-Za-z]{1,4}")  # 2.5s, 12EUR
_STAMP = re.compile(r"1[5-9]\d{8}|1[5-9]\d{11}")


def fold(name: str) -> str:
    """The form in which columns' names are compared: as `squash`, and without accents: Catégorie and categorie are one."""
    parts = unicodedata.normalize("NFKD", squash(name).translate(_UNDECOMPOSED))
    return "".join(c for c in parts if not unicodedata.combining(c))


def known(*lists: Iterable[str]) -> frozenset[str]:
    """Names that mark a row of column names, as they are written and without accents; "no" is as likely a cell."""
    return frozenset(form for words in lists for name in words for form in (squash(name), fold(name))) - {"no"}


KNOWN_ASSET_NAMES = known(TEXT_NAMES, *(column.names for column in ASSET_COLUMNS.values()))
KNOWN_TAXONOMY_NAMES = known(LEVEL_NAMES, *TAXONOMY_NAMES.values()) | {
    f"{word}{i}" for word in ("tier", "level") for i in range(1, 9)
}
_TEXT, _VAGUE, _LABELS, _DURATIONS = (
    frozenset(map(fold, words)) for words in (TEXT_NAMES, VAGUE_IDS, ASSET_COLUMNS["label"].names, DURATIONS)
)


_Roles = make_dataclass(
    "_Roles", [("text", tuple[str, ...]), *((role, str | None, None) for role in ASSET_COLUMNS)], frozen=True
)


@dataclass(frozen=True)
class Mapping(_Roles):
    """Which column of an assets file plays which role: a field a role of core/asset_columns.py; `text` may be several, joined in
    this order."""

    # Where the family is the stem of the column's names: what is dropped besides the known (see stems); None: it is the value.
    family_stem: tuple[str, ...] | None = None
    latency_unit: str | None = None  # "ms" or "s", where the column's name and cells do not say; no column
    labels_are: str | None = None  # "names" or "codes", where not as most labels can be read; no column

    @classmethod
    def from_json(cls, stored: dict) -> Mapping:
        """What dataclasses.asdict() gave, through JSON or not."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()})

    def columns(self) -> dict[str, str]:
        """The column of each role that has one, but those of the text."""
        roles = {role: getattr(self, role) for role in ASSET_COLUMNS}
        return {role: column for role, column in roles.items() if column is not None}


def guess_roles(
    columns: Sequence[str],
    names: Values[str, tuple[str, ...]],
    fits: Callable[[str, str], bool] = lambda role, column: True,
) -> dict[str, str | None]:
    """The column of each role by its name, or None; no column plays two. `fits` may refuse a column for a role."""
    folded = {last_name(column): column for column in reversed(columns)}
    folded |= {fold(column): column for column in reversed(columns)}
    roles: dict[str, str | None] = {}
    for role, words in names.items():
        named = (folded[name] for name in dict.fromkeys(map(fold, words)) if name in folded)
        roles[role] = next((one for one in named if one not in roles.values() and fits(role, one)), None)
    return roles


def guess_assets(
    columns: Sequence[str], rows: Sequence[Sequence[str]], labels: Collection[str] = frozenset()
) -> Mapping:
    """Guess the mapping of an assets file from its columns and first rows; `text` is () where no column holds text.

    `labels` are the forms in which the client's categories may be named (core/taxonomy/matching.py: said).
    """
    cells = _Cells(columns, rows, labels)
    roles = guess_roles(columns, {role: column.names for role, column in ASSET_COLUMNS.items()}, cells.fits)
    named = [c for c in columns if c not in roles.values() and is_text_name(c)]
    text = tuple(c for c in named if cells.fits("text", c)) or tuple(named)
    free = [c for c in columns if c not in roles.values() and c not in text]
    if roles["label"] is None or not cells.labelled([roles["label"]], 0):
        # Another task's labels may stand in a column that is called so: the one whose cells are this task's categories holds its.
        roles["label"] = (
            cells.labelled([c for c in free if fold(c) in _LABELS])
            or cells.labelled([c for c in free if roles["label"] is None or cells.varies(c)])
            or roles["label"]
        )
    roles["id"] = roles["id"] or cells.unrepeated([c for c in free if c not in roles.values()])
    if not text:
        longest = cells.wordiest([c for c in free if c not in roles.values()]) or cells.wordiest(free)
        text = (longest,) if longest else ()
    roles = {role: None if column in text else column for role, column in roles.items()}
    return _with_duration(Mapping(text=text, **roles), [c for c in free if c not in roles.values()])


def correct(guess: Mapping, text: Sequence[str], named: Values[str, str | None]) -> Mapping:
    """A guess corrected by the columns that were named: one that was named for a role plays no other, but lends its stems."""
    used = {*text, *named.values()}
    assigned = {role: None for role, column in guess.columns().items() if column in used}
    if guess.family_stem is not None:
        assigned.pop("family", None)
    rest = tuple(text) or tuple(column for column in guess.text if column not in used)
    return replace(guess, **{**assigned, **named}, text=rest)


def last_name(column: str) -> str:
    """The folded last part of a dotted name: text of data.text."""
    return fold(column.rsplit(".", 1)[-1])


def is_text_name(column: str) -> bool:
    """Whether a column's name says that it holds text."""
    return any(re.sub(r"\d+$", "", name) in _TEXT for name in (fold(column), last_name(column)))


def _with_duration(guess: Mapping, free: Sequence[str]) -> Mapping:
    """A duration is a latency where a model's tokens or confidence stand beside it; elsewhere it may be a film's length."""
    if guess.latency_ms is None and (guess.tokens_in or guess.tokens_out or guess.confidence):
        return replace(guess, latency_ms=next((c for c in free if fold(c) in _DURATIONS), None))
    return guess


def labelled(
    columns: Sequence[str], rows: Sequence[Sequence[str]], among: Sequence[str], labels: Collection[str]
) -> str | None:
    """The column `among` some of which the largest share of cells names categories, where at least half does."""
    return _Cells(columns, rows, labels).labelled(among)


class _Cells:
    """The first cells of each column, and what they make of it."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], labels: Collection[str]):
        self._rows, self._labels = len(rows), labels
        self._filled = {column: [row[at] for row in rows if row[at]] for at, column in enumerate(columns)}

    def varies(self, column: str) -> bool:
        """Whether its cells are not all one."""
        return len(set(self._filled[column])) > 1

    def fits(self, role: str, column: str) -> bool:
        """Whether the cells leave a role to the column whose name says it."""
        if role in ("label", "gold"):
            return not self._mostly(column, _is_link)
        if role == "text":
            return not self._mostly(column, _is_address)
        return role != "id" or fold(column) not in _VAGUE or self._differ(column)

    def labelled(self, columns: Sequence[str], least: float = LABELLED) -> str | None:
        """The column of which the largest share of cells names categories, where more than `least` does."""
        shares = {column: self._share(column, lambda cell: form(cell) in self._labels) for column in columns}
        best = max(columns, key=lambda column: shares[column], default=None)
        return best if best is not None and shares[best] > least else None

    def unrepeated(self, columns: Sequence[str]) -> str | None:
        """The first column of short codes that no two rows share."""
        if self._rows < FEWEST:
            return None
        return next((column for column in columns if self._differ(column) and _are_codes(self._filled[column])), None)

    def wordiest(self, columns: Sequence[str]) -> str | None:
        """The column of the longest words, None where none holds any; what comes again and again (a brand) is less of a text."""
        lengths = {column: self._wordiness(column) for column in columns}
        best = max(columns, key=lambda column: lengths[column], default=None)
        return best if best is not None and lengths[best] > 0 else None

    def _share(self, column: str, test: Callable[[str], bool]) -> float:
        filled = self._filled[column]
        return sum(map(test, filled)) / len(filled) if filled else 0.0

    def _mostly(self, column: str, test: Callable[[str], bool]) -> bool:
        return self._share(column, test) >= MOST

    def _differ(self, column: str) -> bool:
        return len(set(self._filled[column])) == self._rows

    def _wordiness(self, column: str) -> float:
        """Mean length of a column's cells, times the share that differ; 0 where most characters are no letters."""
        cells = self._filled[column]
        joined = "".join(cells)
        if 2 * sum(c.isalpha() for c in joined) <= len(joined) or self._mostly(column, _is_address):
            return 0.0
        return len(joined) / max(self._rows, 1) * len(set(cells)) / len(cells)


def _is_link(cell: str) -> bool:
    return bool(_LINK.fullmatch(cell) or _DATE.fullmatch(cell) or (is_number(cell) and _DAY.fullmatch(cell)))


def _is_address(cell: str) -> bool:
    return bool(_FILE.fullmatch(cell)) or _is_link(cell)


def _are_codes(cells: Sequence[str]) -> bool:
    """Whether cells are written as ids are: without blanks, with digits, and no amounts, dates or addresses."""
    if not all(len(cell) <= LONGEST_ID and _CODE.fullmatch(cell) and any(map(str.isdigit, cell)) for cell in cells):
        return False
    if all(map(is_number, cells)):
        return _are_numbered(cells)
    return not any(_AMOUNT.fullmatch(cell) or _is_address(cell) for cell in cells)


def _are_numbered(cells: Sequence[str]) -> bool:
    """Whether numbers count rows, or are as long as no measure is; times in seconds since 1970 are none."""
    if not all(cell.isascii() and cell.isdigit() and len(cell) < 40 for cell in cells):
        return False
    numbers = sorted(map(int, cells))
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return True
    return all(len(cell) >= LONG_NUMBER and not _STAMP.fullmatch(cell) for cell in cells)
