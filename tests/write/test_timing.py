"""How long a training will take: estimated before the first, measured on the last one since."""

from __future__ import annotations

import json

import pytest

from core import settings
from core.write import base, timing
from tests.write import drafted


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path)


def trained(db, task, pairs: int, minutes: int, kind: str = "write") -> None:
    """A training that is over, as rows."""
    found = drafted.writer(db, task, live=False)
    params = json.dumps({"data": "d", "train": pairs, "base": base.PACKAGED})
    db["writers"].update(found, {"kind": kind, "params": params, "created": "2026-03-01T10:01:00+00:00"})
    job = {"task_id": task.id, "kind": "writers", "params": "{}", "dedup": str(found), "state": "done"}
    times = {"started": "2026-03-01T10:00:00+00:00", "finished": f"2026-03-01T10:{minutes:02d}:00+00:00"}
    db["jobs"].insert(job | times | {"created": times["started"]})


def test_before_the_first_training_it_is_estimated_from_tokens_and_says_so(db, task):
    few, many = (timing.expected(db, task, [90] * n) for n in (200, 2_000))
    assert few.basis == "estimated" and "estimated from some" in few.words and "3 passes" in few.words
    assert 60 < few.seconds < 600 < many.seconds < 7_200
    long = timing.expected(db, task, [900] * 200)
    assert "1 pass;" in long.words and long.seconds > few.seconds
    settings.put(db, base.SETTING, "/srv/models/mine", task)
    assert "of the model that comes with Understudy" in timing.expected(db, task, [90] * 200).words


def test_after_one_its_time_counts_and_one_that_made_no_model_does_not(db, task):
    trained(db, task, 1_000, 1, kind="retrieve")
    assert timing.expected(db, task, [90] * 500).basis == "estimated"
    trained(db, task, 1_000, 30)
    told = timing.expected(db, task, [90] * 500)
    assert (told.basis, told.seconds) == ("measured", 900)
    assert told.words == "About 15 min (measured: 1,000 pairs took 30 min here)."
