"""Facts of a brief stand in copy as slots and come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.write import slots


@pytest.mark.parametrize(
    ("brief", "brand"),
    [
        ("Egg Beaters products, egg whites separated from yolks", "Egg Beaters"),
        ("Guinness Irish Stout", "Guinness Irish Stout"),
        ("The Museum of Modern Art in New York", "Museum of Modern Art"),
        ("brand: north pole\nproduct: Skis", "north pole"),
        ("source: Toyota car brand\ntrade: Cars", "Toyota"),
        ("Source: Toyota car brand", "Toyota"),
        ("Novara Coffee: organic espresso capsules for the home", "Novara Coffee"),
        ("Acme: Bikes for all", "Acme"),
        ("a shoe for everyone", ""),
        ("#Person1#: Hello there " + "word " * 80, ""),
    ],
)
def test_the_brand_is_named_or_begins_a_short_brief(brief, brand):
    assert slots.brand(brief) == brand


def test_facts_become_slots_and_come_back():
    brief = "Acme Bikes, 3 gears for $249.99 until 14 May, www.acme.example/bikes, 20% off, 15 shops"
    copy = "Acme Bikes: 20% off until 14 May. Only $249.99 at www.acme.example/bikes. In 15 shops."
    slotted = slots.put(copy, brief)
    assert slotted == "{BRAND}: {NUMBER2} off until {DATE}. Only {PRICE} at {URL}. In {NUMBER3} shops."
    assert slots.fill(slotted, brief) == copy
    assert slots.fill("{BRAND} for {PRICE}", "Blue Fox, tea") == "Blue Fox for {PRICE}"


@given(
    st.text(alphabet="Acme 0123456789.,$%: -May", max_size=60),
    st.text(alphabet="Acme 0123456789.,$%: May", max_size=60),
)
def test_filling_undoes_putting_but_for_case(brief, copy):
    assert slots.fill(slots.put(copy, brief), brief).casefold() == copy.casefold()
