"""What was served is kept in a client's own file: all of a batch or none, once an audit, texts only as long as was said."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.watch import served
from core.watch.served import LIVE, Audit, Row

WRITING = """
import sys
from contextlib import closing
from core.watch import served
with closing(served.answers(1)) as file:
    place = 0
    while True:
        row = served.Row(float(place), 1, 1, b"x", "A", 0.9, True, False, "student", 0.0, 0.1, "live", None)
        served.write(file, [row] * 100)
        place += 1
        print(place, flush=True)
"""


def row(text: str = "a", at: float = 10.0, **more) -> Row:
    made = dict(
        at=at, task_id=1, student_id=1, hash=served.hash_of(text), category="A", confidence=0.9, handled=True, strange=False,
        answered_by="student", usd=0.0, chance=0.1, mode=LIVE, text=text,
    )  # fmt: skip
    return Row(**made | more)


def audit(text: str = "a", at: float = 10.0, **more) -> Audit:
    made = dict(
        at=at, task_id=1, student_id=1, hash=served.hash_of(text), chance=0.1, mode=LIVE, handled=True, student="A", teacher="A",
        confidence=0.9, usd=0.01, text=text,
    )  # fmt: skip
    return Audit(**made | more)


def count(table: str, client: int = 1) -> int:
    with closing(served.there(client)) as file:
        return file.execute(f"select count(*) from {table}").fetchone()[0]


def test_answers_and_audits_come_back_as_they_were_written(workspace):
    with closing(served.answers(1)) as file:
        served.write(file, [row(), row("b", category=None)], [audit()])
    assert (count("answers"), count("audits")) == (2, 1)
    assert served.there(2) is None


def test_a_text_is_audited_once_a_student_and_answered_as_often_as_it_comes(workspace):
    with closing(served.answers(1)) as file:
        served.write(file, [row(), row()], [audit(), audit(teacher="B"), audit(student_id=2)])
    assert (count("answers"), count("audits")) == (2, 2)


def test_a_batch_that_cannot_be_written_is_not_written_in_part(workspace):
    with closing(served.answers(1)) as file:
        with pytest.raises(sqlite3.Error):
            served.write(file, [row(), row(category=object())])
        served.write(file, [row()])
    assert count("answers") == 1


def test_texts_are_forgotten_when_their_time_is_over_and_the_rest_stays(workspace):
    with closing(served.answers(1)) as file:
        served.write(file, [row(at=1.0), row("b", at=20.0)], [audit(at=1.0)])
        assert served.forget(file, 10.0) == 2 and served.forget(file, 10.0) == 0
        assert [text for (text,) in file.execute("select text from answers order by at")] == [None, "b"]
    assert count("audits") == 1


def test_what_is_erased_leaves_no_byte_of_it(workspace):
    with closing(served.answers(1)) as file:
        served.write(file, [row("a text of this client")])
    served.erase(1)
    assert served.there(1) is None
    assert not any(b"a text of this client" in path.read_bytes() for path in workspace.rglob("*") if path.is_file())


def test_a_kill_loses_nothing_that_was_written(workspace):
    killed = subprocess.Popen(
        [sys.executable, "-c", WRITING],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    for line in killed.stdout:
        if (written := int(line)) >= 20:
            break
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert count("answers") >= 100 * written and count("answers") % 100 == 0


def test_what_was_written_down_of_one_task_goes_without_the_others(workspace):
    with closing(served.answers(1)) as file:
        served.write(file, [row("goes away"), row("stays", task_id=2)], [audit("goes away"), audit("stays", task_id=2)])
    served.erase_task(1, 1)
    served.erase_task(9, 1)
    assert (count("answers"), count("audits")) == (1, 1)
    kept = b"".join(path.read_bytes() for path in workspace.rglob("*") if path.is_file())
    assert b"stays" in kept and b"goes away" not in kept
