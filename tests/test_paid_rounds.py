"""Rounds with a teacher that is paid, over real HTTP: only what was chosen is bought, once, and never beyond the cap."""

from __future__ import annotations

import pytest

from core import jobs, rounds
from core.errors import InputError
from core.label import runs
from core.tasks import Task
from tests.label.test_hosted_run import connected, server  # noqa: F401

TEACHER = "connection:Local"


def start(db, client: Task, until: int, budget: float) -> dict:
    params = {
        "task_id": client.id,
        "teacher": TEACHER,
        "per_round": 60,
        "until": until,
        "kind": "linear",
        "method": "random",
    }
    return jobs.run_here(db, "rounds", params | {"budget_usd": budget}, client).result


def test_only_what_was_chosen_is_bought_and_once(db, tmp_path, server):  # noqa: F811
    client = connected(db, tmp_path, server, count=300)
    made = start(db, client, 2, 1.0)
    assert runs.summary(db, made["run_id"])["count"] == len(server.asked) == 120
    start(db, client, 3, 1.0)
    assert len(server.asked) == 180 and set(server.asked.values()) == {1}
    bought = {row["asset_id"] for row in db["labels"].rows}
    assert bought == {row["asset_id"] for row in db["selections"].rows}
    assert [one.labels for one in rounds.measured(db, made["run_id"])] == [60, 120, 180]


def test_the_cap_ends_the_rounds_and_a_higher_one_takes_them_on(db, tmp_path, server):  # noqa: F811
    client = connected(db, tmp_path, server, count=300)
    made = start(db, client, 1, 1.0)
    cap = 1.6 * runs.summary(db, made["run_id"])["spent_usd"]
    with pytest.raises(InputError, match="within round 2"):
        start(db, client, 4, cap)
    run = runs.summary(db, made["run_id"])
    assert run["spent_usd"] <= cap and 60 < run["count"] < 120
    start(db, client, 4, 1.0)
    assert [one.labels for one in rounds.measured(db, made["run_id"])] == [60, 120, 180, 240]
    assert len(server.asked) == 240 and set(server.asked.values()) == {1}
