"""Images for tests: drawn, with words on them where they are asked for, and the ways in which files are not what they should be."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def drawn(words: str = "", size: tuple[int, int] = (300, 250), seed: int = 0, mode: str = "RGB") -> Image.Image:
    """A ground that differs by `seed`, with words in large letters, a line of them a line."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(120, 256, (4, 4, 3), dtype=np.uint8))
    image = coarse.resize(size, Image.Resampling.BICUBIC)
    height = max(size[1] // 8, 14)
    for line, text in enumerate(words.split("\n")):
        place = (size[0] // 20, int(height * (0.6 + 1.4 * line)))
        ImageDraw.Draw(image).text(place, text, fill="black", font=ImageFont.load_default(height))
    return image.convert(mode)


def saved(image: Image.Image, format: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **how)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(side: int, bits: int, packed: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def huge(side: int = 10_000) -> bytes:
    """A PNG that says it has 100 megapixels, in a few bytes."""
    return _png(side, 8, zlib.compress(b"\0" * 1000))


def deep() -> bytes:
    """A PNG of 16 bits a colour, all orange."""
    return _png(4, 16, zlib.compress((b"\0" + struct.pack(">HHH", 65535, 32896, 0) * 4) * 4))


def turned(words: str = "Spring sale") -> bytes:
    """A JPEG of 250x300 that its camera says is to be turned to 300x250."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(drawn(words).rotate(90, expand=True), "JPEG", exif=exif)
