"""A small client that trains in a second: four categories with words of their own, and some in common."""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path

from sqlite_utils import Database

from core import tasks, taxonomy
from core.assets import imports
from core.tasks import Task

WORDS = {
    "Sale": ["discount", "off", "save", "deal", "clearance", "price"],
    "Opening": ["opening", "grand", "new store", "ribbon", "doors", "neighbourhood"],
    "Hiring": ["careers", "join", "hiring", "team", "apply", "vacancy"],
    "Travel": ["flights", "beach", "hotel", "escape", "island", "sunny"],
}
COMMON = ["today", "now", "your", "best", "this week", "only", "great", "come", "for you", "and"]


def rows(count: int = 240, seed: int = 1) -> list[dict]:
    """`count` assets with id, text and label; about one in twenty carries a neighbour's label."""
    dice = random.Random(seed)
    names = list(WORDS)
    made = []
    for number in range(count):
        truth = dice.choice(names)
        words = dice.sample(WORDS[truth], 3) + dice.sample(COMMON, 4) + [dice.choice(WORDS[dice.choice(names)])]
        dice.shuffle(words)
        label = dice.choice(names) if dice.random() < 0.05 else truth
        made.append({"id": f"A{number}", "text": f"{' '.join(words)} {number}", "label": label})
    return made


def files(folder: Path, assets_rows: list[dict] | None = None) -> tuple[Path, Path]:
    """The small client's two files in `folder`: taxonomy.csv and assets.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [{"name": name, "description": " ".join(words), "examples": words[0]} for name, words in WORDS.items()]
    for name, table in (("taxonomy.csv", kinds), ("assets.csv", assets_rows or rows())):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)
    return folder / "taxonomy.csv", folder / "assets.csv"


def fill(db: Database, folder: Path, assets_rows: list[dict] | None = None, client: str = "Small") -> Task:
    """Import the small client; returns its task. Its recorded teacher is recorded:label."""
    task = tasks.of(db, client)
    taxonomy_file, assets_file = files(folder, assets_rows)
    taxonomy.save(db, task, taxonomy.read(taxonomy_file).categories, taxonomy_file.name)
    imports.import_assets(db, task, assets_file)
    return task


def facet_files(folder: Path) -> tuple[Path, Path]:
    """The files of a client with two facets: Topic, whose labels stand in a column called so, and Intent, in `intent_label`."""
    rows_of_both = [
        {"id": row["id"], "text": f"{row['text']} {intent.lower()}", "topic": row["label"], "intent_label": intent}
        for row, intent in zip(rows(400), 200 * ("Buy", "Look"))
    ]
    _, assets = files(folder, rows_of_both)
    topics = "".join(f"Topic,{name}\n" for name in WORDS)
    (folder / "facets.csv").write_text(f"facet,name\n{topics}Intent,Buy\nIntent,Look\n", encoding="utf-8")
    return folder / "facets.csv", assets


def tag_rows(count: int = 400, seed: int = 1) -> list[dict]:
    """`count` assets with id, text and the tags that its words speak of, none to three, parted by semicolons; one in twenty of the
    tags is left out."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        true = dice.sample(list(WORDS), dice.choice((0, 1, 1, 2, 2, 3)))
        words = [word for tag in true for word in dice.sample(WORDS[tag], 3)] + dice.sample(COMMON, 4)
        dice.shuffle(words)
        told = [tag for tag in true if dice.random() > 0.05]
        made.append({"id": f"A{number}", "text": f"{' '.join(words)} {number}", "mood": ";".join(told) or "[]"})
    return made


def tag_files(folder: Path, assets_rows: list[dict] | None = None) -> tuple[Path, Path]:
    """The files of a client whose one facet, Mood, takes several categories; the labels stand in the column `mood`."""
    _, assets = files(folder, assets_rows or tag_rows())
    tags = "".join(f"Mood,{name},several\n" for name in WORDS)
    (folder / "tags.csv").write_text(f"facet,name,pick\n{tags}", encoding="utf-8")
    return folder / "tags.csv", assets


def encoder(folder: Path) -> str:
    """Save an untrained encoder of one layer in `folder`, and return its path."""
    import torch
    from transformers import BertConfig, BertModel

    from core.weights import source_folder

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(**shape), add_pooling_layer=False).save_pretrained(folder)
    shutil.copy(source_folder() / "tokenizer.json", folder)
    return str(folder)
