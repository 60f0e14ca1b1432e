"""What Compare opens with: the sum of money in one line, three pairs of bars, and the verdict for 100 assets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.evaluate import evaluation
from core.evaluate.comparison import judgement
from core.evaluate.kept import keep_assumptions
from core.money.economics import Assumptions
from core.report import charts, svg
from core.report.headline import for_100, headlines
from core.report.headline import judged as named
from core.report.pairs import lead, pairs
from tests.evaluate.conftest import client, insert_assets  # noqa: F401


@pytest.fixture
def judged(client):  # noqa: F811
    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)

    def under(**assumed):
        keep_assumptions(client.db, client.task, Assumptions(**assumed))
        return judgement(client.db, client.student_id)

    return under


def test_the_line_adds_up_and_says_what_is_dearer(judged):
    said = lead(judged(invoice_usd_month=908.0))
    assert said.startswith("Today $908 a month, with the student and the teacher behind it $") and "you keep $" in said
    assert lead(judged(invoice_usd_month=0.0)) == "The teacher costs nothing: there is nothing to save."
    assert lead(judged(invoice_usd_month=1.0, always_on=True)).endswith(" more.")


def test_no_saving_is_claimed_where_nothing_is_handed_over_and_a_list_price_is_named(judged):
    result = judged(price_as="openai:gpt-4o-mini", tokens_in=500)
    assert " a month at the list price of gpt-4o-mini, with " in lead(result)
    for rule, decision in (("unproven", "not_ready"), ("weak_category", "not_ready"), ("trial", "trial")):
        waits = replace(result, verdict=replace(result.verdict, decision=decision, rule=rule))
        said = lead(waits)
        assert said.startswith("Today $") and "keep" not in said and ". Nothing is handed over yet: " in said
        assert pairs(waits)[0].title == "Cost a month, if it did the work"
        assert headlines(waits)[1].label == "Saving, if it did the work"


def test_three_pairs_each_with_its_basis_and_without_money_two(judged):
    three = pairs(judged(invoice_usd_month=908.0))
    assert [one.name for one in three] == ["month-pair", "agreement-pair", "time-pair"]
    assert {one.basis for one in three} <= {"measured", "estimated", "assumed"}
    assert three[0].bars[0][2] == "$908"
    assert three[1].goal == (95.0, "target 95 %")
    assert all(one.figure.to_json() for one in three)
    assert [one.name for one in pairs(judged(invoice_usd_month=0.0))] == ["agreement-pair", "time-pair"]


def test_the_verdict_for_100_assets_never_promises_more_than_it_proved(judged):
    result = judged()
    handled = round(100 * result.figures.handled.value)
    verdict = replace(result.verdict, decision="fallback")
    assert for_100(replace(result, verdict=verdict)) == (
        f"Of 100 assets the student files {handled} and {100 - handled} go to the teacher; at least 95 of the 100 are filed as "
        "the teacher would, 95 % sure."
    )
    low = result.figures.agreement.low
    alone = for_100(replace(result, verdict=replace(verdict, decision="replace")))
    assert f"at least {95 if low < 0.95 else int(100 * low)} of them" in alone
    assert "about 95 as the teacher does (" in for_100(replace(result, verdict=replace(verdict, decision="not_ready")))


def test_the_interval_for_100_assets_is_that_of_the_card_and_the_student_is_named(judged):
    result = judged()
    seen = replace(result.figures.agreement, value=0.888, low=0.82996, high=0.93204)
    taught = replace(result.figures.taught, teacher="openai:gpt-5-mini")
    figures = result.figures.model_copy(update={"agreement": seen, "taught": taught})
    waits = replace(result, figures=figures, verdict=replace(result.verdict, decision="not_ready"))
    assert "(83 to 93, 95 % sure)" in for_100(waits)
    assert headlines(waits)[0].span.startswith("83.0 % to 93.2 %")
    assert named({"kind": "embedding", "id": 2}, figures) == "embedding 2, taught by gpt-5-mini"


def test_long_names_leave_room_for_the_words_at_the_end_of_the_bars():
    ends = [
        charts.pair([(name, 100.0, "100.0 %", "#000")]).layout.xaxis.range[1]
        for name in ("Student", "Student + teacher")
    ]
    assert ends == [180.0, 240.0]


def test_no_word_of_a_bar_stands_on_the_target_line():
    figure = charts.pair(
        [("Student alone", 88.8, "88.8 %", "#000"), ("Both", 97.0, "97.0 %", "#000")], (95.0, "target 95 %")
    )
    assert list(figure.data[0].text) == ["<b>97.0 %</b>", ""], "a bar beyond the target keeps its words at its end"
    (moved,) = (note for note in figure.layout.annotations if "88.8" in note.text)
    assert (moved.x, moved.y, moved.xanchor) == (95.0, 1, "left")
    assert "88.8 %" in svg.draw(figure) and "97.0 %" in svg.draw(figure)
