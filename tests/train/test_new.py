"""What is measured of what is new, and what a student's folds are dealt by because of it."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from core.train import folds, new
from core.train.data import Rows, Split
from tests import markets


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):  # small products: more threads would only wait for each other
        yield


def quiet(done, total, message):
    assert 0 <= done <= total and message


def rows_of(made: markets.Families, categories: int) -> Rows:
    targets = np.eye(categories, dtype=np.float32)[made.answers]
    return Rows(made.texts, targets, "packaged", False, families=made.family)


@pytest.fixture(scope="module")
def localised():
    """200 concepts in 6 markets each."""
    made = markets.draw(200, 6, 6, seed=5)
    rows = rows_of(made, 6)
    return rows, pd.DataFrame({"Market": made.market, "cta": ["Buy", "Go", "See"] * 400}, dtype=object)


def campaigns(count: int = 16, size: int = 30) -> tuple[Rows, pd.DataFrame]:
    """Campaigns whose wording is their own: each says each category by words that no other campaign uses, and a few in common."""
    dice = np.random.default_rng(3)
    word = lambda: "".join(dice.choice(list("abcdefghijklmnopqrstuvwxyz"), 7))  # noqa: E731
    common = [[word() for _ in range(6)] for _ in range(4)]
    texts, answers, names = [], [], []
    for campaign in range(count):
        wording = [[word() for _ in range(3)] for _ in range(4)]
        for _ in range(size):
            answer = int(dice.integers(4))
            own = dice.choice(wording[answer], 2)
            shown = common[answer if dice.random() < 0.75 else int(dice.integers(4))][int(dice.integers(6))]
            texts.append(" ".join([*own, shown, word()]))
            answers.append(answer)
            names.append(f"Spring {campaign}")
    return Rows(texts, np.eye(4, dtype=np.float32)[answers], "packaged", False), pd.DataFrame(
        {"Campaign": names}, dtype=object
    )


def test_columns_are_known_by_name_and_checked_by_values(localised):
    rows, columns = localised
    (market,) = new.groupings(rows, columns)
    assert (market.kind.many, market.column, market.crossed) == ("markets", "Market", True)
    assert new.groupings(rows, columns.assign(Market="UK")) == [], "one group"
    assert new.groupings(rows, columns.assign(Market=[f"m{i}" for i in range(1200)])) == [], "a group a row"
    assert new.groupings(rows, columns.assign(Market=[None] * 1100 + ["UK"] * 100)) == [], "hardly any value"
    told = rows.answers.astype(str)
    assert new.groupings(rows, pd.DataFrame({"campaign": told}, dtype=object)) == [], (
        "stands and falls with the category"
    )
    twice = columns.assign(country=columns.Market.str.lower())
    assert [one.column for one in new.groupings(rows, twice)] == ["Market"], "the same groups again"


def test_days_are_months(localised):
    rows, _ = localised
    days = [f"2026-{1 + one % 6:02}-{1 + one % 28:02}" for one in rows.families]
    (found,) = new.groupings(rows, pd.DataFrame({"launch_date": days}, dtype=object))
    assert len(set(found.codes)) == 6 and not found.crossed and found.kind.comes


def test_a_market_is_left_out_with_its_concepts(localised):
    rows, columns = localised
    (market,) = new.groupings(rows, columns)
    dealt = replace(rows, dealt=market.dealt).folds()
    for fold in range(folds.FOLDS):
        asked, learn = folds.held(dealt, fold), folds.learned(dealt, fold)
        assert len(asked) and not set(market.codes[asked]) & set(market.codes[learn])
        assert not set(rows.families[asked]) & set(rows.families[learn])
    judged = folds.judged(dealt)
    assert sorted(np.concatenate([folds.held(dealt, fold) for fold in range(folds.FOLDS)])) == judged.tolist()
    split = Split([1, 2, 3, 4, 5, 6], replace(rows, dealt=market.dealt), rows.take(np.zeros(0, int)))
    assert split.judging.texts == [rows.texts[row] for row in judged]


def test_concepts_and_markets_are_measured_and_markets_do_not_decide(localised):
    rows, columns = localised
    some = new.groupings(rows, columns)
    found = new.measure(rows, some, None, new.LOWEST, quiet)
    concepts, market = found.left_out
    assert concepts.many == "concepts" and concepts.lower and concepts.seen > concepts.new
    assert market.many == "markets" and market.crossed and market.new < concepts.new
    assert found.column is None and new.dealt_by(rows, some, found) is None
    assert len({(one.taught, one.market) for one in found.across}) == len(found.across) == new.MOST_MARKETS**2
    own = [one.agreement for one in found.across if one.taught == one.market]
    other = [one.agreement for one in found.across if one.taught != one.market]
    assert np.mean(own) > np.mean(other) and all(one.low <= one.agreement <= one.high for one in found.across)
    assert new.from_json(json.loads(json.dumps(asdict(found)))) == found
    for rule in ("markets", "market", "Market"):
        asked = replace(found, rule=rule, column=new.rests_on(rule, found.left_out))
        assert asked.column == "Market" and new.dealt_by(rows, some, asked) is some[0].dealt
    assert new.rests_on("brands", found.left_out) is None, (
        "a rule for a column that this file lacks: as if there were none"
    )
    nothing = replace(found, rule=new.NOTHING)
    assert len(set(new.dealt_by(rows, some, nothing))) == len(rows.texts)


def test_what_is_lower_on_new_campaigns_is_what_is_rested_on():
    rows, columns = campaigns()
    some = new.groupings(rows, columns)
    found = new.measure(rows, some, None, new.LOWEST, quiet)
    (campaign,) = found.left_out
    assert campaign.seen - campaign.new > 0.1 and campaign.lower and campaign.low < campaign.new < campaign.high
    assert found.column == "Campaign" and found.rests_on == campaign
    dealt = replace(rows, dealt=new.dealt_by(rows, some, found)).folds()
    assert all(len(set(dealt[columns.Campaign == one])) == 1 for one in columns.Campaign.unique())
    assert new.rests_on(new.CONCEPTS, found.left_out) is None


def test_nothing_is_said_where_nothing_could_be_new_or_too_little_is_there(localised):
    rows, columns = localised
    alone = replace(rows, families=np.arange(len(rows.texts)))
    assert new.measure(alone, [], None, new.LOWEST, quiet) is None
    few = rows.take(np.arange(100))
    assert new.measure(few, new.groupings(few, columns.head(100)), None, new.LOWEST, quiet) is None
