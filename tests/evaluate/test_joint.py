"""Several facets at once: the joint figures of an asset, and `distil` with a taxonomy of facets."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import pytest

from core import distil, tasks
from core.commands import classify, compare
from core.commands import distil as distil_command
from core.errors import InputError
from core.evaluate import joint
from core.train import registry
from tests import small


def frame(n, right, sure, strange=None, split="test"):
    return pd.DataFrame(
        {
            "asset_id": np.arange(n),
            "split": split,
            "group_id": np.arange(n),
            "family_id": np.arange(n),
            "correct": right,
            "confidence_student": sure,
            "strange": np.zeros(n, bool) if strange is None else strange,
        }
    )


def test_an_asset_is_right_where_all_facets_are_and_as_sure_as_the_least():
    seeded = np.random.default_rng(0)
    parts = [frame(50, seeded.random(50) < 0.8, seeded.random(50), seeded.random(50) < 0.1) for _ in range(3)]
    both = joint.together(parts)
    assert (both["correct"] == np.all([p["correct"] for p in parts], axis=0)).all()
    assert (both["confidence_student"] == np.min([p["confidence_student"] for p in parts], axis=0)).all()
    assert (both["strange"] == np.any([p["strange"] for p in parts], axis=0)).all()


def test_assets_that_one_facet_lacks_are_left_out():
    parts = [frame(50, True, 0.9), frame(50, True, 0.9).iloc[10:]]
    assert joint.together(parts)["asset_id"].tolist() == list(range(10, 50))


@pytest.fixture
def files(tmp_path):
    return small.facet_files(tmp_path / "files")


def test_a_taxonomy_with_facets_makes_a_task_of_each_and_says_what_holds_of_all(db, files):
    facets, assets = files
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    result = distil.distil(db, taxonomy=facets, assets=assets, **how)
    client = tasks.client_named(db, "Northwind")
    assert [task.name for task in tasks.of_client(db, client)] == ["Topic", "Intent"] == list(result["tasks"])
    assert db["assets"].count == 400 == result["assets"]["imported"]
    assert result["tasks"]["Intent"]["labels"] | {"seconds": 0} == {
        "teacher": "recorded:intent_label", "count": 400, "failed": 0, "state": "done", "spent_usd": 0.0, "seconds": 0
    }  # fmt: skip
    shares = [one["students"][0]["agreement"]["value"] for one in result["tasks"].values()]
    joint_share = result["all_facets"]["agreement"]
    assert sum(shares) - 1 - 1e-9 <= joint_share["value"] <= min(shares)
    assert joint_share["low"] < joint_share["value"] < joint_share["high"]
    assert result["all_facets"]["certified"] and result["all_facets"]["handled"] > 0.5
    answer, text = classified(db, result, "Opening ribbon grand doors buy")
    assert {name: one["top"][0]["category"] for name, one in answer["facets"].items()} == {
        "Topic": "Opening",
        "Intent": "Buy",
    }
    assert answer["handled"] == all(one["handled"] for one in answer["facets"].values()) and "Intent:" in text
    printed = "\n".join(distil_command._facets_text(result, [], None))
    assert "Topic:" in printed and "Intent:" in printed and "All facets right:" in printed
    told, text = compare.run(compared("Northwind"))
    assert told["all_facets"] == result["all_facets"] and list(told["facets"]) == ["Topic", "Intent"]
    assert text.count("agreement") == 2 and "All facets right:" in text
    again = distil.distil(db, taxonomy=facets, assets=assets, **how)
    assert (db["assets"].count, db["tasks"].count, again["assets"]["imported"]) == (400, 2, 0), "twice adds nothing"


def classified(db, result, words):
    """What `classify` says where no task is named and each facet has a student at work."""
    for one in result["tasks"].values():
        registry.set_live(db, int(one["chosen"]))
    return classify.run(argparse.Namespace(text=words, image=None, client="Northwind", task=None, student="live"))


def compared(client):
    return argparse.Namespace(client=client, task=None, student="live", rule=[], assume=[], other_models=None, ask=None)


def test_a_facet_without_labels_is_named(db, files, tmp_path):
    facets, assets = files
    facets.write_text(facets.read_text() + "Market,DE\nMarket,FR\n")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear"}
    with pytest.raises(InputError, match="No column of the assets file holds labels of Market"):
        distil.distil(db, taxonomy=facets, assets=assets, **how)
    with pytest.raises(InputError, match="holds facets: Topic, Intent, Market"):
        distil.distil(db, taxonomy=facets, assets=assets, task="Topic", **how)
