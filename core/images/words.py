"""The words on an image: what was read, where, how large and how surely; their reading order.

The reader is rapidocr, an optional package (requirements-images.txt) with its models in it: nothing is fetched when it runs. This
file goes along in exports as it is, so it imports nothing of the house.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# An image is brought to about so many pixels: larger ones take longer and read no better; small ones read better enlarged.
PIXELS, LARGEST_SIDE, MOST_ENLARGED = 600_000, 1920, 2.0
SURE = 0.5  # confidence from which a word counts
LARGE = 1.5  # times the usual size from which words are set large
# Before words set large, as headings are written: a sign of punctuation, so that the forms by which copies are found
# (core/assets/duplicates.py) are what they were without it.
MARK = "# "
_MARKS = re.compile(rf"^{MARK}", re.MULTILINE)
SAME_LINE = 0.5  # of a line's height, that two pieces of one line overlap at least
_WIDE = {0xFF01 + place: 0x21 + place for place in range(94)}  # the reader writes some signs as wide as Chinese ones


@dataclass(frozen=True)
class Word:
    """A piece of text as it stands together on an image: a line of it, or less. `box`: left, top, width, height in pixels of the
    image; `size`: the height of its letters' line in pixels; `confidence`: the reader's, 0 to 1."""

    text: str
    box: tuple[int, int, int, int]
    size: int
    confidence: float


def installed() -> bool:
    """Whether there is a reader."""
    return importlib.util.find_spec("rapidocr") is not None


class Reader:
    """The loaded models. One thread: several readers side by side use every processor better than one that uses all."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        engine = "EngineConfig.onnxruntime"
        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                f"{engine}.intra_op_num_threads": 1,
                f"{engine}.inter_op_num_threads": 1,
                "Det.limit_type": "max",  # else a banner of 728x90 is enlarged to a width of 6,000 pixels
                "Det.limit_side_len": LARGEST_SIDE,
            }
        )

    def read(self, image: Image.Image) -> list[Word]:
        """The words on an image as looking.upright() gives it, in reading order."""
        import numpy as np
        from PIL import Image

        scale = min((PIXELS / (image.width * image.height)) ** 0.5, LARGEST_SIDE / max(image.size), MOST_ENLARGED)
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS))[:, :, ::-1]  # it wants blue first
        found = self._engine(np.ascontiguousarray(pixels))
        if found.boxes is None or found.txts is None:
            return []
        words = [
            _word(text, corners / scale, float(score))
            for text, corners, score in zip(found.txts, found.boxes, found.scores)
            if text.strip() and score >= SURE
        ]
        return in_order(words)


def _word(text: str, corners: np.ndarray, confidence: float) -> Word:
    """`corners`: (4, 2), clockwise from the upper left of the text itself, which may be turned."""
    import numpy as np

    left, top = corners.min(axis=0)
    width, height = corners.max(axis=0) - corners.min(axis=0)
    size = (np.linalg.norm(corners[0] - corners[3]) + np.linalg.norm(corners[1] - corners[2])) / 2
    box = tuple(round(float(value)) for value in (left, top, width, height))
    return Word(" ".join(text.translate(_WIDE).split()), box, round(float(size)), round(confidence, 3))


def in_order(words: Sequence[Word]) -> list[Word]:
    """Words line by line from the top, those of one line from the left."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda one: one.box[1] + one.box[3] / 2):
        if lines and _on_line(lines[-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [word for line in lines for word in sorted(line, key=lambda one: one.box[0])]


def _on_line(line: list[Word], word: Word) -> bool:
    _, top, _, height = line[0].box
    shared = min(top + height, word.box[1] + word.box[3]) - max(top, word.box[1])
    return shared >= SAME_LINE * max(min(height, word.box[3]), 1)


def text_of(words: Sequence[Word]) -> str:
    """The words as a text that students and teachers read: a piece of text a line, after MARK those set large."""
    size = _large_from(words)
    return "\n".join(MARK + word.text if word.size >= size else word.text for word in words)


def plain_of(words: Sequence[Word]) -> str:
    """The words as they stand there, a piece of text a line."""
    return "\n".join(word.text for word in words)


def unmarked(text: str) -> str:
    """A text without its marks."""
    return _MARKS.sub("", text)


def large(words: Sequence[Word]) -> str:
    """Those set large: at least LARGE times the middle size of all words; "" where all are of about one size."""
    size = _large_from(words)
    return " ".join(word.text for word in words if word.size >= size)


def _large_from(words: Sequence[Word]) -> float:
    sizes = sorted(word.size for word in words)
    return LARGE * sizes[(len(sizes) - 1) // 2] if sizes else 0.0


def to_json(words: Sequence[Word]) -> str:
    return json.dumps([asdict(word) for word in words], ensure_ascii=False)


def from_json(stored: str) -> list[Word]:
    rows: list[dict[str, Any]] = json.loads(stored)
    return [Word(row["text"], tuple(row["box"]), row["size"], row["confidence"]) for row in rows]
