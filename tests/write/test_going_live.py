"""Versions of students that write: who goes to work, what that changes, and the way back."""

from __future__ import annotations

import json

import pytest

from core import removal, settings
from core.errors import InputError
from core.write import going_live, training, use, verdict
from core.write.training import LIVE
from tests.write import drafted
from tests.write.test_run import call


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path, 40)


def judged(writer_id: int, rows: list[tuple[str, str, list[str], bool]]) -> None:
    """What a student wrote of test briefs when it was judged."""
    folder = settings.home() / "writers" / str(writer_id)
    kept = [dict(zip(("brief", "text", "stopped", "near"), row)) for row in rows]
    (folder / "judged.json").write_text(json.dumps(kept))


def two(db, task) -> tuple[int, int]:
    """A student at work and a later one, both judged on twenty briefs of which the later one handles five more."""
    first, second = drafted.retrieving(db, task), drafted.retrieving(db, task, live=False)
    judged(
        first,
        [(f"Brief {n}", f"Old {n}", ["length"] if n < 6 else [], n == 7) for n in range(20)] + [("Mine", "x", [], 0)],
    )
    judged(
        second,
        [(f"Brief {n}", f"New {n}" if n < 10 else f"Old {n}", ["banned words"] if n < 1 else [], 0) for n in range(20)],
    )
    return first, second


def test_what_changes_is_said_by_what_was_kept_and_nothing_is_drafted(db, task, encoders, capsys, monkeypatch):
    first, second = two(db, task)
    drafted.compared(db, task, first, 3)
    monkeypatch.setattr(use, "writer_of", lambda row: pytest.fail("nothing is drafted"))
    line = ["students", "--client", "Northwind", "--task", "Slogans"]
    status, told, _ = call(capsys, *line, "--would-change", str(second))
    change = told["change"]
    assert status == 0 and (change["new"], change["old"], change["briefs"]) == (
        f"retrieve {second}",
        f"retrieve {first}",
        20,
    )
    assert (change["handled"], change["near_copies"]) == ([0.7, 0.95], [0.05, 0.0])
    assert change["gates"] == {"banned words": [0.0, 0.05], "length": [0.3, 0.0]}
    said = " ".join(change["lines"])
    assert "5 briefs more and 0 fewer" in said and "10 of the best drafts read otherwise" in said
    assert change["drafts"][0] == {
        "brief": "Brief 1", "first": "Old 1", "first_passed": False, "second": "New 1", "second_passed": True,
    }  # fmt: skip
    status, told, _ = call(capsys, *line)
    assert [(row["id"], row["live"]) for row in told["students"]] == [(str(second), False), (str(first), True)]
    assert told["students"][0]["handled"]["value"] == 0.9 and told["students"][0]["whole"]


def test_one_goes_live_and_the_one_before_comes_back(db, task, encoders, capsys):
    first, second = two(db, task)
    line = ["students", "--client", "Northwind", "--task", "Slogans"]
    status, told, _ = call(capsys, *line, "--go-live", str(second))
    assert status == 0 and training.find(db, task)["id"] == second and told["change"]["briefs"] == 20
    assert use.write(db, task, "Norden, soap")["student"] == str(second)
    told = call(capsys, *line, "--roll-back")[1]
    assert training.find(db, task)["id"] == first
    assert [row["writer_id"] for row in told["history"]] == [first, second, first]
    status, _, said = call(capsys, *line, "--roll-back")
    assert status == 2 and "No other student was live before" in said and training.find(db, task)["id"] == first
    for option, words in (
        (["--go-live", "99"], "no student 99"),
        (["--delete", str(second)], "not deleted one by one"),
    ):
        status, _, said = call(capsys, *line, *option)
        assert status == 2 and words in said
    (settings.home() / "writers" / str(second) / "config.json").unlink()
    with pytest.raises(InputError, match="files of retrieve"):
        going_live.go_live(db, task, second)
    db["writers"].update(second, {"refused": "It mixes up who did what."})
    with pytest.raises(InputError, match="mixes up"):
        going_live.go_live(db, task, second)
    removal.remove_task(db, task)
    assert not db["writer_promotions"].count and not db["writers"].count


def test_without_briefs_in_common_each_is_said_alone_and_what_speaks_against_it_too(db, task, encoders):
    first, second = drafted.retrieving(db, task), drafted.retrieving(db, task, live=False)
    db["writers"].update(second, {"params": json.dumps({"data": "e", "train": 20, "base": "b"})})
    change = going_live.change(db, task, second)
    assert change.briefs == 0 and "cannot be counted" in change.lines[0] and len(change.lines) == 3
    assert "learned from 20 pairs" in change.warnings[0]
    assert "already" in going_live.change(db, task, first).lines[0]
    db["writers"].update(first, {"live": 0})
    assert "would be the first" in going_live.change(db, task, second).lines[0]


def test_a_later_student_waits_unless_it_is_to_go_live(db, task, encoders):
    def outcome(kind: str, writer_id: int, go_live: bool) -> dict:
        row = training.find(db, task, writer_id)
        return training._outcome(db, task, {kind: row}, {}, go_live)

    first, second = (drafted.retrieving(db, task, live=False) for _ in range(2))
    assert outcome("write", first, False) | {"students": []} == {
        "students": [], "chosen": str(first), "live": str(first), "ruled_out": {},
        "verdict": {**vars(training.verdict_of(training.find(db, task, first)))},
    }  # fmt: skip
    assert training.verdict_of(training.find(db, task, first)).decision == verdict.DRAFTS
    later = outcome("write", second, False)
    assert (later["chosen"], later["live"]) == (str(second), str(first))
    assert outcome("write", second, True)["live"] == str(second)
    assert LIVE.before_live(db, task) == first
