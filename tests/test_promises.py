"""The promises in small: some bad files at some doors, attacks on some pages, an import killed. tests/bench/promises.py has all."""

from __future__ import annotations

import sqlite3

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from tests.bench import promises
from tests.promised import attacks, bad_files, doors, files, kills
from tests.promised.bad_files import Bad


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """The workspace behind the doors."""
    home = tmp_path_factory.mktemp("doors") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        doors.workspace()
    return home


@pytest.mark.parametrize("door", ["assets", "voice guide", "images"])
def test_bad_files_are_refused_in_a_sentence_or_taken_with_every_row_accounted_for(door, filled, tmp_path):
    (tmp_path / "made").mkdir()
    count = len(bad_files.KINDS) // 3
    found = list(files.tried([door], bad_files.made(tmp_path / "made", count, seed=7), filled, tmp_path))
    assert [one for one in found if one.broken] == []
    assert len(found) == count and any(one.said for one in found)


def test_what_breaks_a_promise_at_a_door_is_seen(filled, tmp_path, monkeypatch):
    """The watching itself: a traceback, rows that vanish, a half-written refusal, memory, a death and a wait have their words."""

    def half(db, path):
        db.execute("delete from import_problems")
        db.execute("update assets set text = 'x'")
        db.conn.commit()
        raise InputError("Refused.", "Nothing.")

    broken = {
        "bug": (lambda db, path: 1 / 0, "ZeroDivisionError"),
        "rows": (lambda db, path: (3, 2), "3 rows in, 2 accounted for"),
        "half": (half, "refused, and yet written: assets"),
        "death": (lambda db, path: files.os._exit(9), "the process died"),
        "wait": (lambda db, path: files.time.sleep(60), "no answer within"),
        "memory": (lambda db, path: len(bytearray(300_000_000)) and None, "MB of memory"),
    }
    for name, (behave, said) in broken.items():
        monkeypatch.setitem(doors.DOORS, name, behave)
        monkeypatch.setattr(files, "MOST_MEGABYTES", 200 if name == "memory" else 2_000)
        monkeypatch.setattr(files, "MOST_SECONDS", 2 if name == "wait" else 300)
        assert said in files.one(name, Bad("none", tmp_path), filled, tmp_path).broken


def test_an_import_killed_is_whole_or_absent(tmp_path):
    found = list(kills.killed({"importing": 1}, 3, tmp_path))
    assert [one.broken for one in found] == [""] * 2
    assert kills.shared_out(50).keys() == kills.WORK.keys() and sum(kills.shared_out(50).values()) == 50


def test_a_damaged_workspace_is_seen(filled, tmp_path, monkeypatch):
    files.shutil.copytree(filled, tmp_path / "home")
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    assert kills.unsound(tmp_path / "home") == ""
    with sqlite3.connect(tmp_path / "home" / "understudy.db") as db:
        db.execute("update assets set import_id = 999 where id = 1")
    assert "understudy.db" in kills.unsound(tmp_path / "home")


def test_forged_addresses_of_a_page_come_to_nothing(filled, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(filled))
    (found,) = attacks.attacked(["taxonomy"], {}, ("another client",), ("Northwind", "Southgate"))
    assert found.tried >= 5 and found.broken == ""
    assert attacks.another(attacks.opened("taxonomy", {"client": "Southgate"})), "it is there to be seen"


def app(text: str) -> AppTest:
    return AppTest.from_string(f"import streamlit as st\nst.markdown({text!r})", default_timeout=60).run()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("markup", "see **evil**"),
        ("markup", "see [it](http://evil.example)"),
        ("turned text", "evil \u202e"),
        ("braces", "evil 49"),
        ("another client", attacks.THEIRS),
    ],
)
def test_what_a_page_may_not_show_is_seen(kind, text):
    bad, fine = (attacks.Page("vendor", app(one)) for one in (text, "evil as it is"))
    assert attacks.CHECKS[kind](bad) and not attacks.CHECKS[kind](fine)


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("formulas", "a.csv", b"id,text\n1,=1+1\n"),
        ("formulas", "a.csv", "id\n\uff1d1+1\n".encode()),
        ("formulas", "a.html", b"<img src=x onerror=1>"),
        ("paths", "../a.csv", b""),
        ("another client", "a.csv", attacks.THEIRS.encode()),
    ],
)
def test_what_a_download_may_not_hold_is_seen(kind, name, data):
    page = attacks.Page("vendor", AppTest.from_string(""), [("fine.csv", b"id,text\n-1,'=1+1\n")])
    assert not attacks.CHECKS[kind](page)
    page.downloads.append((name, data))
    assert attacks.CHECKS[kind](page)


def test_the_table_has_a_line_for_each_kind_of_work(tmp_path, capsys):
    lines = list(promises._said(promises.kills(0, 1, tmp_path)))
    assert [line.what for line in lines] == list(kills.WORK) and "| importing |" in capsys.readouterr().out
