"""Agreement over all answers is told without bias by those that the teacher was asked about, which are mostly the hard ones."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.watch import served, weighted
from tests.watch.conftest import serve, traffic
from tests.watch.test_served import audit, row


def test_audits_and_fallbacks_together_say_what_all_answers_would(home):
    db, task = home
    hard = [(f"{a} {b}", la) for (a, la), (b, lb) in zip(traffic(150, 21), traffic(150, 22)) if la != lb]
    asked = [*traffic(500, seed=9), *hard]
    serve(db, task, asked, share=1.0, threshold=0.97)
    everything = weighted.of_live(db, task)
    assert everything.value == pytest.approx(everything.naive) and everything.n == everything.answers
    values, naive, covered = [], [], 0
    for draw in range(12):
        served.erase(task.client_id)
        serve(db, task, asked, share=0.2, threshold=0.97, seed=draw)
        found = weighted.of_live(db, task)
        values.append(found.value)
        naive.append(found.naive)
        covered += found.low <= everything.value <= found.high
        assert found.effective <= found.n < everything.n
    error = np.std(values) / len(values) ** 0.5
    assert abs(np.mean(values) - everything.value) < max(3 * error, 0.005)
    assert np.mean(naive) < everything.value - 0.01 and covered >= 10


def test_a_text_that_comes_often_stands_for_each_time_it_came(workspace):
    rows = [row("often", chance=0.5)] * 4 + [row("once", chance=0.5), row("hard", handled=False, chance=1.0)]
    audits = [audit("often", chance=0.5), audit("hard", chance=1.0, handled=False, teacher="B")]
    with closing(served.answers(1)) as file:
        served.write(file, rows, audits)
        found = weighted.asked(file, 1, 1)
    assert found.weights.tolist() == pytest.approx([4 / (1 - 0.5**4), 1.0]) and found.totals.tolist() == [1, 5]


def test_nothing_is_said_where_handled_answers_were_never_checked(home):
    db, task = home
    serve(db, task, traffic(60), share=0.0, threshold=0.9)
    assert weighted.of_live(db, task) is None


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(1, 100)), min_size=1, max_size=40),
    st.integers(1, 1000),
    st.integers(1, 1000),
)
def test_an_estimate_is_a_share_within_its_interval_and_worth_no_more_than_its_rows(rows, fell, handled):
    right, of, w = (np.array(column) for column in zip(*rows))
    found = weighted.estimate(right.astype(float), w, of, np.array([fell, handled], float))
    if of.all() or not of.any():
        assert found is None
        return
    assert 0 <= found.low <= found.value <= found.high <= 1 and 1 <= found.effective <= len(rows)
