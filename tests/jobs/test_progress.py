"""What a body reports: phases, rate, spend, and never in the way of the body's own writing."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta

import pytest

from core import database, jobs
from core.errors import Cancelled
from core.jobs.progress import Interrupted, Job, NoProgress, Progress, stopping
from tests.jobs import job_bodies  # noqa: F401  registers the bodies


@pytest.fixture
def job(db) -> Job:
    jobs.start(db, "wrong", {})
    return jobs._claim(db, 1)


@pytest.fixture
def progress(db, job):
    made = Progress(db, job)
    yield made
    made.close()


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def test_rate_and_time_left_count_from_where_the_phase_began(db, job, progress):
    progress(100, 300, "Labelling")
    db["jobs"].update(job.id, {"done": 150, "phase_started": ago(10)})
    row = jobs.get(db, job.id)
    assert row.fraction == 0.5
    assert row.rate == pytest.approx(5, rel=0.05)
    assert row.seconds_left == pytest.approx(30, rel=0.05)


def test_without_a_total_or_a_first_unit_nothing_is_claimed(db, job, progress):
    progress(0, 0, "Reading")
    row = jobs.get(db, job.id)
    assert (row.fraction, row.rate, row.seconds_left) == (None, None, None)


def test_a_new_message_or_total_begins_a_phase_but_a_number_in_the_message_does_not(db, job, progress):
    progress(0, 10, "Step 1 of 2: row 905")
    began = jobs.get(db, job.id).phase_started
    progress(10, 10, "Step 1 of 2: row 1,017")
    assert jobs.get(db, job.id).phase_started == began
    progress(3, 10, "Step 2 of 2: row 1")
    row = jobs.get(db, job.id)
    assert row.phase_started > began
    assert row.phase_done == 3


def test_a_thousand_reports_cost_few_writes(db, progress):
    version = "select total_changes() as n"
    before = progress._conn.execute(version).fetchone()[0]
    started = time.monotonic()
    for number in range(1000):
        progress(number, 100_000, "Labelling")
    writes = progress._conn.execute(version).fetchone()[0] - before
    assert writes <= 2 + (time.monotonic() - started) / 0.25


def crash_and_claim(db, id: int) -> Job:
    """The worker died, another takes the job."""
    db["jobs"].update(id, {"state": "interrupted"})
    return jobs._claim(db, id)


@pytest.mark.parametrize("counting", ["what is there", "what is left"])
def test_a_job_that_gets_further_between_crashes_is_forgiven_though_fewer_phases_come_before(db, job, counting):
    for crash in range(6):
        progress = Progress(db, job)
        if crash == 0:  # done with for good, so the next starts leave it out
            progress(5, 5, "Step 1 of 2: reading")
            progress(9, 9, "Step 2 of 2: saving")
        there, more = 10 * crash, 10 if crash % 2 else 1
        for unit in range(1, more + 1):
            done, total = (there + unit, 100) if counting == "what is there" else (unit, 100 - there)
            progress._reported = 0.0
            progress(done, total, "Labelling")
        progress.close()
        assert jobs.get(db, job.id).attempts == 0
        job = crash_and_claim(db, job.id)


def test_a_job_that_does_the_same_over_and_over_is_not_forgiven(db, job):
    for crash in range(3):
        progress = Progress(db, job)
        for done in range(5):
            progress._reported = 0.0
            progress(done, 4, f"Reading row {done * 1000 + crash:,}")
        progress(0, 1, "Fitting")
        progress.close()
        assert jobs.get(db, job.id).attempts == crash
        job = crash_and_claim(db, job.id)


def test_a_later_round_is_headway_though_it_counts_from_nothing(db, job):
    for number in range(1, 4):
        progress = Progress(db, job)
        progress(1, 250, f"Round {number} of 5: Labelling")
        progress.close()
        assert jobs.get(db, job.id).attempts == 0
        job = crash_and_claim(db, job.id)


def test_money_spent_never_falls(db, job, progress):
    progress(1, 2, "Labelling", 1.5)
    progress(2, 2, "Training")
    assert jobs.get(db, job.id).spent_usd == 1.5


def test_reports_from_threads_and_inside_a_transaction_neither_wait_nor_break(db):
    started = time.monotonic()
    done = jobs.run_here(db, "writer", {})
    assert time.monotonic() - started < 10
    assert (done.result, done.spent_usd, done.message) == ({"clients": 1}, 0.5, "Tidying")


def test_a_report_is_left_out_while_somebody_else_writes_and_the_next_carries_it(db, job, progress):
    other = database.connect()
    other.execute("begin immediate")
    started = time.monotonic()
    progress(1, 10, "Labelling")
    assert time.monotonic() - started < 2
    other.execute("rollback")
    progress(10, 10, "Labelling")
    assert jobs.get(db, job.id).done == 10


def test_cancel_is_heard_by_a_report_and_by_a_check_even_while_somebody_writes(db, job, progress):
    progress(1, 10, "Labelling")
    jobs.cancel(db, job.id)
    other = database.connect()
    other.execute("begin immediate")
    time.sleep(0.3)
    with pytest.raises(Cancelled):
        progress.check()
    with pytest.raises(Cancelled):
        progress(10, 10, "Labelling")
    other.execute("rollback")


def test_a_job_lost_to_another_process_stops(db, job, progress):
    db["jobs"].update(job.id, {"pid": 1})
    with pytest.raises(Interrupted):
        progress(1, 10, "Labelling")


def test_a_process_that_ends_interrupts_its_bodies(progress):
    stopping.set()
    try:
        with pytest.raises(Interrupted):
            progress(1, 10, "Labelling")
    finally:
        stopping.clear()


def test_headway_forgives_earlier_crashes_but_repeating_the_same_units_does_not(db, job, progress):
    progress(0, 10, "Importing")
    progress(10, 10, "Importing")
    assert jobs.get(db, job.id).attempts == 0
    db["jobs"].update(job.id, {"state": "interrupted"})
    again = Progress(db, jobs._claim(db, job.id))
    again(0, 10, "Importing")
    again(10, 10, "Importing")
    assert jobs.get(db, job.id).attempts == 1
    again(0, 10, "Writing")
    again(10, 10, "Writing")
    assert jobs.get(db, job.id).attempts == 0


def test_an_error_of_the_disk_is_not_taken_for_a_lock(progress):
    progress._conn.execute("pragma query_only = on")
    with pytest.raises(sqlite3.OperationalError):
        progress(1, 10, "Labelling")


def test_nobody_watching_needs_no_job():
    quiet = NoProgress()
    quiet(1, 2, "Labelling", 0.1)
    quiet.check()
