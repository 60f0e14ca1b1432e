"""A client that leaves: all of it as files, then no byte of it left in the workspace, and nothing said that is not so."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import time
import zipfile
from contextlib import closing
from pathlib import Path

import keyring
import pytest

from core import __main__ as cli
from core import database, removal, removal_files, tasks
from core.deploy import tokens, watching
from core.errors import InputError
from core.keeping.archive import archive
from core.keeping.backup import backup
from core.keeping.check import check
from core.watch import served
from core.wires import connections, keys
from core.wires.wire import Params
from tests import small

MARK = "Zanzibar-marmalade"  # of what only this client has


@pytest.fixture
def db(home, store):
    with closing(database.connect()) as db:
        yield db


def holding(home: Path, mark: str = MARK) -> list[str]:
    """The files of the workspace that hold the mark, in any of their bytes or in their names."""
    found = [path for path in home.rglob("*") if path.is_file()]
    return [str(path.relative_to(home)) for path in found if mark in path.name or mark.encode() in path.read_bytes()]


def everywhere(db, home: Path) -> None:
    """Have the client's words wherever a client's words may be."""
    db.execute(f"update assets set text = '{MARK} ' || text, extra = json_object('note', '=cmd|{MARK}')")
    db.execute(f"update assets set external_id = '{MARK}-' || id")
    db.execute(
        "insert into kept_replies (client_id, key, reply, created) values (1, x'00', ?, '')", [f'{{"text": "{MARK}"}}']
    )
    db.execute("update imports set filename = ?", [f"{MARK}.csv"])
    with closing(served.answers(1)) as file:
        file.execute("update answers set text = ?", [MARK])
    for folder, name in (("uploads", "0123456789ab"), ("uploads", "looked-at"), ("output", "0123456789ab")):
        (home / folder / name).mkdir(parents=True)
        (home / folder / name / f"{MARK}.csv").write_text(MARK)
    os.utime(home / "uploads" / "looked-at", (time.time() - 7200,) * 2)
    job = {
        "input": str(home / "uploads" / "0123456789ab" / f"{MARK}.csv"),
        "output": str(home / "output" / "0123456789ab" / "x.csv"),
    }
    db.execute(
        "insert into jobs (client_id, task_id, kind, params, dedup, state, created) values (1, 2, 'score', ?, 'x', 'done', '')",
        [json.dumps(job)],
    )
    (number,) = db.execute("select max(id) from jobs").fetchone()
    (home / "logs" / f"job-{number}.log").write_text(MARK)
    keyring.set_password(keys.SERVICE, "own", "sk-one")
    keyring.set_password(keys.SERVICE, "shared", "sk-two")
    connections.save(db, 1, "Own", "openai", "m", key_source="keyring:own", params=Params())
    connections.save(db, 1, "Shared", "openai", "m", key_source="keyring:shared", params=Params())
    connections.save(db, connections.HOUSE, "House", "openai", "m", key_source="keyring:shared", params=Params())
    tokens.new(db, 1, "Newsroom")
    removal.remove_assets(db, 1, [f"{MARK}-3"])  # whose bytes are in free pages by now
    with closing(database.connect()) as other:
        task = small.fill(other, home.parent / "more", small.rows(12, seed=7), client="Elsewhere Ltd")
    assert task.client_id != 1


def test_deleted_for_good_no_byte_of_it_is_left_and_the_others_are_as_they_were(db, home):
    everywhere(db, home)
    assert {"understudy.db", "served/client-1.sqlite"} <= {path.removesuffix("-wal") for path in holding(home)}
    before = removal.of_client(db, 1)
    assert before.counts["assets"] == 119 and (before.counts["images"], before.counts["tokens"]) == (1, 1)
    assert (before.counts["keys"], before.counts["served"], before.counts["replies"]) == (1, 1, 1)
    said = removal.remove_client(db, 1)
    assert holding(home) == []
    assert "no byte of it is left there" in " ".join(said.after) and "The key own is out of" in " ".join(said.after)
    assert (
        keyring.get_password(keys.SERVICE, "own") is None and keyring.get_password(keys.SERVICE, "shared") == "sk-two"
    )
    assert db.execute("select count(*) from assets").fetchone()[0] == 12 and check(home).problems == []
    assert db.execute("select action, client, what from audit_trail order by id desc limit 1").fetchone() == (
        "delete",
        "Small",
        "Small",
    )
    assert database.fresh_id(db, "clients") == 3


def test_what_it_cannot_reach_is_said(db, home, tmp_path):
    everywhere(db, home)
    made = backup(home, tmp_path / "B.zip")
    (home / "before-restore-2026").mkdir()
    os.utime(home / "uploads" / "looked-at")
    with closing(sqlite3.connect(home / "understudy.db")) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from assets").fetchone()
        removal_files.PATIENCE_S, patience = 0.2, removal_files.PATIENCE_S
        try:
            told = " ".join(removal.remove_client(db, 1).after)
        finally:
            removal_files.PATIENCE_S = patience
    assert "The database's log still holds what was deleted" in told and "check --overwrite" in told
    assert f"Backups made before still hold it: {made.path}." in told and "before-restore-2026" in told
    assert "1 file was uploaded within the last hour" in told
    assert cli.main(["check", "--overwrite"]) == 0
    assert holding(home) == ["uploads/looked-at/Zanzibar-marmalade.csv"]


def test_a_server_that_still_runs_writes_nothing_down_of_a_client_that_was_removed(db, home):
    watch = watching.Watch(1, tasks.of_client(db, 1))
    watch._look(db)
    removal.remove_client(db, 1)
    watch.add([served.Row(1.0, 2, 1, b"x", "Sale", 0.9, True, False, "student", 0.0, 0.0, "live", MARK)])
    watch._write()
    watch._look(db)
    watch.add([served.Row(1.0, 2, 1, b"x", "Sale", 0.9, True, False, "student", 0.0, 0.0, "live", MARK)])
    watch._write()
    assert not served.path_of(1).exists() and holding(home) == []


# --- all of it as files -----------------------------------------------------------------------------------------------


def rows_of(zip: zipfile.ZipFile, name: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(zip.read(name).decode("utf-8-sig"), newline="")))


def test_all_of_a_client_is_there_as_files_without_another_word_or_a_secret(db, home, tmp_path):
    everywhere(db, home)
    secret, _ = tokens.new(db, 1, "Another")
    (hash,) = db.execute("select hash from tokens where name = 'Another'").fetchone()
    made = archive(db, 1, tmp_path / "Small.zip")
    with zipfile.ZipFile(tmp_path / "Small.zip") as zip:
        names = zip.namelist()
        assets = rows_of(zip, "assets.csv")
        assert len(assets) == 119 and assets[0]["note"] == f"'=cmd|{MARK}" and assets[0]["image"]
        assert f"images/{assets[0]['image']}.png" in names
        (folder,) = {name.split("/")[1] for name in names if name.startswith("tasks/")}
        labels = rows_of(zip, f"tasks/{folder}/labels.csv")
        assert len(labels) == 119 and labels[0]["teacher"] == "recorded:label" and labels[0]["label"]
        assert len(rows_of(zip, f"tasks/{folder}/recorded.csv")) == 119
        assert f"tasks/{folder}/taxonomy-v1.csv" in names and f"tasks/{folder}/reviews.csv" in names
        kept = {name for name in names if name.startswith(f"tasks/{folder}/students/linear-1/")}
        assert f"tasks/{folder}/students/linear-1/config.json" in kept
        assert rows_of(zip, "served.csv")[0]["text"] == MARK
        tables = {name for name in names if name.startswith("tables/")}
        assert {"tables/assets.csv", "tables/kept_replies.csv", "tables/tokens.csv", "tables/students.csv"} <= tables
        assert "hash" not in rows_of(zip, "tables/tokens.csv")[0]
        for name in names:
            data = zip.read(name)
            assert b"Elsewhere Ltd" not in data and secret.encode() not in data and hash.hex().encode() not in data, (
                name
            )
    assert made.rows["assets.csv"] == 119 and made.files == len(names)
    held = {name.removeprefix("tables/").removesuffix(".csv") for name in tables}
    owners = {"client_id", "task_id", "asset_id", "student_id"}
    ours = {name for name in db.table_names() if owners & set(db[name].columns_dict)}
    assert ours - held == {"calls"}, "a table that is forgotten (calls are ledger.csv)"


def test_the_command_writes_it_whole_or_not_at_all(home, tmp_path, capsys, monkeypatch):
    assert cli.main(["archive", "--client", "Small", "--to", str(tmp_path / "Small.zip")]) == 0
    assert "tables." in capsys.readouterr().out
    assert cli.main(["archive", "--client", "Small", "--to", str(tmp_path / "Small")]) == 2
    assert "All of a client goes into a ZIP." in capsys.readouterr().err
    before = (tmp_path / "Small.zip").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("core.keeping.archive._assets", lambda *_: (_ for _ in ()).throw(InputError("No.")))
        assert cli.main(["archive", "--client", "Small", "--to", str(tmp_path / "Small.zip")]) == 2
    assert (tmp_path / "Small.zip").read_bytes() == before and len(list(tmp_path.glob("*.zip*"))) == 1
