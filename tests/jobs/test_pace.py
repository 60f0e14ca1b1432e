"""One time for a whole job: from an earlier one like it, scaled to its size and to how fast this one is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import jobs
from core.jobs import pace
from core.jobs.progress import Progress
from tests.jobs import job_bodies  # noqa: F401  registers the bodies

seconds = st.floats(0.1, 1000)


@st.composite
def histories(draw):
    names = draw(st.lists(st.text("abc", min_size=1), min_size=1, max_size=8, unique=True))
    return {name: [draw(seconds), draw(st.integers(0, 1000))] for name in names}


@st.composite
def underway(draw):
    """An earlier job, how much larger and slower this one is, and the point it is at: (before, scale, phase, fraction)."""
    before = draw(histories())
    return before, draw(st.floats(0.2, 5)), draw(st.integers(0, len(before) - 1)), draw(st.floats(0, 1))


@given(underway())
def test_a_job_that_goes_as_the_earlier_one_went_ends_when_it_should(given):
    before, scale, at, fraction = given
    order = list(before)
    spans = {name: [before[name][0] * scale, before[name][1] * scale] for name in order[:at]}
    spans[order[at]] = [before[order[at]][0] * scale * fraction, before[order[at]][1] * scale]
    found = pace.of(spans, before, fraction, None)
    whole = scale * sum(taken for taken, _ in before.values())
    left = whole - sum(taken for taken, _ in spans.values())
    sized = all(total for _, total in before.values())  # without units, its size shows in its speed alone
    if sized or scale == 1:
        assert found.seconds_left == pytest.approx(left, rel=1e-6, abs=1e-6)
        assert found.share == pytest.approx(1 - left / whole, abs=1e-6)


@given(histories(), histories(), st.none() | st.floats(0, 1), st.none() | seconds)
def test_a_forecast_is_a_share_and_a_time_or_nothing(spans, before, fraction, own):
    found = pace.of(spans, before, fraction, own)
    if found is None:
        assert not set(spans) & set(before)
    else:
        assert 0 <= found.share <= 1 and 0 <= found.seconds_left < float("inf")


def test_phases_gone_by_in_another_order_are_not_waited_for():
    before = {"read": [10.0, 5], "learn": [80.0, 5], "judge": [10.0, 5]}
    found = pace.of({"judge": [1.0, 5], "learn": [40.0, 5]}, before, 0.5, None)
    assert found.seconds_left == pytest.approx(40, rel=0.3)


def test_what_a_job_spent_in_its_phases_forecasts_the_next_one_of_its_kind(db):
    def run(kind, steps):
        job = jobs.start(db, "wrong", {"kind": kind})
        job = jobs._claim(db, job.id)
        progress = Progress(db, job)
        for message, total in steps:
            for done in range(total + 1):
                progress(done, total, message)
        progress._tell()
        progress.close()
        return job.id

    steps = [("Reading", 3), ("Fold 1 of 2", 4), ("Fold 2 of 2", 4), ("Judging", 2)]
    first = run("linear", steps)
    assert list(jobs.get(db, first).spans) == [message for message, _ in steps]
    assert pace.forecast(db, jobs.get(db, first)) is None, "nothing like it has ended"
    db["jobs"].update(first, {"state": "done"})
    second = jobs.get(db, run("linear", steps[:2]))
    assert 0 < pace.forecast(db, second).share < 1
    db["jobs"].update(second.id, {"state": "failed"})
    other = jobs.get(db, run("embedding", steps[:2]))
    assert pace.forecast(db, other) is None, "another student takes another time"
