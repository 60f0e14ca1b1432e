"""Families: what a column says belongs together shares a split, joins what is there already, and never swallows the file."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import db as database
from core.ingest import assets, families, splits
from core.ingest.columns import Mapping
from core.ingest.splits import Group, plan
from tests.ingest.test_splits import label, labelled_client

WORDS = ("amber", "basalt", "cedar", "dune", "ember", "fjord", "garnet", "harbour", "ivory", "jade", "kelp", "lagoon")


def concepts(first: int, last: int, markets=("de", "fr", "it")) -> list[tuple[str, ...]]:
    """Rows (id, text, label, concept): each concept once a market, its words different in each."""
    rows = []
    for concept in range(first, last):
        for place, market in enumerate(markets):
            words = " ".join(f"{WORDS[(concept * 5 + place * 7 + i * i) % 12]}{concept}{market}{i}" for i in range(8))
            rows.append((f"{market}-{concept}", words, ("Shoes", "Hats", "Bags")[concept % 3], f"C{concept}"))
    return rows


def write(path, rows, header="id,text,label,concept_id"):
    path.write_text(header + "\n" + "".join(",".join(row) + "\n" for row in rows))
    return path


def families_of(db, client):
    rows = db.execute("select external_id, family_id, split from assets where client_id = ?", [client]).fetchall()
    return {row[0]: row[1:] for row in rows}


@pytest.fixture
def client(workspace):
    db = database.connect()
    return db, database.client_id(db, "Acme")


def test_a_concept_in_many_markets_is_a_family_and_is_never_split(workspace, tmp_path):
    db = database.connect()
    client, run = labelled_client(db, tmp_path, concepts(0, 60), "id,text,label,concept_id")
    assert db.execute("select count(distinct group_id) from assets").fetchone()[0] == 180, "nothing is a copy"
    assert families.count(db, client) == 60
    counts = splits.assign(db, client, run)
    assert abs(counts["test"] - 36) <= 9
    found = families_of(db, client)
    for concept in range(60):
        assert len({found[f"{market}-{concept}"] for market in ("de", "fr", "it")}) == 1
    assert assets.profile(db, client)["families"] == 60


def test_a_later_file_joins_the_families_that_are_there_and_takes_their_split(workspace, tmp_path):
    db = database.connect()
    client, run = labelled_client(db, tmp_path, concepts(0, 40), "id,text,label,concept_id")
    splits.assign(db, client, run)
    assets.import_assets(db, client, write(tmp_path / "b.csv", concepts(0, 40, ("es",))))
    label(db, run)
    splits.assign(db, client, run)
    found = families_of(db, client)
    assert all(found[f"es-{concept}"] == found[f"de-{concept}"] for concept in range(40))


def test_the_same_file_again_with_a_column_chosen_brings_families_to_what_is_there(client, tmp_path):
    db, client = client
    path = write(tmp_path / "a.csv", concepts(0, 30))
    assets.import_assets(db, client, path, Mapping(text=("text",), id="id"))
    assert families.count(db, client) == 90
    assets.import_assets(db, client, path, Mapping(text=("text",), id="id", family="concept_id"))
    assert families.count(db, client) == 30


def test_a_column_of_a_few_values_says_nothing_and_that_is_said_where_somebody_chose_it(client, tmp_path):
    db, client = client
    rows = [(*row[:3], f"{n % 4}") for n, row in enumerate(concepts(0, 40))]
    path = write(tmp_path / "a.csv", rows, "id,text,label,tone")
    found = assets.import_assets(db, client, path, Mapping(text=("text",), id="id", family="tone"))
    assert families.count(db, client) == 120
    assert (
        found.problems == 1
        and "only 4 different values" in db.execute("select what from import_problems").fetchone()[0]
    )


def test_families_that_given_splits_cut_are_counted(client, tmp_path):
    db, client = client
    rows = [(*row, "test" if n % 3 == 0 and n < 15 else "train") for n, row in enumerate(concepts(0, 30))]
    assets.import_assets(db, client, write(tmp_path / "a.csv", rows, "id,text,label,concept_id,split"))
    said = [row[0] for row in db.execute("select what from import_problems")]
    assert any(what.startswith("5 families have assets in several splits") for what in said)
    assert Counter(row[0] for row in db.execute("select split from assets")) == {"train": 85, "test": 5}


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_families_stay_whole_and_test_is_near_its_share(sizes):
    groups = [
        Group(100 * family + i, category, None, False, bytes([family * 37 % 251]), family)
        for family, (size, category) in enumerate(sizes)
        for i in range(size)
    ]
    moves = plan(groups, set())
    assert len(moves) == len(groups)
    for family, (size, _) in enumerate(sizes):
        assert len({moves[100 * family + i] for i in range(size)}) == 1
    for category in range(4):
        total = sum(size for size, one in sizes if one == category)
        there = sum(moves[g.id] == "test" for g in groups if g.category == category)
        assert there <= 0.2 * total + 6
