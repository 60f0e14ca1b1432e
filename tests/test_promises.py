"""The promises in small: some bad files at some doors, attacks on a page, and what watches over them. Kills, and all the rest, are
for tests/bench/promises.py."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest

from core import database
from core.errors import InputError
from tests.bench import promises
from tests.promised import attacks, bad_files, doors, files, killed, kills
from tests.promised.bad_files import Bad


@pytest.fixture(scope="module")
def filled(filled_workspace, tmp_path_factory):
    """The workspace behind the doors."""
    home = tmp_path_factory.mktemp("doors") / "home"
    shutil.copytree(filled_workspace, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        with closing(database.connect()) as db:
            doors.furnish(db)
    return home


def test_bad_files_are_refused_in_a_sentence_or_taken_with_every_row_accounted_for(filled, tmp_path):
    (tmp_path / "made").mkdir()
    open_doors, count = ("assets", "voice guide", "images", "backups"), 6
    found = list(files.tried(open_doors, bad_files.made(tmp_path / "made", count, seed=7), filled, tmp_path))
    assert [one for one in found if one.broken] == []
    assert len(found) == count * len(open_doors) and {one.door for one in found if one.said} == {*open_doors}


@pytest.mark.parametrize("of", bad_files.BACKUPS)
def test_a_bad_backup_is_refused_in_a_sentence(of, filled, tmp_path):
    bad = Bad(of, tmp_path / "B.zip")
    bad.path.write_bytes(bad_files.KINDS[of][1](random.Random(3), "backup.zip"))
    found = files.one("backups", bad, filled, tmp_path)
    assert found.said and not found.broken


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
        monkeypatch.setattr(files, "MOST_SECONDS", 1 if name == "wait" else 300)
        assert said in files.one(name, Bad("none", tmp_path), filled, tmp_path).broken


def test_a_damaged_workspace_is_seen(filled, tmp_path, monkeypatch):
    shutil.copytree(filled, tmp_path / "home")
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    assert killed.unsound(tmp_path / "home") == ""
    with sqlite3.connect(tmp_path / "home" / "understudy.db") as db:
        db.execute("update assets set import_id = 999 where id = 1")
    assert "understudy.db" in killed.unsound(tmp_path / "home")


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
    assert kills.shared_out(50).keys() == kills.WORK.keys() and sum(kills.shared_out(50).values()) == 50
