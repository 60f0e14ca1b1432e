"""The sample with several facets: its copy says what its labels say, and the sample without them is as it was."""

from __future__ import annotations

import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest

from core import distil
from core.__main__ import main
from core.assets import sample, sample_facets
from core.errors import InputError
from core.train import softmax
from core.train.students import tfidf

FACETS_SHA = "1fed1cb39f31fa0461292526d99f2bed251c5781b993d160c332bfb56c1d6da6"


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    """Enough rows for shares to be steady."""
    return sample_facets.with_truth(6000)


def sha256(*tables: pd.DataFrame) -> str:
    return hashlib.sha256("".join(table.to_csv(index=False) for table in tables).encode()).hexdigest()


def test_the_sample_without_facets_is_as_it_was(tmp_path, capsys):
    assert main(["sample", "--rows", "300", "--seed", "11", "--to", str(tmp_path)]) == 0
    written = b"".join((tmp_path / name).read_bytes() for name in ("taxonomy.csv", "assets.csv"))
    assert hashlib.sha256(written).hexdigest() == "dc20545de6997eca272ec32dba6e0c796a3452ab4db4cabc5520e42287fb786e"


def test_the_same_arguments_give_the_same_files_everywhere():
    assert sha256(*sample_facets.generate(300, 11)) == FACETS_SHA
    assert sha256(*sample_facets.generate(300, 12)) != FACETS_SHA


def test_more_rows_begin_with_the_fewer_and_fewer_facets_are_the_first(large):
    pd.testing.assert_frame_equal(sample_facets.with_truth(500), large.head(500))
    fewer = sample_facets.with_truth(500, facets=2)
    assert list(sample_facets.generate(10, facets=2)[1].columns)[-2:] == ["Topic", "Format"]
    assert fewer["Format"].equals(large.head(500)["Format"]) and fewer["cta"].equals(sample.with_truth(500)["cta"])


@pytest.mark.parametrize("facets", [0, 5])
def test_facets_that_there_are_not_are_refused(facets):
    with pytest.raises(InputError, match="cannot be made"):
        sample_facets.generate(10, facets=facets)


def test_labels_are_categories_of_their_facet_and_none_is_rare(large):
    taxonomy = sample_facets.taxonomy()
    assert list(taxonomy["facet"].unique()) == list(sample_facets.FACETS) and set(taxonomy["pick"]) == {"one"}
    for facet, part in taxonomy.groupby("facet"):
        shares = large[facet].value_counts(normalize=True)
        assert set(shares.index) == set(part["name"])
        assert facet == "Topic" or (shares.min() > 0.02 and shares.max() < 0.5), shares


@pytest.mark.parametrize("facet", sample_facets.FACETS[1:])
def test_labels_confuse_neighbours_about_four_times_in_a_hundred(large, facet):
    """And most of these where the copy mentions the neighbour."""
    wrong = large[facet] != large[f"{facet} is"]
    assert 0.01 < wrong.mean() < 0.06
    mentioned = large[f"{facet} beside"] != ""
    assert wrong[mentioned].mean() > 10 * wrong[~mentioned].mean()
    assert (large[facet] == large[f"{facet} beside"])[wrong & mentioned].all()


@pytest.mark.parametrize("facet", sample_facets.FACETS[1:])
def test_a_reader_can_tell_the_facet_from_the_copy(large, facet):
    """Even one that counts words, on creatives none of whose sizes it learned from."""
    part = large.head(3000)
    text = part["headline"] + " " + part["body"] + " " + part["cta"]
    held = (part["creative"] % 4 == 0).to_numpy()
    features = tfidf.learn(text[~held].tolist(), 6000)
    answers, names = pd.factorize(part[facet])
    targets = np.eye(len(names), dtype=np.float32)[answers[~held]]
    fitted = softmax.fit(features(text[~held].tolist()), targets, strength=20, iterations=20)
    said = names[(features(text[held].tolist()) @ fitted[0] + fitted[1]).argmax(1)]
    assert np.mean(said == part[f"{facet} is"][held]) > 0.75


def test_no_offer_means_that_none_is_found_in_the_copy(large):
    plain = large[(large["Offer is"] == "No offer") & (large["Offer or"] == "") & (large["Offer beside"] == "")]
    text = plain["headline"] + " " + plain["body"]
    for value in sample_facets.values()["Offer"].values():
        if value.found:
            found = [bool(re.search(value.found, one, re.IGNORECASE)) for one in text]
            assert sum(found) < 0.01 * len(found), value.name


def test_copy_holds_no_template(large):
    assert not large[["headline", "body", "cta"]].map(lambda text: bool(re.search(r"[\[\]{}|]", text))).any().any()
    assert not large["body"].str.contains("  ").any()


def test_sizes_of_one_creative_share_their_labels(large):
    for facet in sample_facets.FACETS:
        assert (large[facet].groupby(large["creative"]).nunique() == 1).all()


def test_its_files_are_read_as_they_are(tmp_path, db, capsys):
    """Every facet a task, each with the labels of its own column, and nothing to object to."""
    asked = ["sample", "--rows", "150", "--facets", "4", "--to", str(tmp_path)]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["facets"] == list(sample_facets.FACETS)
    files = {"taxonomy": tmp_path / "taxonomy.csv", "assets": tmp_path / "assets.csv"}
    done = distil.distil(db, **files, client="Several", teacher="recorded", student="linear")
    assert done["assets"]["problems"] == 0 and list(done["tasks"]) == list(sample_facets.FACETS)
    assert {one["labels"]["count"] for one in done["tasks"].values()} == {150}


def test_facets_of_briefs_are_refused(tmp_path, capsys):
    assert main(["sample", "--pairs", "20", "--facets", "2", "--to", str(tmp_path / "none")]) == 2
    assert "Leave out --facets or --pairs" in capsys.readouterr().err and not (tmp_path / "none").exists()
