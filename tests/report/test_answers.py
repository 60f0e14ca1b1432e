import json
from dataclasses import replace

import numpy as np
import pytest

from core.evaluate import evaluation, phrases
from core.evaluate.agreement import Share
from core.evaluate.comparison import judgement
from core.evaluate.evidence import Rules
from core.money.economics import Assumptions, economics
from core.money.outlook import courses, tornado
from core.report import answers, charts, money, speed
from tests.evaluate.conftest import client, insert_assets  # noqa: F401
from tests.money.test_economics import FOUND, PRICE


@pytest.fixture
def result(client):  # noqa: F811
    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    client.db.execute("update assets set extra = json_object('market', iif(id % 20 < 2, 'SE', 'NL'), 'file', id)")
    client.db.conn.commit()
    evaluation.evaluate(client.db, client.student_id)
    return judgement(client.db, client.student_id)


@pytest.fixture
def found(result):
    return result.figures


def drawn(answer: answers.Answer) -> dict:
    """The figure as a browser gets it; fails where it is no JSON."""
    assert answer.title and len(answer.table)
    return json.loads(answer.figure.to_json())


def test_the_titles_are_the_answers(found):
    assert (
        answers.per_category(found, Rules()).title
        == "The student agrees on 95.0 % of assets; 0 of 3 categories are below 85 % (the target less 10 points), "
        "weakest “Sale”: 95 of 100, 89 % to 98 %"
    )
    assert answers.cascade(found).title.startswith("The student can take 95.0 % of the assets at 95 % agreement")
    assert answers.reliability(found).title.startswith("How sure it says it is, is off by")
    weak = answers.slices(found)
    assert weak.title.startswith("It is weaker where market is SE: ")
    assert set(weak.table["column"]) == {"market"} and weak.table["weaker"].sum() == 1
    for answer in (answers.per_category(found, Rules()), answers.cascade(found), answers.reliability(found), weak):
        drawn(answer)


def test_few_rows_hide_their_decimals_and_say_so(found):
    few = found.model_copy(update={"agreement": Share(0.876, 0.7512, 0.9513, 48, 48)})
    assert (
        answers.per_category(few, Rules()).title
        == "Too few test assets to say: agreement could be anything from 75 % to 95 %"
    )
    assert phrases.share_words(0.876, 48) == "88 %" and phrases.share_words(0.876, 100) == "87.6 %"
    assert phrases.span_words(few.agreement) == "75 % to 95 %, n = 48"
    small = answers.slices(found).table.query("n < 100")
    assert len(small) and (small["agreement"] == small["agreement"].round(2)).all()


@pytest.mark.parametrize("count", [3, 40, 150])
def test_the_heat_map_keeps_every_name_and_count(count):
    draw = np.random.default_rng(count)
    mixed = {(n, n): 50 for n in range(count)}
    for n in range(count):
        for other in draw.choice(count, min(3, count - 1), replace=False):
            mixed[n, int(other)] = mixed.get((n, int(other)), 0) + int(draw.integers(1, 9))
    pairs = [(teacher, student, assets) for (teacher, student), assets in mixed.items()]
    labels = {n: f"Category <b>{n}</b>" for n in range(count)}
    fig, shown, part = charts.heat(pairs, labels, 10_000)
    assert (shown, part) == (count, 1.0)
    names = fig.layout.yaxis.ticktext
    assert sorted(names) == sorted(charts.clean(label, 34) for label in labels.values()) and "<b>" not in "".join(names)
    counts = np.array(fig.data[0].customdata)[:, :, 0]
    place = {name: n for n, name in enumerate(names)}
    expected = np.zeros((count, count))
    for teacher, student, assets in pairs:
        expected[place[charts.clean(labels[teacher], 34)], place[charts.clean(labels[student], 34)]] += assets
    assert np.array_equal(counts, expected)
    shown = np.array(fig.data[0].z)
    assert (np.diag(shown) < 0).all() and np.array_equal(shown > 0, expected * ~np.eye(count, dtype=bool) > 0)
    fewer, kept, part = charts.heat(pairs, labels, 20)
    assert kept == min(20, count) and 0 < part <= 1 and len(fewer.layout.xaxis.ticktext) == kept
    # room for each name: a line of text is about as high as its font
    assert fig.layout.height >= count * fig.layout.yaxis.tickfont.size


def test_money_says_the_same_in_titles_tables_and_the_sheet():
    assumed = Assumptions()
    sheet = economics(FOUND, assumed, PRICE)
    lines, steps = courses(FOUND, assumed, PRICE, [], sheet)
    two_years = money.cumulative(lines, sheet, "cascade")
    assert two_years.title == (
        "Student with the teacher behind it: pays for itself after 1.6 months (15,989 assets) and saves $776 within 24 months"
    )
    last = two_years.table.iloc[-1]
    assert last["Teacher alone"] - last["Student with teacher behind it"] == pytest.approx(776.2)
    by_label = {line.label: line.value for line in steps}
    for course in lines:
        assert last[course.label] == by_label[f"{course.label}, 24 months"]
    assert "saves 80 to 90 %; here the student alone saves 99.9" in money.monthly(lines, sheet, True).note
    assert money.monthly(lines, sheet, False).note.endswith("if it did the work.")
    swings = tornado(FOUND, assumed, PRICE, "cascade", (0.85, 0.95))
    assert money.tornado(swings, sheet, "cascade").title.startswith("What moves the result most: machine rented")
    assert money.upfront(sheet).title == "Upfront it took $55, most of it for review"
    for answer in (
        two_years,
        money.monthly(lines, sheet, True),
        money.tornado(swings, sheet, "cascade"),
        money.upfront(sheet),
    ):
        drawn(answer)
    assert money.steps(sheet.formulas)["formula"].str.len().gt(0).all()


def test_without_a_price_the_money_questions_stay_open():
    assumed = Assumptions(price_as=None)
    sheet = economics(FOUND, assumed, None)
    lines, _ = courses(FOUND, assumed, None, [], sheet)
    assert money.cumulative(lines, sheet, "student").title.startswith("Without a price for the teacher")
    assert money.tornado([], sheet, "student") is None
    drawn(money.monthly(lines, sheet, True))


def test_times_are_measured_or_dashed_and_called_assumed(result, found):
    assumed = speed.latency(replace(result, economics=economics(FOUND, Assumptions(), PRICE)))
    assert assumed.title.endswith("the teacher in 2,500 ms (assumed)") and "dashed" in assumed.note
    assert any(trace.get("line", {}).get("dash") == "dash" for trace in drawn(assumed)["data"])
    timed = speed.latency(result)
    assert timed.title.endswith("the teacher in 1,500 ms") and "measured on 700 labels" in timed.note
    assert not any(trace.get("line", {}).get("dash") == "dash" for trace in drawn(timed)["data"])
    assert timed.table["p50 (ms)"].iloc[0] == 1500.0
    rates = speed.throughput(found)
    assert list(rates.table["batch size"]) == [1, 8, 64, 256] and found.latency.machine in rates.note
    assert "settle" not in rates.note, "a linear student has nothing but word counts"
    staged = found.model_copy(update={"asked": {"linear": 1.0, "embedding": 0.284, "large": 0.061}})
    said = "Word counts alone settle 71.6 % of the assets; the small base model reads 28.4 %, the large one 6.1 %."
    assert speed.throughput(staged).note.endswith(said)
