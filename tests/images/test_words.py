"""The words on an image, in the order in which people read them."""

from __future__ import annotations

import random

import pytest

from core.assets.duplicates import normal_form
from core.errors import InputError
from core.images import reading, words
from core.images.looking import upright
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


def test_those_set_large_are_told_apart_and_marked_where_copies_are_found_as_before():
    assert words.large(LINES) == "Boots"
    assert words.large(LINES[:2]) == words.large([]) == words.text_of([]) == ""
    text = words.text_of(words.in_order(LINES))
    assert text == "Half\nprice\n# Boots\nShop\nnow"
    assert (
        words.unmarked(text) == words.plain_of(words.in_order(LINES))
        and normal_form(text) == "half price boots shop now"
    )


def test_words_survive_being_kept():
    assert words.from_json(words.to_json(LINES)) == LINES
    assert words.from_json(words.to_json([word('<b>"x"</b> 20％ ünï', 1, 2)]))[0].text == '<b>"x"</b> 20％ ünï'


def test_a_reader_that_does_not_come_up_is_a_sentence(monkeypatch):
    monkeypatch.setattr(reading, "reader", lambda: "a reader")
    monkeypatch.setattr(reading.sys, "executable", "false")
    with pytest.raises(InputError, match="does not start"):
        reading.read_one(b"an image")


def test_an_image_that_brings_the_reader_down_takes_no_other_with_it(tmp_path):
    pytest.importorskip("rapidocr")
    (tmp_path / "there.png").write_bytes(pictures.saved(pictures.drawn("Half price")))
    with reading.started() as readers:
        assert readers.ask(tmp_path / "gone.png") == {"what": reading.CRASHED}
        assert "Half price" in readers.ask(tmp_path / "there.png")["words"]
        assert "Half price" in readers.ask((tmp_path / "there.png").read_bytes())["words"]
        assert readers.ask(b"GIF89a")["what"] == "is damaged." or readers.ask(b"GIF89a")["what"]
        processes = [*readers._all]
    assert processes and all(one.poll() is not None for one in processes), "none is left behind"


def test_real_images_are_read():
    pytest.importorskip("rapidocr")
    reader = words.Reader()
    read = lambda data: reader.read(upright(data))  # noqa: E731
    found = read(pictures.saved(pictures.drawn("Half price\n-20% on boots", (600, 500))))
    assert [one.text for one in found] == ["Half price", "-20% on boots"]
    assert abs(found[0].size - 62) < 25 and found[0].box[0] in range(10, 50), "in pixels of the image as it is"
    assert words.text_of(read(pictures.turned("Spring sale"))) == "Spring sale"
    assert read(pictures.saved(pictures.drawn("", (9, 4000)))) == []
