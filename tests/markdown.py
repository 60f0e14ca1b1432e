"""Markdown as Streamlit shows it: CommonMark with GitHub's additions, its own directives, and what it looks for afterwards.

The rules are those of StreamlitMarkdown.tsx (1.67) and the plugins it uses, read in its source;
tests/browser looks at the real thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_QUIET = ("paragraph_open", "paragraph_close", "inline", "text", "softbreak")
_ESCAPE = re.compile(r"\\[!-/:-@\[-`{-~]")
_LABEL = (
    (re.compile(r"^(\s*)((?:[+\-*]|#+)(?=\s|$)|>)", re.M), r"\1\\\2"),
    (re.compile(r"^(\s*)(\d+)([.)])(?=\s|$)", re.M), r"\1\2\\\3"),
)
_LATE = {
    "link": re.compile(r"https?://[-.\w]+|www(?=\.)[-.\w]+|[-.\w+]+@[-\w]+(?:\.[-\w]+)+", re.I),
    "icon": re.compile(r":[\w+-]+:"),
    "arrow": re.compile(r"(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)"),
}


@dataclass(frozen=True)
class Shown:
    """`words` a person reads outside of pictures, and the kinds of markup, each with the words (or address) under it."""

    words: str
    marks: tuple[tuple[str, str], ...]


def shown(source: str, label: bool = False) -> Shown:
    """What becomes of `source`; `label`: as the label of a widget, where Streamlit escapes lists and headings itself."""
    source = source.replace(":material/", ":material_")
    for found, put in _LABEL if label else ():
        source = found.sub(put, source)
    bare = _ESCAPE.sub("\0", source)
    marks = [("directive", one) for one in re.findall(r":[a-zA-Z][\w-]*.?", bare)]
    marks += [("formula", one) for one in re.findall(r"\$[^$]*\$", bare)]
    words = []
    for token in _flat(_PARSER.parse(source)):
        if token.type == "text":
            words.append(token.content)
            marks += [(kind, one) for kind, found in _LATE.items() for one in found.findall(token.content)]
        elif token.type == "softbreak":
            words.append("\n")
        elif token.type not in _QUIET and token.nesting >= 0:
            marks.append((token.type.removesuffix("_open"), token.content or str(token.attrs)))
            words.append(token.content if token.type in ("code_inline", "fence", "code_block") else "")
    return Shown("".join(words), tuple(marks))


def _flat(tokens):
    for token in tokens:
        yield token
        yield from _flat(token.children or [])
