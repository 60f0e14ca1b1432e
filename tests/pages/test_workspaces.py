"""A workspace in which something is wrong: a sentence and status 2 from every command, a sentence on every page, no traceback."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from core import __main__ as cli
from core import database, settings, tasks
from core.errors import InputError
from core.train import registry
from tests.full_disks import fill, small_disk
from tests.test_main import call

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def command(*arguments: str, before: tuple[str, ...] = ()) -> str:
    """What a command of its own process says on stderr; it must end with status 2 and without a traceback."""
    line = [*before, sys.executable, "-m", "core", *arguments]
    ran = subprocess.run(line, cwd=settings.ROOT, env=os.environ.copy(), capture_output=True, text=True, timeout=200)
    assert ran.returncode == 2 and "Traceback" not in ran.stderr, ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr
    return ran.stderr


# --- the workspace itself -----------------------------------------------------------------------------------------


def a_file(home: Path) -> None:
    shutil.rmtree(home)
    home.write_text("a file")


def in_a_file(home: Path) -> None:
    a_file(home)
    os.environ["UNDERSTUDY_HOME"] = str(home / "workspace")


def garbage(home: Path) -> None:
    for file in home.glob("understudy.db*"):
        file.unlink()
    (home / "understudy.db").write_bytes(os.urandom(50_000))


def truncated(home: Path) -> None:
    with (home / "understudy.db").open("r+b") as file:
        file.truncate(20_000)


def holed(home: Path) -> None:
    with (home / "understudy.db").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(120_000))


def of_a_newer_version(home: Path) -> None:
    with closing(sqlite3.connect(home / "understudy.db")) as db, db:
        db.execute("insert into _sqlite_migrations (migration_set, name, applied_at) values ('understudy', 'm999', '')")


def of_another_program(home: Path) -> None:
    (home / "understudy.db").unlink()
    with closing(sqlite3.connect(home / "understudy.db")) as db, db:
        db.execute("create table songs (name text)")


def a_folder(home: Path) -> None:
    (home / "understudy.db").unlink()
    (home / "understudy.db").mkdir()


FAULTS: dict[Callable[[Path], None], str] = {
    a_file: "is no folder",
    in_a_file: "is no folder",
    garbage: "is damaged",
    truncated: "is damaged",
    holed: "is damaged",
    of_a_newer_version: "newer version of Understudy",
    of_another_program: "another program",
    a_folder: "cannot be opened",
}


@pytest.fixture
def used(workspace, monkeypatch) -> Path:
    """A workspace that somebody has used and left."""
    with closing(database.connect()) as db:
        tasks.of(db, "Acme")
        db.execute("pragma wal_checkpoint(truncate)")
    monkeypatch.setattr(database, "_migrated", set())
    monkeypatch.setenv("UNDERSTUDY_HOME", str(workspace))
    return workspace


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_is_wrong_with_a_workspace_is_a_sentence_on_page_and_command_line(used, capsys, open_page, fault):
    fault(used)
    assert FAULTS[fault] in command("students")
    files = ["--taxonomy", str(settings.SAMPLE / "taxonomy.csv"), "--assets", str(settings.SAMPLE / "assets.csv")]
    for arguments in (["jobs"], ["ledger"], ["connections"], ["distil", *files]):
        assert cli.main(arguments) == 2 and FAULTS[fault] in capsys.readouterr().err, arguments
    for key in ("overview", "connections"):
        app = open_page(key)
        assert FAULTS[fault] in app.error[0].value.replace("\\", "") and len(app.error) == 1, key


@pytest.mark.skipif(not shutil.which("setpriv") or os.name == "nt" or os.geteuid() != 0, reason="needs root")
def test_a_workspace_that_can_only_be_read_is_said(used, tmp_path, monkeypatch):
    home = Path("/tmp") / f"understudy-read-only-{os.getpid()}"  # pytest's own folders are closed to others
    shutil.copytree(used, home)
    try:
        if subprocess.run([*NOBODY, sys.executable, "-c", "import numpy"], capture_output=True).returncode:
            pytest.skip("nobody may run this Python")
        monkeypatch.setenv("UNDERSTUDY_HOME", str(home))
        home.chmod(0o755)
        assert f"{home} can only be read" in command("students", before=NOBODY)
        assert f"{home} can only be read" in command("connections", "--remove", "A", before=NOBODY)
        assert "cannot be read or written with the rights" in command("worker", before=NOBODY)
        home.chmod(0o700)
        assert "cannot be opened or written" in command("students", before=NOBODY)
    finally:
        shutil.rmtree(home)


def test_on_a_full_disk_commands_say_so_and_pages_open(workspace, capsys, open_page):
    with small_disk(workspace) as disk, closing(database.connect()) as db:  # held open, as the worker does
        tasks.of(db, "Acme")
        fill(disk)
        assert call(capsys, "students", "--client", "Acme")[0] == 0
        files = ["--taxonomy", str(settings.SAMPLE / "taxonomy.csv"), "--assets", str(settings.SAMPLE / "assets.csv")]
        status, _, err = call(capsys, "distil", *files)
        assert status == 2 and "disk is full" in err, err
        for key in ("overview", "assets", "connections"):
            open_page(key)


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [300, 10_000])
def test_names_of_any_length_are_taken_or_refused_in_a_sentence_one_can_read(db, capsys, length, tmp_path):
    name = "n" * length
    tasks.of(db, "Acme")
    for arguments in (
        ["distil", "--taxonomy", "t.csv", "--assets", "a.csv", "--client", name],
        ["students", "--client", name],
        ["students", "--client", "Acme", "--live", name],
        ["connections", "--add", name, "--kind", "openai", "--model", "m"],
        ["connections", "--add", "A", "--kind", "openai", "--model", name],
        ["connections", "--test", name],
        ["distil", "--client", "Acme", "--taxonomy", name, "--assets", name],
        ["score", "--client", "Acme", "--input", name, "--output", name],
        ["label", "--client", "Acme", "--teacher", f"recorded:{name}"],
        ["sample", "--rows", "5", "--to", str(tmp_path / name)],
        ["taxonomy", "--client", "Acme", "--file", str(tmp_path / name)],
    ):
        try:
            status = cli.main(arguments)
        except SystemExit as ended:
            status = ended.code
        err = capsys.readouterr().err
        assert status == 2 and "Traceback" not in err, arguments[:2]
        assert all(len(line) < 1200 for line in err.splitlines()), err[-3000:]


def test_a_sentence_never_drowns_in_a_name():
    error = InputError(f"There is no {'x' * 5000}.", "a b " * 2000, where="/tmp/" + "y" * 400)
    assert len(str(error)) < 3000 and "There is no xxx" in str(error) and "…" in error.where
    assert InputError("Short and whole.").what == "Short and whole."


# --- a damaged student --------------------------------------------------------------------------------------------


def missing(file: Path) -> None:
    file.unlink()


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x04
    file.write_bytes(content)


def other_json(file: Path) -> None:
    file.write_text("[1]")


DAMAGES = (missing, half, flipped, other_json)


@pytest.fixture
def student(judged_small, workspace, db) -> Path:
    """The folder of the small client's student, put to work."""
    id = registry.all_students(db, judged_small)[0]["id"]
    registry.set_live(db, id)
    return registry.folder_of(db, id)


@pytest.mark.parametrize("name", ["config.json", "linear/vocabulary.json", "linear/linear.safetensors"])
def test_a_damaged_student_answers_nobody_and_every_command_says_why(student, capsys, tmp_path, name):
    (tmp_path / "in.csv").write_text("text\nbig discount today\n", encoding="utf-8")
    sound = (student / name).read_bytes()
    for damage in DAMAGES:
        (student / name).unlink(missing_ok=True)
        (student / name).write_bytes(sound)
        damage(student / name)
        for arguments in (
            ["classify", "--text", "big discount"],
            ["score", "--input", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")],
            ["export", "--to", str(tmp_path / "student.zip")],
            ["serve", "--port", "0"],
        ):
            status, out, err = call(capsys, *arguments, "--client", "Small")
            assert status == 2 and ("damaged" in err or "missing" in err) and not out, (damage, arguments, err)
    assert not (tmp_path / "out.csv").exists() and not (tmp_path / "student.zip").exists()
    for arguments in (["students"], ["compare"], ["report", "--to", str(tmp_path / "report.html")]):
        assert call(capsys, *arguments, "--client", "Small")[0] == 0, arguments  # its figures are of what it was


@pytest.mark.parametrize(
    ("name", "damage"), [("config.json", missing), ("config.json", other_json), ("linear/linear.safetensors", half)]
)
def test_pages_open_beside_a_damaged_student_and_say_what_is_wrong(student, open_page, name, damage):
    damage(student / name)
    for key in ("student", "compare", "deploy"):
        open_page(key)
    app = open_page("try_one")
    app.text_area(key="try-text").set_value("big discount today")
    next(button for button in app.button if button.label == "Ask student and teacher").click().run()
    assert not app.exception and any("damaged" in said.value or "missing" in said.value for said in app.error)
