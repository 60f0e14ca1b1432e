"""The scorer learned from decisions: its promise, its use in drafting, what is said of it."""

from __future__ import annotations

import json

import numpy as np

from core import settings
from core.database import now
from core.write import drafting, scorer, training
from core.write.drafting import Draft
from core.write.scorer import Decided
from tests.bench import scorer_promise
from tests.write import drafted


def decided(count: int, seed: int = 0, writer_id: int = 1, rate: float = 4.0) -> list[Decided]:
    """Decisions on briefs of their own; a draft is approved the likelier, the higher its gain."""
    dice = np.random.default_rng(seed)
    gains = dice.normal(1, 1.5, count)
    likely = 1 / (1 + np.exp(-rate * gains))
    return [
        Decided(writer_id, f"brief {n}", {"gain": gain, "length": 3.0}, bool(dice.random() < chance), f"{n:05d}")
        for n, (gain, chance) in enumerate(zip(gains.tolist(), likely))
    ]


def test_a_bar_is_proven_on_briefs_kept_aside_and_only_of_this_student():
    made = scorer.learn(decided(400), 1, 0.9)
    assert made.bar is not None and made.learned + made.proven == 400 and 0.2 < made.handled <= 1
    low, high = made.likely([{"gain": -2.0}, {"gain": 3.0}])
    assert low < 0.2 < 0.9 < high and scorer.below(made, low) and not scorer.below(made, high)
    other = scorer.learn(decided(400), 2, 0.9)
    assert other.bar is None and other.proven == 0 and other.more, (
        "what another student wrote proves nothing of this one"
    )
    assert scorer.learn(decided(199), 1, 0.9) is None
    assert scorer.learn(decided(400, rate=0.0), 1, 0.9).bar is None, "features that tell nothing prove nothing"


def test_the_promise_holds_in_made_up_worlds():
    told = scorer_promise.promise(12, decisions=300, drafts=1, target=0.7)
    assert told["proven"] > 0 and told["broken"] <= 0.1


def test_drafts_stand_in_the_scorers_order_and_none_may_be_good_enough():
    made = scorer.learn(decided(400), 1, 0.9)
    drafts = [Draft(f"Draft {n}", f"Draft {n}", (), 1, {"gain": gain}) for n, gain in enumerate((-2.0, 4.0, 2.5))]
    told = drafting.scored(drafts, made)
    assert [one.text for one in told] == ["Draft 1", "Draft 2", "Draft 0"] and [one.passed for one in told] == [
        True,
        True,
        False,
    ]
    assert "too few drafts like it" in told[2].findings[-1].why and not any(
        d.passed for d in drafting.scored(drafts[:1], made)
    )
    assert drafting.scored([], made) == []


def test_decisions_of_desk_and_blind_test_teach_and_pages_say_how_many_more(db, tmp_path):
    task = drafted.task(db, tmp_path)
    writer = drafted.writer(db, task)
    row = training.find(db, task)
    assert "200 more decisions" in scorer.sentence(db, row) and scorer.of(db, row) is None
    reviewed = decided(300, writer_id=writer)
    for n, one in enumerate(reviewed):
        text, brief = f"Copy {n}", one.brief
        scorer.remember(db, row, brief, [(text, one.features)])
        if n % 10:
            draft = drafted.draft(db, task, writer, text, brief)
            done = {
                "draft_id": draft,
                "decision": "approved" if one.approved else "rejected",
                "reviewer": "Ann",
                "created": now(),
            }
            db["draft_decisions"].insert(done | {"text": None, "kept": None, "pair_id": None})
        else:
            place = {
                "task_id": task.id,
                "writer_id": writer,
                "place": n,
                "seed": 0,
                "against": "approved",
                "draft_left": 1,
            }
            pair = (
                db["blind_pairs"]
                .insert(place | {"brief": brief, "draft": text, "other": "Other", "created": now()})
                .last_pk
            )
            answers = ("left" if one.approved else "neither", "right")  # the second one does not count
            for reviewer, answer in zip(("Ann", "Bob"), answers):
                db["blind_answers"].insert({"pair_id": pair, "reviewer": reviewer, "answer": answer, "created": now()})
    back = {one.brief: one.approved for one in scorer.decisions(db, task.id)}
    assert back == {one.brief: one.approved for one in reviewed}
    made = scorer.of(db, row)
    assert made.bar is not None and "proven on" in scorer.sentence(db, row)
    assert "above the bar" in training.verdict_of(training.find(db, task)).reason
    stored = db.execute("select decisions, scorer from draft_scorers").fetchone()
    settings.put(db, scorer.TARGET, 0.7, task)
    assert scorer.of(db, row).target == 0.7 and scorer.of(db, row).bar <= made.bar
    settings.put(db, scorer.TARGET, 0.8, task)
    assert stored[0] == 300 and scorer.of(db, row) == made == scorer.Scorer(**json.loads(stored[1]))
