"""The drafts' desk: what people make of drafts is kept, counted by month, and learned from without touching the test."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.write import desk, pairs
from tests.write import drafted


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path)


@pytest.fixture
def writer(db, task):
    return drafted.writer(db, task)


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_words_kept_is_a_share_the_same_both_ways(one, two):
    kept = desk.words_kept(" ".join(one), " ".join(two))
    assert 0 <= kept <= 1 and (kept == 1) == (one == two) and kept == desk.words_kept(" ".join(two), " ".join(one))


def test_words_kept_counts_words_put_in_taken_out_and_exchanged():
    assert desk.words_kept("run further than you planned", "walk further than planned") == 1 - 2 / 5
    assert desk.words_kept("one", "two three") == 0 and desk.words_kept("a " * 5_000, "a " * 5_000) == 1


def test_drafts_are_decided_one_after_the_other_and_taken_back(db, task, writer):
    ids = [drafted.draft(db, task, writer, f"Line number {n}", f"Brief {n}") for n in range(4)]
    other = drafted.draft(db, task, writer, "Another line of the first brief", "Brief 0")
    assert desk.next_draft(db, task) == desk.Waiting(ids[0], "Brief 0", "Line number 0", f"write {writer}")
    desk.decide(db, ids[0], "Ana", "Line  number 0")
    assert desk.next_draft(db, task).id == ids[1] and desk.counts(db, task) == (3, 1)  # one of a brief is enough
    desk.decide(db, ids[1], "Ana", "Line number one")
    desk.decide(db, ids[1], "Ben", None)  # too late
    desk.decide(db, ids[2], "Ben", None)
    rows = [tuple(row.values()) for row in db.query("select decision, text, kept, reviewer from draft_decisions")]
    assert rows == [
        ("approved", "Line number 0", 1.0, "Ana"),
        ("edited", "Line number one", pytest.approx(2 / 3), "Ana"),
        ("rejected", None, None, "Ben"),
    ]
    assert desk.undo(db, task, "Ana") and desk.next_draft(db, task).id == ids[1]
    assert desk.undo(db, task, "Ana") and not desk.undo(db, task, "Ana")
    desk.decide(db, ids[0], "Ana", None)
    assert other in [row["id"] for row in db.query("select id from drafts")] and desk.counts(db, task) == (3, 2)
    for text, name in (("", "Ana"), ("x" * 5_000, "Ana"), ("fine", " ")):
        with pytest.raises(InputError):
            desk.decide(db, ids[3], name, text)
    assert desk.counts(db, task) == (3, 2)


def test_rates_by_month_and_writer(db, task, writer):
    for n, text in enumerate(("Line 0", "Line one", None)):
        desk.decide(db, drafted.draft(db, task, writer, f"Line {n}", f"Brief {n}"), "Ana", text)
    desk.decide(db, drafted.draft(db, task, None, "Teacher's line", "Brief 9", "teacher"), "Ana", "Teacher's line")
    db.execute("update draft_decisions set created = '2026-03-04'")
    db.execute("update pairs set written = '2026-02-11', writer = 'Ben' where id < 4")
    db.execute("update pairs set status = 'edited', copy = 'one two', first_version = 'one three' where id = 1")
    db.execute("update pairs set status = 'rejected' where id = 2")
    db.execute("update pairs set written = 'last spring' where id > 100")
    found = {(rate.month, rate.writer): rate for rate in desk.rates(db, task)}
    assert list(found)[-1] == ("2026-02", "Ben") and len(found) == 3
    student, teacher = found["2026-03", f"student: write {writer}"], found["2026-03", "teacher"]
    assert (student.approved, student.edited, student.rejected, student.kept) == (1, 1, 1, 0.75)
    assert (teacher.approved, teacher.kept) == (1, 1.0)
    ben = found["2026-02", "Ben"]
    assert (ben.approved, ben.edited, ben.rejected, ben.kept) == (1, 1, 1, 0.75)


def test_what_people_kept_is_learned_from_and_no_brief_of_the_test_with_it(db, task, writer):
    there = pairs.load(db, task)
    test = next(one for one in there if one.split == "test")
    desk.decide(db, drafted.draft(db, task, writer, "A line of its own", test.brief), "Ana", "A line of its very own")
    for n in range(30):
        words = " ".join(f"{word}{n}" for word in ("soft", "light", "slow", "clear"))
        desk.decide(db, drafted.draft(db, task, writer, words, f"{words} to be said"), "Ana", words)
    desk.decide(db, drafted.draft(db, task, writer, there[0].copy, there[0].brief), "Ana", there[0].copy)  # known
    desk.decide(db, drafted.draft(db, task, writer, "No", "Rejected brief"), "Ana", None)
    assert desk.to_learn(db, task) == 32
    assert desk.into_pairs(db, task) == 31 and desk.into_pairs(db, task) == 0 == desk.to_learn(db, task)
    assert not desk.undo(db, task, "Ana") or db["draft_decisions"].count == 32  # only the rejected one goes back
    new = pairs.load(db, task)[len(there) :]
    assert len(new) == 31 and pairs.load(db, task)[: len(there)] == there
    assert {one.split for one in new if one.brief != test.brief} == {"train"}
    [same] = [one for one in new if one.brief == test.brief]
    assert (same.split, same.group_id, same.status, same.copy) == (
        "test",
        test.group_id,
        "edited",
        "A line of its very own",
    )
    row = next(db.query("select * from pairs where id = ?", [same.id]))
    assert (row["first_version"], row["writer"]) == ("A line of its own", "Ana")
