"""Work in a thread of its own: what it returns, raises and finds set."""

import threading
from contextvars import ContextVar

import pytest

from core.apart import apart

SET = ContextVar("set", default="nothing")


def test_each_work_has_a_thread_of_its_own_that_ends_with_it():
    kept = threading.local()

    def spoil() -> str:
        before, kept.value = getattr(kept, "value", "fresh"), "spoilt"
        return before

    before = threading.active_count()
    assert [apart(spoil) for _ in range(3)] == ["fresh"] * 3
    assert threading.active_count() == before


def test_it_hands_on_arguments_what_is_set_and_what_is_raised():
    token = SET.set("by the caller")
    assert apart(lambda one, *, two: (one, two, SET.get()), 1, two=2) == (1, 2, "by the caller")
    SET.reset(token)
    with pytest.raises(ZeroDivisionError):
        apart(lambda: 1 / 0)
