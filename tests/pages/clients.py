"""Small made-up clients that page tests and journeys bring in."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from core import database, tasks, taxonomy
from core.assets import imports
from core.tasks import Task

WORDS = {
    "Seasonal sale": ["summer", "sale", "percent", "off", "weekend", "discount"],
    "Product launch": ["new", "introducing", "first", "launch", "meet", "arrives"],
    "Brand film": ["story", "believe", "together", "journey", "dream", "people"],
    "Loyalty <img src=x> **bold** $1$": ["members", "points", "reward", "card", "thank", "exclusive"],
}
HOSTILE = (
    '<img src=x onerror="alert(1)"> **bold** $x$ [link](http://example.invalid) =HYPERLINK("http://example.invalid")'
)


def write_files(folder: Path, rows: int = 360, seed: int = 3) -> tuple[Path, Path]:
    """A taxonomy of four categories and `rows` assets with recorded labels, one of them hostile; 5 % of labels are swapped."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "taxonomy.csv").open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["name", "description", "examples"])
        for name, words in WORDS.items():
            table.writerow([name, f"Advertising about {' '.join(words[:3])}", " ".join(words)])
    with (folder / "assets.csv").open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["asset_id", "headline", "recorded_label"])
        for row in range(rows):
            name = draw.choice(list(WORDS))
            text = " ".join(draw.choices(WORDS[name], k=6)) + f" {draw.randrange(10**6)} {draw.choice('abcdefgh') * 3}"
            label = draw.choice(list(WORDS)) if draw.random() < 0.05 else name
            table.writerow([f"A-{row:04d}", HOSTILE if row == 0 else text, label])
    return folder / "taxonomy.csv", folder / "assets.csv"


def bring_in(db, name: str, folder: Path, rows: int = 360) -> Task:
    """A client with taxonomy and assets."""
    task = tasks.of(db, name)
    taxonomy_file, assets_file = write_files(folder, rows)
    taxonomy.save(db, task, taxonomy.read(taxonomy_file).categories, "taxonomy.csv")
    imports.import_assets(db, task, assets_file)
    return task


def bring_in_many(db, name: str, rows: int, words: dict[str, list[str]] = WORDS, wrong_every: int = 0) -> Task:
    """A client with `rows` distinct assets written straight into the tables, with recorded labels; seconds for 100,000.

    `words`: six words of each category; every `wrong_every`-th label is its neighbour's."""
    task = tasks.of(db, name)
    categories = [taxonomy.Category(label=name, name=name, description=" ".join(said)) for name, said in words.items()]
    taxonomy.save(db, task, categories, "taxonomy.csv")
    done = {
        "client_id": task.client_id,
        "task_id": task.id,
        "filename": "many.csv",
        "sha256": "",
        "mapping": "{}",
        "created": database.now(),
    }
    counts = {
        "sha256": "",
        "mapping": "{}",
        "row_count": rows,
        "imported": rows,
        "unchanged": 0,
        "duplicates": 0,
        "problem_count": 0,
    }
    made = db["imports"].insert(done | counts).last_pk
    first = db.execute("select ifnull(max(id), 0) + 1 from assets").fetchone()[0]
    names = list(words)
    assets_rows, recordings = [], []
    for place in range(rows):
        kind = names[place % len(names)]
        text = f"{words[kind][place % 6]} {words[kind][place // 6 % 6]} offer number {place}"
        kind = names[(place + 1) % len(names)] if wrong_every and place % wrong_every == 0 else kind
        assets_rows.append((first + place, task.client_id, f"M-{place}", text, f"{place:016x}", first + place, made))
        recordings.append((task.id, first + place, "bought", kind))
    with db.atomic():
        db.conn.executemany(
            "insert into assets (id, client_id, external_id, text, text_hash, group_id, import_id) values (?, ?, ?, ?, ?, ?, ?)",
            assets_rows,
        )
        db.conn.executemany("insert into recordings (task_id, asset_id, source, label) values (?, ?, ?, ?)", recordings)
    return task


def second_student(db) -> int:
    """A copy of the first student, judged like it and wrong about 40 more test assets."""
    first = next(db.query("select * from students where id = 1"))
    db["students"].insert(first | {"id": 2, "live": 0, "parent_id": 1})
    db.execute(
        "insert into evaluations select 2, split, figures, created, certified_at from evaluations where student_id = 1"
    )
    columns = "asset_id, category_id, confidence, top, teacher_category_id"
    db.execute(
        f"insert into predictions (student_id, {columns}) select 2, {columns} from predictions where student_id = 1"
    )
    db.execute(
        """update predictions set category_id = (select min(id) from categories where id <> predictions.category_id)
           where student_id = 2 and asset_id in (select p.asset_id from predictions p join assets a on a.id = p.asset_id
           where p.student_id = 2 and a.split = 'test' and p.category_id = p.teacher_category_id limit 40)"""
    )
    db.conn.commit()
    return 2
