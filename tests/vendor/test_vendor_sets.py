import csv
import io
import zipfile
from itertools import pairwise

import pytest

from core import tasks
from core.errors import InputError
from core.vendor import sets
from tests.evaluate.conftest import insert_assets


def unpacked(data: bytes) -> dict[str, list[dict]]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        tables = [name for name in packed.namelist() if name.endswith(".csv")]
        return {name: list(csv.DictReader(io.StringIO(packed.read(name).decode("utf-8-sig")))) for name in tables}


def held(client, set_id: int) -> list[tuple]:
    query = "select a.external_id, a.split, a.group_id from vendor_set_assets s join assets a on a.id = s.asset_id where set_id = ?"
    return client.db.execute(query, [set_id]).fetchall()


@pytest.fixture
def filled(client):
    insert_assets(client, "train", 50, 999, start=0)
    insert_assets(client, "test", 120, 20, start=100, copies=2)
    return client


def test_all_that_is_held_out_is_the_set_every_creative_once(filled):
    set_id = sets.held_out(filled.db, filled.task)
    rows = held(filled, set_id)
    assert len(rows) == 120 == sets.count(filled.db, filled.task)
    assert {split for _, split, _ in rows} == {"test"}
    assert all(external == f"a{group}" for external, _, group in rows)  # the first copy stands for both
    assert sets.find(filled.db, filled.task, None)["id"] == set_id


def test_the_same_choice_is_the_same_set_and_stays_it_when_assets_come(filled):
    first, small = (sets.held_out(filled.db, filled.task, size) for size in (None, 60))
    assert first != small
    assert sets.held_out(filled.db, filled.task, 60) == small
    before = held(filled, first)
    insert_assets(filled, "test", 10, 999, start=5000)
    assert held(filled, first) == before
    assert sets.held_out(filled.db, filled.task) not in (first, small)


def test_a_drawn_set_is_a_part_of_the_whole_and_of_a_larger_draw(filled):
    few, more, every = (
        set(held(filled, sets.held_out(filled.db, tasks.get(filled.db, 2), size))) for size in (40, 80, 9999)
    )
    assert (len(few), len(more), len(every)) == (40, 80, 120)
    assert few < more < every
    numbers = sorted(int(external[1:]) for external, _, _ in few)
    assert numbers[0] < 260 and numbers[-1] > 380  # from all over, not the first forty


def test_the_pack_is_blind_shuffled_and_the_same_each_time(filled):
    set_id = sets.held_out(filled.db, filled.task)
    data = sets.pack(filled.db, set_id)
    assert data == sets.pack(filled.db, set_id)
    tables = unpacked(data)
    assert set(tables["assets.csv"][0]) == {"asset_id", "text"}
    ids = [row["asset_id"] for row in tables["assets.csv"]]
    assert sorted(ids) == sorted(external for external, _, _ in held(filled, set_id))
    places = [int(external[1:]) for external in ids]
    assert sum(a < b for a, b in pairwise(places)) < 0.65 * len(places)
    assert [row["asset_id"] for row in tables["answers.csv"]] == ids
    assert {row["label"] for row in tables["answers.csv"]} == {""}
    assert [row["category"] for row in tables["taxonomy.csv"]] == ["Sale", "Offer", "Brand"]  # no heading
    assert tables["taxonomy.csv"][0]["parent"] == "Retail"


def test_no_cell_of_the_pack_runs_as_a_formula(filled):
    filled.db.execute(
        "update assets set text = '=HYPERLINK(\"http://example.invalid\")', external_id = '+' || external_id"
    )
    filled.db.execute("update categories set description = '@cmd' where label = 'Sale'")
    filled.db.conn.commit()
    tables = unpacked(sets.pack(filled.db, sets.held_out(filled.db, filled.task)))
    cells = [cell for rows in tables.values() for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)


def test_instructions_say_how_many_and_what_counts_as_wrong(filled):
    with zipfile.ZipFile(io.BytesIO(sets.pack(filled.db, sets.held_out(filled.db, filled.task)))) as packed:
        text = packed.read("instructions.txt").decode()
    assert "120 advertising assets" in text and "(3 categories;" in text and "count as wrong" in text


def test_without_labels_or_held_out_assets_it_says_what_to_do(client):
    with pytest.raises(InputError, match="Teacher page"):
        sets.held_out(client.db, client.task)
    insert_assets(client, "train", 30, 999, start=0)
    with pytest.raises(InputError, match="Train a student first"):
        sets.count(client.db, client.task)
    with pytest.raises(InputError, match="no blind pack 7"):
        sets.find(client.db, client.task, 7)


def test_assets_the_teacher_has_not_labelled_are_not_sent_out(filled):
    """A label of any copy stands for the creative."""
    filled.db.execute("delete from labels where asset_id between 201 and 260")  # both copies of thirty
    filled.db.execute("delete from labels where asset_id > 260 and asset_id % 2 = 1")  # the first copy of the others
    filled.db.conn.commit()
    assert sets.count(filled.db, filled.task) == 90
