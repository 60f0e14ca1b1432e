"""No sentence that a person reads uses a word that docs/words.md tells to avoid."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READ = ("pages/*.py", "core/ui/*.py", "core/evaluate/*.py", "core/report/*.py", "core/commands/*.py")
CODE = re.compile(
    r"^\s*select |\b(select .* from|insert into|delete from|update \w+ set|(order|group) by|(left )?join \w+ on)"
    r"|and [\w(.]+\)? ([<>=]|is|in) ?\?|^ ?(and|where|from|set) [\w.]+|= \?|^\.[\w-]+ \{|export default function",
    re.DOTALL,
)
# Where the statistician's word may stand, each with its reader. A place is a file, with a function or a constant of it.
PLACES = {
    "core/evaluate/metrics.py": {"METRICS"},  # under *For your analyst*
    "core/ui/review_figures.py": {"KAPPA"},  # behind a (?)
    "core/evaluate/cascade.py": {"TEST", "METHOD"},  # the report's appendix, the model card
    "core/report/content.py": {"METHOD"},  # the report's appendix
    "core/vendor/sets.py": {"INSTRUCTIONS"},  # names the columns of the file that a vendor sends back
}


def _words() -> dict[str, str]:
    """The words avoided with what is said instead, as docs/words.md lists them."""
    table = (ROOT / "docs/words.md").read_text(encoding="utf-8").split("| avoided |")[1]
    rows = [line.strip("| ").split("|") for line in table.splitlines()[2:] if line.startswith("|")]
    return {word.strip().lower(): row[-1].strip() for row in rows for word in row[0].split(",")}


AVOIDED = _words()
PATTERN = re.compile(
    r"(?<![\w-])(" + "|".join(re.escape(word) for word in sorted(AVOIDED, key=len, reverse=True)) + r")s?(?![\w])",
    re.IGNORECASE,
)


def said(sentence: str) -> list[str]:
    """The avoided words of a sentence; names in `code` are not words."""
    return [found[1].lower() for found in PATTERN.finditer(re.sub(r"`[^`]*`|%?\{[^}]*\}", "", sentence))]


def sentences(source: str) -> Iterator[tuple[str, int, str]]:
    """Every text of a module that people may read: (function or constant it stands in, line, text).

    Left out: docstrings, SQL, ValueErrors (for programmers), `help` of a widget and HINTS (both behind a (?)), and texts of one
    word, which are names for the code.
    """

    def walk(node: ast.AST, place: str) -> Iterator[tuple[str, int, str]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            place = node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not place:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            place = ast.unparse(target)
        if place == "HINTS" or (isinstance(node, ast.keyword) and node.arg == "help"):
            return
        if isinstance(node, ast.Raise) and "ValueError" in ast.unparse(node):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and not CODE.search(node.value)
        ):
            yield place, node.lineno, node.value
        for child in ast.iter_child_nodes(node):
            yield from walk(child, place)

    yield from walk(ast.parse(source), "")


def errors(source: str) -> Iterator[tuple[str, int, str]]:
    """The sentences of every InputError of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("InputError"):
            yield from sentences(ast.unparse(node))


def wrong(paths: Iterable[Path], found_in: Callable[[str], Iterator[tuple[str, int, str]]]) -> str:
    """Each sentence with an avoided word, and what is said instead; one a line."""
    return "\n".join(
        f"{name}:{line} ({place}): {word} → {AVOIDED[word]}: {text!r}"
        for path in sorted(paths)
        for name in [path.relative_to(ROOT).as_posix()]
        for place, line, text in found_in(path.read_text(encoding="utf-8"))
        if place not in PLACES.get(name, ())
        for word in said(text)
    )


@pytest.mark.parametrize("where", READ)
def test_no_sentence_uses_a_word_that_is_avoided(where):
    found = wrong(ROOT.glob(where), sentences)
    assert not found, f"docs/words.md avoids:\n{found}"


def test_nor_does_an_error_anywhere():
    found = wrong((ROOT / "core").rglob("*.py"), errors)
    assert not found, f"docs/words.md avoids:\n{found}"


def test_the_report_uses_none_either():
    template = (ROOT / "core/report/report.html.j2").read_text(encoding="utf-8")
    shown = re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]*>|{[%#{].*?[%#}]}", " ", template, flags=re.DOTALL)
    assert not said(shown)


def test_a_word_is_found_in_its_plural_and_not_in_code():
    assert said("Two Thresholds, one p95; `confidence` is a column, a bookvector no word") == ["threshold", "p95"]
    told = list(sentences('"""Docstring threshold here."""\nst.caption(f"a {x} threshold", help="a threshold")'))
    assert told == [("", 2, "a "), ("", 2, " threshold")]
