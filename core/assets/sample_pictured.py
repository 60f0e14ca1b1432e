"""The second made-up client: creatives as images, of 20 categories, whose funnel stage the picture tells better than its words.

    python3 run.py sample --rows 400 --images --facets 2 --to FOLDER

The copy and its labels are those of core/assets/sample_facets.py, with as many creatives of each category. The words of
some say nothing of their funnel stage (SAID: of how many they do); most are drawn on grounds of its colours (COLOURED), and many in
one of its sizes (SIZED), as campaigns have a look. So words tell the category, and words and picture together the stage.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pandas as pd

from core.assets import sample, sample_facets, sample_images
from core.assets.sample_facets import STAGE, TOPIC
from core.assets.sample_images import SIZES, Look
from core.images.looking import COLOURS
from core.jobs.progress import NoProgress

TRADES = ("Retail", "Travel", "Financial services", "Food and drink")  # 20 of the 40 categories
SAID = 0.65  # of creatives, whose words say the stage
COLOURED, SIZED = 0.65, 0.5  # of creatives, whose ground and size are their stage's; the rest have any
LOOKS: dict[str, tuple[tuple[str, ...], tuple[tuple[int, int], ...]]] = {
    "Awareness": (("blue", "turquoise"), ((1080, 1920), (1080, 1350), (300, 600))),
    "Consideration": (("white", "green"), ((1200, 628), (970, 250))),
    "Conversion": (("red", "orange"), ((300, 250), (336, 280), (728, 90))),
    "Loyalty": (("purple", "pink"), ((1080, 1080), (160, 600))),
}
MOST_TRIED = 14  # times as many rows are made as are asked for, and most are left: categories are not equally common


def taxonomy() -> pd.DataFrame:
    """The 20 categories and the four stages, as sample_facets.taxonomy() has them."""
    table = sample_facets.taxonomy()
    return table[(table["facet"] == STAGE) | ((table["facet"] == TOPIC) & table["parent"].isin(TRADES))]


def with_truth(rows: int, seed: int = 7) -> pd.DataFrame:
    """`rows` different creatives, as many of each category but for the rest, with the columns of sample_facets.with_truth() for
    topic and stage, and "said": whether the words say the stage. InputError for fewer than one row."""
    names = set(taxonomy().query("facet == @TOPIC")["name"])
    table = sample.with_truth(MOST_TRIED * max(rows, len(names)) if rows > 0 else rows, seed)
    inside = table["category"].isin(names) & table["recorded_label"].isin(names) & table["other"].isin({*names, ""})
    table = table[inside & (table["variant"] == 0)]
    nth = table.groupby("category").cumcount()
    table = table.iloc[nth.argsort(kind="stable")[:rows]].sort_index()
    said = sample_facets.bearing(table, seed, (STAGE,))
    silent = sample_facets.bearing(table, seed, ())
    says = [random.Random(f"{seed} {number} said").random() < SAID for number in said["creative"]]
    for column in ("body", "cta"):
        said[column] = said[column].where(says, silent[column])
    return said.assign(said=says)


def look(stage: str, rng: random.Random) -> Look:
    """How a creative of this stage looks: most often as its stage does."""
    colours, sizes = LOOKS[stage]
    ground = sample.pick(rng, colours if rng.random() < COLOURED else tuple(COLOURS))
    return Look(sample.pick(rng, sizes if rng.random() < SIZED else SIZES), COLOURS[ground])


def write(
    folder: Path, rows: int = 400, seed: int = 7, *, typed: bool = False, progress: NoProgress | None = None
) -> tuple[Path, Path]:
    """Write FOLDER/taxonomy.csv, FOLDER/creatives (images and creatives.csv, which names them and says the recorded labels of both
    facets) and FOLDER/words.csv; returns the first two. `typed`: the table says the words as well, for where nothing reads them.

    Raises InputError for fewer than one row, OSError, Cancelled.
    """
    table = with_truth(rows, seed)
    ordered = table.to_dict("records")

    def order(row: dict[str, Any]) -> tuple[list[str], random.Random, Look]:
        rng = random.Random(f"{seed} {row['asset_id']} look")
        return [row["headline"], row["body"], row["cta"]], rng, look(row[f"{STAGE} is"], rng)

    folder.mkdir(parents=True, exist_ok=True)
    taxonomy().to_csv(folder / "taxonomy.csv", index=False, lineterminator="\n")
    labels = {facet: list(table[facet]) for facet in (TOPIC, STAGE)}
    named = [row["asset_id"] for row in ordered]
    creatives = sample_images.draw_all(folder, named, list(map(order, ordered)), labels, typed=typed, progress=progress)
    return folder / "taxonomy.csv", creatives
