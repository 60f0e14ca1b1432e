"""A file that comes again through a spreadsheet finds its assets, and makes no duplicate of one in silence."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import tasks
from core.assets import imports
from core.tasks import Task

names = count()


def bring(db, client: Task, tmp_path, rows: list[tuple]) -> imports.ImportSummary:
    path = tmp_path / "a.csv"
    path.write_text("id,text,label\n" + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    return imports.import_assets(db, client, path)


def labels(db, client: Task) -> dict[str, str]:
    query = "select external_id, label from assets a join recordings r on r.asset_id = a.id where client_id = ?"
    return dict(db.execute(query, [client.client_id]).fetchall())


FIRST = [
    ("00143", "shoes for men", ""),
    ("120000000000000001", "hats for all", ""),
    ("120000000000000002", "bags for you", ""),
    ("7", "one and the same", ""),
    ("07", "one and the same", ""),
]


@pytest.mark.parametrize(
    ("row", "meant", "said"),
    [
        (("143", "shoes for men", "Shoes"), "00143", "1 id was changed by a spreadsheet (143 for 00143)"),
        (("1.2E+17", "hats for all", "Hats"), "120000000000000001", "(1.2E+17 for 120000000000000001)"),
        (("120000000000000000", "bags for you", "Bags"), "120000000000000002", "the assets were found"),
        (("007", "one and the same", "Both"), None, "Several assets with this text"),
        (("143", "another text", "New"), "143", "its text differs; it was taken as new"),
        (("9.9E+17", "a new text", "New"), "t-", "A spreadsheet shortened the id to 9.9E+17"),
    ],
)
def test_a_changed_id_means_the_one_asset_of_its_text(db, tmp_path, row, meant, said):
    client = tasks.of(db, "Acme")
    bring(db, client, tmp_path, FIRST)
    found = bring(db, client, tmp_path, [row])
    told = [what for (what,) in db.execute("select what from import_problems where import_id = ?", [found.import_id])]
    assert any(said in what for what in told), told
    labelled = labels(db, client)
    assert list(labelled.values()) == ([row[2]] if meant else [])
    assert all(id.startswith(meant) for id in labelled)
    assert found.imported == (meant in ("143", "t-"))


def test_ids_that_all_became_one_lose_no_row(db, tmp_path):
    client = tasks.of(db, "Acme")
    rows = [("1.2E+17", f"text number {n}", "L") for n in range(4)]
    assert [bring(db, client, tmp_path, rows).imported for _ in range(2)] == [4, 0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(st.from_regex(r"0{0,3}[1-9][0-9]{0,18}", fullmatch=True), min_size=1, max_size=8, unique=True),
    data=st.data(),
)
def test_whatever_a_spreadsheet_did_no_asset_comes_twice_unsaid(db, tmp_path, ids, data):
    client = tasks.of(db, f"client {next(names)}")
    texts = [data.draw(st.sampled_from(["red shoes", "blue hat", "tote"])) + f" {n % 3}" for n in range(len(ids))]
    bring(db, client, tmp_path, [(id, text, "") for id, text in zip(ids, texts)])
    forms = [
        data.draw(st.sampled_from([id, id.lstrip("0"), f"{Decimal(id):.1E}", id[:15] + "0" * (len(id) - 15)]))
        for id in ids
    ]
    again = bring(db, client, tmp_path, [(form, text, f"L{n}") for n, (form, text) in enumerate(zip(forms, texts))])
    listed = {row for (row,) in db.execute("select row from import_problems where import_id = ?", [again.import_id])}
    assert again.rows == len(ids) and again.imported <= len(listed - {None})
    for external, label in labels(db, client).items():
        if external in ids and (place := int(label[1:])) + 2 not in listed:
            assert texts[place] == texts[ids.index(external)]
