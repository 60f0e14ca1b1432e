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
from core.settings import ROOT
from core.ui import charts as on_pages
from core.ui import figures

MARKUP = st.text(alphabet="ab 1*_`[]()<>#$:~\\|&!{}", max_size=40)


@given(MARKUP)
def test_clean_leaves_plotly_nothing_to_interpret(text):
    cleaned = charts.clean(text, 200)
    assert not re.search(r"[<>{$]", cleaned)
    assert html.unescape(cleaned) == " ".join(text.split())


def test_a_long_path_keeps_its_end_and_anything_else_its_beginning():
    assert charts.short("Retail and fashion > Women > Seasonal sale", 20) == "… > Seasonal sale"
    assert charts.short("A headline that goes on for ever", 10) == "A headlin…"


@given(st.floats(0, 1) | st.sampled_from([0.9998, 0.99951, 0.9995, 0.99995, 1 - 1e-12, 1e-12, 0.0005]))
def test_a_share_is_full_or_none_only_when_it_is(share):
    for text in (
        words.percent(share, digits=0),
        words.percent(share),
        words.percent(share, 0.95),
        words.percent(share, 1),
    ):
        assert (float(text.strip("< %")) >= 100) == (share == 1)
        assert (float(text.strip("< %")) == 0) == (share == 0)
    assert (words.spoken(share) == 1) == (share == 1) and (words.spoken(share) == 0) == (share == 0)
    assert words.percent(share).startswith(("<", f"{100 * words.spoken(share):.1f}"))


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_share_never_reads_like_the_one_beside_it_or_lies_on_its_other_side(share, beside):
    if abs(share - beside) < 2e-5 or min(share, beside) < 0.001:
        return
    said, other = (float(words.percent(one, rest).rstrip(" %")) for one, rest in ((share, beside), (beside, share)))
    assert (said < other) == (share < beside)


@given(st.floats(-1e7, 1e7) | st.floats(-1, 1), st.floats(-1e7, 1e7) | st.floats(-1, 1))
def test_money_keeps_its_order_has_no_thousandths_of_a_dollar_over_a_cent_and_loses_no_cent_of_a_bill(first, second):
    def told(usd, **how):
        return float(words.money(usd, **how).strip("<> ").replace("−", "-").replace("$", "").replace(",", ""))

    low, high = sorted((first, second))
    if min(abs(low), abs(high)) >= 0.0001:
        assert told(low) <= told(high)
    if abs(first) >= 0.01:
        assert re.fullmatch(r"−?\$[\d,]+(\.\d\d)?", words.money(first))
    if abs(first) >= 0.0001:
        assert abs(told(first) - first) <= max(0.5 if abs(first) > 9.9 else 0.005, abs(told(first)) * 1e-9) + 1e-9
        assert abs(told(first, exact=True) - first) <= 0.0050001


def test_money_and_shares_are_said_by_one_function_each():
    """No format of its own anywhere: neither a share in %, nor dollars, nor an axis of either, nor a range of them."""
    shares = r"\{[^{}\n]*:[,.\d]*%\}|\{100 \* [^{}\n]*\} ?%|:[,.\d]*f\} %"
    dollars = r"\$\{(?!\{|data\.)[^{}\n]*[:}]|tickprefix|\$%"
    ranges = r"\{(percent|money)\([^{}\n]*\blow\b[^{}\n]*\} to \{"  # ranged() says those
    for folder in ("core", "pages"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file.name == "words.py" and file.parent.name == "core":
                continue
            for number, line in enumerate(file.read_text().splitlines(), 1):
                script = "`" in line  # where ${…} is JavaScript's
                assert script or not re.search(f"{shares}|{dollars}|{ranges}", line), f"{file}:{number}: {line.strip()}"


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "–"),
        (0, "$0"),
        (12345.6, "$12,346"),
        (892.06, "$892"),
        (9.999, "$10"),
        (12.3, "$12"),
        (1.5, "$1.50"),
        (0.042, "$0.04"),
        (0.0042, "$0.0042"),
        (4e-8, "< $0.0001"),
        (-776.2, "−$776"),
    ],
)
def test_money(usd, text):
    assert words.money(usd) == text


def test_a_listed_price_keeps_its_digits():
    assert [words.stated_money(usd) for usd in (2, 12.5, 0.075, 1250)] == ["$2", "$12.5", "$0.075", "$1,250"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.004, "under 0.1 s"),
        (0.06, "0.1 s"),
        (0.84, "0.8 s"),
        (42, "42 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration(seconds, text):
    assert words.duration(seconds) == text


def test_a_range_whose_ends_read_alike_is_one_figure():
    assert words.ranged(0.873, 0.947) == "87.3 % to 94.7 %"
    assert words.ranged(0.9991, 0.9994) == "99.9 %"
    assert words.ranged(12.2, 14.4, words.money) == "$12 to $14" and words.ranged(12.2, 12.4, words.money) == "$12"


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


def test_words_that_a_newcomer_may_not_know_are_explained_where_they_stand():
    said = figures.explained("90 % could not be proven: the best is 88 % on 300 trial assets in 40 concepts")
    assert said is not None and "sure" in said and "one idea in several sizes" in said
    assert "It was tried" not in (figures.explained("n = 389 in 299 concepts") or "")
    assert figures.explained("The student agrees on 95 %.") is None
