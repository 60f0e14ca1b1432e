"""Splits: by group, stratified, deterministic, and kept once given."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import tasks, taxonomy
from core.assets import imports, splits
from core.assets.splits import Group, assign, calibration_share, plan, reserved_share
from core.tasks import Task
from core.taxonomy import Category


def groups_of(sizes: list[int], split: str | None = None, given: bool = False) -> list[Group]:
    """Groups of categories of these sizes, in an order that depends on their ids alone."""
    orders = random.Random(3)
    return [
        Group(1000 * category + i, category, split, given, orders.randbytes(8))
        for category, size in enumerate(sizes)
        for i in range(size)
    ]


def labelled_client(db, folder, rows: list[tuple[str, str, str]], header="id,text,label") -> tuple[Task, int]:
    """A client with imported assets and a run that labels each asset as the file does; returns (client, run)."""
    client = tasks.of(db, "Acme")
    version = taxonomy.save(db, client, [Category(name, name) for name in ("Shoes", "Hats", "Bags")], "t.csv")
    add(db, folder, client, rows, header)
    run = (
        db["label_runs"]
        .insert({"task_id": client.id, "taxonomy_id": version, "teacher": "t", "started": "now"})
        .last_pk
    )
    label(db, run)
    return client, run


def add(db, folder, client, rows, header="id,text,label"):
    path = folder / "a.csv"
    path.write_text(header + "\n" + "".join(",".join(row) + "\n" for row in rows))
    return imports.import_assets(db, client, path)


def label(db, run):
    db.execute(
        "insert or ignore into labels (run_id, asset_id, category_id, created) select ?, r.asset_id, c.id, '' from recordings r"
        " join categories c on c.label = r.label",
        [run],
    )


def rows(count, start=0):
    rng = random.Random(5)
    names = ["".join(rng.choice("abcdefghijklm") for _ in range(30)) for _ in range(start + count)]
    return [(f"a{i}", f"{names[i]} number {i}", ["Shoes", "Hats"][i % 2]) for i in range(start, start + count)]


def categories_of(groups: list[Group]) -> dict[int, Counter]:
    moves = plan(groups, set())
    return {c: Counter(moves[g.id] for g in groups if g.category == c) for c in {g.category for g in groups}}


def stored(db) -> dict[str, str]:
    return dict(db.execute("select external_id, split from assets"))


def test_the_shares_are_a_fifth_for_test_and_for_calibration_a_tenth_of_many_groups_alone(monkeypatch):
    assert [calibration_share(n) for n in (100, 20_000, 20_001, 50_000)] == [0, 0, 0.1, 0.1]
    assert [reserved_share(n) for n in (100, 5_000, 8_000, 50_000)] == [0.2, 0.2, 0.125, 0.1]
    assert Counter(plan(groups_of([600, 300, 100]), set()).values()) == {"train": 800, "test": 200}
    monkeypatch.setattr(splits, "CROSSFITTED", 999)
    counts = Counter(plan(groups_of([600, 300, 100]), set()).values())
    assert counts == {"train": 700, "test": 200, "calibration": 100}


def test_every_category_is_in_every_split_and_a_small_one_goes_to_train_first(monkeypatch):
    groups = groups_of([50, 10, 5, 2, 1])
    by_category = categories_of(groups)
    assert by_category[1] == {"train": 8, "test": 2}
    assert all(set(by_category[c]) == {"train", "test"} for c in range(3))
    assert (by_category[3], by_category[4]) == (Counter(train=2), Counter(train=1))
    monkeypatch.setattr(splits, "CROSSFITTED", 10)
    by_category = categories_of(groups)
    assert by_category[1] == {"train": 7, "test": 2, "calibration": 1}
    assert (by_category[3], by_category[4]) == (Counter(train=2), Counter(train=1))


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6), seed=st.integers(0, 999))
def test_splits_depend_on_the_groups_alone_and_stay_when_more_come(sizes, seed):
    groups = groups_of(sizes)
    mixed = random.Random(seed).sample(groups, len(groups))
    moves = plan(groups, set())
    assert plan(mixed, set()) == moves
    half = mixed[: len(mixed) // 2]
    early = plan(half, set())
    later = [Group(g.id, g.category, early.get(g.id), False, g.order) for g in groups]
    more = plan(later, set())
    assert not set(more) & set(early)
    assert set(more) | set(early) == {g.id for g in groups}


@pytest.mark.parametrize(
    ("given", "expected"), [({"train", "test"}, {"calibration": 20}), ({"train"}, {"calibration": 20, "test": 40})]
)
def test_what_a_file_leaves_out_is_taken_from_train(given, expected, monkeypatch):
    monkeypatch.setattr(splits, "CROSSFITTED", 100)
    groups = groups_of([120, 80], "train", True)
    moves = plan(groups, given)
    counts = Counter(moves.values())
    assert counts["calibration"] == pytest.approx(expected["calibration"], abs=4)
    assert set(counts) == set(expected)
    after = [Group(g.id, g.category, moves.get(g.id, g.split), True, g.order) for g in groups]
    assert plan(after, given) == {}


def test_splits_a_file_gave_in_full_are_left_alone():
    groups = groups_of([20], "train", True) + groups_of([9], "test", True) + groups_of([9], "calibration", True)
    assert plan(groups, {"train", "test", "calibration"}) == {}


def test_copies_share_a_split_and_a_second_call_changes_nothing(db, tmp_path):
    table = rows(60)
    table += [(f"b{i}", text + "!", label) for i, (_, text, label) in enumerate(table[:20])]
    client, run = labelled_client(db, tmp_path, table)
    counts = assign(db, client.client_id, run)
    assert sum(counts.values()) == 60 and counts["test"] == 12
    before = stored(db)
    assert all(before[f"a{i}"] == before[f"b{i}"] for i in range(20))
    assert assign(db, client.client_id, run) == counts and stored(db) == before
    add(db, tmp_path, client, rows(30, start=60))
    label(db, run)
    assert sum(assign(db, client.client_id, run).values()) == 90
    assert {k: v for k, v in stored(db).items() if k in before} == before


def test_a_new_copy_of_a_split_asset_joins_its_split_and_unlabelled_assets_wait(db, tmp_path):
    client, run = labelled_client(db, tmp_path, rows(30))
    assign(db, client.client_id, run)
    name, text, _ = rows(30)[4]
    add(db, tmp_path, client, [("copy", text.upper(), ""), ("new", "something else entirely", "")])
    assign(db, client.client_id, run)
    assert stored(db)["copy"] == stored(db)[name]
    assert stored(db)["new"] is None


def test_a_file_that_gives_train_and_test_keeps_its_test_and_lends_calibration_where_there_are_many(
    db, tmp_path, monkeypatch
):
    table = [(*row, "test" if i % 4 == 0 else "training") for i, row in enumerate(rows(80))]
    client, run = labelled_client(db, tmp_path, table, header="id,text,label,split")
    assert assign(db, client.client_id, run) == {"train": 60, "calibration": 0, "test": 20}
    monkeypatch.setattr(splits, "CROSSFITTED", 50)
    counts = assign(db, client.client_id, run)
    assert counts == {"train": 54, "calibration": 6, "test": 20}
    assert {name for name, split in stored(db).items() if split == "test"} == {
        row[0] for row in table if row[3] == "test"
    }
    assert assign(db, client.client_id, run) == counts


def test_the_same_files_in_another_workspace_get_the_same_splits(db, tmp_path):
    client, run = labelled_client(db, tmp_path, rows(50))
    assign(db, client.client_id, run)
    first = stored(db)
    db.execute("delete from asset_bands"), db.execute("delete from labels"), db.execute("delete from recordings")
    db.execute("delete from assets")
    add(db, tmp_path, client, rows(50)[::-1])
    label(db, run)
    assign(db, client.client_id, run)
    assert stored(db) == first and splits.TEST == 0.2


def drawn(db) -> dict[str, str]:
    return dict(db.execute("select external_id, split from assets"))


def test_reserved_before_any_label_by_chance_and_the_same_every_time(db, tmp_path):
    rows = [(f"n{i}", " ".join(f"{i * 7919 + k * 104729}" for k in range(6)), "") for i in range(2000)]
    client, _ = labelled_client(db, tmp_path, rows)
    splits.reserve(db, client.client_id)
    first = drawn(db)
    counts = Counter(first.values())
    assert counts["test"] == pytest.approx(400, abs=60) and counts["calibration"] == pytest.approx(400, abs=60)
    assert counts.total() == 2000
    splits.reserve(db, client.client_id)
    assert drawn(db) == first


def test_reserving_keeps_what_has_a_split_and_splits_no_group(db, tmp_path):
    rows = [(f"a{i}", f"shoes number {i} {i * 31}", "Shoes") for i in range(40)]
    client, run = labelled_client(db, tmp_path, rows)
    assign(db, client.client_id, run)
    before = drawn(db)
    add(db, tmp_path, client, [(f"b{i}", f"hats number {i // 2} {i // 2 * 77}", "") for i in range(80)])
    splits.reserve(db, client.client_id)
    after = drawn(db)
    assert {one: after[one] for one in before} == before and None not in after.values()
    assert all(
        row[0] == 1
        for row in db.execute(
            "select count(distinct split) from assets where client_id = ? group by group_id", [client.client_id]
        )
    )


def test_what_the_files_splits_lack_is_reserved_out_of_train(db, tmp_path):
    rows = [(f"a{i}", f"shoes number {i} {i * 31}", "", "test" if i % 4 == 0 else "train") for i in range(400)]
    client, _ = labelled_client(db, tmp_path, rows, header="id,text,label,split")
    splits.reserve(db, client.client_id)
    after = drawn(db)
    assert all((after[row[0]] == "test") == (row[3] == "test") for row in rows)
    assert 30 <= Counter(after.values())["calibration"] <= 90
