"""Ending early: cheap members answer what they are sure of, dearer ones are not even asked about it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.train import softmax
from core.train.students import stages
from core.train.students.reading import Reading

CATEGORIES = 5


def readings(count: int, seed: int, skills: dict[str, float]) -> tuple[dict[str, Reading], np.ndarray]:
    """What members of these skills make of `count` texts, and the answers; the surer one is, the oftener it is right."""
    dice = np.random.default_rng(seed)
    answers = dice.integers(0, CATEGORIES, count)
    easy = dice.gamma(1.0, 3.0, (count, 1))
    made = {}
    for name, skill in skills.items():
        logits = dice.normal(size=(count, CATEGORIES)) + skill * easy * np.eye(CATEGORIES)[answers]
        nearness = None if name == "transformer" else dice.random(count).astype(np.float32)
        made[name] = Reading([softmax.log_softmax(logits.astype(np.float32))], nearness)
    return made, answers


def walked(made: list[stages.Stage], given: dict[str, Reading]) -> tuple[stages.Answers, dict[str, np.ndarray]]:
    """The answers, and about which texts each member was asked."""
    asked: dict[str, np.ndarray] = {}

    def ask(name: str, rows: np.ndarray) -> Reading:
        asked[name] = rows
        return given[name].take(rows)

    count = len(next(iter(given.values())).tables[0])
    return stages.walk(made, count, CATEGORIES, ask), asked


# The members in the order they are asked.
ALL = {"linear": 0.8, "embedding": 1.2, "transformer": 1.4, "large": 1.6}


def log_loss(probabilities: np.ndarray, answers: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(answers)), answers]).mean())


def test_dear_members_are_asked_about_what_the_cheap_ones_doubt_and_little_is_lost():
    given, answers = readings(8000, 0, ALL)
    made = stages.fit(given, answers)
    said, asked = walked(made, given)
    full = stages.blend([reading.tables[0] for reading in given.values()], made[-1].weights)
    assert [stage.member for stage in made] == list(ALL) == list(asked)
    sizes = [len(asked[name]) for name in ALL]
    assert sizes[0] == 8000 and sizes == sorted(sizes, reverse=True) and sizes[-1] < 4000
    whole = log_loss(full, answers)
    assert whole < log_loss(said.probabilities, answers) <= (1 + 3 * stages.LOSS) * whole
    assert (full.argmax(1) == answers).mean() - (said.best == answers).mean() < 0.002
    last = asked["large"]
    assert np.allclose(said.probabilities[last], full[last], atol=1e-6)


def test_what_holds_where_bars_were_chosen_holds_on_others_too():
    risen, lost = [], []
    for seed in range(20):
        given, answers = readings(6000, seed, {"linear": 0.8, "embedding": 1.2})
        chosen, others = np.arange(2000), np.arange(2000, 6000)
        made = stages.fit({name: one.take(chosen) for name, one in given.items()}, answers[chosen])
        rest = {name: one.take(others) for name, one in given.items()}
        said, asked = walked(made, rest)
        assert len(asked["embedding"]) < 3600
        full = stages.blend([reading.tables[0] for reading in rest.values()], made[-1].weights)
        lost.append((full.argmax(1) == answers[others]).mean() - (said.best == answers[others]).mean())
        risen.append(log_loss(said.probabilities, answers[others]) / log_loss(full, answers[others]) - 1)
    assert np.mean(risen) < stages.LOSS and np.mean(lost) < 0.001


def test_too_few_rows_prove_nothing_so_every_member_is_asked():
    given, answers = readings(40, 1, ALL)
    made = stages.fit(given, answers)
    assert [stage.bar for stage in made] == [stages.NEVER] * 3 + [0.0]
    assert all(len(rows) == 40 for rows in walked(made, given)[1].values())


def test_without_rows_to_calibrate_on_every_member_counts_alike():
    given, _ = readings(4, 2, {"linear": 1.0, "embedding": 1.0})
    made = stages.fit({name: one.take(np.zeros(0, int)) for name, one in given.items()}, np.zeros(0, int))
    said, asked = walked(made, given)
    assert made[-1].weights.tolist() == [0.5, 0.5] and len(asked["embedding"]) == 4 and not said.strange.any()


def test_a_strange_text_never_ends_early_and_only_the_last_stage_calls_it_strange():
    given, answers = readings(8000, 3, {"linear": 0.8, "embedding": 1.2})
    made = stages.fit(given, answers)
    odd = given["linear"].nearness < made[0].cut
    said, asked = walked(made, given)
    assert odd.any() and set(np.flatnonzero(odd)) <= set(asked["embedding"])
    assert set(np.flatnonzero(said.strange)) <= set(asked["embedding"])
    assert said.strange.mean() <= stages.STRANGE


@given(st.integers(0, 40), st.integers(0, 10), st.floats(0, 1), st.floats(0, 1))
def test_each_text_is_answered_by_itself(count, seed, bar, cut):
    """The answer to a text does not depend on the others, whatever bars and cuts."""
    given, _ = readings(count, seed, {"linear": 1.0, "embedding": 1.0})
    one, two = np.array([0.8]), np.array([0.4, 0.7])
    made = [stages.Stage("linear", one, "linear", cut, bar), stages.Stage("embedding", two, "embedding", cut, 0.0)]
    together, _ = walked(made, given)
    assert np.allclose(together.probabilities.sum(1), 1, atol=1e-5)
    for row in range(count):
        alone, _ = walked(made, {name: reading.take(np.array([row])) for name, reading in given.items()})
        assert np.allclose(alone.probabilities[0], together.probabilities[row], atol=1e-6)
        assert alone.strange[0] == together.strange[row]


def test_stages_are_kept_as_json_and_come_back_the_same():
    import json

    given, answers = readings(3000, 4, ALL)
    for stage in stages.fit(given, answers):
        back = stages.from_json(json.loads(json.dumps(stage.as_json())))
        assert back.weights.tolist() == pytest.approx(stage.weights.tolist()) and back.bar == stage.bar
        assert (back.member, back.judge, back.cut) == (stage.member, stage.judge, stage.cut)
