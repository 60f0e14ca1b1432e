"""Folders and ZIPs: nothing outside them is read or written, nothing large is unpacked, and the rest is there."""

from __future__ import annotations

import io
import os
import random
import warnings
import zipfile

import pytest

from core.errors import InputError
from core.images import sources
from core.images.sources import Unfit


def read(path):
    """name -> bytes, or the sentence."""
    found = {}
    for entry in sources.entries(path):
        try:
            found[entry.name] = entry.read()
        except Unfit as why:
            found[entry.name] = why.what
    return found


def test_a_folder(tmp_path, monkeypatch):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a b.png").write_bytes(b"1")
    (tmp_path / "<b>.png").write_bytes(b"2")
    for junk in (".DS_Store", "Thumbs.db", "._a.png"):
        (tmp_path / junk).write_bytes(b"x")
    outside = tmp_path.parent / "secret.png"
    outside.write_bytes(b"3")
    (tmp_path / "link.png").symlink_to(outside)
    (tmp_path / "elsewhere").symlink_to(tmp_path.parent)
    monkeypatch.setattr(sources, "MAX_BYTES", 5)
    (tmp_path / "large.png").write_bytes(b"123456")
    assert read(tmp_path) == {
        "<b>.png": b"2", "deep/er/a b.png": b"1", "link.png": sources.LINK.what, "large.png": sources.TOO_LONG.what,
    }  # fmt: skip


def test_a_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ads\\one.png", b"1")
        archive.writestr("__MACOSX/ads/._one.png", b"x")
        archive.writestr("../../up.png", b"2")
        archive.writestr("/etc/root.png", b"3")
        archive.writestr("C:/win.png", b"4")
        archive.writestr("bomb.png", b"\0" * (sources.BOMB_BYTES + 1))
        archive.writestr("two.png", b"5")
    assert read(path) == {
        "../../up.png": sources.OUTSIDE.what, "/etc/root.png": sources.OUTSIDE.what, "C:/win.png": sources.OUTSIDE.what,
        "ads/one.png": b"1", "bomb.png": sources.BOMB.what, "two.png": b"5",
    }  # fmt: skip


def test_a_zip_whose_header_lies_or_whose_bytes_are_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("long.png", bytes(range(256)) * 40)
        archive.writestr("bad.png", bytes(range(256)) * 2)
    data = bytearray(path.read_bytes())
    at = data.index(b"bad.png") + len("bad.png") + 3
    data[at : at + 20] = b"\xff" * 20
    path.write_bytes(bytes(data))
    assert read(path) == {"long.png": sources.TOO_LONG.what, "bad.png": sources.BROKEN.what}


def test_what_is_no_source(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 not one")
    for name in ("a.zip", "missing"):
        with pytest.raises(InputError):
            list(sources.entries(tmp_path / name))
    assert not sources.holds_images(tmp_path / "a.zip") and sources.holds_images(tmp_path)


def test_a_zip_whose_list_lies_is_refused_or_its_files_are(tmp_path):
    """Nothing else comes of it, whichever bytes of the list of its files, or of the place where the list says it is, are wrong."""
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        for place, way in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)):
            archive.writestr(f"{place}.png", bytes(200), way)
    good, bad = (tmp_path / "good.zip").read_bytes(), tmp_path / "bad.zip"
    dice, refused = random.Random(1), 0
    for _ in range(1_000):
        data = bytearray(good)
        for _ in range(dice.choice((1, 2, 5))):
            data[dice.randrange(len(data))] = dice.choice((0, 255, dice.randrange(256)))
        bad.write_bytes(data)
        try:
            read(bad)
        except InputError:
            refused += 1
        assert sources.holds_images(bad) in (True, False)
    assert 0 < refused < 1_000


def test_a_file_without_a_name_is_listed(tmp_path):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a", b"1")
    nameless = data.getvalue()
    first = nameless.index(b"PK\x01\x02")
    listed = bytearray(nameless[first:])
    listed[28:30] = b"\0\0"
    listed[46:47] = b""
    listed[-10:-6] = (len(listed) - 22).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(nameless[:first] + listed)
    assert list(read(tmp_path / "a.zip")) == ["A file without a name"]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.zip")
    with pytest.raises(InputError, match="no such folder or ZIP"):
        read(tmp_path / "a.zip")


def test_names_of_a_zip_that_are_twice_there_links_or_in_unsaid_utf8(tmp_path):
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the name that is there twice
        archive.writestr("a.png", b"1")
        archive.writestr("a.png", b"2")
        archive.writestr("A.png", b"3")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("Fr\u00fchling.png", b"4")
    path.write_bytes(unflagged(path.read_bytes()))
    assert read(path) == {
        "a.png": b"1", "a (2).png": b"2", "A.png": b"3", "link.png": sources.LINK.what, "Fr\u00fchling.png": b"4",
    }  # fmt: skip


def unflagged(data: bytes) -> bytes:
    """A ZIP whose headers do not say that its names are UTF-8."""
    for sign, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        parts = data.split(sign)
        data = sign.join(
            [
                parts[0],
                *(one[: at - 4] + bytes([one[at - 4], one[at - 3] & ~0x08]) + one[at - 2 :] for one in parts[1:]),
            ]
        )
    return data


def test_paths_of_a_table_never_lead_out_of_its_folder_nor_through_links(tmp_path):
    (tmp_path / "table" / "deep").mkdir(parents=True)
    (tmp_path / "outside.png").write_bytes(b"0")
    (tmp_path / "table" / "deep" / "a.png").write_bytes(b"1")
    (tmp_path / "table" / "link.png").symlink_to(tmp_path / "outside.png")
    (tmp_path / "table" / "elsewhere").symlink_to(tmp_path)
    inside = str(tmp_path / "table" / "deep" / "a.png")
    cells = [
        "deep/a.png",
        "deep\\a.png",
        " deep/a.png ",
        "",
        inside,
        "../outside.png",
        str(tmp_path / "outside.png"),
        "link.png",
    ]
    cells += ["elsewhere/outside.png", "gone.png", "deep", "a\0b"]
    found = {}
    for entry in sources.named(tmp_path / "table", cells):
        try:
            found[entry.name] = entry.read()
        except Unfit as why:
            found[entry.name] = why
    assert found == {
        "deep/a.png": b"1", "deep\\a.png": b"1", inside: b"1", "../outside.png": sources.BEYOND,
        str(tmp_path / "outside.png"): sources.BEYOND, "link.png": sources.LINK, "elsewhere/outside.png": sources.LINK,
        "gone.png": sources.NO_FILE, "deep": sources.NO_FILE, "a\0b": sources.NO_FILE,
    }  # fmt: skip
