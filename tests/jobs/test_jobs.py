"""Job rows: what starting, cancelling, resuming and running one leaves in the database."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from core import database, jobs, tasks
from core.errors import InputError
from tests.jobs import job_bodies  # noqa: F401  registers the bodies


def params(tmp_path, units=5, seconds=0.0) -> dict:
    return {"folder": str(tmp_path / "units"), "units": units, "seconds": seconds}


def start_in_a_process(_: int) -> int:
    with_own_connection = database.connect()
    return jobs.start(with_own_connection, "wrong", {"button": "clicked"}).id


def test_two_clicks_make_one_job_and_other_parameters_another(db):
    first = jobs.start(db, "wrong", {"a": 1, "b": 2}, task=None)
    again = jobs.start(db, "wrong", {"b": 2, "a": 1}, task=None)
    other = jobs.start(db, "wrong", {"a": 2, "b": 2})
    assert (first.id, first.state) == (again.id, "queued")
    assert other.id != first.id
    assert [job.id for job in jobs.active(db)] == [first.id, other.id]
    assert [job.id for job in jobs.recent(db, limit=1)] == [other.id]


def test_jobs_of_clients_are_kept_apart(db):
    one, two = tasks.of(db, "One"), tasks.of(db, "Two")
    first, second = jobs.start(db, "wrong", {}, one), jobs.start(db, "wrong", {}, two)
    assert first.id != second.id
    assert [job.id for job in jobs.active(db, two)] == [second.id]
    assert [job.id for job in jobs.recent(db, one)] == [first.id]


def test_eight_processes_at_once_on_a_new_workspace_start_one_job(workspace):
    with multiprocessing.get_context("fork").Pool(8) as pool:
        ids = pool.map(start_in_a_process, range(8), chunksize=1)
    assert len(set(ids)) == 1
    assert len(jobs.recent(database.connect())) == 1


def test_a_job_taken_eight_times_at_once_runs_once(db, tmp_path):
    job = jobs.start(db, "units", params(tmp_path, units=3, seconds=0.02))
    barrier = threading.Barrier(8)

    def run():
        barrier.wait()
        jobs.run_queued(job.id)

    threads = [threading.Thread(target=run) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    ended = jobs.get(db, job.id)
    assert (ended.state, ended.result, ended.done, ended.total) == ("done", {"units": 3}, 3, 3)
    assert (tmp_path / "units" / "begun.txt").read_text().split() == ["0", "1", "2"]


def test_once_a_job_has_ended_the_same_can_be_started_again(db, tmp_path):
    first = jobs.run_here(db, "units", params(tmp_path))
    assert jobs.start(db, "units", params(tmp_path)).id != first.id


def test_cancelling_a_waiting_job_ends_it_at_once_and_resuming_queues_it(db):
    job = jobs.start(db, "wrong", {})
    jobs.cancel(db, job.id)
    cancelled = jobs.get(db, job.id)
    assert (cancelled.state, cancelled.active) == ("cancelled", False)
    jobs.run_queued(job.id)
    assert jobs.get(db, job.id).state == "cancelled"
    resumed = jobs.resume(db, job.id)
    assert (resumed.id, resumed.state, resumed.cancel_asked) == (job.id, "queued", False)


def test_cancelling_a_running_job_stops_it_between_units_and_resuming_carries_on(db, tmp_path):
    job = jobs.start(db, "units", params(tmp_path, units=120, seconds=0.01))
    thread = threading.Thread(target=jobs.run_queued, args=(job.id,))
    thread.start()
    while jobs.get(db, job.id).done < 1:
        pass
    jobs.cancel(db, job.id)
    thread.join(30)
    assert not thread.is_alive()
    cancelled = jobs.get(db, job.id)
    there = len(list((tmp_path / "units").glob("*.unit")))
    assert cancelled.state == "cancelled"
    assert cancelled.finished
    assert 0 < there == cancelled.done < 120
    jobs.resume(db, job.id)
    jobs.run_queued(job.id)
    ended = jobs.get(db, job.id)
    assert (ended.state, ended.phase_done) == ("done", there)
    assert len((tmp_path / "units" / "begun.txt").read_text().split()) == 120


def test_resuming_a_job_whose_work_was_started_anew_gives_the_new_one(db):
    old = jobs.start(db, "wrong", {})
    jobs.cancel(db, old.id)
    new = jobs.start(db, "wrong", {})
    assert new.id != old.id
    assert jobs.resume(db, old.id).id == new.id
    assert jobs.get(db, old.id).state == "cancelled"


def test_a_finished_job_is_not_resumed_and_an_unknown_one_is_named(db, tmp_path):
    done = jobs.run_here(db, "units", params(tmp_path))
    with pytest.raises(InputError, match="already done"):
        jobs.resume(db, done.id)
    with pytest.raises(InputError, match="no job 99"):
        jobs.cancel(db, 99)
    with pytest.raises(KeyError):
        jobs.start(db, "unheard of", {})


def test_wrong_input_leaves_its_own_sentence(db):
    job = jobs.start(db, "wrong", {})
    jobs.run_queued(job.id)
    failed = jobs.get(db, job.id)
    assert (failed.state, failed.error) == ("failed", "The column is missing. Choose another.")
    with pytest.raises(InputError, match="The column is missing"):
        jobs.run_here(db, "wrong", {})


def test_a_bug_leaves_one_sentence_a_traceback_in_the_log_and_nothing_half_written(db, workspace):
    job = jobs.start(db, "bug", {})
    jobs.run_queued(job.id)
    failed = jobs.get(db, job.id)
    log = workspace / "logs" / f"job-{job.id}.log"
    assert failed.state == "failed"
    assert str(log) in failed.error
    assert "Traceback" not in failed.error
    assert "ZeroDivisionError: a bug" in log.read_text()
    assert db["clients"].count == 0
    with pytest.raises(ZeroDivisionError):
        jobs.run_here(db, "bug", {"again": True})


def test_run_here_reports_and_leaves_the_same_row_as_the_worker(db, tmp_path):
    heard = []
    job = jobs.run_here(db, "units", params(tmp_path), on_progress=lambda *report: heard.append(report))
    assert (job.state, job.result, job.pid) == ("done", {"units": 5}, os.getpid())
    assert heard[0] == (0, 5, "Counting", 0.0)
    assert heard[-1] == (5, 5, "Counting", 0.0)


def test_run_here_refuses_what_is_running_elsewhere_and_takes_what_waits(db):
    job = jobs.start(db, "wrong", {})
    db["jobs"].update(job.id, {"state": "running", "pid": 1, "heartbeat": database.now()})
    with jobs._owner_lock(1), pytest.raises(InputError, match=f"already running as job {job.id}"):
        jobs.run_here(db, "wrong", {})
    db["jobs"].update(job.id, {"state": "interrupted"})
    with pytest.raises(InputError, match="column is missing"):
        jobs.run_here(db, "wrong", {})
    assert jobs.get(db, job.id).state == "failed"


def test_ctrl_c_on_the_command_line_cancels_the_job(db):
    with pytest.raises(KeyboardInterrupt):
        jobs.run_here(db, "pressed", {})
    assert jobs.recent(db)[0].state == "cancelled"


def running_row(db, **values) -> jobs.Job:
    job = jobs.start(db, "wrong", {})
    db["jobs"].update(job.id, {"state": "running", "pid": os.getpid(), "heartbeat": database.now()} | values)
    return job


def gone_pid() -> int:
    return next(pid for pid in range(4_000_000, 4_100_000) if not psutil.pid_exists(pid))


@pytest.mark.parametrize("days", [-400, -1, 0, 1, 400])
@pytest.mark.parametrize("pid", [1, pytest.param(os.getpid(), id="own")])
def test_recovering_leaves_the_jobs_of_living_processes_alone_whatever_the_clock(db, pid, days):
    beat = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with jobs._owner_lock(pid, own=pid == os.getpid()):
        job = running_row(db, pid=pid, heartbeat=beat)
        jobs.recover(db)
        assert jobs.get(db, job.id).state == "running"
        with pytest.raises(InputError, match="already running"):
            jobs.run_here(db, "wrong", {})


@pytest.mark.parametrize("days", [-400, 0, 400])
def test_recovering_gives_back_the_jobs_of_dead_processes_in_their_old_places(db, days):
    job = running_row(db, pid=gone_pid(), heartbeat=(datetime.now(UTC) + timedelta(days=days)).isoformat())
    later = jobs.start(db, "wrong", {"kind": "other"})
    assert jobs.next_queued(db) == later.id
    jobs.recover(db)
    jobs.recover(db)
    assert jobs.get(db, job.id).state == "interrupted"
    assert jobs.next_queued(db) == job.id


def test_a_living_process_whose_heartbeat_stands_still_for_long_has_lost_its_job(db, monkeypatch):
    with jobs._owner_lock(1):
        job = running_row(db, pid=1)
        jobs.recover(db)
        monkeypatch.setattr(jobs, "STALE", 0.2)
        time.sleep(0.3)
        db["jobs"].update(job.id, {"heartbeat": database.now()})  # it beats: all is well
        jobs.recover(db)
        assert jobs.get(db, job.id).state == "running"
        time.sleep(0.3)
        jobs.recover(db)
        assert jobs.get(db, job.id).state == "interrupted"


def test_what_a_dead_process_of_the_same_number_left_is_given_back(db):
    job = running_row(db)
    with jobs.heartbeats(db):
        assert jobs.get(db, job.id).state == "interrupted"


def test_the_same_command_carries_on_what_a_killed_one_left_running(db, tmp_path):
    left = jobs.start(db, "units", params(tmp_path))
    db["jobs"].update(left.id, {"state": "running", "pid": gone_pid(), "heartbeat": database.now()})
    done = jobs.run_here(db, "units", params(tmp_path))
    assert (done.id, done.state) == (left.id, "done")


def test_cancelling_a_job_whose_process_is_dead_ends_it(db):
    job = running_row(db, pid=gone_pid())
    jobs.cancel(db, job.id)
    assert jobs.get(db, job.id).state == "cancelled"


def test_a_job_that_killed_its_process_three_times_at_one_point_fails_with_a_sentence(db):
    job = running_row(db, pid=gone_pid(), attempts=2)
    jobs.recover(db)
    assert jobs.get(db, job.id).state == "interrupted"
    db["jobs"].update(job.id, {"state": "running", "attempts": 3})
    jobs.recover(db)
    failed = jobs.get(db, job.id)
    assert failed.state == "failed"
    assert "3 times" in failed.error
    assert jobs.resume(db, job.id).attempts == 0


def test_a_workspace_of_the_first_schema_is_brought_up_to_date(workspace, monkeypatch):
    kept = list(database.migrations._migrations)
    monkeypatch.setattr(database.migrations, "_migrations", kept[:1])
    monkeypatch.setattr(database, "sweep", lambda db: None)  # of a table that came later
    old = database.connect()
    old.execute("insert into jobs (kind, params, dedup, state, created) values ('wrong', '{}', 'x', 'queued', 'then')")
    old.close()
    monkeypatch.setattr(database.migrations, "_migrations", kept)
    monkeypatch.setattr(database, "_migrated", set())
    assert jobs.recent(database.connect())[0].attempts == 0
