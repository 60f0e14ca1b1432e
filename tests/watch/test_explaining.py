"""What changed in the work explains a promise, and alarms nobody."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.train.registry import set_live
from core.watch import explaining, standing
from tests.watch import lived

COUNTS = st.lists(st.integers(0, 5000), min_size=2, max_size=40)


@given(COUNTS, st.integers(0, 10**6))
def test_the_index_is_never_negative_and_symmetric(then, seed):
    other = np.random.default_rng(seed).integers(0, 5000, len(then))
    index = explaining.stability(then, other)
    assert index >= 0 and np.isclose(index, explaining.stability(other, then))
    assert explaining.stability(then, then) == 0


def test_another_mix_is_said_and_breaks_no_promise(judged_small, db):
    set_live(db, 1)
    now = time.time()
    lived.live(db, judged_small, days=14, ends=now, categories=("Sale", "Travel"), agreement=(0.99,))
    found = explaining.change(db, judged_small, now)
    assert found.index > explaining.MUCH and "changed much" in found.words
    assert {share.name for share in found.categories[:2]} <= {"Sale", "Travel", "Hiring", "Opening"}
    assert abs(found.plain[0].lately - 0.85) < 0.05
    assert standing.state(db, judged_small) == standing.HOLDS


def test_few_answers_say_nothing(judged_small, db):
    set_live(db, 1)
    lived.live(db, judged_small, days=1, a_day=150, ends=time.time())
    assert explaining.change(db, judged_small, time.time()) is None


def test_many_categories_and_few_answers_of_the_same_mix_are_no_change():
    dice = np.random.default_rng(3)
    mix = dice.dirichlet(np.full(40, 5.0))
    called = 0
    for _ in range(200):
        then, here = dice.multinomial(382, mix), dice.multinomial(214, mix)
        index, (expected, chance) = explaining.stability(then, here), explaining.by_chance(then, here)
        found = explaining.Change(214, index, expected, chance, (), ())
        called += "hardly changed" not in found.words
        assert expected < chance and (index > chance or "no more than by chance" in found.words)
    assert called <= 20, "once in twenty times, and never much more"
