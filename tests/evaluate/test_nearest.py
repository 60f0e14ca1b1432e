"""Why this tag: the nearest labelled assets."""

from __future__ import annotations

import pytest

from core import distil, review, tasks
from core.evaluate.nearest import Nearest
from core.train import registry
from tests import small


@pytest.fixture
def student(db, tmp_path):
    taxonomy, assets = small.files(tmp_path / "files")
    distil.distil(db, taxonomy=taxonomy, assets=assets, client="Small", teacher="recorded:label", student="linear")
    return registry.looked_at(db, tasks.of(db, "Small"))


def test_the_nearest_share_words_and_come_nearest_first(db, student):
    near = Nearest(db, student).to("flights hotel beach today now")
    assert len(near) == 3 and [one.likeness for one in near] == sorted((one.likeness for one in near), reverse=True)
    assert all(0 < one.likeness <= 1 and one.by == "teacher" for one in near)
    assert sum(one.label == "Travel" for one in near) >= 2


def test_an_asset_is_not_its_own_reason_and_strange_words_have_none(db, student):
    nearest = Nearest(db, student)
    row = nearest.frame.iloc[0]
    assert row.external_id not in [one.asset for one in nearest.to(row.text)]
    assert nearest.to("ж") == []


def test_what_a_person_decided_goes_before_the_teachers_label(db, student):
    nearest = Nearest(db, student)
    first = nearest.to("flights hotel beach")[0]
    asset = nearest.frame[nearest.frame.external_id == first.asset].iloc[0]
    other = next(id for id, name in nearest._names.items() if name != first.label)
    review.decide(db, int(asset.asset_id), "Ann", other, "queue")
    said = Nearest(db, student).to("flights hotel beach")[0]
    assert (said.asset, said.by, said.label) == (first.asset, "person", nearest._names[other])
