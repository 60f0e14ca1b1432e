"""Would more labels help: the law, what it promises and what it refuses to."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core import jobs, tasks
from core.errors import InputError
from core.evaluate import learning_curve as curves
from core.label.labelling import label
from core.money.economics import Assumptions, Line, Taught
from core.train import subsets
from core.words import money
from tests import small

FREE = Line("label_price", "1,000 labels", "0", 0.0, "USD", "measured")
BOUGHT = Taught(
    teacher="recorded:label", labels=8000, spent_usd=0.0, tokens_in=1000.0, tokens_out=10.0, tokens_basis="measured"
)


def curve(errors: list[float], tests: int = 4000, rows: int = 8000, seed: int = 0) -> curves.Curve:
    """A curve whose points have these errors (up to one asset of `tests`), easy assets learnt first."""
    points = [round(size) for size in np.geomspace(rows / 16, rows, 5)]
    order = np.random.default_rng(seed).permutation(tests)
    hits = np.array([order >= round(error * tests) for error in errors])
    law, draws = curves.laws(points, hits, np.arange(tests))
    agreement = [curves.share(hit) for hit in hits]
    return curves.Curve("embedding", points, agreement, law.tolist(), draws.tolist(), rows, rows, BOUGHT, 1.0, "")


def falling(floor: float, excess: float, exponent: float) -> list[float]:
    return [floor + excess * times**-exponent for times in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)]


LAWS = st.tuples(st.floats(0, 0.3), st.floats(0, 0.05), st.floats(0.05, 1.5))


@settings(max_examples=40, deadline=None)
@given(LAWS, st.integers(50, 3000), st.integers(0, 5))
def test_more_labels_never_bring_less_and_never_more_than_there_is_to_gain(law, tests, seed):
    found = curve([min(error, 1.0) for error in falling(*law)], tests, seed=seed)
    gains = [curves.gain(found, more, FREE) for more in (1, 800, 4000, 8000)]
    for one in gains:
        assert 0 <= one.low <= one.value <= one.high <= 1
        assert one.value <= curves.error(found.law, 1.0) + 1e-9
    for less, more in pairwise(gains):
        assert less.value <= more.value + 1e-12 and less.high <= more.high + 1e-12


@settings(max_examples=30, deadline=None)
@given(LAWS)
@example((0.0, 0.015625, 1.34375))  # steep: a coarse grid of exponents moves the floor
def test_the_fit_finds_the_law_that_made_the_points(law):
    points = np.geomspace(500, 8000, 5)
    errors = np.array(falling(*law))
    assume(errors.max() <= 1)
    found = curves.fit(points, errors[None], np.full(5, 0.05))
    assert curves.error(found[0], (points / 8000)) == pytest.approx(errors, abs=5e-3)
    truth = law[0] + law[1] * 2 ** -law[2]
    assert curves.error(found[0], 2.0) == pytest.approx(truth, abs=3e-3)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.003, 0.0005, 0.02, "helps"),
        (0.003, 0.0004, 0.0099, "no_help"),  # an interval from 0.0 points
        (0.00299, 0.002, 0.0099, "no_help"),
        (0.00299, 0.002, 0.01, "unclear"),
        (0.004, 0.0, 0.01, "unclear"),
        (0.0, 0.0, 0.0, "no_help"),
    ],
)
def test_the_rule_at_its_edges(value, low, high, expected):
    assert curves.outcome(curves.Gain(8000, value, low, high, None)) == expected


def test_a_flat_curve_a_steep_one_and_too_few_test_assets():
    flat, steep = falling(0.05, 0.0, 1), falling(0.03, 0.03, 0.7)
    price = Assumptions(price_as=None)
    said = curves.forecast(curve(flat), price, None)
    assert said.outcome == "no_help" and "More labels will not help" in said.sentence
    said = curves.forecast(curve(steep), price, None)
    assert said.outcome == "helps" and "another 8,000" in said.sentence
    assert [step.more for step in said.steps] == [1000, 2000, 5000, 8000]
    said = curves.forecast(curve(falling(0.2, 0.004, 0.5), tests=60), price, None)
    assert said.outcome == "unclear" and "cannot be told from 60 test assets" in said.sentence


def test_nothing_is_said_beyond_twice_the_labels():
    found = curve(falling(0.03, 0.03, 0.7))
    for more in (0, 8001):
        with pytest.raises(InputError, match="at most 8,000"):
            curves.gain(found, more, FREE)


def test_what_more_labels_cost():
    found = curve(falling(0.03, 0.03, 0.7))
    unknown = curves.forecast(found, Assumptions(price_as=None), None)
    assert unknown.twice.usd is None and "no known price" in unknown.sentence
    by_hand = curves.Price("own", "", 2.0, 10.0, None, None, None, "own price", None)
    priced = curves.forecast(found, Assumptions(), by_hand)
    assert priced.twice.usd == pytest.approx(8000 * (1000 * 2 + 10 * 10) / 1e6)
    assert f"cost {money(priced.twice.usd)}" in priced.sentence
    built_in = replace(found, taught=replace(BOUGHT, teacher="built-in"))
    assert "cost nothing" in curves.forecast(built_in, Assumptions(), by_hand).sentence
    spent = replace(found, taught=replace(BOUGHT, teacher="openai:gpt-4o-mini", spent_usd=40.0))
    assert curves.forecast(spent, Assumptions(price_as=None), None).twice.usd == pytest.approx(40.0)


def test_sizes_are_geometric_and_refuse_too_few():
    assert curves.sizes(8000, 77) == [500, 1000, 2000, 4000, 8000]
    assert curves.sizes(400, 4)[0] == 50
    assert curves.sizes(2000, 100)[0] == 200
    assert len(curves.sizes(200, 4)) == 5
    with pytest.raises(InputError, match="until there are 200"):
        curves.sizes(199, 4)


@pytest.fixture
def labelled(db, tmp_path):
    client = small.fill(db, tmp_path / "files", small.rows(480))
    return db, client, label(db, client, "recorded:label")


def test_the_curve_of_a_label_run_is_measured_kept_and_told(labelled):
    db, client, run = labelled
    assert curves.run_of(db, client) == run
    said = []
    done = jobs.run_here(
        db, "curve", {"task_id": client.id, "run_id": run, "kind": "linear"}, client, lambda *told: said.append(told)
    )
    assert done.state == "done" and any("Training on" in message for _, _, message, _ in said)
    found = curves.stored(db, run)
    assert len(found.sizes) == 5 and found.sizes[0] == 50 and found.labels == 480
    assert found.agreement[-1].value > found.agreement[0].value - 0.02
    assert not curves.outdated(db, run, found)
    told = curves.as_json(db, client, found)
    assert told["steps"][-1]["more"] == 480 and told["outcome"] in ("helps", "no_help", "unclear")
    jobs.run_here(db, "curve", {"task_id": client.id, "run_id": run, "kind": "linear"}, client)
    again = curves.stored(db, run)
    assert (again.law, again.agreement) == (found.law, found.agreement)
    db.execute("delete from labels where asset_id = (select max(asset_id) from labels)")
    assert curves.outdated(db, run, found)


def test_parts_of_the_rows_lie_within_each_other_and_the_last_is_a_whole_student(labelled, tmp_path):
    from core.train import data, students

    db, client, run = labelled
    split = data.load(db, client, run)
    texts = [row["text"] for row in small.rows(100, seed=5)]
    whole, _ = students.fit("linear", split, [str(c) for c in split.categories], tmp_path / "s", lambda *_: None)
    *_, last = subsets.answers(split, texts, "linear", [100, len(split.train.texts)], lambda *_: None)
    assert (last.best == whole.answer(texts).best).mean() > 0.98  # another order of rows, the same student


def test_no_labels_no_curve(db, tmp_path):
    client = tasks.of(db, "Empty")
    with pytest.raises(InputError, match="no labels yet"):
        curves.run_of(db, client)
    with pytest.raises(InputError, match="Choose one of: embedding, linear"):
        curves.trace(db, client, 1, "transformer")


def test_the_last_point_of_an_embedding_curve_is_the_embedding_student(labelled, tmp_path, encoders):
    from core.train import data, students

    db, client, run = labelled
    split = data.load(db, client, run)
    texts = [row["text"] for row in small.rows(100, seed=5)]
    whole, _ = students.fit("embedding", split, [str(c) for c in split.categories], tmp_path / "s", lambda *_: None)
    *_, last = subsets.answers(split, texts, "embedding", [100, len(split.train.texts)], lambda *_: None)
    assert (last.best == whole.answer(texts).best).mean() > 0.97


def test_growth_gives_the_labels_that_bring_what_is_missing_or_none():
    steep = curve(falling(0.03, 0.03, 0.7))
    twice = 0.03 * (1 - 2**-0.7)  # what another labels as many bring, by the law itself
    said = curves.growth(steep, 0.5 * twice)
    times = (1 - 0.5 * twice / 0.03) ** (-1 / 0.7)
    assert said.reach == pytest.approx(steep.labels * (times - 1), rel=0.15) and said.twice == steep.labels
    assert curves.growth(steep, 1.5 * twice).reach is None and said.most >= twice - 0.003
