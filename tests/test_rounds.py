"""Labels in rounds."""

from __future__ import annotations

import numpy as np
import pytest

from core import jobs, rounds, taxonomy
from core.errors import Cancelled, InputError
from core.evaluate.agreement import Share
from core.label import labelling, runs
from core.tasks import Task
from core.train.students.stages import Answers
from tests import small

TEACHER = "recorded:label"


def start(db, client: Task, until: int, progress=None, **more) -> dict:
    params = {"task_id": client.id, "teacher": TEACHER, "per_round": 60, "until": until, "kind": "linear", **more}
    return jobs.run_here(db, "rounds", params, client, progress).result


def splits_of(db, ids: list[int]) -> list[str]:
    return [db["assets"].get(one)["split"] for one in ids]


@pytest.fixture
def client(db, tmp_path, encoders) -> Task:
    return small.fill(db, tmp_path, small.rows(600))


def test_each_round_labels_what_was_chosen_and_is_measured(db, client):
    made = start(db, client, 3)
    done = rounds.measured(db, made["run_id"])
    assert [one.labels for one in done] == [60, 120, 180]
    assert runs.summary(db, made["run_id"])["count"] == 180
    assert all(
        (one.train, one.calibration, one.test) == (0.6 * one.labels, 0.2 * one.labels, 0.2 * one.labels) for one in done
    )
    assert all(one.agreement.n == one.test for one in done) and done[-1].agreement.value > 0.7
    assert db["students"].get(made["student"])["ready"]


def test_what_calibrates_and_tests_was_drawn_before_any_label_and_is_never_chosen(db, client):
    made = start(db, client, 2)
    drawn = dict(db.execute("select id, split from assets"))
    assert None not in drawn.values()
    start(db, client, 4)
    assert dict(db.execute("select id, split from assets")) == drawn
    every = [one for number in range(1, 5) for one in rounds.chosen(db, made["run_id"], number)]
    for split in ("test", "calibration"):
        mine = {one for one in every if drawn[one] == split}
        pool = sorted((one for one in drawn if drawn[one] == split), key=lambda one: _lot(db, one))
        assert mine == set(pool[: len(mine)])  # the first so many in an order by chance


def _lot(db, asset_id: int) -> float:
    from core.chance import chance

    return chance(db["assets"].get(asset_id)["external_id"])


def test_the_choice_rests_on_bought_labels_alone(db, client):
    made = start(db, client, 1)
    first = rounds.choose(db, client, made["run_id"], 60)
    db.execute("delete from selections where number = 2")
    db.execute("delete from rounds where number = 2")
    # Whatever the labels not bought yet say, and those that only test, the choice is the same.
    db.execute("update recordings set label = 'Sale' where asset_id not in (select asset_id from labels)")
    db.execute(
        """update labels set category_id = (select min(category_id) from labels)
           where asset_id in (select id from assets where split = 'test')"""
    )
    db.conn.commit()
    assert rounds.choose(db, client, made["run_id"], 60) == first


def test_what_the_student_doubts_comes_first(db, client):
    made = start(db, client, 1)

    def doubts_beaches(texts: list[str]) -> Answers:
        likely = [[0.5, 0.49, 0.01] if "beach" in text else [0.98, 0.01, 0.01] for text in texts]
        return Answers(np.array(likely), np.zeros(len(texts), bool))

    chosen = rounds.choose(db, client, made["run_id"], 60, student=doubts_beaches)
    train = [db["assets"].get(one) for one in chosen]
    beaches = np.mean(["beach" in row["text"] for row in train if row["split"] == "train"])
    everywhere = np.mean(["beach" in row["text"] for row in db["assets"].rows])
    held = np.mean(["beach" in row["text"] for row in train if row["split"] != "train"])
    assert beaches > 0.5 > 2 * everywhere and held < 2 * everywhere + 0.1


def test_killed_between_choosing_and_labelling_it_labels_what_was_chosen(db, client):
    start(db, client, 1)
    run_id = rounds.run_of(db, client, TEACHER)
    chosen = rounds.choose(db, client, run_id, 60)
    start(db, client, 2)
    assert sorted(rounds.chosen(db, run_id, 2)) == sorted(chosen)
    assert [one.labels for one in rounds.measured(db, run_id)] == [60, 120]


def test_under_a_new_taxonomy_rounds_begin_anew(db, client):
    run = db["label_runs"].insert(
        {"task_id": client.id, "taxonomy_id": taxonomy.latest(db, client), "teacher": TEACHER, "started": "2026-01-01"}
    )
    db["rounds"].insert({"run_id": run.last_pk, "number": 1, "method": "doubt", "created": "2026-01-01"})
    assert rounds.run_of(db, client, TEACHER) == run.last_pk
    taxonomy.save(db, client, [taxonomy.Category("Contest", "Contest")], "next.csv")
    assert rounds.run_of(db, client, TEACHER) is None


def test_cancelled_it_carries_on_and_buys_nothing_twice(db, client):
    def stop(done, total, message, spent):
        if message.startswith("Round 2") and "Training" in message:
            db.execute("update jobs set cancel_asked = 1 where state = 'running'")

    with pytest.raises(Cancelled):
        start(db, client, 3, stop)
    run_id = rounds.run_of(db, client, TEACHER)
    assert 1 <= len(rounds.measured(db, run_id)) < 3
    before = set(db.execute("select asset_id, created from labels"))
    start(db, client, 3)
    assert [one.labels for one in rounds.measured(db, run_id)] == [60, 120, 180]
    after = set(db.execute("select asset_id, created from labels"))
    assert before <= after and len(after) == 180


def test_afterwards_all_the_rest_can_be_labelled_and_the_splits_stay(db, client):
    made = start(db, client, 1)
    drawn = dict(db.execute("select id, split from assets"))
    labelling.label(db, client, TEACHER)
    assert runs.summary(db, made["run_id"])["count"] == 600
    with pytest.raises(InputError, match="nothing left"):
        for table in ("rounds", "selections"):  # as if it had never been labelled in rounds
            db.execute(f"delete from {table}")
        start(db, client, 1)
    assert dict(db.execute("select id, split from assets")) == drawn


def test_it_stops_when_everything_is_labelled(db, tmp_path, encoders):
    client = small.fill(db, tmp_path, small.rows(150))
    made = start(db, client, 20, method="random")
    assert made["rounds"] == 3 and runs.summary(db, made["run_id"])["count"] == 150


def test_copies_are_bought_once(db, tmp_path, encoders):
    rows = small.rows(200)
    copies = [row | {"id": f"C{row['id']}"} for row in rows[:50]]
    client = small.fill(db, tmp_path, rows + copies)
    made = start(db, client, 10, method="random")
    chosen = [one for number in range(1, 11) for one in rounds.chosen(db, made["run_id"], number)]
    groups = [db["assets"].get(one)["group_id"] for one in chosen]
    assert len(groups) == len(set(groups)) == rounds.measured(db, made["run_id"])[-1].labels == 200


def test_splits_of_the_file_are_kept(db, tmp_path, encoders):
    rows = [row | {"split": "test" if i % 5 == 0 else "train"} for i, row in enumerate(small.rows(400))]
    client = small.fill(db, tmp_path, rows)
    made = start(db, client, 2)
    found = dict(db.execute("select external_id, split from assets"))
    assert all((found[row["id"]] == "test") == (row["split"] == "test") for row in rows)
    assert rounds.measured(db, made["run_id"])[-1].calibration == 24


def test_rounds_too_small_are_refused(db, client):
    with pytest.raises(InputError, match="at least 50"):
        start(db, client, 1, per_round=10)


def curve_of(agreements: list[float], test: int = 400) -> list[rounds.Round]:
    sizes = [100 * 2**i for i in range(len(agreements))]
    return [
        rounds.Round(
            i + 1, "doubt", "linear", 2 * n, n, n // 2, test, Share(a, a - 0.02, a + 0.02, test, test), 1.0, ""
        )
        for i, (n, a) in enumerate(zip(sizes, agreements))
    ]


def test_the_forecast_follows_a_power_law():
    # error 0.4 * (n / 100) ** -0.5: 0.11 at 1,322 training assets, which take twice as many labels
    done = curve_of([1 - 0.4 * 2 ** (-0.5 * i) for i in range(4)], test=100_000)
    said = rounds.reach(done, 0.89)
    assert not said.reached and said.labels == pytest.approx(2645, rel=0.03) and said.low <= said.labels <= said.high
    assert f"will take about {said.labels:,} labels" in said.sentence
    assert rounds.reach(done, 0.99).labels is None
    assert rounds.reach(done[:2], 0.9) is None


def test_a_target_needs_test_assets_and_the_rounds_before():
    rising = [0.80, 0.86, 0.90, 0.93]
    assert rounds.reach(curve_of(rising), 0.90).reached
    assert not rounds.reach(curve_of(rising, test=50), 0.90).reached
    assert not rounds.reach(curve_of([0.80, 0.81, 0.82, 0.91]), 0.90).reached  # one lucky round


def test_a_reached_target_ends_the_rounds(db, client):
    made = start(db, client, 10, target=0.6, per_round=180)
    assert made["reached"] and made["rounds"] == 3
