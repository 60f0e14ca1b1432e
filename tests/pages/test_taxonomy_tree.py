"""The taxonomy as a tree: what is changed in the rows becomes the draft, and nothing else does."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from core import taxonomy
from core.taxonomy import Category, diff
from core.ui import taxonomy_tree

names = st.text(alphabet="abcdef", min_size=1, max_size=3)


@st.composite
def trees(draw):
    """A tree of up to 12 categories, each name used once, below whatever stands before it."""
    found: list[Category] = []
    for name in draw(st.lists(names, min_size=1, max_size=12, unique=True)):
        parent = draw(st.sampled_from([None, *(category.label for category in found)]))
        found.append(Category(name, name, parent, draw(st.sampled_from(["", "what it is"]))))
    return tuple(draw(st.permutations(found)))


@given(trees(), st.data())
def test_what_the_rows_say_is_what_the_draft_says(categories, data):
    draft = diff.begin(categories)
    rows, depths = taxonomy_tree.ordered(draft.categories)
    assert sorted(row.label for row in rows) == sorted(category.label for category in categories)
    counts = {category.label: data.draw(st.integers(0, 9)) for category in categories}
    shown = taxonomy_tree.table(rows, depths, counts)
    assert shown["Labels"][[at for at, depth in enumerate(depths) if depth == 0]].sum() == sum(counts.values())
    edited = shown.copy()
    for at in data.draw(st.sets(st.integers(0, len(rows) - 1))):
        edited.loc[at, "Category"] = f"{rows[at].name}{at}x"  # no name twice
        edited.loc[at, "Description"] = data.draw(st.sampled_from(["", "another"]))
    made = reduce(lambda one, edit: edit(one), taxonomy_tree.changes(rows, shown, edited), draft)
    again, deep = taxonomy_tree.ordered(made.categories)
    after = taxonomy_tree.table(again, deep, {})
    assert [name.strip() for name in after["Category"]] == [name.strip() for name in edited["Category"]]
    assert list(after["Description"]) == list(edited["Description"]) and deep == depths
    if edited.equals(shown):
        assert made == draft


def test_the_page_shows_every_category_with_its_labels(open_page, filled):
    app = open_page("taxonomy")
    assert not app.exception
    tree = next(one.value for one in app.dataframe if "Description" in one.value)
    known = [category.name for category in taxonomy.load(filled, 1)]
    assert sorted(name.strip() for name in tree["Category"]) == sorted(known)
    assert tree["Labels"].sum() >= 360
