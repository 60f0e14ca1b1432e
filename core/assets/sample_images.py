"""Made-up creatives as images: the copy of the sample client, drawn on grounds like photographs, with the words known.

    python3 run.py sample --rows 300 --images --to FOLDER

Each asset of core/assets/sample.py becomes an image in one of the usual sizes: its headline large, its body and call to action
smaller, some with a turned badge. FOLDER/creatives holds the images and creatives.csv, which names them, with the recorded labels;
the words of each stand in FOLDER/words.csv, to measure a reader by. Fonts are those on the machine, else the one Pillow brings.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core import settings
from core.assets import sample
from core.escape import Cells
from core.jobs.progress import NoProgress
from core.whole import write_whole

if TYPE_CHECKING:
    from PIL import Image, ImageFont

SIZES = (
    *((300, 250), (336, 280), (728, 90), (970, 250), (300, 600), (160, 600)),
    *((1080, 1080), (1080, 1350), (1200, 628), (1080, 1920)),
)
FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif-Bold"),
    *("LiberationSans-Regular", "LiberationSans-Bold", "LiberationSerif-Bold"),
)
FOLDERS = ("/usr/share/fonts", "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts")
BADGES = ("NEW", "SALE", "-20%", "ONLY NOW", "TOP")
ENDINGS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
SMALLEST = 11  # pixels of a letter's size
DARK = 420  # the sum of a colour's parts, below which words on it are white
NEAR = 22  # that a part of the ground's colour may be off
DRAWING = "Drawing the creatives"


@dataclass(frozen=True)
class Look:
    """How a creative is to look: `size` in pixels, and the colour (red, green, blue) about which its ground is."""

    size: tuple[int, int]
    ground: tuple[int, int, int]


@dataclass(frozen=True)
class Made:
    """An image and the words on it, a piece a line."""

    image: Image.Image
    words: tuple[str, ...]


def write(folder: Path, rows: int, seed: int = 7) -> tuple[Path, Path]:
    """Write FOLDER/taxonomy.csv, FOLDER/creatives (images and creatives.csv) and FOLDER/words.csv; returns the first two."""
    taxonomy, assets = sample.write(folder, rows, seed)
    table = pd.read_csv(assets, dtype=str, keep_default_na=False)
    assets.unlink()
    orders = [
        ([row["headline"], row["body"], row["cta"]], random.Random(f"{seed} {row['asset_id']}"), None)
        for row in table.to_dict("records")
    ]
    labels = {"recorded_label": list(table["recorded_label"])}
    return taxonomy, draw_all(folder, list(table["asset_id"]), orders, labels)


def draw_all(
    folder: Path,
    ids: Sequence[str],
    orders: Sequence[tuple[list[str], random.Random, Look | None]],
    labels: dict[str, Sequence[str]],
    *,
    typed: bool = False,
    progress: NoProgress | None = None,
) -> Path:
    """Draw creatives with every processor: FOLDER/creatives, its table last, and FOLDER/words.csv; returns the first.

    `orders`: the arguments of draw() for each of the `ids`; `labels`: columns of the table; `typed`: whether it says the words.
    """
    creatives, report = folder / "creatives", progress or NoProgress()
    creatives.mkdir(parents=True, exist_ok=True)

    def drawn(id: str, order: tuple[list[str], random.Random, Look | None]) -> tuple[str, str]:
        made, ending = draw(*order), order[1].choice(list(ENDINGS))
        made.image.save(creatives / f"{id}.{ending}", ENDINGS[ending], quality=90)
        return f"{id}.{ending}", "\n".join(made.words)

    with (
        ThreadPoolExecutor(settings.processors()) as pool,  # drawing and packing hold no lock
        (folder / "words.csv").open("w", newline="", encoding="utf-8") as said,
        io.StringIO(newline="") as named,
    ):
        words, table = Cells(said), Cells(named)
        words.row("image", "words")
        table.row("asset_id", "image", *(["copy"] if typed else []), *labels)
        for done, (id, (name, text), *told) in enumerate(zip(ids, pool.map(drawn, ids, orders), *labels.values()), 1):
            words.row(name, text)
            table.row(id, name, *([text] if typed else []), *told)
            report(done, len(ids), DRAWING)
        write_whole(creatives / "creatives.csv", named.getvalue())
    return creatives


def draw(texts: list[str], rng: random.Random, look: Look | None = None) -> Made:
    """A creative with a headline, a body and a call to action, as much of them as there is room for; any look, or this one."""
    from PIL import ImageDraw

    width, height = look.size if look else rng.choice(SIZES)
    dark = sum(look.ground) < DARK if look else rng.random() < 0.5
    image = _ground(width, height, dark, rng, look and look.ground)
    ink = "white" if dark else rng.choice(("black", "#1b2a49", "#5a1020"))
    canvas, words = ImageDraw.Draw(image), []
    large = max(min(width // 12, height // 5, 72), SMALLEST + 4)
    top, margin = height // 12, max(width // 24, 6)
    for text, size in zip(texts, (large, max(large // 2, SMALLEST), max(large // 2, SMALLEST))):
        font = _font(rng.choice(FONTS), size)
        for line in _lines(text, font, width - 2 * margin):
            if top + size * 1.3 > height:
                break
            canvas.text((margin, top), line, fill=ink, font=font)
            words.append(line)
            top += int(size * 1.3)
        top += size // 3
    if min(width, height) >= 250 and rng.random() < 0.4 and top + height // 5 < height:
        badge = rng.choice(BADGES)
        _turned(image, badge, _font(rng.choice(FONTS), max(height // 16, 16)), rng)
        words.append(badge)
    return Made(image.convert("RGB"), tuple(words))


def _ground(
    width: int, height: int, dark: bool, rng: random.Random, colour: tuple[int, int, int] | None
) -> Image.Image:
    """Soft blotches, as out of focus, of any colour or about this one, dark or light enough for words to stand on."""
    from PIL import Image

    low, high = (0, 95) if dark else (165, 255)
    spans = [(low, high)] * 3 if colour is None else [(max(c - NEAR, 0), min(c + NEAR, 255)) for c in colour]
    coarse = Image.new("RGB", (rng.randint(2, 6), rng.randint(2, 6)))
    coarse.putdata([tuple(rng.randint(*span) for span in spans) for _ in range(coarse.width * coarse.height)])
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


@cache
def _file_of(name: str) -> str | None:
    """Where a font lies on this machine."""
    found = (path for folder in FOLDERS if Path(folder).is_dir() for path in sorted(Path(folder).rglob(f"{name}.ttf")))
    return str(next(found, "")) or None


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    path = _file_of(name)
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def _lines(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """A text broken between words into lines that fit."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _turned(image: Image.Image, text: str, font: ImageFont.FreeTypeFont, rng: random.Random) -> None:
    """A badge at the lower right, turned a little."""
    from PIL import Image, ImageDraw

    wide, high = int(font.getlength(text)) + 24, int(font.size * 1.3) + 16
    badge = Image.new("RGBA", (wide, high), rng.choice(("#c0182b", "#0b5fa5", "#146c43")))
    ImageDraw.Draw(badge).text((12, 8), text, fill="white", font=font)
    badge = badge.rotate(rng.uniform(-15, 15), expand=True, resample=Image.Resampling.BICUBIC)
    image.paste(badge, (image.width - badge.width - 8, image.height - badge.height - 8), badge)
