"""A page looks into a file in a process of its own: whatever the file is, the app stays small and answers."""

from __future__ import annotations

import random
import threading
import time
import zipfile

import psutil
import pytest

from core.errors import InputError
from core.ingest import previews
from core.ingest.files import ReadAs
from tests.ingest.test_workbooks import TABLE, by_hand, saved


def test_a_preview_apart_says_what_one_here_says(tmp_path):
    path = saved(tmp_path / "ünï code.xlsx", Jan=TABLE, Feb=[["Werbetext", "Latenz"], ["neue Schuhe", "1"]])
    assert previews.preview_apart(path) == previews.preview(path)
    assert previews.preview_apart(path, ReadAs(sheet="Feb")).columns == ["Werbetext", "Latenz"]
    for content in (b"", b"id,text\n", b"\x89PNG\r\n\x1a\n" + bytes(9)):
        path = tmp_path / "a.csv"
        path.write_bytes(content)
        with pytest.raises(InputError) as here:
            previews.preview(path)
        with pytest.raises(InputError) as apart:
            previews.preview_apart(path)
        assert vars(here.value) == vars(apart.value)


def test_the_limits_of_time_and_memory_are_told(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.xlsx", Jan=TABLE)
    monkeypatch.setattr(previews, "SECONDS", 0.01)
    with pytest.raises(InputError, match="To look into the file takes more than"):
        previews.preview_apart(path)


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
        assert previews.preview_apart(tmp_path / "b.xlsx").columns == ["text"]
    finally:
        done.set()
        watcher.join()
    assert most[0] - before < 20_000_000
