"""A backup is whole, of one moment, without keys; restored it is the workspace it was of; what is no backup replaces nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import threading
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from core import __main__ as cli
from core import database, swap
from core.errors import InputError
from core.keeping import backup as backups
from core.keeping import contents
from core.keeping import restore as restores
from core.keeping.backup import Backup, backup, newest, remembered
from core.keeping.check import check
from core.keeping.restore import restore
from tests.full_disks import small_disk
from tests.keeping.conftest import SECRET


def rows(home: Path) -> dict[str, list]:
    """Every row of the workspace's database by table, but what is recorded of backups."""
    with closing(sqlite3.connect(home / "understudy.db")) as db:
        names = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
        names = [name for name in names if name not in ("audit_trail", "sqlite_sequence")]
        return {name: db.execute(f'select * from "{name}"').fetchall() for name in names}


def files(home: Path) -> dict[str, bytes]:
    return {one.path: (home / one.path).read_bytes() for one in contents.of(home) if not one.database}


def test_restored_it_is_the_workspace_it_was_of(home, tmp_path):
    before, kept = rows(home), files(home)
    made = backup(home, tmp_path / "B.zip")
    other = tmp_path / "other"
    put = restore(tmp_path / "B.zip", other)
    assert rows(other) == before and files(other) == kept
    assert (put.files, put.aside) == (made.files, None) and "images/1" in " ".join(kept)
    with closing(sqlite3.connect(other / "served" / "client-1.sqlite")) as file:
        assert file.execute("select text from answers").fetchall() == [("a text that was served",)]
    assert check(other).problems == [] and check(other).counts == {
        "databases": 2,
        "students": 1,
        "writers": 0,
        "images": 1,
    }


def test_no_key_no_log_and_no_lock_is_in_it(home, tmp_path):
    made = backup(home, tmp_path)
    assert Path(made.path).parent == tmp_path and list(tmp_path.glob(".*")) == []
    with zipfile.ZipFile(made.path) as archive:
        names = archive.namelist()
        assert not any(SECRET.encode() in archive.read(name) for name in names)
    assert not any(name.startswith("logs/") or name.endswith((".lock", "-wal", "-shm", ".toml")) for name in names)


def test_a_workspace_that_is_there_is_kept_aside_and_its_own_things_stay(home, tmp_path):
    made = backup(home)
    with closing(database.connect()) as db:
        db.execute("update clients set name = 'Later'")
    later = rows(home)
    put = restore(Path(made.path), home)
    with closing(database.connect()) as db:
        assert db.execute("select name from clients").fetchall() == [("Small",)]
    assert rows(Path(put.aside)) == later and (Path(put.aside) / "students").is_dir()
    assert (home / "logs" / "app.log").read_text() == "a line" and SECRET in (home / "secrets.toml").read_text()
    assert newest(home).path == made.path
    assert not any(put.aside.rpartition("/")[2] in name for name in zipfile.ZipFile(backup(home).path).namelist())


def test_while_somebody_writes_it_is_of_one_moment(home, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "PAGES", 5)
    over, wrote = threading.Event(), [0]

    def write() -> None:
        with closing(database.connect()) as db:
            while not over.is_set():
                with db.atomic():
                    db.execute(
                        "insert into removals (client_id, kind, number, name, what, created) values (1, 'a', 1, '', '', '')"
                    )
                    db.execute(
                        "insert into removals (client_id, kind, number, name, what, created) values (1, 'b', 1, '', '', '')"
                    )
                wrote[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    while not wrote[0]:
        time.sleep(0.01)
    try:
        began = wrote[0]
        backup(home, tmp_path / "B.zip")
        assert wrote[0] > began, "whoever writes does not wait"
    finally:
        over.set()
        writer.join()
    restore(tmp_path / "B.zip", tmp_path / "other")
    kinds = [row[2] for row in rows(tmp_path / "other")["removals"]]
    assert kinds.count("a") == kinds.count("b") > 0


def test_a_student_removed_meanwhile_has_the_backup_begin_anew(home, tmp_path, monkeypatch):
    copy, times = backups._copy, []

    def copying(source: Path, target: Path) -> None:
        copy(source, target)
        if source.name == "understudy.db":
            times.append(source)
            if len(times) == 1:
                with closing(database.connect()) as db:
                    path = db.execute("select path from students").fetchone()[0]
                    for table in ("predictions", "evaluations", "served_counts"):
                        if table in db.table_names():
                            db.execute(f"delete from {table}")
                    db.conn.execute("pragma foreign_keys = off")
                    db.execute("delete from students")
                gone.append(home / path)

    gone: list[Path] = []
    monkeypatch.setattr(backups, "_copy", copying)
    add = backups._add

    def adding(archive, name, source):
        if gone and gone[0].exists():
            shutil.rmtree(gone[0])
        return add(archive, name, source)

    monkeypatch.setattr(backups, "_add", adding)
    backup(home, tmp_path / "B.zip")
    assert len(times) == 2 and not any(
        name.startswith("students/") for name in zipfile.ZipFile(tmp_path / "B.zip").namelist()
    )


# --- what is no backup ----------------------------------------------------------------------------------------------


def changed(source: Path, to: Path, manifest=None, member=None, more=()) -> Path:
    """A backup with its list changed, a member's bytes changed, or members more."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "manifest.json" and manifest:
                listed = json.loads(data)
                manifest(listed)
                data = json.dumps(listed).encode()
            elif member and info.filename == member[0]:
                data = member[1](data)
            new.writestr(info.filename, data)
        for name, data in more:
            new.writestr(name, data)
    return to


def _first(listed: dict, **values) -> None:
    row = next(row for row in listed["files"] if row["path"] != "understudy.db" and "as" not in row)
    row.update(values)


def _longer(listed: dict) -> None:
    _first(listed, bytes=10**15)


def _more(path: str, **values):
    """A list with a row more, and the archive with the member it speaks of."""
    row = {"path": path, "bytes": 1, "sha256": "0" * 64} | values
    return {"manifest": lambda listed: listed["files"].append(row), "more": [] if values else [(path, b"x")]}


OUTSIDE, OTHER = "would not stay in the workspace", "not what its list says"
BAD = {
    "traversal": (_more("../x"), OUTSIDE),
    "absolute": (_more("/tmp/x"), OUTSIDE),
    "backslash": (_more("a\\..\\x"), OUTSIDE),
    "a key's file": (_more("secrets.toml"), OUTSIDE),
    "not listed": ({"more": [("students/more", b"x")]}, OTHER),
    "link to elsewhere": (_more("a", **{"as": "/etc/passwd"}), OTHER),
    "bomb": ({"manifest": _longer}, OTHER),
    "other bytes": ({"member": ("understudy.db", lambda data: data[:-1] + b"!")}, "understudy.db is not what it was"),
    "newer": ({"manifest": lambda listed: listed["migrations"].append("s999_later")}, "newer version"),
    "newer form": ({"manifest": lambda listed: listed.update(format=99)}, "newer version"),
    "no list": ({"manifest": lambda listed: listed.update(files="x")}, "no backup of Understudy"),
}


@pytest.fixture(scope="module")
def archive(made, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "B.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(made))
        backup(made, path)
    (made / "backups.json").unlink()
    return path


@pytest.mark.parametrize("which", BAD)
def test_what_is_no_sound_backup_replaces_nothing(archive, home, tmp_path, which):
    how, sentence = BAD[which]
    before = rows(home)
    bad = changed(archive, tmp_path / "bad.zip", **how)
    with pytest.raises(InputError, match=sentence):
        restore(bad, home)
    assert rows(home) == before and not list(home.glob(".ready-*")) and not list(home.glob("before-*"))


def test_files_that_are_no_zip_or_cut_off_get_a_sentence(archive, home, tmp_path):
    (tmp_path / "none.zip").write_bytes(b"PK nothing")
    (tmp_path / "cut.zip").write_bytes(archive.read_bytes()[:-1000])
    for name, sentence in (("none.zip", "no backup"), ("cut.zip", "no backup"), ("missing.zip", "no such file")):
        with pytest.raises(InputError, match=sentence):
            restore(tmp_path / name, home)


def test_declared_larger_than_the_disk_it_is_refused_before_a_byte_is_written(archive, home, monkeypatch):
    monkeypatch.setattr(restores.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1 << 20))
    with pytest.raises(InputError, match=r"needs \d+ MB and the disk has 1 MB free; nothing was replaced"):
        restore(archive, home)


def test_a_damaged_database_in_a_backup_is_found_before_anything_is_replaced(archive, home, tmp_path):
    import hashlib

    broken = bytearray(zipfile.ZipFile(archive).read("understudy.db"))
    broken[4096 * 3 : 4096 * 6] = b"\xff" * (4096 * 3)

    def listed(manifest: dict) -> None:
        next(row for row in manifest["files"] if row["path"] == "understudy.db")["sha256"] = hashlib.sha256(
            broken
        ).hexdigest()

    bad = changed(archive, tmp_path / "bad.zip", listed, ("understudy.db", lambda data: bytes(broken)))
    before = rows(home)
    with pytest.raises(InputError, match="holds a database that is damaged"):
        restore(bad, home)
    assert rows(home) == before


# --- in use, killed, full -------------------------------------------------------------------------------------------


def test_a_workspace_in_use_is_not_replaced(archive, home):
    with closing(database.connect()) as db:
        db.execute("select count(*) from clients").fetchone()
        with pytest.raises(InputError, match="A program has this workspace open; nothing was replaced"):
            restore(archive, home)
    with database_lock(home), pytest.raises(InputError, match="Understudy is running on this workspace"):
        restore(archive, home)
    assert check(home).problems == []


def database_lock(home: Path):
    from filelock import FileLock

    return FileLock(home / "worker.lock", is_singleton=False).acquire()


def killed(do, module, name: str, steps: int) -> None:
    """Do it in a process of its own, killed with -9 when `name` of the module is called once more than `steps` times."""
    child = os.fork()
    if child == 0:
        real, left = getattr(module, name), [steps]

        def dies(*args, **more):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **more)

        setattr(module, name, dies)
        try:
            do()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("module", "name", "steps", "name_then"),
    [
        (restores, "_extract", 3, "Later"),  # while it is read
        (restores, "swap", 0, "Later"),  # all is verified, nothing is replaced
        (swap.os, "replace", 1, "Small"),  # within the change: nothing is moved, the note is written
        (swap.os, "replace", 3, "Small"),
        (swap.os, "replace", 8, "Small"),
    ],
)
def test_killed_within_a_restore_it_is_the_old_workspace_or_the_new_one(archive, home, module, name, steps, name_then):
    with closing(database.connect()) as db:
        db.execute("update clients set name = 'Later'")
    killed(lambda: restore(archive, home), module, name, steps)
    with closing(database.connect()) as db:  # the next start
        assert db.execute("select name from clients").fetchone() == (name_then,)
    aside = list(home.glob("before-restore-*"))
    assert check(home).problems == [] and not (home / swap.NOTE).exists() and len(aside) == (name_then == "Small")
    if aside:
        with closing(sqlite3.connect(aside[0] / "understudy.db")) as db:
            assert db.execute("select name from clients").fetchone() == ("Later",), "nothing is lost"
    restore(archive, home)
    assert not list(home.glob(".ready-*"))


def test_killed_a_backup_leaves_what_was_there_and_the_next_one_tidies_up(home, tmp_path):
    made = backup(home, tmp_path / "B.zip")
    before = (tmp_path / "B.zip").read_bytes()
    killed(lambda: backup(home, tmp_path / "B.zip"), backups, "_add", 3)
    assert (tmp_path / "B.zip").read_bytes() == before and list(tmp_path.glob(".B.zip.*"))
    assert remembered(home) == [made]
    backup(home, tmp_path / "B.zip")
    assert not list(tmp_path.glob(".B.zip.*"))


def test_on_a_full_disk_nothing_is_left_of_a_backup_and_the_old_one_stays(home, tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk:
        (disk / "B.zip").write_bytes(b"the old one")
        (home / "uploads").mkdir()
        (home / "uploads" / "large.bin").write_bytes(os.urandom(3 << 20))
        with pytest.raises(OSError, match="No space left"):
            backup(home, disk / "B.zip")
        assert [path.name for path in disk.iterdir()] == ["B.zip"] and (disk / "B.zip").read_bytes() == b"the old one"
    assert remembered(home) == []


def test_the_newest_that_is_still_there_is_found_without_the_database(home, tmp_path):
    first, second = backup(home, tmp_path / "1.zip"), backup(home, tmp_path / "2.zip")
    (home / "understudy.db").write_bytes(b"damaged")
    assert newest(home) == second and remembered(home) == [second, first]
    (tmp_path / "2.zip").unlink()
    assert newest(home) == first
    (home / "backups.json").write_text("damaged")
    assert newest(home) is None
    (home / "backups").mkdir()
    shutil.copy(tmp_path / "1.zip", home / "backups")
    assert isinstance(newest(home), Backup) and backups.age(newest(home).made) < 3600
    assert backups.age("2999-01-01T00:00:00.000000+00:00") == 0, "a clock that was set back"


# --- check, and the commands ------------------------------------------------------------------------------------------


def test_check_says_what_is_damaged(home, capsys):
    assert cli.main(["check"]) == 0 and "All is sound." in capsys.readouterr().out
    (folder,) = (home / "students").iterdir()
    student = folder / next(iter(json.loads((folder / "config.json").read_text())["files"]))
    student.write_bytes(student.read_bytes()[:-10])
    image = next((home / "images").rglob("*.png"))
    image.write_bytes(b"not the image")
    with closing(database.connect()) as db:
        db.conn.execute("pragma foreign_keys = off")
        db.execute("update students set label_run_id = 999")
    assert cli.main(["check"]) == 2
    said = capsys.readouterr().err
    assert "of students is about a row of label_runs that is not there." in said
    assert (
        "Student 1: The student's file" in said and f"The image {image.relative_to(home).as_posix()} is damaged" in said
    )
    data = bytearray((home / "understudy.db").read_bytes())
    data[4096 * 3 : 4096 * 6] = b"\xff" * (4096 * 3)
    (home / "understudy.db").write_bytes(data)
    assert cli.main(["check"]) == 2 and "understudy.db is damaged: " in capsys.readouterr().err
    with pytest.raises(InputError, match="damaged"):
        backup(home)


def test_the_commands_back_up_and_put_back(home, tmp_path, capsys):
    assert cli.main(["backup", "--to", str(tmp_path / "B.zip"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] > 5
    assert cli.main(["restore", "--from", str(tmp_path / "B.zip"), "--to", str(tmp_path / "other")]) == 0
    assert "Put back" in capsys.readouterr().out
    assert cli.main(["backup", "--to", str(tmp_path / "nothing")]) == 2
    assert "A backup is a ZIP." in capsys.readouterr().err


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_folder_and_a_pipe_are_no_backup(tmp_path, make):
    make(tmp_path / "a.zip")
    with pytest.raises(InputError, match="no such file"):
        restore(tmp_path / "a.zip", tmp_path / "home")
