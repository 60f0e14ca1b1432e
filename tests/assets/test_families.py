"""Families: what a column says belongs together shares a split, joins what is there already, and never swallows the file."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import database, tasks
from core.assets import families, imports, previews, profiles, splits
from core.assets.family_columns import in_words
from core.assets.splits import Group, plan
from core.distil import distil
from core.errors import InputError
from core.tables.columns import Mapping
from tests.assets.test_splits import label, labelled_client

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
    rows = db.execute(
        "select external_id, family_id, split from assets where client_id = ?", [client.client_id]
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


@pytest.fixture
def client(workspace):
    db = database.connect()
    return db, tasks.of(db, "Acme")


def test_a_concept_in_many_markets_is_a_family_and_is_never_split(workspace, tmp_path):
    db = database.connect()
    client, run = labelled_client(db, tmp_path, concepts(0, 60), "id,text,label,concept_id")
    assert db.execute("select count(distinct group_id) from assets").fetchone()[0] == 180, "nothing is a copy"
    assert families.count(db, client.client_id) == 60
    counts = splits.assign(db, client.client_id, run)
    assert abs(counts["test"] - 36) <= 9
    found = families_of(db, client)
    for concept in range(60):
        assert len({found[f"{market}-{concept}"] for market in ("de", "fr", "it")}) == 1
    assert profiles.profile(db, client)["families"] == 60


def test_a_later_file_joins_the_families_that_are_there_and_takes_their_split(workspace, tmp_path):
    db = database.connect()
    client, run = labelled_client(db, tmp_path, concepts(0, 40), "id,text,label,concept_id")
    splits.assign(db, client.client_id, run)
    imports.import_assets(db, client, write(tmp_path / "b.csv", concepts(0, 40, ("es",))))
    label(db, run)
    splits.assign(db, client.client_id, run)
    found = families_of(db, client)
    assert all(found[f"es-{concept}"] == found[f"de-{concept}"] for concept in range(40))


def test_the_same_file_again_with_a_column_chosen_brings_families_to_what_is_there(client, tmp_path):
    db, client = client
    path = write(tmp_path / "a.csv", concepts(0, 30))
    imports.import_assets(db, client, path, Mapping(text=("text",), id="id"))
    assert families.count(db, client.client_id) == 90
    imports.import_assets(db, client, path, Mapping(text=("text",), id="id", family="concept_id"))
    assert families.count(db, client.client_id) == 30


def test_a_column_of_a_few_values_says_nothing_and_that_is_said_where_somebody_chose_it(client, tmp_path):
    db, client = client
    rows = [(*row[:3], f"{n % 4}") for n, row in enumerate(concepts(0, 40))]
    path = write(tmp_path / "a.csv", rows, "id,text,label,tone")
    found = imports.import_assets(db, client, path, Mapping(text=("text",), id="id", family="tone"))
    assert families.count(db, client.client_id) == 120
    assert (
        found.problems == 1
        and "only 4 different values" in db.execute("select what from import_problems").fetchone()[0]
    )


def test_families_that_given_splits_cut_are_counted(client, tmp_path):
    db, client = client
    rows = [(*row, "test" if n % 3 == 0 and n < 15 else "train") for n, row in enumerate(concepts(0, 30))]
    imports.import_assets(db, client, write(tmp_path / "a.csv", rows, "id,text,label,concept_id,split"))
    said = [row[0] for row in db.execute("select what from import_problems")]
    assert any(what.startswith("5 concepts have assets in several splits") for what in said)
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


def trafficked(first: int, last: int, markets=("UK", "DE", "FR")) -> list[tuple[str, ...]]:
    """concepts(), named as files are in trafficking instead of by a concept's id."""
    rows = concepts(first, last, markets)
    return [(f"{n}", *row[1:3], f"ACME_Line{row[3]}_{row[0][:2]}_300x250_v{n % 3}.png") for n, row in enumerate(rows)]


def test_file_names_in_trafficking_style_make_families_that_a_later_file_joins(client, tmp_path):
    db, client = client
    path = write(tmp_path / "a.csv", trafficked(0, 40), "asset,text,label,file name")
    seen = previews.preview(path)
    assert (seen.guess.family, seen.guess.family_stem) == ("file name", ())
    assert (
        in_words(seen.guess, seen.families) == "120 rows in 40 concepts (by the names in file name); the largest has 3"
    )
    imports.import_assets(db, client, path)
    assert families.count(db, client.client_id) == 40
    later = [(f"later{row[0]}", *row[1:]) for row in trafficked(0, 40, ("ES",))]
    path = write(tmp_path / "b.csv", later, "asset,text,label,file name")
    imports.import_assets(db, client, path, Mapping(text=("text",), id="asset", family="file name", family_stem=()))
    assert families.count(db, client.client_id) == 40


def test_campaigns_that_cut_concepts_up_give_way_to_the_names_and_concepts_do_not(client, tmp_path):
    rows = [(*row, f"{row[3].split('_')[2]} {row[3].split('_')[1][-1]}", row[2]) for row in trafficked(0, 60)]
    path = write(tmp_path / "a.csv", rows, "asset,text,label,file name,campaign,concept")
    assert previews.preview(path).guess.family == "file name", (
        "a campaign is one market's here, and 3 concepts are no families"
    )
    rows = [(*row, row[3].split("_")[1][:-1]) for row in trafficked(0, 300)]
    path = write(tmp_path / "b.csv", rows, "asset,text,label,file name,campaign")
    assert previews.preview(path).guess.family == "campaign", "each concept is in one campaign"
    path = write(
        tmp_path / "c.csv", [(*row, row[3][:12]) for row in trafficked(10, 60)], "asset,text,label,file name,concept"
    )
    assert previews.preview(path).guess.family == "concept"


def test_what_is_counted_before_is_what_the_import_makes(client, tmp_path):
    db, client = client
    rows = [
        (*row[:3], ("" if n % 9 == 0 else "n/a" if n % 9 == 1 else f" {row[3]} "))
        for n, row in enumerate(concepts(0, 50))
    ]
    path = write(tmp_path / "a.csv", [*rows, ("x", "", "Shoes", "C1")], "id,text,label,concept_id")
    seen = previews.preview(path)
    one = next(one for one in seen.families if one.column == "concept_id")
    imports.import_assets(db, client, path)
    assert (
        one.families == families.count(db, client.client_id)
        and one.rows == 150
        and one.largest == 3
        and one.unfit is None
    )
    none = Mapping(text=("text",), family="id", family_stem=("<date>",))
    assert in_words(none, seen.families) is None, "ids without a common stem were not counted"


def test_a_command_says_how_many_families_there_will_be_and_takes_names_for_them(workspace, tmp_path):
    (tmp_path / "t.csv").write_text("name\nShoes\nHats\nBags\n")
    path = write(
        tmp_path / "a.csv", [(*row, f"R{row[0]}") for row in trafficked(0, 60)], "asset_id,text,label,file name,ref"
    )
    said = []
    with pytest.raises(InputError, match="no column 'refs'"):
        _distil(tmp_path, path, said, family_stem="refs")
    with pytest.raises(InputError, match="recorded"):
        _distil(tmp_path, path, said, family_stem="file name", teacher="recorded:ref")
    assert "180 rows in 60 concepts (by the names in file name); the largest has 3" in said


def _distil(folder, path, said, **given):
    distil(
        database.connect(),
        taxonomy=folder / "t.csv",
        assets=path,
        client="Acme",
        on_progress=lambda _done, _total, message, _spent: said.append(message),
        **given,
    )
