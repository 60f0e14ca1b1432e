"""What a model says, read: an id, a near miss that can mean one thing only, or a problem. Never a wrong label, never a crash."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.label import replies
from core.taxonomy import StoredCategory
from tests.label.questions import CATEGORIES, NAMES

IDS = replies.short_ids(CATEGORIES)
READER = replies.Reader(CATEGORIES, IDS)
KNOWN = {category.id for category in CATEGORIES}


def one(text: str, allowed=IDS):
    (found,) = READER.read(text, allowed, 1)
    return found


def test_the_form_that_was_asked_for_is_no_near_miss():
    found = one('{"category": "2"}')
    assert (found.category, found.mapped, found.short) == (101, False, "2")


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"category": "2"}\n```',
        'Sure! Here is the label: {"category": "2"}',
        '<think>It could be 1: a sale. {"category": "1"}</think>\n{"category": "2"}',
        '{"category": 2}',
        '{"Category": "Store Opening"}',
        '{"category": "store  opening."}',
        '{"category": "2: Store Opening"}',
        '{"category": "#2"}',
        '{"label": "STORE OPENING"}',
        '{"category": "2", "reason": "a new store"}',
        '{"id": "2", "label": "Store Opening"}',
        '{"answers": [{"text": 1, "category": "2"}]}',
        '["2"]',
        "2",
        "Store Opening",
        "**Store Opening**",
        "Sure! Here is the label: Store Opening",
        "Store Opening\n\nThe text speaks of a new shop.",
        "The best category is:\n\n`Store Opening`",
    ],
)
def test_a_near_miss_that_can_mean_one_category_is_mapped(text):
    assert one(text).category == 101


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "I cannot help with that.",
        '{"category": ""}',
        '{"category": null}',
        '{"category": true}',
        '{"category": ["1", "2"]}',
        '{"category": "9"}',
        '{"category": "Sports"}',
        '{"category": "Sale or Hiring"}',
        '{"category": "1 or 2"}',
        '{"category": "1: Hiring"}',
        '{"category": "1", "category": "2"}',
        '{"id": "2", "label": "Hiring"}',
        '{"category": "1"} No, rather {"category": "2"}',
        "Sale\nHiring",
        "It is not: Sale",
        "This isn't about hiring, and the label can't be\nSale",
        "Sale [1] Hiring [2]",
        '{"category": "1',
        '<think>{"category": "1"}',
        '{"category": NaN}',
        "[" * 5000,
        '{"category": ' * 5000,
        "1" * 6000,
        '{"category": ' + "1" * 6000 + "}",
    ],
)
def test_what_is_unclear_is_a_problem_and_no_label(text):
    found = one(text)
    assert found.category is None and found.problem


def test_an_id_that_was_not_on_offer_is_refused_but_a_name_of_the_taxonomy_is_taken():
    assert one('{"category": "3"}', ["1", "2"]).problem
    assert one('{"category": "Hiring"}', ["1", "2"]).category == 102


@pytest.mark.parametrize(
    "text",
    [
        '{"answers": [{"text": 1, "category": "1"}]}',
        '{"answers": [{"text": 1, "category": "1"}, {"text": 2, "category": "2"}, {"text": 3, "category": "3"}]}',
        '{"answers": [{"text": 2, "category": "1"}, {"text": 1, "category": "2"}]}',
        '{"answers": [{"text": 1, "category": "1"}, {"text": 1, "category": "2"}]}',
        '{"answers": [{"text": 0, "category": "1"}, {"text": 1, "category": "2"}]}',
        '{"answers": [{"category": "1"}, {"text": 2, "category": "2"}]}',
        '{"1": "1", "2": "2"}',
        "Sale\nHiring",
    ],
)
def test_wrong_count_or_order_is_a_problem_of_every_text(text):
    assert all(found.category is None and found.problem for found in READER.read(text, IDS, 2))


def test_of_several_answers_a_wrong_one_does_not_spoil_the_others():
    text = '{"answers": [{"text": 1, "category": "4"}, {"text": 2, "category": "Sports"}]}'
    good, bad = READER.read(text, IDS, 2)
    assert good.category == 103 and bad.category is None


def test_ids_are_of_one_length_and_never_a_categorys_name():
    assert replies.short_ids(CATEGORIES * 25)[0] == "001"
    odd = [replace(category, label=name, name=name) for category, name in zip(CATEGORIES, ("7", "C1", "x", "y"))]
    assert replies.short_ids(odd)[0] == "k1"
    reader = replies.Reader(odd, replies.short_ids(odd))
    assert reader.read('{"category": "7"}', replies.short_ids(odd), 1)[0].category == 100
    assert reader.read('{"category": "C1"}', replies.short_ids(odd), 1)[0].category == 101


def test_a_name_that_two_categories_share_is_not_taken():
    twins = [
        StoredCategory(label=f"{top} > Shoes", name="Shoes", parent=top, id=id, parent_id=None)
        for id, top in ((1, "Men"), (2, "Women"))
    ]
    tops = [StoredCategory(label=top, name=top, id=id) for id, top in ((3, "Men"), (4, "Women"))]
    reader = replies.Reader(twins + tops, ids := replies.short_ids(twins + tops))
    assert reader.read('{"category": "Shoes"}', ids, 1)[0].problem
    assert reader.read('{"category": "men > shoes"}', ids, 1)[0].category == 1


@given(st.text() | st.text(alphabet='{}[]":,1234 \n`categorySale', max_size=60), st.integers(1, 4))
def test_whatever_arrives_each_text_gets_a_known_category_or_a_problem(text, count):
    found = READER.read(text, IDS, count)
    assert len(found) == count
    for each in found:
        assert (each.category in KNOWN) != bool(each.problem)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*NAMES, *IDS]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["category", "answers", "text", "label", "x"]) | st.text(), inner, max_size=4)
    ),
)


@given(JSON, st.integers(1, 3))
def test_whatever_json_arrives_each_text_gets_a_known_category_or_a_problem(value, count):
    for each in READER.read(json.dumps(value), IDS, count):
        assert (each.category in KNOWN) != bool(each.problem)


@given(st.text(max_size=30), st.sampled_from(range(4)), st.text(max_size=30))
def test_prose_around_the_json_never_changes_what_it_says(before, place, after):
    found = one(f'{before}\n{{"category": "{IDS[place]}"}}\n{after}')
    assert found.category in (None, CATEGORIES[place].id)


@given(st.text(max_size=40))
def test_a_value_is_the_category_it_names_or_none(text):
    found = READER.value(text, IDS)
    if found.category is not None:
        place = found.category - 100
        plain = "".join(sign for sign in text.lower() if sign.isalnum())
        name = "".join(sign for sign in NAMES[place].lower() if sign.isalnum())
        assert IDS[place] in text or plain == name


# --- probabilities ------------------------------------------------------------------------------------------------


def logs(**shares: float) -> dict[str, float]:
    return {token: math.log(share) for token, share in shares.items()}


START = len('{"category": "')


def test_an_id_of_one_token_has_its_tokens_probability():
    tokens = [('{"category": "', {}), ("2", logs(**{"2": 0.7, "1": 0.2, "x": 0.1})), ('"}', {})]
    shares, lost = replies.probabilities(tokens, START, IDS)
    assert shares == pytest.approx({"2": 0.7, "1": 0.2}) and lost == 0


def test_the_token_may_begin_before_the_value():
    tokens = [('{"category":', {}), (' "2', {' "2': math.log(0.6), ' "1': math.log(0.4)}), ('"}', {})]
    shares, lost = replies.probabilities(tokens, START, IDS)
    assert shares == pytest.approx({"2": 0.6, "1": 0.4}) and lost == 0


def test_an_id_of_several_tokens_is_the_product_and_what_cannot_be_told_apart_is_said():
    ids = [f"{n:02d}" for n in range(1, 31)]
    tokens = [
        ('{"category": "', {}),
        ("1", logs(**{"1": 0.8, "0": 0.1, "3": 0.1})),
        ("2", logs(**{"2": 0.5, "3": 0.5})),
        ('"}', {}),
    ]
    shares, lost = replies.probabilities(tokens, START, ids)
    assert shares == pytest.approx({"12": 0.4, "13": 0.4, "30": 0.1})
    assert lost == pytest.approx(0.1)


@given(
    st.lists(
        st.tuples(st.text(max_size=4), st.dictionaries(st.text(max_size=4), st.floats(-50, 0), max_size=5)), max_size=5
    ),
    st.integers(0, 10),
)
def test_probabilities_of_any_tokens_are_of_known_ids_and_not_negative(tokens, start):
    shares, lost = replies.probabilities(tokens, start, IDS)
    assert set(shares) <= set(IDS) and all(share >= 0 for share in shares.values()) and lost >= 0
