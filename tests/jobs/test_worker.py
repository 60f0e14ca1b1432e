"""The worker as a process: killed, ended, doubled, outdated; jobs survive all of it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from core import database, jobs, room, settings
from core.errors import DISK_FULL
from tests.full_disks import empty, fill, small_disk
from tests.jobs import job_bodies  # noqa: F401  registers the bodies


@pytest.fixture
def launch(workspace):
    """Starts `python -m tests.jobs.job_bodies`, a worker that knows the tests' bodies; whatever lives at the end is killed."""
    started = []

    def start(*arguments: str, ready: bool = True, **environment: str) -> subprocess.Popen:
        line = [sys.executable, "-m", "tests.jobs.job_bodies", *arguments]
        process = subprocess.Popen(line, cwd=settings.ROOT, env=os.environ | environment, stderr=subprocess.DEVNULL)
        started.append(process)
        if ready:
            wait(lambda: jobs.worker_note().get("pid") == process.pid)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait(condition, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def params(tmp_path, units: int, seconds: float) -> dict:
    return {"folder": str(tmp_path / "units"), "units": units, "seconds": seconds}


def done_units(tmp_path) -> list[str]:
    return sorted(file.stem for file in (tmp_path / "units").glob("*.unit"))


def begun(tmp_path) -> list[int]:
    return [int(number) for number in (tmp_path / "units" / "begun.txt").read_text().split()]


def test_a_click_starts_within_a_second_and_the_job_outlives_whoever_started_it(db, launch, tmp_path):
    launch()
    waited = []
    for click in range(3):
        clicked = time.monotonic()
        job = jobs.start(db, "units", params(tmp_path / str(click), 5, 0.01))
        wait(lambda job=job: jobs.get(db, job.id).state != "queued")
        waited.append(time.monotonic() - clicked)
        wait(lambda job=job: not jobs.get(db, job.id).active)
    assert min(waited) < 1
    app = "from core import database, jobs; from tests.jobs import job_bodies; jobs.start(database.connect(), 'units', {!r})"
    subprocess.run([sys.executable, "-c", app.format(params(tmp_path / "app", 5, 0.05))], cwd=settings.ROOT, check=True)
    wait(lambda: [other.state for other in jobs.recent(db)] == ["done"] * 4)


def test_killed_ten_times_a_job_loses_no_unit_and_does_none_twice(db, launch, tmp_path):
    chance = random.Random(7)
    units, kills = 400, 10
    job = jobs.start(db, "units", params(tmp_path, units, 0.01))
    for _ in range(kills):
        worker = launch()
        wait(lambda worker=worker: jobs.get(db, job.id).pid == worker.pid)
        there = len(done_units(tmp_path))
        wait(lambda there=there: len(done_units(tmp_path)) > there)  # some headway, then death at any moment
        time.sleep(chance.random() * 0.1)
        worker.kill()
        worker.wait()
        assert jobs.get(db, job.id).state == "running"
    launch()
    wait(lambda: not jobs.get(db, job.id).active)
    ended = jobs.get(db, job.id)
    assert (ended.state, ended.error, ended.done) == ("done", None, units)
    assert done_units(tmp_path) == [f"{number:05}" for number in range(units)]
    assert sorted(set(begun(tmp_path))) == list(range(units))
    assert len(begun(tmp_path)) <= units + kills  # only the unit in flight is begun again


def test_told_to_end_the_worker_leaves_its_job_interrupted_and_the_next_carries_on(db, launch, tmp_path):
    job = jobs.start(db, "units", params(tmp_path, 60, 0.03))
    for ending in (signal.SIGTERM, signal.SIGINT):
        worker = launch()
        there = jobs.get(db, job.id).done
        wait(lambda there=there: jobs.get(db, job.id).done > there)
        worker.send_signal(ending)
        assert worker.wait(20) == 0
        left = jobs.get(db, job.id)
        assert (left.state, left.attempts, left.finished) == ("interrupted", 0, None)
        assert not jobs.worker_alive()
        assert jobs.worker_note() == {}
    launch()
    wait(lambda: jobs.get(db, job.id).state == "done")
    assert begun(tmp_path) == list(range(60))


def test_a_body_that_does_not_listen_is_cut_off_and_counts_as_interrupted(db, launch):
    job = jobs.start(db, "deaf", {})
    worker = launch()
    wait(lambda: jobs.get(db, job.id).message == "Busy")
    worker.terminate()
    assert worker.wait(20) == 0
    assert (jobs.get(db, job.id).state, jobs.get(db, job.id).attempts) == ("interrupted", 0)


def test_of_two_workers_one_lives(launch):
    first = launch()
    second = launch(ready=False)
    assert second.wait(40) == 0
    assert first.poll() is None
    assert jobs.worker_alive()
    assert jobs.worker_note()["pid"] == first.pid


def test_a_job_that_kills_each_worker_ends_failed_after_three(db, launch, tmp_path):
    job = jobs.start(db, "fatal", {"folder": str(tmp_path / "deaths.txt")})
    for _ in range(3):
        worker = launch(ready=False)
        assert worker.wait(40) == -signal.SIGKILL
    launch()
    wait(lambda: jobs.get(db, job.id).state == "failed")
    assert "3 times" in jobs.get(db, job.id).error
    assert (tmp_path / "deaths.txt").read_text() == "died\n" * 3
    other = jobs.start(db, "units", params(tmp_path, 2, 0))
    wait(lambda: jobs.get(db, other.id).state == "done")


def test_the_worker_takes_over_from_a_killed_command_line(db, launch, tmp_path):
    launch()
    command = launch("here", ready=False, FOLDER=str(tmp_path / "units"))
    wait(lambda: jobs.recent(db) and jobs.recent(db)[0].done > 2)
    assert jobs.recent(db)[0].pid == command.pid
    command.kill()
    command.wait()
    wait(lambda: jobs.recent(db)[0].state == "done")
    assert done_units(tmp_path) == [f"{number:05}" for number in range(20)]
    assert len(begun(tmp_path)) <= 21


def test_jobs_that_waited_before_the_worker_and_those_that_come_are_run(db, launch, tmp_path):
    before = [jobs.start(db, "units", params(tmp_path / str(n), 1, 0)) for n in range(5)]
    launch()
    wait(lambda: all(jobs.get(db, job.id).state == "done" for job in before))
    during = jobs.start(db, "units", params(tmp_path / "during", 1, 0))
    wait(lambda: jobs.get(db, during.id).state == "done", 5)


def test_a_long_transaction_of_somebody_else_stops_neither_job_nor_worker(db, launch, tmp_path):
    launch()
    job = jobs.start(db, "units", params(tmp_path, 30, 0.05))
    wait(lambda: jobs.get(db, job.id).state == "running")
    other = database.connect()
    other.execute("begin immediate")
    wait(lambda: len(done_units(tmp_path)) == 30)
    time.sleep(2.5)  # a heartbeat and the end of the job meet the lock
    assert jobs.get(db, job.id).state == "running"
    other.execute("commit")
    wait(lambda: jobs.get(db, job.id).state == "done")
    assert jobs.worker_alive()


def test_on_a_full_disk_a_job_ends_in_words_and_carries_on_once_there_is_room(workspace, launch):
    with small_disk(workspace) as disk, closing(database.connect()) as db:
        launch()
        wait(lambda: (disk / "reserve").exists())
        for prepared in (True, False):  # with the room kept aside, and where somebody has taken that as well
            job = jobs.start(db, "blocks", params(disk / str(prepared), 40, 0.05))
            wait(lambda job=job: jobs.get(db, job.id).done > 2)
            if not prepared:
                room.give()
            fill(disk)
            if prepared:
                wait(lambda job=job: not jobs.get(db, job.id).active, 20)
            else:
                time.sleep(3)
            empty(disk)
            wait(lambda job=job: not jobs.get(db, job.id).active, 20)
            assert (jobs.get(db, job.id).state, jobs.get(db, job.id).error) == ("failed", " ".join(DISK_FULL))
            wait(lambda: (disk / "reserve").exists(), 20)
            jobs.resume(db, job.id)
            wait(lambda job=job: jobs.get(db, job.id).state == "done")
        assert jobs.worker_alive()


def test_the_app_starts_a_worker_in_the_place_of_none_and_of_an_outdated_one(workspace):
    try:
        jobs.start_worker()
        first = jobs.worker_note()["pid"]
        assert jobs.worker_alive()
        assert not jobs.worker_outdated()
        jobs.start_worker()
        assert jobs.worker_note()["pid"] == first
        note = workspace / "worker.json"
        note.write_text(json.dumps(json.loads(note.read_text()) | {"version": "of yesterday"}))
        assert jobs.worker_outdated()
        jobs.start_worker()
        assert jobs.worker_note()["pid"] != first
        assert not jobs.worker_outdated()
    finally:
        jobs.stop_worker()
    assert not jobs.worker_alive()
    assert "stopped" in Path(workspace / "logs" / "worker.log").read_text()
