"""A page is one file: what the menu says of it stands in the page itself."""

from __future__ import annotations

from core.settings import ROOT
from core.ui import menu

PAGE = '''"""A page of its own."""

import streamlit as st

ENTRY = {"place": 45, "section": "Teach", "name": "Mine", "icon": "star", "title": "Do mine", "sentence": "It does."}

st.write(1 / 0)
'''


def test_every_page_is_in_the_menu_by_its_own_word():
    assert set(menu.MENU) == {file.stem for file in (ROOT / "pages").glob("*.py")}
    places = [item.place for item in menu.MENU.values()]
    assert places == sorted(set(places))
    assert next(iter(menu.MENU)) == "overview"


def test_a_new_file_is_a_new_page_and_is_not_run_for_it(tmp_path, monkeypatch):
    folder = tmp_path / "pages"
    folder.mkdir()
    for file in (ROOT / "pages").glob("*.py"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "mine.py").write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(menu, "ROOT", tmp_path)
    read = menu.read()
    assert [key for key in read if key not in menu.MENU] == ["mine"]
    order = list(read)
    assert order[order.index("mine") - 1] == "teacher" and read["mine"].title == "Do mine"
