"""Commands on any console: one that lacks letters, one that nobody reads any more, and names that would steer it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from core import jobs, settings, tasks, terminal
from tests.jobs import job_bodies  # noqa: F401  registers the bodies

NAME = "Żółw – 東京 👟"


def command(*arguments: str, encoding: str = "utf-8", **streams) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "core", *arguments]
    env = os.environ | {
        "PYTHONIOENCODING": encoding,
        "PYTHONUNBUFFERED": "",
    }  # what is not flushed fails at the very end
    return subprocess.run(line, cwd=settings.ROOT, env=env, timeout=300, **streams)


@pytest.fixture
def unread():
    """A pipe whose reader has gone, as `| head -1` leaves it."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_that_lacks_letters_shows_the_others(db, encoding):
    client = tasks.of(db, NAME)
    jobs.start(db, "writer", {}, task=client)
    said = command("jobs", encoding=encoding, capture_output=True)
    assert (said.returncode, said.stderr) == (0, b"") and b"w ? ?? ?" in said.stdout.replace(b"\x96", b"?")
    said = command("students", "--client", "東京", encoding=encoding, capture_output=True)
    assert (said.returncode, said.stdout) == (2, b"")
    assert said.stderr.startswith(b"There is no client ??.") and b"Traceback" not in said.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["taxonomy", "--help"], ["jobs"], ["jobs", "--json"]])
def test_a_reader_who_has_read_enough_is_no_failure(db, unread, arguments):
    jobs.start(db, "writer", {}, task=tasks.of(db, NAME))
    said = command(*arguments, stdout=unread, stderr=subprocess.PIPE)
    assert (said.returncode, said.stderr) == (0, b"")


def test_a_status_stays_what_it_is_where_nobody_reads_the_sentence(db, unread):
    assert command("students", "--client", "Nobody", stdout=unread, stderr=unread).returncode == 2


def test_work_goes_on_where_nobody_reads_its_progress(judged_small, workspace, tmp_path, unread):
    (tmp_path / "in.csv").write_text("id,text\n1,deal off save\n2,flights beach hotel\n")
    arguments = ["score", "--client", "Small", "--student", "1", "--input", str(tmp_path / "in.csv")]
    said = command(*arguments, "--output", str(tmp_path / "out.csv"), stdout=subprocess.PIPE, stderr=unread)
    assert said.returncode == 0 and b"2" in said.stdout
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()) == 3


def test_a_name_cannot_steer_the_console(capsys):
    terminal.answer("one \x1b[2J\x1b]0;title\x07 two\r\x9b31m\nthree\tfour")
    terminal.say("\x1b[31mred")
    said = capsys.readouterr()
    assert said.out == "one \ufffd[2J\ufffd]0;title\ufffd two\ufffd\ufffd31m\nthree\tfour\n"
    assert said.err == "\ufffd[31mred\n"
