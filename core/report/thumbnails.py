"""Small pictures of assets within a report, as addresses that hold them: each bounded, and all of a report's together, so that it
stays one file that mail takes."""

from __future__ import annotations

import base64
import io
from pathlib import Path

MOST = 40_000  # characters of one picture's address, and so bytes of the report
ROOM = 3_000_000  # of all: with the charts of many tasks a report stays below 5 MB
SMALLER = (
    (240, 60),
    (200, 50),
    (160, 40),
    (120, 30),
    (60, 20),
)  # longer side in pixels and JPEG quality, until one fits


class Thumbnails:
    """The pictures of one report; those for which there is no room any more are left out."""

    def __init__(self, room: int = ROOM):
        self._left = room

    def address(self, path: Path | None) -> str:
        """A data: address of a thumbnail (a JPEG file); "" without one, where its file is gone, and where there is no room."""
        try:
            found = _address(path.read_bytes()) if path else ""
        except OSError:
            return ""
        if len(found) > self._left:
            return ""
        self._left -= len(found)
        return found


def _address(jpeg: bytes) -> str:
    """As it is where it is small enough, else encoded anew."""
    sizes = iter(SMALLER)
    while len(found := f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}") > MOST:
        jpeg = _smaller(jpeg, *next(sizes))
    return found


def _smaller(jpeg: bytes, side: int, quality: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        small = image.convert("RGB")  # without what a file carries besides its pixels
        small.thumbnail((side, side))
        small.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()
