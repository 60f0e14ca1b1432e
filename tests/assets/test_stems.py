"""Stems of file names and ids: what varies by market, size, version, language and format is dropped; counters are no families."""

from __future__ import annotations

import random
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assets.stems import DATE, Names, in_style, stem

WORDS = ("amber", "basalt", "cedar", "dune", "ember", "fjord", "garnet", "harbour", "ivory", "jade", "kelp", "lagoon")
MARKETS, SIZES = ("UK", "DE", "FR", "es", "en-GB", "Germany"), ("300x250", "1080 x 1920", "728X90px", "15s", "story")


def learnt(names, texts=None, labels=None):
    return Names(names, texts or [""] * len(names), labels or [""] * len(names)).learn()


def prose(count, seed=0):
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=6)) for _ in range(count)]


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (("ACME_Spring24_UK_300x250_v2.png", "ACME_Spring24_DE_728x90_v1.jpg"), "acme spring24"),
        (("CR-0143-UK", "CR-0143-DE", "CR-0143"), "cr 0143"),
        (("1234_en", "1234_fr", "1234_pt-BR"), "1234"),
        (("CR0143UK", "cr0143de"), "cr0143"),
        (("Nike | Air Max | FR | 15s | v1.2.mp4", "nike - air max - 6 sec - V03 (UK).mov"), "nike air max"),
        (("hero.2026-01-16.final.psd", "Hero_20260302.html5", "hero 16.01.2026"), "hero"),
        (("data_10GB_uk", "data_10GB_de"), "data 10gb"),
        (("UK_300x250.png", "_"), ""),
    ],
)
def test_what_varies_by_market_size_version_language_date_and_format_is_dropped(names, left):
    assert {stem(name) for name in names} == {left}


def test_dates_stay_where_they_are_not_said_to_vary():
    assert stem("hero_20260116_UK.png", ()) != stem("hero_20260302_UK.png", ())
    assert stem("hero_20260116_UK.png", ()) == stem("hero_2026-01-16_DE.jpg", ()) != stem("hero_UK.jpg", ())


concept = st.lists(st.sampled_from([*WORDS, "spring24", "q3push", "0143"]), min_size=1, max_size=4)
varying = st.sampled_from([*MARKETS, *SIZES, "v2", "V03", "mobile"])


@given(concept, st.lists(st.tuples(varying, st.integers(0, 4)), max_size=4), st.sampled_from("_-| "))
def test_a_stem_is_what_it_is_whatever_else_the_name_says(words, added, sign):
    name = list(words)
    for part, place in added:
        name.insert(min(place, len(name)), part)
    if sign == " ":
        name = [part.replace(" ", "") for part in name]
    assert stem(f" {sign} ".join(name).upper() + ".png") == " ".join(words)
    assert in_style([f"{'_'.join(words)}_UK.png"] * 9)


CHANCE = random.Random(1)
NO_FAMILIES = {
    "numbers": [str(100000 + n) for n in range(900)],
    "counted": [f"CR-{n:05}" for n in range(900)],
    "uuids": [str(uuid.UUID(int=CHANCE.getrandbits(128))) for _ in range(900)],
    "hashes": [f"{CHANCE.getrandbits(32):08x}" for _ in range(900)],
    "a counter a market": [f"{market}-{n:04}" for n in range(300) for market in ("UK", "DE", "FR")],
    "a counter a day": [f"202601{day:02}-{n:03}" for n in range(45) for day in range(1, 21)],
    "rows of batches": [f"b{n:03}-{row:02}" for n in range(45) for row in range(20)],
    "codes of two letters": [
        f"{n % 300:03}-{''.join(CHANCE.choices(string.ascii_uppercase, k=2))}" for n in range(900)
    ],
    "one stem": [
        f"ACME_{market}_{n}x{m}.png" for market in ("UK", "DE", "FR") for n in range(90, 105) for m in range(20)
    ],
    "names of people": [f"{CHANCE.choice(WORDS)}.{CHANCE.choice(WORDS)}{n}@example.com" for n in range(900)],
    "prices": [f"{CHANCE.random() * 99:.2f}" for _ in range(900)],
    "times": [f"2026-01-{1 + n % 28:02} {n % 24:02}:{n % 60:02}" for n in range(900)],
    "telephones": [f"555-{CHANCE.randrange(10_000):04}" for _ in range(900)],
    "sentences": [f"{one} it is in" for one in prose(900, 2)],
}


@pytest.mark.parametrize("labelled", [False, True], ids=["alone", "labelled"])
@pytest.mark.parametrize("kind", NO_FAMILIES)
def test_counters_and_codes_and_unique_names_are_no_families(kind, labelled):
    names = NO_FAMILIES[kind]
    labels = [CHANCE.choice("abcdefgh") for _ in names] if labelled else None
    assert not in_style(names[:200]) or learnt(names, prose(len(names)), labels) is None


def test_a_counter_in_front_is_a_family_where_the_texts_have_more_in_common_than_chance_gives():
    names = NO_FAMILIES["a counter a market"]
    texts = [f"{text} product{place // 3}" for place, text in enumerate(prose(len(names)))]
    assert learnt(names, texts) == ()
    assert learnt(names, prose(len(names)), [f"{place // 3 % 7}" for place in range(len(names))]) == ()


def test_words_at_the_end_and_dates_are_dropped_where_the_file_shows_that_they_vary_one_creative():
    ids = [f"AD-{n:04}-{letter}" for n in range(300) for letter in "ABC"]
    alike = [f"{text} product{place // 3}" for place, text in enumerate(prose(len(ids)))]
    assert learnt(ids, alike) == ("a", "b", "c")
    assert learnt(ids, prose(len(ids))) is None
    dated = [
        f"ACME_line{n}_{m}_2026{1 + (n + 5 * k) % 12:02}01.png" for n in range(150) for k, m in enumerate(("UK", "DE"))
    ]
    assert DATE in learnt(dated, [f"{text} product{place // 2}" for place, text in enumerate(prose(len(dated)))])
    labels = [CHANCE.choice("abcdefgh") for _ in dated]
    assert learnt(dated, prose(len(dated)), labels) is None


def test_labels_that_differ_within_stems_are_stronger_than_names():
    names = [f"CR-{n:04}-{market}" for n in range(300) for market in ("UK", "DE", "FR")]
    assert learnt(names, prose(len(names))) == ()
    assert learnt(names, prose(len(names)), [CHANCE.choice("abcdefgh") for _ in names]) is None
    assert learnt(names, prose(len(names)), ["all one"] * len(names)) == (), "labels that are all one say nothing"
