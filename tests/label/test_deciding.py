"""A decision model as teacher: its questions, what its answers mean, and that they are bought as every other teacher's are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core import tasks, taxonomy
from core.assets import imports
from core.errors import InputError
from core.label import forecast, labelling, model, runs
from core.label.deciding import DecisionAsking
from core.label.errands import errand
from core.label.teachers import Asset, for_labels
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint
from core.money import ledger
from core.money.prices import Price
from core.taxonomy import StoredCategory, categories, facets
from core.wires import connections
from core.wires.wire import OwnPrice, Params, Reply
from tests import small
from tests.label import questions
from tests.wires import servers
from tests.wires.deciders import REFUSED, Decider, surely

FORMS = ("systemone", "decisions")
TEXT = Asset(1, "Save 20 %")


def asking(categories=questions.CATEGORIES, kind="systemone", **params) -> DecisionAsking:
    return DecisionAsking(questions.connection(kind, **params), categories, questions.PROMPT)


def read(said: dict | None, **params):
    """What one answer means, sent as the wire sends it."""
    asked = asking(**params)
    ((_, request),) = asked.requests([TEXT])
    (answered,) = asked.read([TEXT], request, Reply(json.dumps({} if said is None else {"category": said}), 10, 0))
    return answered


def choice(option: str, **shares: float) -> dict:
    return {"choice": option, "probabilities": shares or None}


def test_what_is_asked_is_the_text_and_the_categories_with_their_descriptions():
    ((_, request),) = asking().requests([TEXT])
    (question,) = request.questions
    assert request.turns == (("user", "Save 20 %"),) and request.system == ""
    assert (
        question.options[0] == ("Sale", "About sale.") and [name for name, _ in question.options][-1] == "None of these"
    )
    assert len(question.options) == len(questions.NAMES) + 1 and "sort texts" in question.instructions


def test_none_of_these_has_a_name_of_its_own():
    there = [StoredCategory(label=name, name=name, id=n) for n, name in enumerate(("none  of THESE", "Sale"))]
    asked = asking(there)
    ((_, request),) = asked.requests([TEXT])
    names = [name.casefold() for name, _ in request.questions[0].options]
    assert len(set(names)) == 3 and asked.none == "None of the options listed"


def test_the_distribution_is_kept_over_categories_and_the_confidence_as_it_was_given():
    shares = {"Sale": 0.6, "Store Opening": 0.2, "Hiring": 0.1, "Travel & Leisure": 0.0, "None of these": 0.1}
    answered = read({"choice": "Sale", "probabilities": shares})
    assert answered.category_id == 100 and answered.confidence == 0.6 and answered.confidence_kind == "decision"
    assert np.allclose(answered.distribution, np.array([6, 2, 1, 0]) / 9)


@pytest.mark.parametrize(
    "said, problem",
    [
        (None, "left the question unanswered"),
        ({"refusal": True}, "refused"),
        (choice("None of these", **{"None of these": 1.0}), "no category that fits"),
        (choice("Weather"), "'Weather' was not among the options"),
        ({"choice": None, "probabilities": None}, "given was not among the options"),
        ({"choice": "Hiring", "probabilities": {"Sale": 0.9, "Hiring": 0.1}}, "contradicts itself"),
    ],
)
def test_what_is_no_answer_is_a_reason_and_no_label(said, problem):
    answered = read(said)
    assert answered.category_id is None and problem in answered.problem


@pytest.mark.parametrize(
    "shares",
    [{"Sale": 0.9, "Hiring": 0.9}, {"Sale": 0.4}, {"Sale": 0.5, "Weather": 0.5}, {"Hiring": 0.3}, None],
    ids=["above one", "below one", "of an unknown option", "without the one chosen", "none"],
)
def test_probabilities_that_cannot_be_right_are_not_kept_but_the_choice_is(shares):
    if shares == {"Hiring": 0.3}:
        assert read({"choice": "Sale", "probabilities": shares}).confidence is None
        return
    answered = read({"choice": "Sale", "probabilities": shares})
    assert (answered.category_id, answered.confidence, answered.distribution) == (100, None, None)


# --- labelling ----------------------------------------------------------------------------------------------------


def connect(db, task, server, kind="systemone", **params):
    params = {"price": OwnPrice(1.0, 0.0), "concurrency": 4, "shortlist_over": 254} | params
    connections.save(db, task.client_id, "Jev", kind, "jev", base_url=server.url, params=Params(**params))


def by_words(call) -> dict:
    """The category of whose words most stand in the text; none of these where there are none."""
    counts = {name: sum(word in call.text for word in words) for name, words in small.WORDS.items()}
    best = max(counts, key=counts.get)
    return surely(best if counts[best] else call.none, call.options)


@pytest.mark.parametrize("kind", FORMS)
def test_labels_are_bought_once_within_the_cap_and_kept_with_their_distributions(db, tmp_path, kind):
    task = small.fill(db, tmp_path, small.rows(40))
    with Decider(by_words) as server:
        connect(db, task, server, kind)
        expected = forecast.forecast(db, task, "connection:Jev")
        first = runs.summary(db, labelling.label(db, task, "connection:Jev", budget_usd=0.004))
        assert first["state"] == "capped" and 0 < first["count"] < 40 and first["spent_usd"] <= 0.004
        run_id = labelling.label(db, task, "connection:Jev", budget_usd=1.0)
        whole = runs.summary(db, run_id)
        assert whole["state"] == "done" and whole["count"] == 40
        assert len(server.calls) == sum(server.asked.values()) == 40
        assert whole["spent_usd"] == pytest.approx(server.billed_in / 1e6) == pytest.approx(ledger.spent(db, run_id))
        assert expected.cost.low <= whole["spent_usd"] <= expected.cost.high
        labelling.label(db, task, "connection:Jev", budget_usd=1.0)
        assert len(server.calls) == 40
    frame = runs.labelled(db, run_id, distributions=True)
    sums = [np.frombuffer(row, np.float16).astype(float).sum() for row in frame["distribution"]]
    assert np.allclose(sums, 1, atol=1e-2) and np.allclose(frame["confidence"], 0.9, atol=1e-3)
    assert db.execute("select distinct confidence_kind from labels").fetchall() == [("decision",)]


def test_trouble_on_the_way_is_waited_for_and_refusals_are_reasons(db, tmp_path):
    task = small.fill(db, tmp_path, small.rows(30))
    troubles = iter([servers.rate_limited(0.05), servers.SERVER_ERROR, servers.Fault("cut"), servers.Fault("reset")])

    def script(call):
        if call.number == 1 and (trouble := next(troubles, None)):
            return trouble
        return (
            REFUSED
            if call.text.endswith(" 7")
            else surely(call.none, call.options)
            if call.text.endswith(" 9")
            else by_words(call)
        )

    with Decider(script) as server:
        connect(db, task, server)
        run_id = labelling.label(db, task, "connection:Jev", budget_usd=1.0)
        asked = len(server.calls)
    found = runs.summary(db, run_id)
    assert (found["count"], found["failed"]) == (28, 2)
    assert {row["reason"] for row in runs.reasons(db, run_id)} == {
        "The model refused to answer.",
        "The model found no category that fits.",
    }
    assert asked == 34  # thirty answers and four troubles


def test_a_thousand_calls_may_have_the_price(db, tmp_path):
    task = small.fill(db, tmp_path, small.rows(12))
    with Decider(lambda call: servers.Text('{"category": {"Sale": 1.0}}', usage=False)) as server:
        connect(db, task, server, price=OwnPrice(0.0, 0.0, calls_usd_1000=5.0))
        assert forecast.forecast(db, task, "connection:Jev").cost.likely == pytest.approx(0.06)
        with pytest.raises(InputError, match="no cap"):
            labelling.label(db, task, "connection:Jev")
        run_id = labelling.label(db, task, "connection:Jev", budget_usd=0.0301)
    assert runs.summary(db, run_id)["count"] == 6 and ledger.spent(db, run_id) == pytest.approx(0.03)


def _two_facets(db, tmp_path) -> list:
    """The tasks Topic and Intent of one client, with assets."""
    facet_file, assets = small.facet_files(tmp_path)
    found = categories.read(facet_file)
    made = [tasks.of(db, "Two", name) for name in ("Topic", "Intent")]
    for task in made:
        taxonomy.save(db, task, found.facets[task.name], "facets.csv")
    imports.import_assets(db, made[0], assets)
    return made


def test_facets_are_asked_about_in_one_call(db, tmp_path):
    both = _two_facets(db, tmp_path)

    def script(call):
        said = {name: surely("Sale" if "topic" in name else "Buy", list(of)) for name, of in call.questions.items()}
        return said | ({"intent": REFUSED} if call.text.endswith("look") and "7" in call.text else {})

    with Decider(script) as server:
        connect(db, both[0], server)
        chosen = facets.chosen(db, both[0].client_id, ["all"])
        ids = labelling.label_together(db, chosen, "connection:Jev", budget_usd=5.0, limit=30)
        assert len(server.calls) == 30 and set(server.calls[0].questions) == {"topic", "intent"}
    counts = [runs.summary(db, run_id) for run_id in ids]
    assert counts[0]["count"] == 30 and counts[1]["count"] + counts[1]["failed"] == 30 and counts[1]["failed"] > 0


# --- more categories than options ---------------------------------------------------------------------------------


def tree(roots: int, each: int) -> list[StoredCategory]:
    found = []
    for root in range(roots):
        top = StoredCategory(label=f"Group {root}", name=f"Group {root}", id=1000 + root, assignable=False)
        below = [
            StoredCategory(
                label=f"Leaf {root}-{n}",
                name=f"Leaf {root}-{n}",
                parent=top.label,
                parent_id=top.id,
                id=root * each + n,
            )
            for n in range(each)
        ]
        found += [top, *below]
    return found


def test_level_by_level_two_questions_find_one_of_a_thousand():
    asked = asking(tree(10, 100), by_level=True, shortlist_over=254)
    ((assets, first),) = asked.requests([TEXT])
    assert [name for name, _ in first.questions[0].options] == [*(f"Group {n}" for n in range(10)), "None of these"]
    up = Reply(json.dumps({"category": {"choice": "Group 3", "probabilities": {"Group 3": 0.9, "Group 4": 0.1}}}), 9, 0)
    (answered,) = asked.read(assets, first, up)
    assert answered.category_id is None
    second = asked.repair(first, up, [answered])
    assert len(second.questions[0].options) == 101 and second.questions[0].options[0][0] == "Leaf 3-0"
    down = Reply(
        json.dumps({"category": {"choice": "Leaf 3-7", "probabilities": {"Leaf 3-7": 0.8, "Leaf 3-8": 0.2}}}), 9, 0
    )
    (answered,) = asked.read(assets, second, down)
    assert answered.category_id == 307 and answered.confidence == pytest.approx(0.72)
    whole = first.whole(up, second, down)
    assert asked.read(assets, first, whole) == [answered]  # as it is kept, so as it is found again
    assert asked.repair(second, down, [answered]) is None


def test_no_question_has_more_options_than_it_may():
    for by_level in (False, True):
        asked = asking(tree(2, 400), by_level=by_level, shortlist_over=10_000, shortlist=300)
        ((assets, first),) = asked.requests([TEXT])
        assert 2 < len(first.questions[0].options) <= 255
    nothing = Reply('{"category": {"choice": "None of these", "probabilities": null}}', 9, 0)
    asked = asking(tree(2, 400), shortlist=20)
    ((assets, first),) = asked.requests([TEXT])
    longer = asked.repair(first, nothing, asked.read(assets, first, nothing))
    assert len(first.questions[0].options) < len(longer.questions[0].options) <= 255


# --- its limits ---------------------------------------------------------------------------------------------------


def test_it_neither_writes_nor_takes_batches_nor_chooses_several(db, tmp_path):
    task = small.fill(db, tmp_path, small.rows(5))
    with Decider() as server:
        connect(db, task, server)
        with pytest.raises(InputError, match="writes nothing"):
            model.find(db, task.client_id, "connection:Jev")
        with pytest.raises(InputError, match="no batches"):
            labelling.label(db, task, "connection:Jev", budget_usd=1.0, batch=True)
        mood = tasks.add(db, task.client_id, "Mood", "choose_several")
        taxonomy.save(db, mood, [StoredCategory(label=n, name=n) for n in "AB"], "x")
        with pytest.raises(InputError, match="decision model"):
            labelling.label(db, mood, "connection:Jev", budget_usd=1.0)
        assert not server.calls


def test_other_teachers_keep_what_their_replies_are_kept_under(db, tmp_path):
    """What was bought before there were decision models is found again."""
    task = small.fill(db, tmp_path, small.rows(5))
    connections.save(db, task.client_id, "GPT", "openai", "gpt-test")
    hosted = for_labels(db, task, "connection:GPT", taxonomy.load(db, taxonomy.latest(db, task)))
    assert isinstance(hosted, Hosted) and "by_level" not in hosted.asking.asked
    assert Price("m", "p", 1, 1, None, None, None, "t", None).calls_usd_1000 == 0


def test_what_is_said_of_facets_together_is_known_of_each_alone(db, tmp_path):
    """Outside runs: a text asked about in two facets is asked about again in neither, whichever comes first."""
    topic, intent = _two_facets(db, tmp_path)
    deep = Params(price=OwnPrice(0.0, 0.0), by_level=True, shortlist_over=2)

    def script(call):
        chosen = {name: next(iter(of)) for name, of in call.questions.items()}
        return {name: surely(option, list(call.questions[name])) for name, option in chosen.items()}

    for params in (Params(price=OwnPrice(0.0, 0.0)), deep):
        with Decider(script) as server:
            connections.save(db, topic.client_id, "Jev", "systemone", "jev", base_url=server.url, params=params)
            alone = [
                (task, for_labels(db, task, "connection:Jev", taxonomy.load(db, taxonomy.latest(db, task))))
                for task in (topic, intent)
            ]
            joint = Joint(alone)
            with errand(db, topic.client_id, joint, None, f"o{params.by_level}", None) as asked:
                both = asked.ask_facets([("a text", (0, 1))], (None, None), lambda done: None)
            calls = len(server.calls)
            with errand(db, topic.client_id, joint, None, f"o{params.by_level}", None) as asked:
                one = asked.ask_facets([("a text", (1,))], (None, None), lambda done: None)
            assert len(server.calls) == calls and len(both) == 2
            first, again = both["a text", 1], one["a text", 1]
            assert again.category_id == first.category_id and again.confidence == pytest.approx(first.confidence)
