"""Images as they are sent to a model: scaled, as JPEG, made once each and kept in memory only."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict

from core.images.looking import upright
from core.images.seen import Sight

KEPT_BYTES = 64_000_000  # of finished JPEGs: what the calls of the next minute or two ask for again
QUALITIES = (85, 70, 50, 30)  # small type stays sharp at the first; noise is pressed harder until it fits
BYTES_A_PIXEL = 0.75  # that a JPEG has at most, so that what a request weighs is known before it is made
HEAD_BYTES = 2048  # that it may have beside its pixels
_kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
_held = 0
_turn = threading.Lock()  # one decoded image at a time, however many calls are made side by side


def jpeg(sight: Sight, width: int, height: int) -> bytes:
    """The image at that size in pixels. OSError where its file is gone, Unfit where it is none."""
    global _held
    key = sight.sha256, width, height
    with _turn:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
        made = _kept[key] = _made(sight, width, height)
        _held += len(made)
        while _held > KEPT_BYTES and len(_kept) > 1:
            _held -= len(_kept.popitem(last=False)[1])
        return made


def most_bytes(width: int, height: int) -> int:
    """The most that jpeg() gives for that size."""
    return int(BYTES_A_PIXEL * width * height) + HEAD_BYTES


def _made(sight: Sight, width: int, height: int) -> bytes:
    from PIL import Image

    image = upright(sight.data())
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    for quality in QUALITIES:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= most_bytes(width, height):
            break
    return out.getvalue()
