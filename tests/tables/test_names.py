"""Two names are one when normalisation, case and white space make them so, and never because a sign was dropped."""

from __future__ import annotations

import csv
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tasks, taxonomy
from core.errors import InputError
from core.label.replies import Reader, short_ids
from core.tables.names import same, same_code
from core.taxonomy import Category, StoredCategory, diff
from core.taxonomy.matching import Matcher

DIFFERENT = [
    ("Disney+", "Disney"), ("-1", "1"), ("C++", "C"), ("C#", "C"), ("IAB11", "IAB1-1"), ("R&B", "R B"), ("R&B", "RB"),
    ("เสื้อ", "เสือ"), ("เสือ", "เสื่อ"), ("कि", "की"), ("कल", "काल"), ("é", "e"), ("👍", "👎"), ("Fan 👍", "Fan"), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"),
    ("Apple TV+", "Apple TV"), ("U.S.", "US"), ("A > B", "A B"), ("?", "!"), ("1.5", "15"), ("Pay-TV", "PayTV"),
]  # fmt: skip
SAME = [
    ("Paid  search ", "PAID SEARCH"), ("Café", "Cafe\u0301"), ("Ｄｉｓｎｅｙ＋", "disney+"), ("Mass\u00a0Market", "mass market"),
    ("Straße", "STRASSE"), ("co\u00adop", "coop"), ("Disney+\u200b", "Disney+"), ("ΣΊΣΥΦΟΣ", "σίσυφος"),
]  # fmt: skip


def categories(*names: str, keys=()) -> list[StoredCategory]:
    keys = [*keys, *[None] * len(names)]
    return [StoredCategory(name, name, id=place, key=key) for place, (name, key) in enumerate(zip(names, keys), 1)]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_a_sign_makes_another_name_wherever_names_are_compared(tmp_path, one, other):
    assert same(one) != same(other)
    assert Matcher(categories(one))(other) is None and Matcher(categories(other))(one) is None
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["name", "description"], [one, "x"], [other, "y"]])
    found = taxonomy.read(path)
    assert ([c.name for c in found.categories], found.problems) == ([one, other], [])
    both = [Category(one, one), Category(other, other)]
    assert diff.diff(diff.compare(both, both)) == []
    assert not diff.compare([Category(one, one)], [Category(other, other)]).links
    reader = Reader(categories(other), ids := short_ids(categories(other)))
    if other != "1":  # the short id of the one category
        assert reader.read(f'{{"category": "{one}"}}', ids, 1)[0].problem


@pytest.mark.parametrize(("one", "other"), SAME)
def test_form_case_and_white_space_make_no_other_name(one, other):
    assert same(one) == same(other)
    assert Matcher(categories(one))(other) == 1


@given(st.text(max_size=12), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_form_of_a_name_is_its_own_form(name, form):
    assert same(same(name)) == same(name)
    assert same(f"  {name}\t") == same(name) == same(unicodedata.normalize(form, name))


@given(st.text("ab+-&#.!'é์ิ👍", min_size=1, max_size=6), st.text("ab+-&#.!'é์ิ👍", min_size=1, max_size=6))
def test_names_of_other_signs_are_other_categories(one, other):
    forms = [unicodedata.normalize("NFKC", name) for name in (one, other)]
    assert (same(one) == same(other)) == (forms[0] == forms[1])


def test_a_reply_names_its_category_in_marks_and_signs_of_its_own():
    made = categories("Disney", "Disney+", "Shoes (Men)", "C", "C++", "Dr. Oetker.")
    reader = Reader(made, ids := short_ids(made))

    def said(text):
        return reader.read(text, ids, 1)[0].category

    assert [said(text) for text in ("**Disney+**", "`Disney`.", "“Shoes (Men)”", "Category: C++", "Dr. Oetker.", "(C)")] == [
        2, 1, 3, 5, 6, 4,
    ]  # fmt: skip
    assert [said(text) for text in ("2: Disney+", "#1", "1: Disney", '{"id": "1: Disney+"}', "-1", "Disney Plus", "Disney!")] == [
        2, 1, 1, None, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [("001", "1"), ("1", "1.0"), ("00143", "143.00"), ("iab1-1", "IAB1-1")])
def test_codes_as_spreadsheets_write_them_are_one_code(one, other):
    assert same_code(one) == same_code(other)


def test_codes_of_other_numbers_are_not_one():
    assert len({same_code(code) for code in ("1", "-1", "10", "1.5", "1.05", "IAB1", "IAB11", "IAB1-1", "")}) == 9


def column(match: Matcher, *values: str, **how):
    counts = {value: values.count(value) for value in values}
    read = match.for_column(counts, **how)
    return read.way, [read(value) for value in values]


def test_a_column_is_read_one_way_throughout():
    stars = Matcher(categories("1", "2", "3", "4", "5", keys=("0", "1", "2", "3", "4")))
    assert column(stars, "0", "1", "2") == ("codes", [1, 2, 3])
    assert column(stars, "1", "2", "5") == ("names", [1, 2, 5])
    with pytest.raises(InputError, match="1 is the name of 1 and the code of 2"):
        column(stars, "1", "2")
    assert column(stars, "1", "2", tie="names") == ("names", [1, 2])
    assert column(stars, "1", "5", way="codes") == ("codes", [2, None])
    shoes = Matcher(categories("Shoes", "Hats", "Bags", keys=("001", "002", "010")))
    assert column(shoes, "1", "2.0", "10", "001", "Hats") == ("codes", [1, 2, 3, 1, None])
    assert column(shoes, "Hats", "hats", "1") == ("names", [2, 2, None])
    twins = Matcher(categories("Shoes", "Hats", keys=("01", "1")))
    assert column(twins, "01", "1", "1.0") == ("codes", [1, 2, None])


def test_what_is_near_is_offered_and_not_taken():
    match = Matcher(categories("Disney+", "Books", "Sneakers", "Running shoes", "Canal+", keys=("D1", "IAB1-1")))
    values = ["Disney", "IAB1-1 Books", "Sneaker", "Runing shoes", "canal", "IAB1-1", "Aviation"]
    assert [match.for_column(dict.fromkeys(["Books"], 9))(value) for value in values] == [None] * 7
    assert match.near(values) == [
        ("Disney+",), ("Books",), ("Sneakers",), ("Running shoes",), ("Canal+",), ("Books",), (),
    ]  # fmt: skip
    assert Matcher(categories("Disney+", "Disney!")).near(["Disney"]) == [("Disney!", "Disney+")]
    accepted = Matcher(categories("Disney+"), accepted={"Disney": "Disney+"})
    assert (accepted("DISNEY"), accepted("Disney!")) == (1, None)


def test_recorded_labels_keep_to_their_own_category(db, shared_data):
    folder = shared_data / "reported" / "03-names-differ-by-signs"
    for file, expected in (("min", [("Disney+", 1)]), ("f-thai", [("เสื่อ", 1), ("เสื้อ", 1), ("เสือ", 1), ("หมา", 1)])):
        found = taxonomy.read(folder / f"{file}.csv")
        assert found.problems == []
        client = tasks.of(db, file)
        match = Matcher(taxonomy.load(db, taxonomy.save(db, client, found.categories, file)))
        assert [match.label(match(label)) for label, _ in expected] == [label for label, _ in expected]
