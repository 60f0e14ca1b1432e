"""Names that carry facets: the rule is found by position or by key, names go apart and together again, dates and words are none."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assets import previews
from core.errors import InputError
from core.tables import name_parts
from core.tables.files import ReadAs, open_table
from core.tables.problems import WHOLE_NAMES, Problems

PLACED = [
    f"Acme_{product}_{shape}_{land}"
    for product in ("Boot", "Shoe", "Sock")
    for shape in ("Video", "Still")
    for land in ("DE", "FR")
]
KEYED = [
    f"period:BF25 - format:{shape} - market:{land}"
    for shape in ("UGC", "Studio", "Still")
    for land in ("DE", "FR", "UK", "IT")
]


def test_parts_by_position_and_by_key_are_told():
    placed, keyed = name_parts.told("ad", PLACED), name_parts.told("ad", KEYED)
    assert placed.parts == ("ad 1", "ad 2", "ad 3", "ad 4") and placed.apart(PLACED[0]) == [
        "Acme",
        "Boot",
        "Video",
        "DE",
    ]
    assert keyed.parts == ("period", "format", "market") and keyed.apart("market:DE - format:UGC") == ["", "UGC", "DE"]
    assert placed.apart("Acme_Boot") is None and keyed.apart("Spring sale") is None
    assert "by position" in placed.words and "by key (period, format, market)" in keyed.words


def test_a_key_that_few_names_say_is_still_one():
    names = [*KEYED, *(f"{name} - cta:Shop" for name in KEYED[:3])]
    assert name_parts.told("ad", names).parts == ("period", "format", "market", "cta")


@pytest.mark.parametrize(
    "names",
    [
        [f"2026-03-{day:02}" for day in range(1, 29)],
        [f"https://acme.example/{n}/a/b" for n in range(30)],
        [f"IMG_2024_{n:03}" for n in range(30)],
        ["Fresh boots for wet weather", "A sock, a shoe, a boot", "New: the boot"] * 8,
        PLACED[:5],
    ],
)
def test_dates_addresses_file_names_and_running_text_are_no_convention(names):
    assert name_parts.convention("x", names) is None


WORD = st.text("abcXYZ äß09.&", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(
    st.lists(st.lists(WORD, min_size=4, max_size=4), min_size=1, max_size=30), st.sampled_from(["_", " | ", "-", ";"])
)
def test_what_goes_together_comes_apart_again(rows, separator):
    pieces = name_parts.pattern(separator.join(["{a}", "{b}", "{c}", "{d}"]), "abcd")
    rows = [[" ".join(value.replace(separator, " ").split()) for value in row] for row in rows]
    names = [name_parts.together(pieces, dict(zip("abcd", row))) for row in rows]
    rule = name_parts.Rule("ad", separator, "", (), ("a", "b", "c", "d"), 1.0)
    assert [rule.apart(name) for name in names] == [[" ".join(value.split()) for value in row] for row in rows]


def test_a_value_with_the_sign_between_parts_does_not_part():
    pieces = name_parts.pattern("{a}_{b} (new)", ["a", "b"])
    assert name_parts.together(pieces, {"a": "red_boots", "b": "DE"}) == "red boots_DE (new)"
    assert (
        name_parts.together(name_parts.pattern("{a} {b}", ["a", "b"]), {"a": "red boots", "b": "DE"}) == "red-boots DE"
    )


@pytest.mark.parametrize("template", ["{c}_{a}", "no field", "{a", "{}"])
def test_a_name_of_what_is_not_there_is_refused_with_what_is(template):
    with pytest.raises(InputError, match="in braces") as refused:
        name_parts.pattern(template, ["a", "b"])
    assert "a, b" in refused.value.todo


@given(st.lists(st.text(max_size=60), max_size=40))
def test_any_names_are_explained_or_listed(names):
    rule = name_parts.told("ad", names)
    if rule is None:
        return
    parts, explained, strange = name_parts.look(rule, names)
    said = [name for name in names if name.strip()]
    assert explained >= name_parts.EXPLAINED * len(said) and (explained == len(said)) == (not strange)
    assert all(part.names <= explained and part.values <= part.names for part in parts)


def _file(folder, names: list[str]):
    path = folder / "ads.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ad_name", "headline", "format"])
        writer.writerows([name, f"A headline of some words, number {n}", "x"] for n, name in enumerate(names))
    return path


def test_parts_become_columns_and_every_row_stays(tmp_path):
    path = _file(tmp_path, [*KEYED, "Spring sale"])
    table, problems = open_table(path, read_as=ReadAs(names="ad_name")), Problems()
    rows = list(table.records(problems))
    assert table.columns == ["ad_name", "headline", "format", "period", "format (2)", "market"]
    assert len(rows) == 13 and rows[0][1][3:] == ["BF25", "UGC", "DE"] and rows[-1][1][3:] == ["", "", ""]
    [problem] = problems.listed
    assert problem.row == 14 and problem.column == "ad_name" and "1 name is not made as the others" in problem.what


def test_a_preview_asks_whether_names_are_to_be_taken_apart_and_says_what_they_hold(tmp_path):
    path = _file(tmp_path, [*PLACED, "Spring sale"])
    [doubt] = previews.preview(path).doubts
    assert doubt.option == "names" and doubt.choices == (WHOLE_NAMES, "ad_name") and doubt.chosen == WHOLE_NAMES
    assert doubt.lines[0] == "Acme | Boot | Video | DE"
    seen = previews.preview(path, ReadAs(names="ad_name"))
    assert (
        seen.doubts[0].chosen == "ad_name"
        and "12 of 13 names are made so. Not made so: Spring sale." in seen.names.sentence
    )
    assert seen.names.parts[1].commonest == (("Boot", 4), ("Shoe", 4), ("Sock", 4))


def test_names_without_a_rule_and_columns_that_are_not_there_are_refused(tmp_path):
    path = _file(tmp_path, ["Boots", "Fresh shoes", "Old_socks"])
    with pytest.raises(InputError, match="follow no one rule"):
        open_table(path, read_as=ReadAs(names="ad_name"))
    with pytest.raises(InputError, match="no column 'name'"):
        open_table(path, read_as=ReadAs(names="name"))
