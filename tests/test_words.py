"""How pages put figures and words from files: nothing rounds to a lie, nothing from a file is markup or a formula."""

from __future__ import annotations

import html
import io
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import words
from core.report import charts
from core.ui import charts as on_pages

MARKUP = st.text(alphabet="ab 1*_`[]()<>#$:~\\|&!{}", max_size=40)


@given(MARKUP)
def test_clean_leaves_plotly_nothing_to_interpret(text):
    cleaned = charts.clean(text, 200)
    assert not re.search(r"[<>{$]", cleaned)
    assert html.unescape(cleaned) == " ".join(text.split())


def test_a_long_path_keeps_its_end_and_anything_else_its_beginning():
    assert charts.short("Retail and fashion > Women > Seasonal sale", 20) == "… > Seasonal sale"
    assert charts.short("A headline that goes on for ever", 10) == "A headlin…"


@given(st.floats(0, 1))
def test_a_share_is_full_or_none_only_when_it_is(share):
    for digits in (0, 1):
        text = words.percent(share, digits)
        assert (float(text.strip("< %")) >= 100) == (share == 1)
        assert text.startswith("0") == (share == 0) or text.startswith("0.")


@pytest.mark.parametrize(
    ("usd", "text"),
    [(None, "–"), (0, "$0"), (12345.6, "$12,346"), (12.3, "$12.30"), (0.0042, "$0.0042"), (4e-8, "< $0.0001")],
)
def test_money(usd, text):
    assert words.money(usd) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.84, "0.8 s"), (42, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_duration(seconds, text):
    assert words.duration(seconds) == text


def test_a_downloaded_table_starts_no_formula():
    table = pd.DataFrame({"text": ["=HYPERLINK(1)", "plain", None], "n": [-1, 2, 3]})
    back = pd.read_csv(io.BytesIO(on_pages.csv(table)), keep_default_na=False)
    assert back["text"].tolist() == ["'=HYPERLINK(1)", "plain", ""]
    assert back["n"].tolist() == [-1, 2, 3]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.counted(1, "row"), "1 row"),
        (words.counted(0, "row"), "0 rows"),
        (words.counted(1_234, "category", "categories"), "1,234 categories"),
        (words.counted(1, "copy", "copies"), "1 copy"),
    ],
)
def test_a_count_agrees_with_its_noun(said, expected):
    assert said == expected
