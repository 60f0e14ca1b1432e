"""Files of text that people name: read, or refused in a sentence whatever they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core import plain_text
from core.errors import InputError


def test_text_comes_without_the_mark_before_it(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffKürze".encode())
    (tmp_path / "a.json").write_bytes('\ufeff{"most": 3}'.encode())
    assert plain_text.read(tmp_path / "a.txt") == "Kürze"
    assert plain_text.read_json(tmp_path / "a.json") == {"most": 3}


def pipe(path: Path) -> None:
    os.mkfifo(path)  # nobody writes to it: whoever reads it waits for ever


def large(path: Path) -> None:
    path.touch()
    os.truncate(path, 3_000_000_000)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (pipe, "no such file"),
        (Path.mkdir, "no such file"),
        (lambda path: path.symlink_to("/dev/zero"), "no such file"),
        (lambda path: path.symlink_to(path.name), "no such file"),
        (lambda path: path.write_bytes(b"\xff\xfea\0"), "no text in UTF-8"),
        (lambda path: path.write_text("{"), "no JSON: Expecting"),
        (lambda path: path.write_text(""), "no JSON: Expecting"),
        (lambda path: path.write_text('{"a": ' + "1" * 5_000 + "}"), "no JSON"),
        (lambda path: path.write_text("[" * 100_000), "less deeply nested"),
        (large, "3,000 MB, at most 20 MB"),
    ],
)
def test_what_is_no_such_file_is_refused_at_once(tmp_path, make, said):
    make(tmp_path / "a.json")
    with pytest.raises(InputError, match=said):
        plain_text.read_json(tmp_path / "a.json")
