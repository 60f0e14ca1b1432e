"""The words on an image, in the order in which people read them."""

from __future__ import annotations

import random

import pytest

from core.images import words
from core.images.words import Word
from tests.images import pictures


def word(text: str, left: int, top: int, size: int = 20, width: int = 60) -> Word:
    return Word(text, (left, top, width, size), size, 0.9)


LINES = [
    word("Half", 10, 10),
    word("price", 80, 14),
    word("Boots", 10, 50, 40),
    word("Shop", 10, 110, 12),
    word("now", 50, 112, 12),
]


def test_words_are_read_line_by_line():
    for seed in range(10):
        mixed = random.Random(seed).sample(LINES, len(LINES))
        assert [one.text for one in words.in_order(mixed)] == ["Half", "price", "Boots", "Shop", "now"]
    assert words.in_order([]) == []


def test_those_set_large_are_told_apart():
    assert words.large(LINES) == "Boots"
    assert words.large(LINES[:2]) == "" and words.large([]) == ""


def test_words_survive_being_kept():
    assert words.from_json(words.to_json(LINES)) == LINES
    assert words.from_json(words.to_json([word('<b>"x"</b> 20％ ünï', 1, 2)]))[0].text == '<b>"x"</b> 20％ ünï'


def test_real_images_are_read(tmp_path):
    pytest.importorskip("rapidocr")
    reader = words.Reader()
    (tmp_path / "a.image").write_bytes(pictures.saved(pictures.drawn("Half price\n-20% on boots", (600, 500))))
    found = reader.read(tmp_path / "a.image")
    assert [one.text for one in found] == ["Half price", "-20% on boots"]
    assert abs(found[0].size - 62) < 25 and found[0].box[0] in range(10, 50), "in pixels of the image as it is"
    (tmp_path / "b.image").write_bytes(pictures.turned("Spring sale"))
    assert words.text_of(reader.read(tmp_path / "b.image")) == "Spring sale"
    (tmp_path / "c.image").write_bytes(pictures.saved(pictures.drawn("", (9, 4000))))
    assert reader.read(tmp_path / "c.image") == []
