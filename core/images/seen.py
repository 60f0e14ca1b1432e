"""An asset as it is seen: its text, and with it what may be looked at.

Whoever reads texts alone takes it for the text it is; who looks as well asks sight_of(). So a text and its image go together
through everything that is made for texts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.images.looking import Facts, look


@dataclass(frozen=True)
class Sight:
    """An image to be looked at: the SHA-256 of its bytes, what is known of it, and where it lies, or its bytes."""

    sha256: str
    facts: Facts
    source: Path | bytes

    def data(self) -> bytes:
        """Its bytes, as they came. OSError where its file is gone."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


class Seen(str):
    """The text of an asset that has an image. Equal to any other of these words: what is kept by text has to be kept by its sight,
    too, where it depends on it."""

    __slots__ = ("sight",)
    sight: Sight

    def __new__(cls, text: str, sight: Sight) -> Seen:
        seen = super().__new__(cls, text)
        seen.sight = sight
        return seen

    def __getnewargs__(self) -> tuple[str, Sight]:
        """For a copy, in this process or another."""
        return str(self), self.sight


def sight_of(text: str) -> Sight | None:
    """The image that goes with a text, None where there is none."""
    return text.sight if isinstance(text, Seen) else None


def told_apart(texts: Iterable[str]) -> list[str]:
    """apart() of each text."""
    return [apart(text) for text in texts]


def apart(text: str) -> str:
    """What a text is kept by where its image matters, too: with the hash of its image, without an image as it is."""
    return str(text) if (sight := sight_of(text)) is None else f"{text}\x1f{sight.sha256}"


def blank(text: str) -> Seen:
    """A text with a plain grey image, to see that what looks answers."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(out, "PNG")
    data = out.getvalue()
    return Seen(text, Sight(hashlib.sha256(data).hexdigest(), look(data).facts, data))
