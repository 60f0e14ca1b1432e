"""Files that are whole or absent, and draws that are the same every time."""

from __future__ import annotations

import os
import threading

import pytest

from core.chance import chance
from core.commands import report
from core.whole import whole, write_whole
from tests.test_main import call


def test_a_file_is_the_old_one_or_the_new_one_whole(tmp_path):
    path = tmp_path / "out.csv"
    write_whole(path, "old\r\n")
    with pytest.raises(ZeroDivisionError), whole(path) as aside:
        aside.write_text("half of the n")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old\r\n" and os.listdir(tmp_path) == ["out.csv"]
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    write_whole(link, b"new")
    assert link.is_symlink() and path.read_bytes() == b"new"


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_whole(pipe, "said")
    reader.join(10)
    assert read == ["said"] and pipe.is_fifo()


def test_a_report_that_cannot_be_made_leaves_the_one_before(judged_small, db, capsys, tmp_path, monkeypatch):
    file = tmp_path / "report.csv"
    line = ("report", "--client", "Small", "--student", "1", "--to", str(file))
    assert call(capsys, *line)[0] == 0
    before = file.read_bytes()

    def full(path, content):
        with whole(path) as aside:
            aside.write_bytes(content[:100])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "write_whole", full)
    status, _, err = call(capsys, *line)
    assert status == 2 and "disk is full" in err.lower() and file.read_bytes() == before


def test_a_draw_is_by_name_alone_and_even():
    drawn = [chance(name) for name in range(4000)]
    assert drawn == [chance(str(name)) for name in range(4000)] and all(0 <= one < 1 for one in drawn)
    assert all(900 < sum(low <= one < low + 0.25 for one in drawn) < 1100 for low in (0, 0.25, 0.5, 0.75))
