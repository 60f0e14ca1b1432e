"""A page looks into a file in a process of its own: whatever the file is, the app stays small and answers."""

from __future__ import annotations

import random
import threading
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from core import taxonomy
from core.assets import previews
from core.errors import InputError
from core.review import decisions
from core.tables import apart
from core.tables.files import AS_FOUND, ReadAs
from core.vendor import files
from tests.tables.test_workbooks import TABLE, by_hand, saved


def test_a_preview_apart_says_what_one_here_says(tmp_path):
    path = saved(tmp_path / "ünï code.xlsx", Jan=TABLE, Feb=[["Werbetext", "Latenz"], ["neue Schuhe", "1"]])
    assert apart.apart(previews.preview, path) == previews.preview(path)
    assert apart.apart(previews.preview, path, ReadAs(sheet="Feb")).columns == ["Werbetext", "Latenz"]
    for content in (b"", b"id,text\n", b"\x89PNG\r\n\x1a\n" + bytes(9)):
        path = tmp_path / "a.csv"
        path.write_bytes(content)
        with pytest.raises(InputError) as here:
            previews.preview(path)
        with pytest.raises(InputError) as there:
            apart.apart(previews.preview, path)
        assert vars(here.value) == vars(there.value)


def test_taxonomies_answers_and_decisions_are_read_apart_as_they_are_here(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "id,name,parent,examples\n1,Shoes,,a|b\n2,Boots,Shoes,\n2,Twice,,\n3,Disney+,,=x\n", encoding="utf-8"
    )
    assert apart.apart(taxonomy.look, path) == taxonomy.look(path)
    assert apart.apart(taxonomy.read, path, taxonomy.chosen(path, {"key": None})) == taxonomy.read(
        path, taxonomy.chosen(path, {"key": None})
    )
    read = taxonomy.read(path)
    assert apart.apart(taxonomy.read, path) == read
    stored = [taxonomy.StoredCategory(**vars(one), id=n) for n, one in enumerate(read.categories, 1)]
    path = tmp_path / "v.csv"
    path.write_text("asset,answer,latency_ms\n0143,shoes,20\n144,Odd,\n145,Boots,3\n", encoding="utf-8")
    asked = (path, [(1, "143"), (2, "144")], stored, None, frozenset({"145"}), AS_FOUND)
    assert apart.apart(files.read, *asked[:3], files.Columns("asset", "answer"), *asked[4:]).outside == 1
    path.write_text("asset,category,note\n143,Shoes,'=1\n144,,\n", encoding="utf-8")
    assert apart.apart(decisions.doubts, path) == decisions.doubts(path)
    assert apart.apart(decisions.read, path, AS_FOUND) == decisions.read(path)


def test_a_bug_in_the_other_process_stays_a_bug(tmp_path):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        apart.apart(broken, tmp_path / "a.csv")


def broken(path: Path) -> int:
    return 1 // 0


def test_the_limits_of_time_and_memory_are_told(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.xlsx", Jan=TABLE)
    monkeypatch.setattr(apart, "SECONDS", 0.01)
    with pytest.raises(InputError, match="To look into the file takes more than"):
        apart.apart(previews.preview, path)


def test_a_workbook_full_of_strings_does_not_fatten_the_process_that_asks(tmp_path):
    """100 MB of shared strings, all within bounds, the last of them in the first row."""
    string = b"<si><t>" + b"word " * 5_000 + b"</t></si>"
    base = by_hand(tmp_path / "a.xlsx", "<sheetData/>", "<si><t>x</t></si>")
    with zipfile.ZipFile(base) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if "sheet1" in name:
                data = b'<worksheet><sheetData><row><c t="inlineStr"><is><t>text</t></is></c></row>'
                data += b'<row><c t="s"><v>3999</v></c></row></sheetData></worksheet>'
            if "sharedStrings" not in name:
                new.writestr(name, data)
        with new.open("xl/sharedStrings.xml", "w") as part:
            part.write(b"<sst>")
            for number in range(4_000):
                part.write(string.replace(b"<t>", b"<t>" + random.Random(number).randbytes(150).hex().encode()))
            part.write(b"</sst>")
    me, done, most = psutil.Process(), threading.Event(), [0]
    before = me.memory_info().rss

    def watch():
        while not done.is_set():
            most[0] = max(most[0], me.memory_info().rss)
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert apart.apart(previews.preview, tmp_path / "b.xlsx").columns == ["text"]
    finally:
        done.set()
        watcher.join()
    assert most[0] - before < 20_000_000
