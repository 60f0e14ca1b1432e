"""The blind test: a range that holds whenever somebody looks, results in words, sides by chance, and the verdict by it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import database, removal, settings
from core.errors import InputError
from core.write import blind, blind_pairs, pairs, training, verdict
from tests.test_main import call
from tests.write import drafted

RUNS, LOOKS = 2_000, 300


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path)


@pytest.fixture
def writer(db, task):
    found = drafted.writer(db, task)
    drafted.compared(db, task, found, 60)
    return found


def side(db, item: blind.Item, whose: str) -> str:
    return "left" if (item.left.startswith("Draft: ")) == (whose == "student") else "right"


def judge(db, writer_id: int, reviewer: str, whose: str, count: int) -> None:
    """So many answers of a reviewer: for the student, the other, both or neither."""
    task = drafted.tasks.get(db, db["writers"].get(writer_id)["task_id"])
    for _ in range(count):
        item = blind.next_item(db, task, writer_id, reviewer)
        blind.answer(db, item.id, reviewer, whose if whose in blind.ANSWERS else side(db, item, whose))
    db.conn.commit()


def ever(share: float, excluded, half: float = 0.0, seed: int = 7) -> float:
    """The share of RUNS in which a look after any comparison, up to LOOKS of them, finds the range `excluded`. `half`: so many
    comparisons are ties, which leave the mean score where it is."""
    dice = np.random.default_rng(seed)
    ranges = {}
    found = 0
    for _ in range(RUNS):
        scores = np.where(dice.random(LOOKS) < half, share, (dice.random(LOOKS) < share).astype(float))
        totals = np.cumsum(scores)
        for n, total in enumerate(totals, 1):
            total = min(round(float(total), 6), n)
            if (total, n) not in ranges:
                ranges[total, n] = excluded(*blind.anytime(total, n))
            if ranges[total, n]:
                found += 1
                break
    return found / RUNS


def test_a_false_winner_is_named_in_few_of_2_000_runs_looked_at_after_every_comparison():
    """Measured: 2,000 runs of 300 comparisons each, a look after every one of them."""
    winner = ever(0.5, lambda low, high: low > 0.5 or high < 0.5)
    ties = ever(0.5, lambda low, high: low > 0.5 or high < 0.5, half=0.5)
    let_through = ever(0.4, lambda low, high: blind.outcome(low, high, 0.1) == blind.NOT_WORSE)
    print(f"false winners {winner:.2%}, with ties {ties:.2%}; not worse at the margin {let_through:.2%}")
    assert 0 < winner <= 0.05 and ties <= 0.05 and let_through <= 0.05


def test_a_true_difference_is_found_soon():
    dice = np.random.default_rng(3)
    needed = []
    for _ in range(200):
        total, n = 0, 0
        while blind.anytime(total, n)[0] <= 0.5:
            total, n = total + (dice.random() < 0.7), n + 1
        needed.append(n)
    assert np.median(needed) <= 70


@given(st.integers(0, 400), st.floats(0, 1))
def test_the_range_holds_the_share_and_no_more_than_all(n, share):
    low, high = blind.anytime(share * n, n)
    assert 0 <= low <= (share if n else 0.5) + 1e-6 and (share if n else 0.5) - 1e-6 <= high <= 1
    again = blind.anytime(n - share * n, n)
    assert again == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_a_score_that_none_can_have_is_refused():
    with pytest.raises(ValueError):
        blind.anytime(3, 2)


def test_the_forecast_of_comparisons_settles_it():
    for score, n, margin in ((0, 0, 0.1), (30, 60, 0.1), (10, 60, 0.1), (40, 60, 0.2)):
        more = blind.more_to_settle(score, n, margin)
        share = (score + 5) / (n + 10)
        assert blind.outcome(*blind.anytime(score + share * more, n + more), margin) != blind.OPEN
    assert blind.more_to_settle(400, 1_000, 0.1) is None


def test_sides_and_order_are_drawn_by_chance_and_the_seed_is_kept(db, task):
    ids = [drafted.writer(db, task, live=False) for _ in range(3)]
    for one, seed in zip(ids, (1, 1, 2)):
        drafted.compared(db, task, one, 100, seed)
    sides = [
        [row["draft_left"] for row in db.query(f"select * from blind_pairs where writer_id = {one}")] for one in ids
    ]
    assert sides[0] == sides[1] != sides[2] and 30 < sum(sides[0]) < 70
    assert {row["seed"] for row in db.query("select seed from blind_pairs where writer_id = ?", [ids[2]])} == {2}
    first, other = (blind_pairs._briefs(db, task, 0, seed) for seed in (1, 2))
    assert first != other and sorted(map(repr, first)) == sorted(map(repr, other))
    assert {one.split for one in first} == {"test"}


def test_a_student_drafts_for_briefs_of_the_test_and_carries_on_where_it_stopped(db, task, encoders, small_base):
    settings.put(db, "base_model", str(small_base), task)
    training.train(db, task, "retrieve")
    there = {one.brief: one.copy for one in pairs.load(db, task) if one.split == "test"}

    def kill(done: int, total: int, message: str) -> None:
        if done >= blind_pairs.AT_ONCE:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blind_pairs.draw(db, task, "live", 20, kill)
    first = list(db.query("select * from blind_pairs order by place"))
    assert 0 < len(first) <= blind_pairs.AT_ONCE and {row["seed"] for row in first} == {0}
    found = blind_pairs.draw(db, task, "live", 1_000)
    rows = list(db.query("select * from blind_pairs order by place"))
    assert rows[: len(first)] == first and found["pairs"] == len(rows) == len({row["brief"] for row in rows})
    assert all(there[row["brief"]] == row["other"] for row in rows) and found["left_out"] < len(there)
    assert [row["place"] for row in rows] == list(range(len(rows)))
    if len(rows) == len(there):
        with pytest.raises(InputError, match="in it already"):
            blind_pairs.draw(db, task, "live")


def test_two_reviewers_share_every_fifth_pair_and_each_pair_counts_once(db, task, writer):
    judge(db, writer, "Ana", "student", 20)
    assert blind.counts(db, task, writer, "Ana") == (40, 20)
    assert blind.counts(db, task, writer, "Ben") == (44, 0)
    judge(db, writer, "Ben", "other", 4)
    found = blind.result(db, task, writer)
    assert (found.n, found.score, found.shared, found.agreed) == (20, 1.0, 4, 0)
    assert "0 of 4 pairs" in blind.agreed_words(found)
    judge(db, writer, "Ben", "other", 40)
    assert blind.next_item(db, task, writer, "Ben") is None
    assert blind.next_item(db, task, writer, "Ana") is not None  # every fifth pair
    assert blind.result(db, task, writer).n == 60


def test_an_answer_is_kept_once_and_can_be_taken_back(db, task, writer):
    item = blind.next_item(db, task, writer, "Ana")
    blind.answer(db, item.id, " Ana ", "left", 1.5)
    blind.answer(db, item.id, "Ana", "right")
    with database.connect() as other:
        rows = other.execute("select answer, reviewer, seconds from blind_answers").fetchall()
    assert rows == [("left", "Ana", 1.5)]
    assert blind.undo(db, task, writer, "Ana") and not blind.undo(db, task, writer, "Ana")
    assert blind.next_item(db, task, writer, "Ana") == item
    with pytest.raises(InputError, match="name"):
        blind.answer(db, item.id, " ", "left")
    with pytest.raises(ValueError):
        blind.answer(db, item.id, "Ana", "perhaps")


def test_results_in_words_and_what_the_client_makes_of_ties(db, task, writer):
    found = blind.result(db, task, writer)
    assert (found.outcome, found.score, found.low, found.high) == (blind.OPEN, 0.5, 0.0, 1.0)
    assert blind.sentence(found).startswith("Not settled yet: its drafts beside approved copy. About ")
    judge(db, writer, "Ana", "student", 10)
    judge(db, writer, "Ana", "both", 22)
    judge(db, writer, "Ana", "other", 3)
    judge(db, writer, "Ana", "neither", 5)
    found = blind.result(db, task, writer)
    assert found.score == (10 + 11 + 2.5) / 40 and found.outcome == blind.OPEN
    settings.put(db, "blind_test", {"margin": 0.2, "both": 1.0, "neither": 0.0}, task)
    found = blind.result(db, task, writer)
    assert found.score == 32 / 40 and found.outcome == blind.NOT_WORSE and found.better
    assert blind.sentence(found).startswith("Not worse than approved copy by more than the margin of 20 %")
    assert "30 % was asked for" in blind.sentence(found)
    settings.put(db, "blind_test", {"both": 0.0, "neither": 0.0}, task)
    db["blind_answers"].delete_where("answer = 'left' or answer = 'right'")
    assert blind.sentence(blind.result(db, task, writer)).startswith("Worse than approved copy")


def test_the_teachers_drafts_are_compared_apart(db, task):
    found = drafted.writer(db, task)
    first = blind_pairs._briefs(db, task, found, 0)[0]
    drafted.draft(db, task, None, "What the teacher wrote", first.brief, "teacher")
    blind_pairs.put(db, task, found, [(first, "Draft: one")], 0)
    assert blind.sentence(blind.result(db, task, found, "teacher")).startswith(
        "Not settled yet: its drafts beside the teacher's"
    )
    judge(db, found, "Ana", "student", 2)
    assert blind.result(db, task, found).n == blind.result(db, task, found, "teacher").n == 1


def test_only_a_settled_blind_test_lets_a_student_write_alone(db, task, writer):
    assert training.verdict_of(training.find(db, task)).decision == verdict.DRAFTS
    judge(db, writer, "Ana", "both", 12)
    said = training.verdict_of(training.find(db, task))
    assert said.decision == verdict.DRAFTS and "Not settled yet" in said.reason
    judge(db, writer, "Ana", "student", 40)
    said = training.verdict_of(training.find(db, task))
    assert said.decision == verdict.ALONE and "Not worse than approved copy" in said.reason
    few = drafted.writer(db, task, live=False, handled={"value": 0.2, "low": 0.1, "high": 0.3, "n": 100})
    drafted.compared(db, task, few, 60)
    judge(db, few, "Ana", "student", 60)
    assert training.verdict_of(training.find(db, task, few)).decision == verdict.NOT_YET
    worse = drafted.writer(db, task, live=False)
    drafted.compared(db, task, worse, 60)
    judge(db, worse, "Ana", "other", 60)
    said = training.verdict_of(training.find(db, task, worse))
    assert said.decision == verdict.DRAFTS and "Worse than approved copy" in said.reason


def test_the_command_says_how_it_stands(db, task, capsys):
    found = drafted.writer(db, task)
    status, _, err = call(capsys, "blind", "--client", "Northwind")
    assert status == 2 and "nothing to compare yet" in err
    drafted.compared(db, task, found, 60)
    judge(db, found, "Ana", "student", 60)
    status, out, err = call(capsys, "blind", "--client", "Northwind", "--task", "Slogans", "--margin", "0.05", "--json")
    assert status == 0, err
    told = json.loads(out)
    assert told["results"][0]["outcome"] == blind.NOT_WORSE and told["verdict"]["decision"] == verdict.ALONE
    assert told["results"][0]["margin"] == 0.05 == blind.rules_of(db, task).margin
    status, out, _ = call(capsys, "blind", "--client", "Northwind")
    assert status == 0 and "Not worse than approved copy by more than the margin of 5 %" in out
    status, _, err = call(capsys, "blind", "--client", "Northwind", "--margin", "0.7")
    assert status == 2 and "0.7" in err


def test_a_client_goes_with_its_blind_tests(db, task, writer):
    judge(db, writer, "Ana", "student", 3)
    drafted.draft(db, task, writer, "A line")
    removal.remove_client(db, task.client_id)
    assert not db["blind_answers"].count and not db["blind_pairs"].count and not db["drafts"].count
