from dataclasses import dataclass, field

import pytest

from core.deploy import fallback
from core.deploy.live import Served
from core.errors import InputError
from core.ingest import taxonomy
from core.label.run import label
from core.label.teachers import Answer
from tests import small


@dataclass
class Paid:
    """A teacher that costs what it is told, knows one category, and fails where a text says so."""

    category: int
    most: float = 1.0
    cost: float | None = 0.25
    asked: list[str] = field(default_factory=list)
    name: str = "paid"

    def most_usd(self, asset):
        return self.most

    def answer(self, assets):
        self.asked += [asset.text for asset in assets]
        if any("down" in asset.text for asset in assets):
            raise ConnectionError("no route")
        return [
            Answer(a.id, None if "odd" in a.text else self.category, 0.8, cost_usd=self.cost, error=None)
            for a in assets
        ]


@pytest.fixture
def client(db, tmp_path):
    return small.fill(db, tmp_path)


@pytest.fixture
def served(db, client):
    return Served(1, "linear", client, taxonomy.latest(db, client), "paid", None, 0.9, None)


@pytest.fixture
def paid(db, served, monkeypatch):
    teacher = Paid(taxonomy.load(db, served.taxonomy_id)[2].id)
    monkeypatch.setattr(fallback, "make", lambda *_: teacher)
    return teacher


def counted(client, budget):
    made, outcomes = fallback.Fallback(client, budget), []
    made.count = outcomes.append
    return made, outcomes


def test_the_teachers_answer_is_a_label_and_the_cost_is_written_down(db, client, served, paid):
    made, outcomes = counted(client, 5.0)
    made.prepare(served)
    assert made.answer(served, ["one", "odd", "two"]) == [
        fallback.Said("Hiring", 0.8),
        None,
        fallback.Said("Hiring", 0.8),
    ]
    assert outcomes == ["answered", "failed", "answered"]
    assert fallback.spent(db, client) == made.spent_usd == pytest.approx(0.75)


def test_no_text_is_bought_twice(client, served, paid):
    made, outcomes = counted(client, 5.0)
    made.answer(served, ["one", "one", "two"])
    made.answer(served, ["two", "one", "three"])
    assert paid.asked == ["one", "two", "three"]
    assert outcomes.count("kept") == 2


def test_only_so_many_answers_are_remembered(client, served, paid, monkeypatch):
    monkeypatch.setattr(fallback, "KEPT", 2)
    made, _ = counted(client, 50.0)
    for text in ("one", "two", "one", "three", "one", "two"):
        made.answer(served, [text])
    assert paid.asked == ["one", "two", "three", "two"]


@pytest.mark.parametrize("cost", [1.0, None, 0.25])
def test_the_budget_is_never_passed_not_even_by_another_server_or_after_a_restart(db, client, served, paid, cost):
    paid.cost = cost
    said = []
    for server in range(4):
        made, _ = counted(client, 2.5)
        said += made.answer(served, [f"{server} {n}" for n in range(3)])
        assert fallback.spent(db, client) <= 2.5
    answered = [one for one in said if one]
    assert len(answered) == len(paid.asked) == (2 if cost != 0.25 else 6)
    assert fallback.spent(db, client) == pytest.approx(len(answered) * (1.0 if cost is None else cost))


def test_a_text_that_the_budget_is_too_small_for_is_not_asked(db, client, served, paid):
    made, outcomes = counted(client, 0.5)
    assert made.answer(served, ["one"]) == [None]
    assert (paid.asked, outcomes, fallback.spent(db, client)) == ([], ["budget"], 0.0)


def test_a_teacher_that_is_away_counts_as_spent_and_is_asked_again(db, client, served, paid, caplog):
    made, outcomes = counted(client, 5.0)
    assert made.answer(served, ["a secret, and the line is down"]) == [None]
    assert outcomes == ["failed"]
    assert fallback.spent(db, client) == pytest.approx(1.0)  # nobody knows whether it was charged
    assert made.answer(served, ["a secret, and the line is down"]) == [None]
    assert len(paid.asked) == 2
    assert "ConnectionError" in caplog.text and "secret" not in caplog.text


def test_one_clients_spending_is_not_anothers(db, client, served, paid):
    counted(client, 5.0)[0].answer(served, ["one"])
    assert fallback.spent(db, client + 1) == 0.0


def test_a_paid_teacher_needs_a_budget(client, served, paid):
    with pytest.raises(InputError, match="--fallback-budget"):
        counted(client, None)[0].prepare(served)
    made, outcomes = counted(client, None)  # put to work while the server ran
    assert made.answer(served, ["one"]) == [None]
    assert (paid.asked, outcomes) == ([], ["budget"])


def test_recorded_labels_answer_the_texts_they_know_and_cost_nothing(db, client, served):
    label(db, client, "recorded:label")
    known = small.rows()[3]
    made, outcomes = counted(client, None)
    recorded = Served(1, "linear", client, served.taxonomy_id, "recorded:label", None, 0.9, None)
    made.prepare(recorded)
    said = made.answer(recorded, ["never seen before", known["text"].upper()])
    assert [one and one.category for one in said] == [None, known["label"]]
    assert outcomes == ["unknown", "answered"]


def test_the_built_in_teacher_answers_anything_and_costs_nothing(db, client, served, encoders):
    made, outcomes = counted(client, None)
    builtin = Served(1, "linear", client, served.taxonomy_id, "built-in", None, 0.9, None)
    made.prepare(builtin)
    (said,) = made.answer(builtin, ["flights to a sunny island, hotel at the beach"])
    assert said.category == "Travel" and 0 < said.confidence <= 1
    assert outcomes == ["answered"]
