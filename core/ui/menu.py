"""The menu: what each page says of itself in its ENTRY, read without running the page. A page is one file in pages/."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from core.settings import ROOT


@dataclass(frozen=True)
class Item:
    """One page of the menu, the lowest `place` first: `title` is the task it does, `sentence` says what comes of it."""

    place: int
    section: str
    name: str
    icon: str
    title: str
    sentence: str
    needs_client: bool = True
    of_client: bool = True  # what it shows is the chosen client's
    kinds: tuple[str, ...] = ("choose_one", "choose_several")  # of tasks that it is for, where it needs a client


def read() -> dict[str, Item]:
    """The pages by their file's name, as the menu lists them. Raises KeyError where a page does not state its ENTRY."""
    items = {file.stem: Item(**_stated(file.read_text(encoding="utf-8"))) for file in (ROOT / "pages").glob("*.py")}
    return dict(sorted(items.items(), key=lambda entry: entry[1].place))


def _stated(code: str) -> dict:
    assigned = {
        ast.unparse(line.targets[0]): line.value for line in ast.parse(code).body if isinstance(line, ast.Assign)
    }
    return ast.literal_eval(assigned["ENTRY"])


MENU = read()
