"""Ids that a spreadsheet changed are found where only one can be meant, and never taken for another's."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assets.ids import Ids
from core.escape import defuse

ASSETS = [
    (1, "00143"),
    (2, "120000000000000042"),
    (3, "CR-7"),
    (4, "340000000000000001"),
    (5, "340000000000000999"),
    (6, "=A1"),
    (7, "55"),
    (8, "055"),
]


@pytest.mark.parametrize(
    ("given", "asset"),
    [
        ("00143", 1),
        ("143", 1),
        ("143.0", 1),
        ("1.2E+17", 2),
        ("1,2e17", 2),
        ("1.20E+17", 2),
        ("120000000000000000", 2),
        ("cr-7", 3),
        ("'=A1", 6),
        ("=A1", 6),
        ("55", 7),
        ("055", 8),
        ("3.4E+17", None),
        ("55.0", None),
        ("9E+17", None),
        ("7", None),
        ("", None),
    ],
)
def test_an_id_is_found_in_the_forms_a_spreadsheet_makes_of_it(given, asset):
    assert Ids(ASSETS)(given) == asset


@pytest.mark.parametrize(
    ("given", "why"),
    [("3.4E+17", "shortened"), ("03-Mar", "date"), ("mars 3", "date"), ("55.0", "Several"), ("A7", None), ("9", None)],
)
def test_what_a_spreadsheet_did_is_said(given, why):
    said = Ids(ASSETS).why(given)
    assert said is None if why is None else why in said


def test_another_assets_own_id_is_never_taken_for_one_of_these():
    assert Ids(ASSETS)("143") == 1 and Ids(ASSETS, others={"143"})("143") is None


ids = st.lists(
    st.text("0123456789", min_size=1, max_size=20) | st.text("ab=-+'01 .E", min_size=1).map(str.strip).filter(bool),
    min_size=1,
    max_size=12,
    unique=True,
)


@given(ids)
def test_whatever_the_ids_each_finds_its_own_asset_and_a_changed_one_no_other(external):
    find = Ids(enumerate(external))
    forms = {}
    for asset, one in enumerate(external):
        assert find(one) == asset
        if one.isdigit() and int(one):
            forms.setdefault(str(int(one)), set()).add(asset)
            forms.setdefault(f"{Decimal(one):.2E}", set()).add(asset)
    for form, meant in forms.items():
        if form not in external and form not in map(defuse, external) and find(form) is not None:
            assert find(form) in meant
