"""A brief's facts come out as it says them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.write import fields

BRIEF = """Client: Northwind Outdoor
Budget: 20,000 EUR for three markets
Deliverables:
- 6 banners 300x250
- one landing page
We go live on 14 May 2027, and the teaser on 2 May. The logo must stand top left. It rains in Bergen."""


def test_labels_points_and_what_is_said_without_a_label():
    assert fields.of(BRIEF) == {
        "client": ["Northwind Outdoor"],
        "budget": ["20,000 EUR for three markets"],
        "dates": ["14 May 2027", "2 May"],
        "deliverables": ["6 banners 300x250", "one landing page"],
        "mandatories": ["The logo must stand top left"],
    }
    assert fields.of("Our budget is around $4,500 in all.") == {"budget": ["$4,500"]}
    assert fields.of("A calm line about tea.") == {}


@given(st.text(max_size=200))
def test_nothing_is_made_up(brief):
    assert all(one in brief for some in fields.of(brief).values() for one in some)
