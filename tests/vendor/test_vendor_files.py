"""A vendor's file and how each row is read. Bad input and its sentence stand in one table."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.escape import defuse
from core.taxonomy import StoredCategory
from core.vendor import files
from core.vendor.files import Columns

NAMES = ("Summer Sale", "Brand film", "C++", "C", "Loyalty > Points", "Travel > Points")
CATEGORIES = [
    StoredCategory(label=label, name=label.rpartition(" > ")[2], id=place, position=place, key=f"K-{place}")
    for place, label in enumerate(NAMES, 1)
]
ASSETS = [(1, "A-1"), (2, "A-2"), (3, "0003"), (4, "=x"), (5, "b5")]


def read(folder: Path, text: str | bytes, name: str = "answers.csv", **more):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return files.read(path, ASSETS, CATEGORIES, **more)


def how(found) -> dict[int, tuple]:
    return {answer.asset_id: (answer.category_id, answer.how) for answer in found.answers}


def test_exact_near_off_list_and_empty_answers(tmp_path):
    found = read(tmp_path, "asset_id,label\nA-1,Summer Sale\nA-2,brand  FILM \n0003,Winter\n'=x,\nb5,Summer Sale\n")
    assert how(found) == {
        1: (1, "exact"),
        2: (2, "mapped"),
        3: (None, "off list"),
        4: (None, "empty"),
        5: (1, "exact"),
    }
    (problem,) = found.problems
    assert (problem.row, problem.column) == (4, "label")
    assert problem.what == "The answer Winter is no category of the taxonomy; it counts as wrong."


@pytest.mark.parametrize(
    ("said", "category", "kind"),
    [
        ("SUMMER SALE", 1, "mapped"),
        ("SUMMER_SALE", None, "off list"),
        ("  summer sale ", 1, "mapped"),
        ("Points", None, "off list"),  # two categories carry this name
        ("loyalty>points", 5, "mapped"),
        ("C++", 3, "exact"),
        ("C", 4, "exact"),
        ("c", 4, "mapped"),  # never C++
        ("K-1", None, "off list"),  # a code in a column of names
        ("Summer Sale, Brand film", None, "off list"),
    ],
)
def test_a_near_miss_is_mapped_only_where_one_category_can_be_meant(tmp_path, said, category, kind):
    out = io.StringIO()
    csv.writer(out).writerows([["id", "label"], ["A-1", "Summer Sale"], ["A-2", said]])
    assert how(read(tmp_path, out.getvalue()))[2] == (category, kind)


def test_numbers_in_the_ways_vendors_write_them(tmp_path):
    head = "id,answer,confidence,latency_s,price_per_1000\n"
    found = read(tmp_path, f'{head}A-1,C,93 %,0.25,$1.50\nA-2,C,"0,5",1.5,2 USD\n0003,C,1.7,-3,free\n')
    first, second, third = found.answers
    assert (first.confidence, first.latency_ms, first.usd) == pytest.approx((0.93, 250, 0.0015))
    assert (second.confidence, second.latency_ms, second.usd) == pytest.approx((0.5, 1500, 0.002))
    assert (third.confidence, third.latency_ms, third.usd) == (None, None, None)
    assert [problem.what.partition(" is no number")[0] for problem in found.problems] == ["-3", "free", "1.7"]
    assert third.category_id == 4  # what is wrong with a price does not cost the answer
    found = read(tmp_path, "id,label,latency_ms,price_usd\nA-1,C,12,0.004\n")
    assert (found.answers[0].latency_ms, found.answers[0].usd) == (12, 0.004)


def test_ids_a_spreadsheet_has_changed_are_found_where_one_asset_can_be_meant(tmp_path):
    found = read(tmp_path, "id,label\na-1,C\n3,C\n'=x,C\n")
    assert set(how(found)) == {1, 3, 4}
    found = read(tmp_path, "id,label\nA-2,C\n3,C\nB5,C\n", others=frozenset({"3"}))
    assert set(how(found)) == {2, 5} and found.outside == 1  # 3 is another asset's own id


def test_rows_outside_the_set_and_second_answers_are_counted_not_used(tmp_path):
    found = read(tmp_path, "id,label\nA-1,C\nA-1,Brand film\nZ-9,C\n,C\n")
    assert how(found) == {1: (4, "exact")}
    assert (found.rows, found.outside, found.again, found.problem_count) == (4, 2, 1, 3)


HEAD = "asset_id,label\n"
BAD = [
    ("empty", "", "The file is empty."),
    ("header only", HEAD, "The file has a header but no rows."),
    ("no ids", "text,label\nhello,C\n", "No column of asset ids was found."),
    ("no labels", "asset_id,remark\nA-1,fine\n", "No column of labels was found."),
    ("another set", f"{HEAD}Q-1,C\nQ-2,C\n", "Not one id of the file is in the blind pack."),
    (
        "another taxonomy",
        f"{HEAD}A-1,shoes\nA-2,hats\n",
        "Not one answer of the file is a category of the taxonomy; the first is shoes.",
    ),
    ("no answers", f"{HEAD}A-1,\nA-2,\n", "Every answer in the file is empty."),
    ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, ""),
]


@pytest.mark.parametrize(("text", "what"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_file_of_no_use_is_refused_in_one_sentence(tmp_path, text, what):
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert refused.value.what.startswith(what) and refused.value.todo
    assert refused.value.where == "answers.csv"


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(InputError, match="no column verdict"):
        read(tmp_path, f"{HEAD}A-1,C\n", columns=Columns(id="asset_id", label="verdict"))
    found = read(tmp_path, "ref,verdict\nA-1,C\n", columns=Columns(id="ref", label="verdict"))
    assert how(found) == {1: (4, "exact")}


def test_json_lines_do_as_well(tmp_path):
    found = read(tmp_path, '{"asset_id": "A-1", "label": "C++", "latency_ms": 5}\n', name="answers.jsonl")
    assert how(found) == {1: (3, "exact")} and found.answers[0].latency_ms == 5


cells = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
    .map(str.strip)
    .filter(bool)
)


def apart(ids: list[str]) -> bool:
    """No id reads like another one once that is defused."""
    return len({form for id in ids for form in {id, defuse(id)}}) == sum(len({id, defuse(id)}) for id in ids)


@given(ids=st.lists(cells, min_size=1, max_size=8, unique=True).filter(apart), data=st.data())
def test_what_the_pack_sends_out_comes_back_as_it_went(tmp_path_factory, ids, data):
    """Whatever ids and labels look like: returned as they stand in the pack, every row finds its asset and its category."""
    labels = data.draw(st.lists(cells, min_size=1, max_size=5, unique=True))
    said = [data.draw(st.sampled_from(labels)) for _ in ids]
    categories = [StoredCategory(label=label, name=label, id=place) for place, label in enumerate(labels, 1)]
    out = io.StringIO()
    csv.writer(out).writerows([["asset_id", "label"], *([defuse(id), label] for id, label in zip(ids, said))])
    path = tmp_path_factory.mktemp("pack") / "answers.csv"
    path.write_bytes(out.getvalue().encode("utf-8-sig"))
    assets = list(enumerate(ids))
    found = files.read(path, assets, categories)
    assert {a.asset_id: a.category_id for a in found.answers} == {
        place: labels.index(label) + 1 for place, label in enumerate(said)
    }
    assert {a.how for a in found.answers} == {"exact"}
    assert not [
        problem for problem in found.problems if problem.row
    ]  # that a text looks doubly encoded may be said of the file
