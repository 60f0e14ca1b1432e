"""Prompt patterns: what they find in prompts, what answers mean, and a pattern out of prompts alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tasks, taxonomy
from core.errors import InputError
from core.exchanges import patterns
from core.exchanges.exchange import Exchange, Said, read, streamed
from core.exchanges.patterns import ASSET, Matched, Pattern, Reading, found
from tests import small

PLAIN = st.text(alphabet="ab \n:.{}", max_size=20).filter(lambda text: "{asset}" not in text and "{any}" not in text)


@given(PLAIN, PLAIN, PLAIN)
def test_whatever_stands_between_a_patterns_ends_is_found(before, text, after):
    template = f"{before}{ASSET}{after}"
    assert found(template, f"{before}{text}{after}") == text.strip()
    assert found(template, f"{before}{text}{after}x") != text.strip() or after.strip() == ""


@given(st.lists(PLAIN.filter(str.strip), min_size=2, max_size=4), st.text(max_size=60))
def test_a_pattern_never_fails_on_any_text(literals, text):
    template = "{any}".join(literals).replace("{any}", ASSET, 1)
    got = found(template, text)
    assert got is None or got in text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("template", "text", "asset"),
    [
        ("{asset}", "  all of it ", "all of it"),
        ("Day {any}.\nAd: {asset}\nEnd", "Day 7.\r\nAd: Buy\nnow \nEnd", "Buy\nnow"),
        ("Ad: {asset}\nEnd", "Ad: one\nEnd\ntwo\nEnd", "one\nEnd\ntwo"),
        ("Ad: {asset}\nEnd", "Another prompt", None),
        ("aa{asset}aa", "aaa", None),
    ],
)
def test_templates(template, text, asset):
    assert found(template, text) == asset


@pytest.mark.parametrize("template", ["no place", "{asset} {asset}", "{asset}{any} x"])
def test_what_is_no_pattern_is_refused(template):
    with pytest.raises(InputError, match=r"\{asset\}|side by side"):
        patterns.check(Pattern(template))


@pytest.fixture
def task(db, tmp_path):
    return small.fill(db, tmp_path / "files", small.rows(40))


def exchange(user: str, answer: str, system: str = "You sort ads.", **more) -> Exchange:
    return Exchange((("system", system), ("user", user)), Said(answer, **more), "big")


@pytest.mark.parametrize(
    ("answer", "field", "category"),
    [
        ("Sale", "", "Sale"),
        (" **sale**. ", "", "Sale"),
        ('{"category": "sale"}', "", "Sale"),
        ("Category: Travel", "", "Travel"),
        ('```json\n{"topic": {"name": "Hiring"}, "why": "Sale"}\n```', "topic.name", "Hiring"),
        ("Nonsense", "", None),
        ("It is not Sale", "", None),
    ],
)
def test_what_answers_mean(db, task, answer, field, category):
    told = Reading(db, task, Pattern(answer_field=field))(exchange("Buy now", answer))
    assert isinstance(told, Matched) and (told.text, told.category) == ("Buy now", category)


def test_why_there_is_no_label(db, task):
    reading = Reading(db, task, Pattern("Ad: {asset}", contains="sort ads", answer_field="topic"))
    assert reading(exchange("Poem: x", "Sale")) == reading(exchange("Ad: x", "Sale", "Write.")) == patterns.NO_PATTERN
    assert reading(exchange("Ad: ", "Sale")) == reading(exchange("Ad: n/a", "Sale")) == patterns.NO_TEXT
    assert reading(exchange("Ad: x", "no", finish="refusal")) == patterns.REFUSED
    assert reading(exchange("Ad: x", "{", finish="length")) == patterns.CUT_OFF
    assert reading(exchange("Ad: x", '{"other": 1}')) == patterns.NO_FIELD
    assert reading(exchange("Ad: x", "")) == patterns.EMPTY
    assert all(why in patterns.WHY for why in patterns.Why.__args__)


def test_an_asset_in_a_field_of_json(db, task):
    reading = Reading(db, task, Pattern(asset_field="headline, body"))
    told = reading(exchange('{"headline": "Big", "body": "Buy", "id": 7}', "Sale"))
    assert told == Matched("Big\nBuy", "Sale", "Sale")
    assert reading(exchange("no json", "Sale")) == patterns.NO_ASSET_FIELD


def test_several_tags(tagged):
    task = tasks.named(tagged, "Northwind", "Mood")
    reading = Reading(tagged, task, Pattern(answer_field="tags"))
    assert reading(exchange("x", '{"tags": ["sale", "Travel"]}')).category == "Sale; Travel"
    assert reading(exchange("x", '{"tags": []}')).category == "[]"
    assert reading(exchange("x", '{"tags": ["sale", "what"]}')).category is None


def test_a_pattern_is_told_from_prompts_and_answers(db, task):
    rows = small.rows(12)
    prompts = [f"Sort this.\nAd: “{row['text']}”\nAnswer in JSON." for row in rows]
    calls = [exchange(one, f'{{"topic": "{row["label"]}"}}') for one, row in zip(prompts, rows)]
    pattern, read_all = patterns.suggested(db, task, calls)
    assert read_all == 12 and pattern.contains == "You sort ads."
    assert pattern.template == "Sort this.\nAd: “{asset}”\nAnswer in JSON."
    assert [Reading(db, task, pattern)(one).text for one in calls] == [row["text"] for row in rows]
    in_system = [exchange("go", row["label"], f"Ad: {row['text']}\nWhich?") for row in rows]
    assert patterns.suggested(db, task, in_system)[0].place == "system"
    assert patterns.suggested(db, task, [exchange("same", "Sale")] * 5) is None
    assert patterns.suggested(db, task, [exchange(f"Ad {n}", "poem") for n in range(5)]) is None


def test_a_pattern_of_a_task_that_writes_is_refused(db, task):
    writes = tasks.add(db, task.client_id, "Copy", kind="write")
    with pytest.raises(InputError, match="writes"):
        patterns.put(db, writes, Pattern())
    patterns.put(db, task, Pattern("Ad: {asset}"))
    assert [one for one, _ in patterns.of_client(db, task.client_id)] == [task]
    patterns.put(db, task, None)
    assert patterns.of(db, task) is None and taxonomy.latest(db, task)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "messages",
                    "choices",
                    "message",
                    "text",
                    "usage",
                    "model",
                    "output",
                    "delta",
                    "prompt",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_bodies_of_any_kind_are_read_or_not_but_never_fail(request, reply):
    told = read(request, reply)
    if told is not None:
        assert all(isinstance(text, str) for turn in told.messages for text in turn)
        f"{told.said.answer}{told.model}{told.user}{told.system}".encode()


@given(
    st.binary(max_size=200)
    | st.lists(JSON, max_size=4).map(lambda many: b"\n\n".join(b"data: %a" % one for one in many))
)
def test_streams_of_any_kind_are_read_or_not_but_never_fail(body):
    told = streamed(body)
    assert told is None or isinstance(told["choices"][0]["message"]["content"], str)
