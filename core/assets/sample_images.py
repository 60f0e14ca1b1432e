"""Made-up creatives as images: the copy of the sample client, drawn on grounds like photographs, with the words known.

    python3 run.py sample --rows 300 --images --to FOLDER

Each asset of core/assets/sample.py becomes an image in one of the usual sizes: its headline large, its body and call to action
smaller, some with a turned badge. FOLDER/creatives holds the images and creatives.csv, which names them, with the recorded labels;
the words of each stand in FOLDER/words.csv, to measure a reader by. Fonts are those on the machine, else the one Pillow brings.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core.assets import sample
from core.escape import Cells

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
    creatives = folder / "creatives"
    creatives.mkdir(parents=True, exist_ok=True)
    with (
        (creatives / "creatives.csv").open("w", newline="", encoding="utf-8") as named,
        (folder / "words.csv").open("w", newline="", encoding="utf-8") as drawn,
    ):
        names, words = Cells(named), Cells(drawn)
        names.row("asset_id", "image", "recorded_label")
        words.row("image", "words")
        for row in table.to_dict("records"):
            rng = random.Random(f"{seed} {row['asset_id']}")
            made = draw([row["headline"], row["body"], row["cta"]], rng)
            ending = rng.choice(list(ENDINGS))
            name = f"{row['asset_id']}.{ending}"
            made.image.save(creatives / name, ENDINGS[ending], quality=90)
            names.row(row["asset_id"], name, row["recorded_label"])
            words.row(name, "\n".join(made.words))
    return taxonomy, creatives


def draw(texts: list[str], rng: random.Random) -> Made:
    """A creative with a headline, a body and a call to action, as much of them as there is room for."""
    from PIL import ImageDraw

    width, height = rng.choice(SIZES)
    dark = rng.random() < 0.5
    image = _ground(width, height, dark, rng)
    ink = "white" if dark else rng.choice(("black", "#1b2a49", "#5a1020"))
    canvas, words = ImageDraw.Draw(image), []
    large = max(min(width // 12, height // 5, 72), SMALLEST + 4)
    top, margin = height // 12, max(width // 24, 6)
    for text, size in zip(texts, (large, max(large // 2, SMALLEST), max(large // 2, SMALLEST))):
        font = _font(rng, size)
        for line in _lines(text, font, width - 2 * margin):
            if top + size * 1.3 > height:
                break
            canvas.text((margin, top), line, fill=ink, font=font)
            words.append(line)
            top += int(size * 1.3)
        top += size // 3
    if min(width, height) >= 250 and rng.random() < 0.4 and top + height // 5 < height:
        badge = rng.choice(BADGES)
        _turned(image, badge, _font(rng, max(height // 16, 16)), rng)
        words.append(badge)
    return Made(image.convert("RGB"), tuple(words))


def _ground(width: int, height: int, dark: bool, rng: random.Random) -> Image.Image:
    """Soft blotches of colour, as out of focus, light or dark enough for words to stand on."""
    from PIL import Image

    low, high = (0, 95) if dark else (165, 255)
    coarse = Image.new("RGB", (rng.randint(2, 6), rng.randint(2, 6)))
    coarse.putdata([tuple(rng.randint(low, high) for _ in range(3)) for _ in range(coarse.width * coarse.height)])
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def _font(rng: random.Random, size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    name = rng.choice(FONTS)
    for folder in FOLDERS:
        for path in sorted(Path(folder).rglob(f"{name}.ttf")) if Path(folder).is_dir() else ():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


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
