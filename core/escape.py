"""Words that people typed or files brought, made safe for the place they go to: Markdown, and the cells of a CSV or workbook.

    st.caption(f"Asked of {plain(name)}")             # the name as it is, whatever it holds
    table.writerow([defuse(cell) for cell in row])    # no spreadsheet runs any of it; undefuse() gives back what went in

Plotly's labels have `core.report.charts.clean`; HTML is escaped by Jinja.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from typing import TextIO

JOINER = "\u2060"  # a word joiner: nothing to be seen, and no break in the line
_MARKUP = re.compile(r"[\\`*_{}\[\]()<>#+!|~$&@]|:(?!\s)")
_BLOCK = re.compile(r"^(\d{0,9})(?=[-=.](?:[-=\s]|$))")  # a list, a line, the underline of a heading
# What is looked for once Markdown has dropped its escapes: links without brackets, emoji and icons by name, signs for arrows.
_LATE = re.compile(
    r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?<=[-.\w+])(?=@[-\w]+\.)|(?<=:)(?=[\w+-]+:|material/)"
    r"|(?<=(?<!\S)[-<>~])(?=[-=>](?!\S))|(?<=(?<!\S)<-)(?=>(?!\S))",
    re.IGNORECASE,
)
_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")
_CONTROL |= dict.fromkeys(
    (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
)  # they turn the reading order of what follows


def plain(text: str) -> str:
    """`text` on one line, so written that Markdown shows it as it is: no markup, HTML, formula, link, emoji, icon or colour.

    Besides what a backslash escapes there is what is looked for in the text that Markdown leaves (GitHub's links without
    brackets, and Streamlit's emoji, icons and arrows: StreamlitMarkdown.tsx of 1.67). A word joiner stands in their way.
    """
    line = " ".join(text.translate(_CONTROL).split())
    line = line.replace(" %", "\u00a0%")  # a number and its sign stay on one line
    return _BLOCK.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", _LATE.sub(JOINER, line)))


# What makes a formula of a cell (https://owasp.org/www-community/attacks/CSV_Injection), in any form of it (NFKC). A tab or a new
# line opens the next cell in some readers.
_SIGNS, _BREAKS = frozenset("=+-@"), frozenset("\t\r\n")
_NUMBER = re.compile(r" *[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)? *", re.ASCII | re.IGNORECASE)


def defuse(cell: str) -> str:
    """A cell safe to open in a spreadsheet: text that would run as a formula gets a leading apostrophe; numbers stay.

    So does text that would run without the apostrophes it begins with: `undefuse` gives back exactly what went in.
    """
    return "'" + cell if _runs(cell) else cell


def undefuse(cell: str) -> str:
    """A cell without the one apostrophe that `defuse` put before it."""
    return cell[1:] if cell.startswith("'") and _runs(cell) else cell


def _runs(cell: str) -> bool:
    if cell[:1].isalnum():  # nearly all cells
        return False
    bare = cell.lstrip("'")
    # Blanks, what nobody sees, and quotes that a reader may take away do not count as its beginning.
    lead = next((place for place, sign in enumerate(bare) if sign.isprintable() and sign not in ' "'), len(bare))
    first = unicodedata.normalize("NFKC", bare[lead : lead + 1])[:1]
    runs = first in _SIGNS or not _BREAKS.isdisjoint(bare[:lead])
    return runs and _NUMBER.fullmatch(bare) is None


def file_name(name: str, otherwise: str = "file") -> str:
    """The name of a file to be handed out, without its ending: letters, digits, - and _ of `name`, at most 60 signs."""
    kept = "".join(sign if sign.isalnum() or sign == "_" else "-" for sign in name)
    return re.sub("-{2,}", "-", kept)[:60].strip("-") or otherwise


class Cells:
    """Writes rows of CSV to `out`, every cell defused; the one way that CSV leaves this program.

    out = io.StringIO(newline="");  table = Cells(out);  table.row("id", "text");  table.rows(db.execute(...))
    """

    def __init__(self, out: TextIO):
        self._writer = csv.writer(out)

    def row(self, *cells: object) -> None:
        """One row; None is an empty cell."""
        self._writer.writerow(["" if cell is None else defuse(str(cell)) for cell in cells])

    def rows(self, rows: Iterable[Iterable[object]]) -> None:
        """Many rows."""
        for cells in rows:
            self.row(*cells)
