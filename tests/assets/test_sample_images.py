"""Made-up creatives: each image bears its words, and a reader finds them."""

from __future__ import annotations

import csv
import importlib.util
import random
import re

import pytest
from PIL import Image

from core import tasks
from core.assets import sample_images, sample_pictured
from core.assets.image_import import import_images
from core.assets.sample_facets import STAGE, TOPIC
from core.errors import InputError
from core.images.looking import COLOURS


def test_the_same_seed_draws_the_same_images_in_many_sizes():
    texts = ["Half price on all boots", "Only this weekend, in every shop and online.", "Shop now"]
    made = [sample_images.draw(texts, random.Random(seed)) for seed in range(12)]
    again = [sample_images.draw(texts, random.Random(seed)) for seed in range(12)]
    assert [one.image.tobytes() for one in made] == [one.image.tobytes() for one in again]
    assert len({one.image.size for one in made}) > 4
    assert all(" ".join(one.words).startswith("Half price on all boots") for one in made)


def test_a_folder_of_them_imports(db, tmp_path):
    taxonomy, creatives = sample_images.write(tmp_path / "made", 6)
    assert taxonomy.exists()
    with (creatives / "creatives.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and all(Image.open(creatives / row["image"]).size in sample_images.SIZES for row in rows)
    task = tasks.of(db, "Acme")
    if importlib.util.find_spec("rapidocr") is None:
        with pytest.raises(InputError, match="not installed"):
            import_images(db, task, creatives)
        return
    assert import_images(db, task, creatives).imported == 6
    with (tmp_path / "made" / "words.csv").open(encoding="utf-8") as file:
        drawn = {row["image"]: set(re.findall(r"\w+", row["words"])) for row in csv.DictReader(file)}
    read = dict(db.execute("select json_extract(extra, '$.image'), text from assets").fetchall())
    found = sum(len(words & set(re.findall(r"\w+", read[name]))) for name, words in drawn.items())
    assert found > 0.95 * sum(map(len, drawn.values()))


def test_the_second_sample_has_two_facets_of_which_the_picture_tells_one(db, tmp_path):
    table = sample_pictured.with_truth(60)
    assert table["category"].value_counts().tolist() == [3] * 20 and 0.4 < table["said"].mean() < 0.9
    labels = sample_pictured.taxonomy()
    for facet in (TOPIC, STAGE):
        assert set(table[facet]) <= set(labels[labels["facet"] == facet]["name"])
    assert (table["category"] == table[TOPIC]).mean() > 0.85, "labels are noisy, not random"
    taxonomy, creatives = sample_pictured.write(tmp_path, 5, typed=True)
    assert taxonomy.read_text().startswith("facet,pick,name")
    with (creatives / "creatives.csv").open(encoding="utf-8") as file, (tmp_path / "words.csv").open() as words:
        rows, drawn = list(csv.DictReader(file)), list(csv.DictReader(words))
    assert [row["copy"] for row in rows] == [row["words"] for row in drawn] and all(row[STAGE] for row in rows)
    tones = {stage: [] for stage in sample_pictured.LOOKS}
    for stage, found in tones.items():
        rng = random.Random(stage)
        found += [sample_pictured.look(stage, rng).ground for _ in range(200)]
        own = [COLOURS[name] for name in sample_pictured.LOOKS[stage][0]]
        assert 0.55 < sum(one in own for one in found) / 200 < 0.85
