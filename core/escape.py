"""Words that people typed or files brought, made safe for the place they go to: Markdown, and the cells of a CSV or workbook.

    st.caption(f"Asked of {plain(name)}")             # the name as it is, whatever it holds
    table.writerow([defuse(cell) for cell in row])    # no spreadsheet runs any of it; undefuse() gives back what went in

Plotly's labels have `core.report.charts.clean`; HTML is escaped by Jinja.
"""

from __future__ import annotations

import re

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


def plain(text: str) -> str:
    """`text` on one line, so written that Markdown shows it as it is: no markup, HTML, formula, link, emoji, icon or colour.

    Besides what a backslash escapes there is what is looked for in the text that Markdown leaves (GitHub's links without
    brackets, and Streamlit's emoji, icons and arrows: StreamlitMarkdown.tsx of 1.67). A word joiner stands in their way.
    """
    line = " ".join(text.translate(_CONTROL).split())
    line = line.replace(" %", "\u00a0%")  # a number and its sign stay on one line
    return _BLOCK.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", _LATE.sub(JOINER, line)))
