"""Deciding, skipping, taking back, conflicts; gold labels as one definition; decisions to a file and back."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import database, review, tasks, taxonomy
from core.assets import label_columns
from core.errors import InputError
from core.label import gold
from core.label.labelling import label
from core.review import decisions, files
from core.tasks import Task
from tests import small


@pytest.fixture
def client(db, tmp_path) -> Task:
    """The small client, labelled, with three assets in the queue and three in the random sample."""
    task = small.fill(db, tmp_path)
    label(db, task, "recorded:label")
    for mode in ("queue", "random"):
        for place in range(3):
            asset = place + 1 if mode == "queue" else place + 101
            db["review_items"].insert(
                {
                    "task_id": task.id,
                    "mode": mode,
                    "place": place,
                    "asset_id": asset,
                    "worth": 0.5,
                    "reasons": json.dumps([{"kind": "rare", "words": "=Few labels."}]),
                    "suggestions": json.dumps([{"category_id": 3, "by": ["teacher"]}, {"category_id": 1, "by": []}]),
                    "neighbours": json.dumps([{"asset_id": 9, "category_id": 2, "likeness": 0.5}]),
                }
            )
    return task


def decided(db, task: Task) -> dict[int, int]:
    return gold.gold(db, task, taxonomy.load(db, taxonomy.latest(db, task)))


def next_asset(db, task: Task, reviewer: str, mode: str) -> int | None:
    item = review.next_item(db, task, reviewer, mode)
    return item and item.asset_id


def test_the_queue_is_walked_in_order_and_shared(db, client):
    item = review.next_item(db, client, "ana", "queue")
    assert (item.asset_id, item.reasons[0]["words"]) == (1, "=Few labels.")
    assert [(s["label"], s["by"]) for s in item.suggestions] == [("Hiring", ["teacher"]), ("Sale", [])]
    assert item.suggestions[0]["description"] and item.neighbours[0]["label"] == "Opening"
    review.decide(db, 1, "ana", 3, "queue", note=" a note ")
    assert next_asset(db, client, "ana", "queue") == next_asset(db, client, "ben", "queue") == 2
    review.skip(db, client, 2, "ana", "queue")
    assert (next_asset(db, client, "ana", "queue"), next_asset(db, client, "ben", "queue")) == (3, 2)
    assert review.counts(db, client, "ana", "queue") == (1, 3)
    assert db.execute("select note from reviews").fetchall() == [("a note",)]
    assert [row["asset"] for row in review.head(db, client, 5)] == ["A1", "A2"]


def test_the_random_sample_is_everybodys_own_and_tells_nothing(db, client):
    review.decide(db, 101, "ana", 3, "queue")
    item = review.next_item(db, client, "ana", "random")
    assert item.asset_id == 101, "what was decided in the queue is asked again, or the doubtful ones would be missing"
    assert (item.reasons, item.neighbours) == ([], [])
    assert [(s["category_id"], s["by"]) for s in item.suggestions] == [(1, []), (3, [])]
    review.decide(db, 101, "ana", 3, "random")
    assert (next_asset(db, client, "ana", "random"), next_asset(db, client, "ben", "random")) == (102, 101)


def test_undo_takes_back_decisions_and_skips_the_last_first(db, client):
    review.decide(db, 1, "ana", 3, "queue")
    review.skip(db, client, 2, "ana", "queue")
    review.decide(db, 3, "ben", 3, "queue")
    assert [review.undo(db, client, "ana") for _ in range(3)] == [2, 1, None]
    assert decided(db, client) == {3: 3}, "nobody takes back what another decided"
    assert next_asset(db, client, "ana", "queue") == 1


def test_undo_never_reaches_what_a_file_brought(db, client):
    db["reviews"].insert({"task_id": 2, "asset_id": 5, "reviewer": "ana", "category_id": 1, "created": "9"})
    assert review.undo(db, client, "ana") is None


def test_reviewers_that_differ_are_a_conflict_until_somebody_settles_it(db, client):
    review.decide(db, 101, "ana", 1, "random")
    review.decide(db, 101, "ben", 2, "random", note="says grand opening")
    assert review.conflicts(db, client) == [101] and decided(db, client) == {}
    item = review.next_item(db, client, "eva", "conflict")
    assert [(d["reviewer"], d["label"], d["note"]) for d in item.decisions] == [
        ("ana", "Sale", ""),
        ("ben", "Opening", "says grand opening"),
    ]
    assert [s["category_id"] for s in item.suggestions] == [1, 2, 3], "what people said comes first"
    review.decide(db, 101, "eva", 2, "conflict")
    assert review.conflicts(db, client) == [] and decided(db, client) == {101: 2}
    review.decide(db, 101, "cid", 4, "random")
    assert decided(db, client) == {101: 2}, "whoever settled it has the last word"
    review.undo(db, client, "eva")
    assert decided(db, client) == {}


def test_a_reviewers_last_word_counts(db, client):
    review.decide(db, 1, "ana", 1, "queue")
    review.decide(db, 1, "ben", 2, "queue")
    review.decide(db, 1, "ana", 2, "queue")
    assert decided(db, client) == {1: 2} and not review.conflicts(db, client)


def test_gold_outlives_a_version_of_the_taxonomy_and_knows_its_origin(db, client):
    review.decide(db, 1, "ana", 1, "queue")
    review.decide(db, 101, "ana", 2, "random")
    db["reviews"].insert({"task_id": 2, "asset_id": 7, "reviewer": "file", "category_id": 4, "created": ""})
    old = taxonomy.load(db, taxonomy.latest(db, client))
    names = [taxonomy.Category(label=c.label, name=c.name) for c in old if c.label != "Travel"]
    newer = taxonomy.load(db, taxonomy.save(db, client, names, "second.csv"))
    found = gold.gold(db, client, newer)
    assert {asset: next(c.label for c in newer if c.id == id) for asset, id in found.items()} == {
        1: "Sale",
        101: "Opening",
    }
    assert set(gold.gold(db, client, old, gold.SAMPLED)) == {7, 101}
    assert gold.labels(db, client) == {1: "Sale", 7: "Travel", 101: "Opening"}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.booleans()), max_size=8))
def test_the_view_is_what_the_words_say(words):
    """Against the definition written out in Python."""
    db = database.Database(memory=True)
    database.migrations.apply(db)
    db.execute("insert into clients (id, name, created) values (1, 'x', '')")
    db.execute("insert into tasks values (2, 1, 'x', 'choose_one', '')")
    db.execute("insert into taxonomies (id, task_id, version, content_hash, created) values (1, 2, 1, '', '')")
    for id in (1, 2, 3):
        db.execute(
            "insert into categories (id, taxonomy_id, position, label, name) values (?, 1, ?, ?, '')",
            [id, id, f"c{id}"],
        )
    named = (
        "id, client_id, filename, sha256, mapping, row_count, imported, unchanged, duplicates, problem_count, created"
    )
    db.execute(f"insert into imports ({named}) values (1, 1, '', '', '', 0, 0, 0, 0, 0, '')")
    db.execute(
        "insert into assets (id, client_id, external_id, text, text_hash, import_id) values (1, 1, '', '', '', 1)"
    )
    for who, category, settles in words:
        db.execute(
            "insert into reviews (task_id, asset_id, reviewer, category_id, created, adjudicates) values (2, 1, ?, ?, '', ?)",
            [who, category, int(settles)],
        )
    settled = [category for _, category, settles in words if settles]
    last = {who: category for who, category, settles in words if not settles}
    if settled:
        expected = {1: f"c{settled[-1]}"}
    else:
        expected = {1: f"c{next(iter(last.values()))}"} if len(set(last.values())) == 1 else {}
    assert gold.labels(db, tasks.get(db, 2)) == expected


def test_decisions_need_a_name_and_a_category_of_the_client(db, client, tmp_path):
    other = small.fill(db, tmp_path / "other", client="Other")
    foreign = taxonomy.load(db, taxonomy.latest(db, other))[0].id
    for reviewer, category, said in (("  ", 1, "name"), ("File", 1, "file"), ("ana", foreign, "taxonomy")):
        with pytest.raises(InputError, match=said):
            review.decide(db, 1, reviewer, category, "queue")
    assert db["reviews"].count == 0


def test_the_pace_is_the_median_without_pauses(db, client):
    for asset, seconds in enumerate((4.0, 8.0, 6.0, 4000.0, None), start=10):
        assert (review.pace(db, "ana") is None) == (asset < 13)
        review.decide(db, asset, "ana", 1, "queue", seconds=seconds)
    assert review.pace(db, "ana") == 6.0


def filled_in(text: str, **by_asset: str) -> str:
    """The exported CSV with categories for some assets."""
    rows = list(csv.DictReader(io.StringIO(text)))
    out = io.StringIO()
    table = csv.DictWriter(out, decisions.COLUMNS)
    table.writeheader()
    for row in rows:
        if not row["category"]:
            row["category"] = by_asset.get(row["asset"], "")
        table.writerow(row)
    return out.getvalue()


def test_a_list_goes_to_a_spreadsheet_and_back(db, client, tmp_path):
    review.decide(db, 1, "ana", 3, "queue", note="=HYPERLINK(1)")
    exported = files.to_csv(db, client)
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [(r["asset"], r["category"], r["mode"]) for r in rows] == [
        ("A0", "Hiring", "queue"),
        ("A1", "", "queue"),
        ("A2", "", "queue"),
        ("A100", "", "random"),
        ("A101", "", "random"),
        ("A102", "", "random"),
    ]
    assert rows[0]["note"] == "'=HYPERLINK(1)" and rows[1]["why"] == "'=Few labels."
    assert rows[1]["suggestions"] == "Hiring; Sale" and not rows[3]["why"] + rows[3]["suggestions"]
    file = tmp_path / "back.csv"
    file.write_text(filled_in(exported, A1="sale", A100="Opening", A2="Nonsense"))
    read = files.read(db, client, file, "ben")
    assert (read.rows, read.new, len(read.problems)) == (4, 2, 1)
    assert "Nonsense" in read.problems[0].what and read.problems[0].row == 4
    assert decided(db, client) == {1: 3, 2: 1, 101: 2}
    assert set(gold.gold(db, client, taxonomy.load(db, 1), ("random",))) == {101}
    assert files.read(db, client, file, "ben").new == 0, "the same file again decides nothing anew"


def test_what_is_near_a_category_is_counted_and_offered_and_taken_only_when_accepted(db, client, tmp_path):
    file = tmp_path / "back.csv"
    file.write_text("asset,category\nA1,Sales\nA2,Sales\nA3,Opening\nA4,Nonsense\n")
    read = files.read(db, client, file, "ben")
    assert [(one.value, one.assets, one.near) for one in read.unknown] == [("Sales", 2, ("Sale",)), ("Nonsense", 1, ())]
    assert (read.rows, read.new, len(read.problems)) == (4, 1, 3) and decided(db, client) == {4: 2}
    again = files.read(db, client, file, "ben", accepted=label_columns.nearest(read.unknown))
    assert (again.new, [one.value for one in again.unknown]) == (2, ["Nonsense"])
    assert decided(db, client) == {2: 1, 3: 1, 4: 2}
    with pytest.raises(InputError, match="is no category"):
        files.read(db, client, file, "ben", accepted={"Nonsense": "Sales"})


def test_a_file_cannot_smuggle_an_asset_into_the_random_sample(db, client, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("asset,category,mode\nA200,Sale,random\nZ9,Sale,random\n")
    read = files.read(db, client, file, "ben")
    assert (read.new, [p.row for p in read.problems]) == (1, [3])
    assert not gold.gold(db, client, taxonomy.load(db, 1), gold.SAMPLED)
    file.write_text("asset,other\nA200,Sale\n")
    with pytest.raises(InputError, match="category"):
        files.read(db, client, file)


def test_ids_that_a_spreadsheet_changed_cost_no_file(db, client, tmp_path):
    for asset, external in (
        (1, "00042"),
        (2, "120000000000000042"),
        (3, "340000000000000001"),
        (4, "340000000000000999"),
    ):
        db.execute("update assets set external_id = ? where id = ?", [external, asset])
    file = tmp_path / "back.csv"
    file.write_text("asset,category\n42,Sale\n1.2E+17,Opening\n3.4E+17,Sale\nA9,Hiring\n")
    read = files.read(db, client, file, "ben")
    assert (read.rows, read.new, [p.row for p in read.problems]) == (4, 3, [4])
    assert "A spreadsheet shortened the id “3.4E+17”" in read.problems[0].what
    assert {1, 2} < set(decided(db, client))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(1, 20), st.text("=+-@' ab1", max_size=8), min_size=1))
def test_decisions_go_out_and_come_back_as_they_were(db, client, tmp_path, notes):
    for asset, note in notes.items():
        review.decide(db, asset, "=ana", 3, "queue", note=note.strip())
    file = tmp_path / "list.csv"
    file.write_text(files.to_csv(db, client), encoding="utf-8", newline="")
    before = [tuple(row) for row in db.execute("select asset_id, reviewer, category_id, note from reviews order by id")]
    assert files.read(db, client, file).new == 0, "everything in it is known"
    db.execute("delete from reviews")
    files.read(db, client, file)
    after = [tuple(row) for row in db.execute("select asset_id, reviewer, category_id, note from reviews order by id")]
    assert len(set(after)) == len({row[:3] for row in before})
    assert set(after) <= set(before)
    db.execute("delete from reviews")
