"""The queue: what it carries, and what a wrong address says."""

from __future__ import annotations

import json
import sqlite3

import pytest

from core import queue
from core.errors import InputError


def test_numbers_wait_until_a_consumer_takes_them(workspace):
    queue.deliver(7)
    queue.deliver(8)
    assert queue.delivered() == {7, 8}
    taken = []
    huey = queue.consumer(taken.append, 1).huey
    huey.execute(huey.dequeue())
    assert (taken, queue.delivered()) == ([7], {8})


def test_messages_are_json_so_that_nothing_in_the_queue_can_run(workspace):
    queue.deliver(7)
    (data,) = sqlite3.connect(workspace / "queue.db").execute("select data from task").fetchone()
    assert json.loads(data)["args"] == [7]


def test_two_workspaces_do_not_see_each_others_jobs(workspace, tmp_path, monkeypatch):
    queue.deliver(7)
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "other"))
    assert queue.delivered() == set()


@pytest.mark.parametrize("address", ["rabbit://here", "redis://127.0.0.1:1/0", "postgresql://nobody@127.0.0.1:1/none"])
def test_an_address_that_does_not_work_is_one_sentence(workspace, monkeypatch, address):
    monkeypatch.setenv("UNDERSTUDY_QUEUE", address)
    for use in (lambda: queue.deliver(1), queue.delivered):
        with pytest.raises(InputError, match="UNDERSTUDY_QUEUE") as caught:
            use()
        assert "\n" not in str(caught.value)
