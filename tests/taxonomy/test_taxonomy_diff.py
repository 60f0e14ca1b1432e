"""A diff tells all that changes between two versions, and guesses are kept apart from what is sure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import taxonomy
from core.errors import InputError
from core.taxonomy import Category, resemblance
from core.taxonomy import diff as taxonomy_diff
from core.taxonomy.diff import begin, compare, diff, in_words


def made(*names, **more) -> list[Category]:
    return [Category(name, name) for name in names] + [Category(name, name, parent) for name, parent in more.items()]


def told(draft) -> list[tuple[str, str]]:
    return [(change.kind, in_words(change)) for change in diff(draft)]


def rebuilt(draft) -> dict[str, Category]:
    """The version after, from nothing but the version before and the diff."""
    changes = diff(draft)
    touched = {c.label for change in changes for c in change.before}
    parts = {
        c.label for change in changes if change.kind == "split" for c in change.before
    }  # what is below stays or is moved
    parents = {}
    for change in changes:
        if change.kind in ("renamed", "moved", "described", "merged"):
            parents |= {c.label: change.after[0].label for c in change.before if c.label not in parts}
    kept = [replace(c, parent=parents.get(c.parent, c.parent)) for c in draft.before if c.label not in touched]
    return {c.label: c for c in [*kept, *(c for change in changes for c in change.after)]}


BEFORE = [
    Category("Autos", "Autos", key="1"),
    Category("Cars", "Cars", "Autos", "Passenger cars", ("Drive the new X",), "2"),
    Category("Vans", "Vans", "Autos", "", (), "3"),
    Category("Home and garden", "Home and garden", key="4"),
    Category("Loans", "Loans", description="Money lent", key="5"),
]


@pytest.mark.parametrize("file", ["iab_ad_product_taxonomy_2.0.tsv", "iab_content_taxonomy_3.1.tsv"])
def test_a_public_taxonomy_differs_from_itself_in_nothing_and_edits_are_told_one_by_one(shared_data, file):
    found = taxonomy.read(shared_data / "taxonomies" / file).categories
    assert diff(compare(found, found)) == [] == resemblance.proposals(compare(found, found))
    leaves = [c.label for c in found if c.label not in {c.parent for c in found}]
    one, two, three, four, five = leaves[10:60:10]
    draft = taxonomy_diff.rename(begin(found), one, "Something else")
    draft = taxonomy_diff.merge(draft, [two, three], "Both of them")
    draft = taxonomy_diff.split(draft, four, ["First part", "Second part"])
    draft = taxonomy_diff.add(taxonomy_diff.remove(draft, five), "Brand new", found[0].label)
    assert [change.kind for change in diff(draft)] == ["added", "removed", "renamed", "merged", "split"]
    # From the two lists alone the codes give the rename and what the merged one keeps of its first part away; nothing is taken
    # for granted.
    seen = compare(found, draft.categories)
    assert {change.kind for change in diff(seen)} == {"added", "removed"}
    renamed = [p for p in resemblance.proposals(seen) if p.before == (one,)]
    assert [(p.kind, p.after, p.why) for p in renamed] == [("renamed", ("Something else",), "same code")]


def test_every_kind_of_change_is_told_in_a_line():
    draft = taxonomy_diff.rename(begin(BEFORE), "Autos", "Vehicles")
    assert told(draft) == [("renamed", "Autos → Vehicles")]
    assert {c.parent for c in draft.categories if c.name in ("Cars", "Vans")} == {"Vehicles"}
    assert told(taxonomy_diff.merge(begin(BEFORE), ["Cars", "Vans"], "Cars and vans")) == [
        ("merged", "Cars + Vans → Cars and vans")
    ]
    assert told(taxonomy_diff.split(begin(BEFORE), "Home and garden", ["Home", "Garden"])) == [
        ("split", "Home and garden → Home + Garden")
    ]
    assert told(taxonomy_diff.add(begin(BEFORE), "Bikes", "Autos")) == [("added", "Bikes (under Autos)")]
    assert told(taxonomy_diff.remove(begin(BEFORE), "Loans")) == [("removed", "Loans")]
    assert told(taxonomy_diff.move(begin(BEFORE), "Vans", None)) == [("moved", "Vans: from under Autos to the top")]
    assert told(taxonomy_diff.describe(begin(BEFORE), "Vans", "For goods", ["Van sale"])) == [
        ("described", "Vans: description, examples")
    ]
    gone = taxonomy_diff.remove(begin(BEFORE), "Autos")
    assert told(gone)[0] == ("removed", "Autos") and ("moved", "Cars: from under Autos to the top") in told(gone)


def test_a_split_that_keeps_its_name_keeps_code_and_children():
    draft = taxonomy_diff.split(begin(BEFORE), "Autos", ["Autos", "Parts"])
    by_label = {c.label: c for c in draft.categories}
    assert (by_label["Autos"].key, by_label["Parts"].key, by_label["Cars"].parent) == ("1", None, "Autos")
    assert told(draft) == [("split", "Autos → Autos + Parts")]


def test_names_under_two_parents_are_told_apart_and_follow_a_renamed_parent():
    draft = taxonomy_diff.add(begin(made("Men", "Women", Shoes="Men")), "Shoes", "Women")
    assert draft.categories[-1].label == "Women > Shoes"
    draft = taxonomy_diff.add(taxonomy_diff.rename(draft, "Women", "Ladies"), "Sandals", "Ladies > Shoes")
    assert [c.label for c in draft.categories] == ["Men", "Ladies", "Shoes", "Ladies > Shoes", "Sandals"]
    with pytest.raises(InputError, match="There is a category Shoes under Ladies already"):
        taxonomy_diff.add(draft, "shoes", "Ladies")


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda draft: taxonomy_diff.add(draft, " "), "1 to 300 characters"),
        (lambda draft: taxonomy_diff.move(draft, "Autos", "Cars"), "Cars is below Autos itself"),
        (lambda draft: taxonomy_diff.merge(draft, ["Cars", "Cars"], "Cars"), "two categories or more"),
        (lambda draft: taxonomy_diff.split(draft, "Cars", ["A", "a"]), "two different names"),
        (lambda draft: taxonomy_diff.rename(draft, "Boats", "Ships"), "no category Boats"),
        (lambda draft: taxonomy_diff.remove(begin(made("One")), "One"), "no category left"),
        (lambda draft: taxonomy_diff.linked(draft, "Boats", "Cars"), "no category Boats in the version in use"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_in_words(edit, words):
    with pytest.raises(InputError, match=words):
        edit(begin(BEFORE))


def test_two_files_show_moves_and_new_descriptions_for_sure_and_the_rest_is_proposed():
    after = [
        Category("Vans", "Vans", None, "For goods", (), "3"),
        Category("Cars and bikes", "Cars and bikes"),
        Category("Bank", "Bank", description="money lent "),
        Category("Home", "Home"),
        Category("Garden", "Garden"),
        Category("Wine", "Wine"),
    ]
    draft = compare([*BEFORE, Category("Bikes", "Bikes")], after)
    assert told(draft)[-2:] == [("moved", "Vans: from under Autos to the top"), ("described", "Vans: description")]
    guesses = {(p.kind, p.before, p.after) for p in resemblance.proposals(draft)}
    assert guesses == {
        ("merged", ("Cars", "Bikes"), ("Cars and bikes",)),
        ("renamed", ("Loans",), ("Bank",)),
        ("split", ("Home and garden",), ("Home", "Garden")),
    }
    for proposal in resemblance.proposals(draft):
        draft = resemblance.accept(draft, proposal)
    kinds = ["added", "removed", "renamed", "moved", "merged", "split", "described"]
    assert list(dict.fromkeys(kind for kind, _ in told(draft))) == kinds
    assert in_words(diff(draft)[0]) == "Wine" and resemblance.proposals(draft) == []


def test_a_removed_category_named_in_anothers_new_description_may_be_merged_into_it():
    before = made("Boots", "Sandals")
    draft = compare(before, [Category("Boots", "Boots", description="Boots, sandals and all else on feet")])
    (guess,) = resemblance.proposals(draft)
    assert (guess.kind, guess.before, guess.after) == ("merged", ("Boots", "Sandals"), ("Boots",))
    assert guess.why == "named in the description"


def test_meaning_is_weighed_where_an_encoder_is_given():
    before, after = made("Spirits"), made("Liquor")
    assert resemblance.proposals(compare(before, after)) == []

    def encode(texts):
        import numpy as np

        return np.ones((len(texts), 1), np.float32)

    assert resemblance.proposals(compare(before, after), encode)[0].why == "similar meaning"


names = st.sampled_from(["Cars", "Vans", "Autos", "cars", "Home", "Garden", "Loans", "A", "B"])
places = st.integers(0, 30)
edits = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "rename", "move", "describe", "merge", "split"]), places, places, names, names
    ),
    max_size=8,
)


def step(draft, kind, one, other, name, second):
    labels = [c.label for c in draft.categories]
    label, target = labels[one % len(labels)], [*labels, None][other % (len(labels) + 1)]
    if kind == "add":
        return taxonomy_diff.add(draft, name, target)
    if kind == "remove":
        return taxonomy_diff.remove(draft, label)
    if kind == "rename":
        return taxonomy_diff.rename(draft, label, name)
    if kind == "move":
        return taxonomy_diff.move(draft, label, target)
    if kind == "describe":
        return taxonomy_diff.describe(draft, label, second, [name])
    if kind == "merge":
        return taxonomy_diff.merge(draft, [label, target or labels[0]], name)
    return taxonomy_diff.split(draft, label, [name, second])


def edited(steps):
    """The draft after those steps that make sense."""
    draft = begin(BEFORE)
    for one in steps:
        with suppress(InputError):
            draft = step(draft, *one)
    return draft


@settings(max_examples=200)
@given(edits)
def test_whatever_the_edits_the_draft_is_a_tree_and_its_diff_rebuilds_it(steps):
    draft = edited(steps)
    parents = {c.label: c.parent for c in draft.categories}
    assert len(parents) == len(draft.categories)
    for label in parents:
        seen = set()
        while label is not None:
            assert label not in seen
            seen.add(label)
            label = parents[label]
    assert {old for old, _ in draft.links} <= {c.label for c in draft.before}
    assert {new for _, new in draft.links} <= set(parents)
    assert rebuilt(draft) == {c.label: c for c in draft.categories}


@settings(max_examples=60)
@given(edits, edits)
def test_two_lists_of_categories_are_compared_without_inventing_anything(first, second):
    one, other = edited(first).categories, edited(second).categories
    assert diff(compare(one, one)) == []
    draft = compare(one, other)
    assert rebuilt(draft) == {c.label: c for c in other}
    assert len({old for old, _ in draft.links}) == len(draft.links) == len({new for _, new in draft.links})
    for proposal in resemblance.proposals(draft):
        draft = resemblance.accept(draft, proposal)
    assert rebuilt(draft) == {c.label: c for c in other}
