"""Suggestions about the taxonomy: two categories confused either way may be one; one whose assets form two groups may be two."""

from __future__ import annotations

import random

import numpy as np
import pytest

from core import jobs, taxonomy
from core.evaluate import suggestions
from core.evaluate.evaluation import evaluate
from core.label.labelling import label
from core.label.relabel import carry_over
from core.taxonomy import diff, versions
from core.taxonomy.versions import KeptDraft
from core.train.ladder import train
from tests import small


@pytest.fixture
def client(db, tmp_path):
    client = small.fill(db, tmp_path, small.rows(400))
    run = label(db, client, "recorded:label")
    (student,) = train(db, client, run, "linear")
    evaluate(db, student)
    return client


def swap(db, one: str, other: str, of: str) -> None:
    """The student takes those of category `one` whose asset id ends in `of` for `other`."""
    ids = {c.label: c.id for c in taxonomy.load(db, 1)}
    db.execute(
        f"update predictions set category_id = ? where teacher_category_id = ? and asset_id % 10 in ({of})",
        [ids[other], ids[one]],
    )


def test_a_pair_confused_either_way_is_suggested_with_examples(db, client):
    assert suggestions.pairs(db, client) == []
    swap(db, "Sale", "Travel", "0,1,2,3,4")
    swap(db, "Travel", "Sale", "0,1,2,3,4")
    (pair,) = suggestions.pairs(db, client)
    assert {pair.first, pair.second} == {"Sale", "Travel"}
    assert pair.low < pair.share < pair.high and pair.share == pair.swapped / pair.assets
    assert all({teacher, student} == {"Sale", "Travel"} and text for text, teacher, student in pair.examples)


def test_versions_of_a_few_concepts_are_no_evidence_of_many(db, client):
    swap(db, "Sale", "Travel", "0,1,2,3,4")
    swap(db, "Travel", "Sale", "0,1,2,3,4")
    (alone,) = suggestions.pairs(db, client)
    db.execute("update assets set family_id = id % 50 + 1")
    (pair,) = suggestions.pairs(db, client)
    assert pair.share == alone.share and pair.low < alone.low and pair.high > alone.high
    db.execute("update assets set family_id = (id % 10) / 5 + 1")
    assert suggestions.pairs(db, client) == [], "two concepts, one of them swapped throughout, show nothing"


def test_an_error_in_one_direction_is_the_students_not_the_taxonomys(db, client):
    swap(db, "Sale", "Travel", "0,1,2,3,4,5,6,7")
    assert suggestions.pairs(db, client) == []


def test_suggestions_speak_of_the_version_in_use(db, client):
    swap(db, "Sale", "Travel", "0,1,2,3,4")
    swap(db, "Travel", "Sale", "0,1,2,3,4")
    draft = diff.rename(diff.begin(taxonomy.load(db, 1)), "Sale", "Promotions")
    versions.keep(db, client, KeptDraft(1, "by hand", draft))
    carry_over(db, client)
    (pair,) = suggestions.pairs(db, client)
    assert {pair.first, pair.second} == {"Promotions", "Travel"}
    draft = diff.merge(diff.begin(taxonomy.load(db, 2)), ["Promotions", "Travel"], "Both")
    versions.keep(db, client, KeptDraft(2, "by hand", draft))
    carry_over(db, client)
    assert suggestions.pairs(db, client) == [], "they are one already"


def cloud(n: int, seed: int, centres: int = 1, dimensions: int = 64, apart: float = 0.0) -> np.ndarray:
    dice = np.random.default_rng(seed)
    rows = dice.normal(size=(n, dimensions)) / dimensions**0.5
    rows[:, 0] += apart * (np.arange(n) % centres)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_one_cloud_is_one_group_and_two_are_two():
    ps = [suggestions.two_groups(cloud(80, seed))[0] for seed in range(60)]
    assert np.mean(np.array(ps) < 0.05) <= 0.05, "the level holds for one group"
    p, left = suggestions.two_groups(cloud(80, 1, centres=2, apart=2.0))
    assert p < 1e-4 and left < suggestions.GAP
    few = cloud(80, 2)
    few[:3] += 5  # a few strange ones are not a second category
    assert suggestions.two_groups(few)[0] > 0.05


def test_a_category_of_two_subjects_is_found_by_the_job_and_kept(db, tmp_path, encoders):
    dice, rows = random.Random(5), []
    names = {"Sale": "Sale", "Travel": "Sale", "Hiring": "Hiring"}
    sentences = {
        "Sale": "Discount on running shoes in our stores",
        "Travel": "Fly to a sunny island and stay in a beach hotel",
        "Hiring": "We are hiring nurses for the night shift",
    }
    for number in range(180):
        kind = list(names)[number % 3]
        text = f"{sentences[kind]} {' '.join(dice.sample(small.COMMON, 4))}"
        rows.append({"id": f"B{number}", "text": text, "label": names[kind]})
    client = small.fill(db, tmp_path, rows)
    db.execute("update assets set group_id = id")
    run = label(db, client, "recorded:label")
    assert suggestions.doubles(db, client) is None
    done = jobs.run_here(db, "suggestions", {"task_id": client.id}, task=client)
    assert done.result == {"looked_at": 2, "found": 1}
    ((one,), _) = suggestions.doubles(db, client)
    assert (one.label, one.looked_at) == ("Sale", 120) and sum(part.share for part in one.parts) == pytest.approx(1)
    beach, shoes = sorted(one.parts, key=lambda part: "shoes" in part.examples[0])
    assert all("beach" in text for text in beach.examples) and all("shoes" in text for text in shoes.examples)
    assert all(part.name.startswith("Sale: ") for part in one.parts) and beach.name != shoes.name
    assert suggestions.parts(db, client, run)[1] == [one]
    db.execute("update assets set family_id = id % 30 + 1")
    assert suggestions.parts(db, client, run) == (0, []), "thirty concepts are too few, however many versions they have"
