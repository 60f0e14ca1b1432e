"""The sample client is what its README says, and the same for everybody."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from core import settings
from core.assets import sample
from core.errors import InputError


@pytest.fixture(scope="module")
def taxonomy() -> pd.DataFrame:
    return sample.taxonomy()


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    """The committed table with how each row came about."""
    return sample.with_truth(2000)


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    """Enough rows for shares to be steady."""
    return sample.with_truth(10_000)


def squash(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


@pytest.mark.parametrize("name", ["taxonomy.csv", "assets.csv"])
def test_the_committed_files_are_what_the_generator_writes(tmp_path, name):
    """Byte for byte, whatever the platform (a checkout may have turned line ends)."""
    sample.write(tmp_path, 2000, 7)
    written = (tmp_path / name).read_bytes()
    assert b"\r" not in written
    assert written == (settings.SAMPLE / name).read_bytes().replace(b"\r\n", b"\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["assets.csv", "taxonomy.csv"]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    first, again, other = (sample.generate(300, seed)[1] for seed in (11, 11, 12))
    pd.testing.assert_frame_equal(first, again)
    assert (first["headline"] != other["headline"]).mean() > 0.9


def test_more_rows_begin_with_the_fewer(truth):
    pd.testing.assert_frame_equal(sample.with_truth(500), truth.head(500))


@pytest.mark.parametrize("rows", [0, -5])
def test_no_rows_is_refused(rows, tmp_path):
    with pytest.raises(InputError):
        sample.write(tmp_path / "none", rows)
    assert not (tmp_path / "none").exists()


def test_forty_categories_under_eight_parents_each_explained(taxonomy):
    assert list(taxonomy.columns) == ["name", "parent", "description", "examples"]
    assert len(taxonomy) == taxonomy["name"].nunique() == 40
    assert taxonomy["parent"].value_counts().tolist() == [5] * 8
    assert not set(taxonomy["name"]) & set(taxonomy["parent"])
    assert (taxonomy["description"].str.len() > 40).all()
    for examples in taxonomy["examples"]:
        assert len({e for e in examples.split(" | ") if e.strip()}) == 3


def test_labels_are_categories_and_ids_are_unique(truth, taxonomy):
    names = set(taxonomy["name"])
    assert set(truth["recorded_label"]) <= names
    assert set(truth["gold_label"]) <= names | {""}
    assert truth["asset_id"].is_unique
    assert (truth["headline"].str.len() > 0).all()
    assert not truth[["headline", "body", "cta"]].map(lambda text: bool(re.search(r"[\[\]{}|]", text))).any().any()


def test_a_file_name_does_not_give_the_category_away(large):
    given = [squash(name) in squash(file) for name, file in zip(large["category"], large["file_name"])]
    assert not any(given)
    assert large["file_name"].str.fullmatch(r"[A-Z0-9]+_[A-Z]{2}_[A-Z]+_\w+_\w+_V\d_2026\d{4}\.\w+").all()


def test_recorded_labels_confuse_neighbours_about_four_times_in_a_hundred(large):
    wrong = large[large["recorded_label"] != large["category"]]
    assert 0.03 < len(wrong) / len(large) < 0.05
    near = {leaf.name: set(leaf.near) for leaf in sample.tables()[1].values()}
    assert all(label in near[category] for label, category in zip(wrong["recorded_label"], wrong["category"]))


def test_confusions_gather_where_copy_mentions_the_neighbour_yet_stay_the_lesser_part_there(large):
    """As with a large model: wrong where copy is mixed, seldom where it is clear. So sure students can be trusted with more."""
    wrong, mentioned = large["recorded_label"] != large["category"], large["tempting"] != ""
    assert 0.3 < wrong[mentioned].mean() < 0.45
    assert 0.004 < wrong[~mentioned].mean() < 0.02
    assert (large["recorded_label"] == large["tempting"])[wrong & mentioned].all()


def test_gold_labels_are_the_generating_category_for_a_tenth(large):
    gold = large[large["gold_label"] != ""]
    assert 0.08 < len(gold) / len(large) < 0.12
    assert (gold["gold_label"] == gold["category"]).all()


def test_shares_of_the_hard_parts(large):
    assert 0.04 < (large["other"] != "").mean() < 0.065
    assert 0.02 < (large["language"] != "en").mean() < 0.04
    assert set(large["language"]) == {"en", "de", "fr", "es"}
    assert 0.2 < (large["variant"] > 0).mean() < 0.33
    assert 0.03 < (large["body"] == "").mean() < 0.1
    assert 0.08 < (large["cta"] == "").mean() < 0.18
    assert (large["headline"].str.isupper()).mean() > 0.04


def test_sizes_of_one_creative_share_copy_and_label_but_not_the_file_name(truth):
    assert not truth.duplicated(["creative", "file_name"]).any()
    plain = truth["headline"].str.rstrip(".!")
    for column in (truth["recorded_label"], truth["market"], plain):
        assert (column.groupby(truth["creative"]).nunique() == 1).all()


def test_copy_that_fits_two_categories_names_both_in_its_body(large):
    """So a body is never missing there, and the other category is a neighbour."""
    doubtful = large[(large["other"] != "") & (large["variant"] == 0)]
    assert (doubtful["body"].str.count(r"[.?!]") >= 2).all()
    assert (doubtful["other"] != doubtful["category"]).all()
    assert set(doubtful["expected"]) <= set(doubtful["other"]) | set(doubtful["category"])


def test_the_tail_is_long_but_not_empty(truth):
    sizes = truth["category"].value_counts()
    assert len(sizes) == 40
    assert sizes.min() >= 10
    assert sizes.max() > 5 * sizes.min()


def test_unsure_where_the_copy_fits_two_categories(large):
    sure = large["recorded_confidence"].astype(float).groupby(large["other"] != "").mean()
    assert sure[False] > sure[True] + 0.2
    assert large["recorded_confidence"].astype(float).between(0, 1).all()


def test_the_pretend_model_takes_two_to_three_seconds(large):
    assert 2000 < large["latency_ms"].median() < 3000
    assert large["latency_ms"].quantile(0.99) > 1.4 * large["latency_ms"].median()
    assert large["tokens_in"].between(1000, 3000).all() and large["tokens_out"].between(5, 100).all()


def test_counting_words_neither_fails_nor_solves_it(truth):
    """TF-IDF and logistic regression, on creatives none of whose sizes were learnt from."""
    text = truth["headline"] + " " + truth["body"] + " " + truth["cta"]
    held = (truth["creative"] % 4 == 0).to_numpy()
    weigh = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=20, tol=1e-2, max_iter=60)
    model.fit(weigh.fit_transform(text[~held]), truth["recorded_label"][~held])
    agreement = np.mean(model.predict(weigh.transform(text[held])) == truth["recorded_label"][held])
    assert 0.75 < agreement < 0.99
