"""One image's bytes: what it is, what can be told without reading it, and how it looks small. Whatever is wrong is one sentence.

Pillow decodes; it is loaded when the first image comes, so that who has text alone pays nothing for it. This file goes along in
exports as it is, so it imports nothing of the house.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

FORMATS = {  # what is read: name for people, and the ending its file is kept under
    "PNG": ("PNG", "png"),
    "JPEG": ("JPEG", "jpg"),
    "MPO": ("JPEG", "jpg"),  # of cameras that keep a second view
    "WEBP": ("WebP", "webp"),
    "GIF": ("GIF", "gif"),
    "BMP": ("BMP", "bmp"),
    "TIFF": ("TIFF", "tif"),
}
OPENED = [name for name in FORMATS if name != "MPO"]  # which opens as a JPEG
ENDINGS = {"jpeg": "jpg", "jpe": "jpg", "tiff": "tif", "dib": "bmp", "apng": "png"}
MAX_PIXELS = 50_000_000
THUMBNAIL = 240  # pixels of its longer side
RATIOS = {"1:1": 1.0, "4:5": 0.8, "9:16": 9 / 16, "1.91:1": 1.91, "16:9": 16 / 9, "2:3": 2 / 3, "4:3": 4 / 3}
NEAR_RATIO = 0.02  # of a ratio, within which an image has it
DISPLAY = {
    *((300, 250), (336, 280), (728, 90), (970, 90), (970, 250), (160, 600), (120, 600), (300, 600), (320, 50), (320, 100)),
    *((468, 60), (250, 250), (200, 200), (180, 150), (300, 50), (300, 100), (300, 1050), (320, 480), (480, 320), (980, 120)),
}  # fmt: skip
COLOURS = {
    "black": (20, 20, 20),
    "grey": (128, 128, 128),
    "white": (245, 245, 245),
    "red": (205, 35, 40),
    "orange": (240, 135, 30),
    "yellow": (245, 215, 50),
    "green": (55, 150, 70),
    "turquoise": (50, 185, 185),
    "blue": (40, 90, 190),
    "purple": (125, 60, 160),
    "pink": (240, 140, 180),
    "brown": (115, 75, 45),
}
FEWEST = 0.12  # share of the pixels from which a colour is one of the image's


class Unfit(Exception):
    """Why one file is left out: `what`, a sentence that goes on after its name, and `todo`. The rest is taken."""

    def __init__(self, what: str, todo: str):
        super().__init__(what)
        self.what, self.todo = what, todo


EMPTY = Unfit("is empty.", "Export it again.")
NO_IMAGE = Unfit("is no image that can be read.", "Save it as PNG or JPEG.")
SAVE, UNPACK = "Export it as PNG or JPEG.", "Unpack it, or make a ZIP of what is in it."
FRAME = "Export a frame of it as PNG or JPEG."
OTHERS = {  # what people bring beside images, by how such a file begins: what it is, and what to do
    b"%PDF": ("a PDF", SAVE),
    b"%!PS": ("a PostScript file", SAVE),
    b"8BPS": ("a Photoshop file", SAVE),
    b"II*\0\x10\0\0\0CR": ("a camera's raw image", SAVE),
    b"\0\0\0\x0cJXL ": ("a JPEG XL image", SAVE),
    b"\xff\x0a": ("a JPEG XL image", SAVE),
    b"\0\0\0\x0cjP  ": ("a JPEG 2000 image", SAVE),
    b"\xff\x4f\xff\x51": ("a JPEG 2000 image", SAVE),
    b"\0\0\1\0": ("an icon", SAVE),
    b"PK\3\4": ("a ZIP, or a document that is one inside", UNPACK),
    b"Rar!": ("a RAR archive", UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", UNPACK),
    b"\x1f\x8b": ("a packed file", UNPACK),
    b"\x1a\x45\xdf\xa3": ("a film", FRAME),
    b"\0\5\x16\7": ("what a Mac keeps beside a file", "Leave it out."),
}
BRANDS = {  # of files that begin as an MP4 does, by what they say they are
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), ("a HEIC image", SAVE)),
    **dict.fromkeys((b"avif", b"avis"), ("an AVIF image", SAVE)),
    b"crx ": ("a camera's raw image", SAVE),
}
DAMAGED = Unfit("is damaged.", "Export it again.")


@dataclass(frozen=True)
class Facts:
    """What is known of an image without reading it. `placement`: the shape or display size it suits, "" for none of them;
    `animated`: whether it moves, of which the first frame is looked at; `colours`: those most of it has, the most first."""

    width: int
    height: int
    placement: str
    colours: tuple[str, ...]
    animated: bool


@dataclass(frozen=True)
class Looked:
    """An image that can be used: its format for people, facts, likeness (16 hex characters) and thumbnail (a JPEG)."""

    format: str
    facts: Facts
    likeness: str
    thumbnail: bytes


def look(data: bytes) -> Looked:
    """Decode an image's bytes. Raises Unfit for what cannot be used."""
    image = upright(data)
    return Looked(FORMATS[image.info["kind"]][0], facts_of(image), _likeness(image), _thumbnail(image))


def facts_of(image: Image.Image) -> Facts:
    """The facts of an image that upright() gave."""
    return Facts(
        *image.size,
        placement=placement(*image.size),
        colours=_colours(image),
        animated=image.info["moves"],
    )


def misnamed(format: str, name: str) -> str:
    """What is to be remarked of an image whose name has another format's ending, or none; "" for the others."""
    said = name.rpartition(".")[2].lower() if "." in name else ""
    if ENDINGS.get(said, said) == dict(FORMATS.values())[format]:
        return ""
    return f"is a {format}, whatever its name says; it was taken as that."


def check(data: bytes, most: int = MAX_PIXELS) -> None:
    """Read an image's head alone, and decode nothing of it. Raises Unfit for what is no image, or has more than `most` pixels."""
    with _opened(data, most):
        pass


def upright(data: bytes) -> Image.Image:
    """An image in RGB, turned as its camera says, on white where it is transparent, of several frames the first.

    Its `info` holds "kind" (a key of FORMATS) and "moves". Raises Unfit.
    """
    from PIL import ImageOps

    with _opened(data, MAX_PIXELS) as image:
        kind = image.format
        moves = kind in ("GIF", "WEBP", "PNG") and bool(getattr(image, "is_animated", False))
        image.seek(0)
        image.load()
        turned = ImageOps.exif_transpose(image)
        plain = _rgb(turned)
    plain.info = {"kind": kind, "moves": moves}
    return plain


@contextmanager
def _opened(data: bytes, most: int) -> Iterator[Image.Image]:
    """An image of which only the head is read so far; what is wrong with it, then or in the block, is raised as Unfit."""
    from PIL import Image

    if not data:
        raise EMPTY
    Image.init()  # it knows only some formats before
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its size Pillow warns before it refuses; here it is refused first
            with Image.open(io.BytesIO(data), formats=OPENED) as image:
                pixels = image.width * image.height
                if pixels > most:
                    raise Unfit(
                        f"has {pixels / 1e6:,.0f} megapixels, at most {most / 1e6:,.0f} are read.", "Save it smaller."
                    )
                yield image
    except Image.DecompressionBombError:
        raise Unfit(f"has more than {most / 1e6:,.0f} megapixels.", "Save it smaller.") from None
    except Image.UnidentifiedImageError:
        raise _other(data) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, ZeroDivisionError, OverflowError):
        raise DAMAGED from None  # as Pillow's readers say it


def _other(data: bytes) -> Unfit:
    """What a file is that no image is read from, as far as its beginning tells."""
    told = next((told for sign, told in OTHERS.items() if data.startswith(sign)), None)
    if data[4:8] == b"ftyp":
        told = BRANDS.get(data[8:12], ("a film", FRAME))
    elif data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        told = "a film", FRAME
    elif b"<svg" in data[:1000]:
        told = "an SVG drawing", SAVE
    return Unfit(f"is {told[0]}, which is not read.", told[1]) if told else NO_IMAGE


def _rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # more than 8 bits a pixel: stretched to what there is of them
        values = np.asarray(image, dtype=np.float64)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        scaled = np.nan_to_num((values - low) / (high - low or 1.0)) * 255
        return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(ground, layered).convert("RGB")
    return image.convert("RGB")


def placement(width: int, height: int) -> str:
    """What an image of this size suits: a display size, also at twice its pixels, else the shape it has, else ""."""
    for factor in (1, 2):
        if width % factor == height % factor == 0 and (width // factor, height // factor) in DISPLAY:
            return f"display {width // factor}x{height // factor}"
    ratio = width / height
    name, nearest = min(RATIOS.items(), key=lambda pair: abs(ratio / pair[1] - 1))
    return name if abs(ratio / nearest - 1) <= NEAR_RATIO else ""


def _colours(image: Image.Image) -> tuple[str, ...]:
    pixels = np.asarray(image.resize((48, 48)), dtype=np.float64).reshape(-1, 3)
    known = np.array(list(COLOURS.values()), dtype=np.float64)
    nearest = ((pixels[:, None] - known[None]) ** 2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(known))
    names = list(COLOURS)
    return tuple(names[i] for i in np.argsort(-counts, kind="stable")[:3] if counts[i] >= FEWEST * len(pixels))


def _likeness(image: Image.Image) -> str:
    """The signs of the 64 lowest frequencies but the mean (pHash): alike for one image in several sizes."""
    from scipy.fft import dctn

    grey = np.asarray(image.convert("L").resize((32, 32)), dtype=np.float64)
    low = dctn(grey, norm="ortho")[:8, :8].ravel()
    low[0] = np.median(low[1:])
    return np.packbits(low > np.median(low[1:])).tobytes().hex()


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=75)
    return out.getvalue()
