from dataclasses import replace

import numpy as np
import pytest

from core import settings, tasks
from core.errors import InputError
from core.evaluate import evaluation, kept
from core.evaluate.agreement import interval
from core.evaluate.comparison import comparison, judgement
from core.evaluate.disagreements import count_disagreements, disagreements
from core.evaluate.evidence import Rules
from core.evaluate.latency import TeacherLatency
from core.label import labelling, runs
from core.money.economics import Assumptions
from core.train import ladder, registry, students
from tests import small
from tests.evaluate.conftest import insert_assets


@pytest.fixture
def judged(client):
    """400 calibration and 300 test assets; the student is wrong on every 25th and every 20th, always unsure there."""
    insert_assets(client, "train", 10, 999, start=0)
    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    return client


def at(judged, target: float):
    """The comparison by another target."""
    evaluation.change_rules(judged.db, judged.task, Rules(target=target))
    return judgement(judged.db, judged.student_id)


def test_the_figures_are_those_of_the_rows(judged):
    found = evaluation.figures_of(judged.db, judged.student_id)
    assert found.counts == {"train": 10, "calibration": 400, "test": 300}
    assert found.agreement.value == pytest.approx(285 / 300)
    assert (found.agreement.low, found.agreement.high) == pytest.approx(interval(285, 300))
    assert found.agreement_calibration.value == pytest.approx(384 / 400)
    assert found.kappa == pytest.approx(1 - 0.05 / (1 - 1 / 3), abs=0.01)
    assert {row.label: row.n for row in found.per_category} == {"Sale": 100, "Offer": 100, "Brand": 100}
    assert sum(row.count for row in found.confusions) == 15
    assert {row.teacher_label for row in found.confusions} <= {"Sale", "Offer", "Brand"}
    assert all(example.startswith("a1") for row in found.confusions for example in row.examples)
    assert found.parent_agreement.value > found.agreement.value  # Sale for Offer is within Retail
    assert found.assets_per_second > 100
    assert found.latency.n == 200
    assert found.teacher_latency == TeacherLatency(1500.0, 1500.0, 1500.0, 710, (1500.0,) * 101, "measured")
    assert set(found.throughput) == {1, 8, 64, 256} and found.cold_start_ms > 0
    assert found.asked == {"linear": 1.0}
    assert sum(count for *_, count in found.pairs) == 300
    assert sum(count for teacher, student, count in found.pairs if teacher != student) == 15
    assert (found.taught.tokens_in, found.taught.tokens_out, found.taught.tokens_basis) == (1000, 10, "measured")
    assert found.gold is None


def test_what_a_generator_made_up_is_assumed_not_measured(judged):
    judged.db.execute("update clients set synthetic = 1")
    judged.db.conn.commit()
    found = evaluation.evaluate(judged.db, judged.student_id)
    assert (found.teacher_latency.basis, found.taught.tokens_basis) == ("assumed", "assumed")
    sheet = judgement(judged.db, judged.student_id).economics
    bases = {line.key: line.basis for line in sheet.formulas}
    assert (bases["teacher"], bases["student_speed_up"]) == ("assumed", "assumed")


def test_the_cascade_is_certified_on_calibration_and_confirmed_on_test(judged):
    found = evaluation.figures_of(judged.db, judged.student_id)
    certificate = found.certificate
    assert certificate.certified
    assert certificate.n == 400
    assert 0.9 < certificate.handled < 1
    assert found.agreement_handled.value >= 0.95
    handled, agreed = found.handled.value, found.agreement_handled.value
    assert found.agreement_end_to_end == pytest.approx(handled * agreed + 1 - handled)
    assert found.curve[-1].handled == 1.0
    assert found.curve[-1].agreement == pytest.approx(0.95)


def test_evaluating_again_replaces_and_adds_nothing(judged):
    before = evaluation.figures_of(judged.db, judged.student_id)
    evaluation.evaluate(judged.db, judged.student_id)
    after = evaluation.figures_of(judged.db, judged.student_id)
    clocks = {"latency", "throughput", "assets_per_second", "cold_start_ms", "created", "certified_at"}
    assert before.model_dump(exclude=clocks) == after.model_dump(exclude=clocks)
    assert judged.db["predictions"].count == 700
    assert judged.db["evaluations"].count == 1


def test_copies_of_a_creative_widen_the_interval_and_calibrate_once(client):
    insert_assets(client, "calibration", 200, 999, start=0, copies=3)
    insert_assets(client, "test", 100, 20, start=1000, copies=3)
    found = evaluation.evaluate(client.db, client.student_id)
    assert (found.agreement.n, found.agreement.groups) == (300, 100)
    assert (found.agreement.low, found.agreement.high) == pytest.approx(interval(95, 100))
    assert found.certificate.n == 200


def test_equal_texts_are_asked_once(client):
    insert_assets(client, "calibration", 100, 999, start=0)
    insert_assets(client, "test", 100, 999, start=1000)
    client.db.execute("update assets set text = '0 0.9 the same' where split = 'test'")
    client.db.conn.commit()
    found = evaluation.evaluate(client.db, client.student_id)
    assert client.student.asked[:102].count("0 0.9 the same") == 1
    assert found.agreement.value == pytest.approx(33 / 100, abs=0.01)


def test_gold_judges_student_and_teacher_alike(judged):
    for asset in range(1001, 1101):  # people side with the teacher on all but every tenth
        truth = judged.category_ids[(asset - 1 + (asset % 10 == 0)) % 3]
        judged.db["reviews"].insert(
            {"task_id": 2, "asset_id": asset, "reviewer": "ana", "category_id": truth, "created": ""}
        )
    judged.db["reviews"].insert({"task_id": 2, "asset_id": 1001, "reviewer": "file", "category_id": 3, "created": ""})
    found = evaluation.evaluate(judged.db, judged.student_id)
    assert found.gold.n == 100
    assert found.gold.teacher.value == pytest.approx(0.9, abs=0.011)
    assert found.gold.student.value < found.gold.teacher.value
    assert found.agreement.value == pytest.approx(285 / 300)  # agreement stays with the teacher
    assert found.taught.reviews == 100  # a label out of the file took no minute
    pair, cascade = found.gold.paired, found.gold.cascade
    assert pair.n == 100 and pair.only_second - pair.only_first == round(100 * pair.difference)
    # The student is unsure exactly where it is wrong, so the cascade is as right as the teacher.
    assert cascade.value == pytest.approx(found.gold.teacher.value)
    assert found.gold.fallback.n == round(100 * (1 - np.mean([a % 20 > 0 for a in range(1000, 1100)])))
    assert "settled by people" in judgement(judged.db, judged.student_id).verdict.reason
    strict = at(judged, 0.999).figures.gold
    assert strict.cascade is None and strict.paired == pair


def test_the_comparison_puts_money_and_verdict_to_the_figures(judged):
    result = comparison(judged.db, judged.student_id)
    sheet, verdict = result.economics, result.verdict
    assert verdict.decision == "fallback"
    assert sheet.per_1000["teacher"] == pytest.approx(1000 * 2 / 1000 + 10 * 10 / 1000)  # measured tokens at list price
    assert sheet.saving["cascade"] > 0.9
    assert sheet.speed_up["student"] > 10
    kept.keep_assumptions(judged.db, judged.task, Assumptions(always_on=True, volume_per_month=100))
    dear = comparison(judged.db, judged.student_id)
    assert dear.verdict.rule == "does_not_pay"


def test_assumptions_are_kept_for_the_client(judged):
    kept.keep_assumptions(judged.db, judged.task, Assumptions(volume_per_month=70_000, price_as=None))
    assert settings.get(judged.db, "assumptions", judged.task) == {"volume_per_month": 70_000, "price_as": None}
    result = comparison(judged.db, judged.student_id)
    assert result.assumptions == replace(Assumptions(), volume_per_month=70_000, price_as=None)
    assert result.economics.per_1000["teacher"] is None
    assert kept.assumptions_of(judged.db, tasks.of(judged.db, "Other")) == Assumptions()


def test_another_target_is_certified_from_the_stored_predictions(judged):
    asked = len(judged.student.asked)
    strict = at(judged, 0.999)
    assert not strict.figures.certificate.certified
    assert strict.verdict.decision == "not_ready"
    easy = at(judged, 0.90)
    assert easy.figures.certificate.handled == 1.0
    assert easy.verdict.decision == "replace"
    assert len(judged.student.asked) == asked


def test_a_client_target_is_the_default(client):
    settings.put(client.db, "target_agreement", 0.9, client.task)
    insert_assets(client, "calibration", 200, 999, start=0)
    insert_assets(client, "test", 150, 20, start=1000)
    assert evaluation.evaluate(client.db, client.student_id).target == 0.9


def test_disagreements_come_surest_first_and_can_be_filtered(judged):
    rows = disagreements(judged.db, judged.student_id)
    assert len(rows) == count_disagreements(judged.db, judged.student_id) == 15
    assert list(rows.columns) == [
        "asset_id",
        "external_id",
        "text",
        "teacher",
        "student",
        "confidence",
        "image file",
        "gold",
    ]
    assert rows["confidence"].is_monotonic_decreasing
    assert (rows["teacher"] != rows["student"]).all()
    sale = {"teacher": judged.category_ids[0]}
    some = disagreements(judged.db, judged.student_id, filters=sale)
    assert set(some["teacher"]) == {"Sale"}
    assert len(some) == count_disagreements(judged.db, judged.student_id, sale) == 5
    assert count_disagreements(judged.db, judged.student_id, {"text": "ASSET 1000", "low": 0.3}) == 1
    assert count_disagreements(judged.db, judged.student_id, {"text": "100%' or 1=1", "high": 0.2}) == 0
    page = disagreements(judged.db, judged.student_id, limit=4, offset=12)
    assert page["asset_id"].tolist() == rows["asset_id"].tolist()[12:]


def test_a_student_of_the_built_in_teacher_claims_neither_saving_nor_a_frontier_models_speed(judged):
    judged.db.execute("update label_runs set teacher = 'built-in'")
    judged.db.execute("update students set kind = 'embedding'")
    judged.db.execute("update labels set tokens_in = null, tokens_out = null, latency_ms = 9")
    judged.db.conn.commit()
    found = evaluation.evaluate(judged.db, judged.student_id)
    assert found.taught.tokens_basis == "estimated"
    assert 120 < found.taught.tokens_in < 140  # instructions, three short category lines, a short text
    result = comparison(judged.db, judged.student_id)
    by_key = {line.key: line for line in result.economics.formulas}
    assert by_key["student_speed_up"].formula.startswith("9"), "its own time, measured"
    assert (result.verdict.decision, result.economics.saving["student"]) == ("trial", None)
    assert result.economics.per_1000["teacher"] == 0
    assert "read with the same base model" in result.verdict.reason


def test_no_test_asset_is_said_in_a_sentence(client):
    insert_assets(client, "calibration", 50, 999, start=0)
    with pytest.raises(InputError, match="No labelled asset is kept for the test"):
        evaluation.evaluate(client.db, client.student_id)
    assert evaluation.figures_of(client.db, client.student_id) is None
    assert comparison(client.db, client.student_id) is None


def test_without_calibration_assets_nothing_is_certified(client):
    insert_assets(client, "train", 20, 999, start=0)
    insert_assets(client, "test", 150, 10, start=1000)
    found = evaluation.evaluate(client.db, client.student_id)
    assert not found.certificate.certified
    assert found.agreement_end_to_end == 1.0  # the teacher answers everything
    assert judgement(client.db, client.student_id).verdict.decision == "not_ready"


def test_progress_is_told_and_a_cancel_leaves_nothing_half_written(client):
    insert_assets(client, "calibration", 100, 999, start=0)
    insert_assets(client, "test", 300, 20, start=1000)
    told = []

    class Stop(Exception):
        pass

    def progress(done, total, message="", spent_usd=0.0):
        told.append((done, total, message))
        if message == "Timing the student":
            raise Stop

    with pytest.raises(Stop):
        evaluation.evaluate(client.db, client.student_id, progress=progress)
    assert told[:2] == [(0, 400, "Comparing with the teacher"), (256, 400, "Comparing with the teacher")]
    assert client.db["predictions"].count == 0


def test_a_cross_fitted_student_is_certified_on_training_assets_it_had_not_seen(db, tmp_path):
    client = small.fill(db, tmp_path, small.rows(600))
    run_id = labelling.label(db, client, "recorded:label")
    (made,) = ladder.train(db, client, run_id, "linear")
    found = evaluation.evaluate(db, made, target=0.8)
    train = runs.labelled(db, run_id).query("split == 'train'")
    assert found.counts["calibration"] == 0 and found.certificate.n == train.group_id.nunique()
    assert found.certificate.certified and found.agreement.n == found.counts["test"]
    said = dict(db.execute("select asset_id, category_id from predictions where student_id = ?", [made]))
    unseen = np.mean([said[asset] == category for asset, category in zip(train.asset_id, train.category_id)])
    student = students.load(registry.folder_of(db, made))
    seen = np.mean(np.array(student.categories)[student.answer(train.text.tolist()).best] == train.category_id)
    assert seen > unseen + 0.02, "its own rows would flatter it"
    assert found.agreement_calibration.value == pytest.approx(unseen)
    evaluation.change_rules(db, client, replace(kept.rules_of(db, client, 0.8), target=0.85))
    again = evaluation.figures_of(db, made)
    assert again.certificate.n == found.certificate.n and again.target == 0.85
