"""The sample client's second task is what its README says, and the same for everybody."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from core import database, distil, settings
from core.encoders.encoder import encoder
from core.errors import InputError
from core.write import gates, guide, known, pairs, sample


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(settings.SAMPLE / "pairs.csv", keep_default_na=False)


def test_the_committed_files_are_what_the_generator_writes(tmp_path):
    for written in sample.write(tmp_path):
        text = written.read_bytes()
        assert b"\r" not in text
        assert text == (settings.SAMPLE / written.name).read_bytes().replace(b"\r\n", b"\n")


def test_another_seed_gives_other_pairs():
    first, other = (set(sample.generate(60, seed)["copy"]) for seed in (11, 12))
    assert len(first & other) < 5
    with pytest.raises(InputError):
        sample.generate(0)


def test_pairs_are_many_different_and_of_every_kind(table):
    assert len(table) == 1200 and table["brief"].nunique() == 1200 and table["copy"].nunique() > 1190
    assert set(table["channel"]) == set(sample.guide()["channels"]) and table["date"].str[:7].nunique() >= 8
    assert 0.04 < (table["status"] == "rejected").mean() < 0.08 and table["reason"].nunique() > 6
    edited = table[table["status"] == "edited"]
    assert len(edited) > 150 and (edited["first_version"] != edited["copy"]).all()
    assert (table.loc[table["status"] != "edited", "first_version"] == "").all()


def test_the_sample_client_gains_a_second_task_and_its_copy_keeps_to_the_guide(encoders):
    db, encode = database.connect(), encoder()
    task = distil.sample_pairs(db)
    assert distil.sample_pairs(db) == task and task.kind == "write"
    assert next(db.query("select synthetic from clients where id = ?", [task.client_id]))["synthetic"] == 1
    there = pairs.load(db, task)
    assert len(there) == 1200
    rules = guide.of(db, task, [])
    assert rules == guide.Guide.model_validate(json.loads((settings.SAMPLE / "voice-guide.json").read_text()))
    train, test = pairs.approved(there, "train"), pairs.approved(there, "test")
    words = frozenset(word for one in train for text in one for word in text.lower().split())
    what = known.of(train, pairs.approved(there, "calibration"), encode, words)
    passed = [all(one.passed for one in gates.find(case)) for case in gates.approved(test, rules, what, encode)]
    assert sum(passed) / len(passed) >= 0.95
    rejected = [(pair.brief, pair.copy) for pair in there if pair.status == "rejected"]
    stopped = [not all(one.passed for one in gates.find(c)) for c in gates.approved(rejected, rules, what, encode)]
    assert sum(stopped) / len(stopped) >= 0.9
