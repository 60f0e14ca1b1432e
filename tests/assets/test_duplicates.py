"""Copies are found, different assets are left apart, and the order of rows does not matter."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from core import tasks
from core.assets import duplicates, imports, reading
from core.assets.duplicates import BAND_SIZE, BANDS, SEED, group, normal_form, signatures

LONG = (
    "Looks like my card payment was duplicated, I went to pay at the store earlier, got declined once, second time it works,"
    " but the app still shows one of the payments as pending, can you please remove one of them"
)


def partition(texts: list[str], splits=None) -> set[frozenset[int]]:
    """Groups of texts as sets of their places."""
    splits = splits or [None] * len(texts)
    found = group([normal_form(t) for t in texts], splits, [0] * len(texts))
    return {frozenset(i for i, r in enumerate(found.root) if r == root) for root in found.root}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Summer SALE – 300x250", "summer sale 728 x 90"),
        ("Don't wait!  Order now.", "dont wait order now"),
        ("Ｆｕｌｌ width Straße", "full width STRASSE"),
        ("banner_160x600_final", "Banner (final)"),
    ],
)
def test_case_width_punctuation_and_ad_sizes_make_no_difference(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("20% off", "30% off"),
        ("Save $5", "Save 5%"),
        ("Rate 1.5", "Rate 15"),
        ("🔥", "❄"),
        ("...", "!!!"),
        ("काम", "कम"),
        ("3 x 4 apples", "apples"),
    ],
)
def test_numbers_signs_and_vowel_marks_do(one, other):
    assert normal_form(one) != normal_form(other)


def test_slight_edits_of_long_texts_are_copies_and_one_other_word_in_a_short_text_is_not():
    texts = [
        LONG,
        LONG.replace("please ", ""),
        "Can I top up my card?",
        "Why can't I top up my card?",
        "The best shoes for men in our store this summer",
        "The best shoes for kids in our store this summer",
    ]
    assert partition(texts) == {frozenset({0, 1}), *(frozenset({i}) for i in range(2, 6))}


def test_copies_are_told_only_within_a_split_and_resemblance_across_is_named():
    texts, splits = [LONG, LONG + "!!", LONG + " now", "Something else"], ["train", "test", "train", None]
    found = group([normal_form(t) for t in texts], splits, [0] * 4)
    assert (found.root, found.crossing) == ([0, 1, 0, 3], [0, 1, 2])


def test_a_text_without_a_split_takes_that_of_the_group_it_joins():
    found = group([normal_form(LONG), normal_form(LONG) + " now"], ["test", None], [0, 0])
    assert found.split == ["test", "test"]


def test_groups_that_are_there_are_joined_never_united():
    forms = [normal_form(LONG), normal_form(LONG) + " now", normal_form(LONG).replace("please ", "")]
    found = group(forms, [None] * 3, [41, 0, 57])
    assert found.fixed[0] == 41 and found.fixed[2] == 57 and found.fixed[1] in (41, 57)


words = st.sampled_from(["shoes", "sale", "summer", "discover", "new", "for", "men", "women", "kids", "today"])
some_texts = st.lists(words, min_size=1, max_size=40).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(bases=st.lists(some_texts, min_size=1, max_size=5), seed=st.integers(0, 1000), data=st.data())
def test_groups_do_not_depend_on_the_order_of_rows_and_never_span_splits(bases, seed, data):
    rng = random.Random(seed)
    texts = list(dict.fromkeys(normal_form(b + rng.choice(["", "", " x", " now", "s"])) for b in bases * 6))
    splits = data.draw(st.lists(st.sampled_from(["train", "test", None]), min_size=len(texts), max_size=len(texts)))
    order = list(range(len(texts)))
    rng.shuffle(order)
    first = partition(texts, splits)
    mixed = partition([texts[i] for i in order], [splits[i] for i in order])
    assert first == {frozenset(order[i] for i in members) for members in mixed}
    assert all(len({splits[i] for i in members} - {None}) <= 1 for members in first)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_signatures_are_those_of_datasketch(texts):
    forms = [normal_form(t) for t in texts]
    hashes, begins = duplicates._pieces(forms)
    for i, signature in enumerate(signatures(forms)):
        reference = MinHash(num_perm=BANDS * BAND_SIZE, seed=SEED, hashfunc=int, scheme="affine32")
        reference.update_batch(hashes[begins[i] : begins[i + 1]].tolist())
        np.testing.assert_array_equal(signature, reference.hashvalues)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=30), min_size=2, max_size=6, unique=True))
def test_the_exact_check_is_the_jaccard_overlap_of_five_character_pieces(texts):
    sets = duplicates._PieceSets(texts, np.arange(len(texts)))
    pairs = [(i, j) for i in range(len(texts)) for j in range(len(texts))]
    found = sets.overlaps(np.array([i for i, _ in pairs]), np.array([j for _, j in pairs]))

    def pieces(text):
        padded = "\x02" * 4 + text + "\x02" * 4
        return {padded[i : i + 5] for i in range(len(padded) - 4)}

    sure = [len(pieces(texts[i]) & pieces(texts[j])) / len(pieces(texts[i]) | pieces(texts[j])) for i, j in pairs]
    np.testing.assert_allclose(found, sure)


@pytest.mark.parametrize(
    "text", ["The best shoes for men and women this summer at the lowest price, offer {}", "Cheap {} hotels"]
)
def test_thousands_of_look_alikes_take_time_in_proportion(text):
    def seconds(count):
        forms = [normal_form(text.format(i * 7919 % 1_000_003)) for i in range(count)]
        started = time.process_time()
        group(forms, [None] * count, [0] * count)
        return time.process_time() - started

    seconds(500)
    assert seconds(8_000) < 4 * 3 * max(seconds(2_000), 0.05)


def test_what_another_rule_made_is_made_anew_before_new_texts_are_held_against_it(db, tmp_path, monkeypatch):
    task = tasks.of(db, "Acme")

    def bring(name: str, *texts: str) -> None:
        path = tmp_path / name
        path.write_text("text\n" + "".join(f'"{text}"\n' for text in texts), encoding="utf-8")
        imports.import_assets(db, task, path)

    bring("one.csv", LONG, "Another text altogether, of shoes and boots and hats for the summer and the winter")
    monkeypatch.setattr(duplicates, "SEED", SEED + 1)
    for module in (duplicates, reading):
        monkeypatch.setattr(module, "normal_form", lambda text: normal_form(text) + " ")
    bring("two.csv", LONG.replace("payments", "payment"), LONG.upper())
    assert [row[0] for row in db.execute("select group_id from assets order by id")] == [1, 2, 1, 1]
    hashes = [row[0] for row in db.execute("select text_hash from assets order by id")]
    assert hashes[0] == hashes[3] and hashes[0] == duplicates.form_hash(duplicates.normal_form(LONG))
