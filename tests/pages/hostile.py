"""A client, its taxonomy, files, connection, vendor and reviewers, all of them named in Markdown, HTML and formulas."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Sequence
from pathlib import Path

from sqlite_utils import Database

from core import jobs, review, tasks, taxonomy, vendor
from core.assets import imports
from core.review import queue
from core.tables.columns import Mapping
from core.tasks import Task
from core.taxonomy import diff, versions
from core.vendor import sets
from core.wires import connections
from tests.pages.clients import second_student

WORD = "evil"  # in each of the pieces
PIECES = (
    "[evil](http://evil.example)",
    "**evil**",
    ":red[evil]",
    "$evil$",
    "<img src=evil onerror=1>",
    "`evil`",
    "http://evil.example",
    ":evil:",
    "evil@evil.example",
)
# Parts of them that nothing read as Markdown may hold as they are: a page's own bold type around a name is no fault, a name's is.
RAW = re.compile(r"(?<!\\)(?:\*\*evil\*\*|`evil`|\$evil\$|<img src=evil|\[evil\]\(|:red\[evil|:evil:|http://evil)")
CATEGORIES = {
    "Sale [evil](http://evil.example) :red[evil]": "discount off save deal clearance price",
    "# Opening **evil** $evil$ http://evil.example": "opening grand ribbon doors neighbourhood store",
    "Hiring `evil` | <img src=evil onerror=1>": "careers join hiring team apply vacancy",
    "1. Travel :evil: evil@evil.example": "flights beach hotel escape island sunny",
}
CLIENT = "- **evil** [evil](http://evil.example) <img src=evil onerror=1> $evil$"
VENDOR = "**evil** :red[evil] `evil` [evil](http://evil.example) http://evil.example"
REVIEWERS = ("[evil](http://evil.example) :evil:", "**evil** $evil$ evil@evil.example")
CONNECTION = "[evil](http://evil.example) **evil** :red[evil]"
COLUMNS = {
    "id": "id [evil](http://evil.example)",
    "text": "headline **evil** $evil$",
    "label": "bought :red[evil] `evil` http://evil.example",
    "family": "campaign <img src=evil onerror=1>",
    "latency": "took `evil` [evil](http://evil.example)",
}


def write(folder: Path, rows: int = 420, pieces: Sequence[str] = PIECES) -> tuple[Path, Path]:
    """The taxonomy and the assets as files; assets, with `pieces` in their texts, and families carry pieces, too."""
    dice = random.Random(5)
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [[name, f"About {said} {dice.choice(PIECES)}", f"{said} {PIECES[4]}"] for name, said in CATEGORIES.items()]
    made = []
    for row in range(rows):
        name = dice.choice(list(CATEGORIES))
        words = " ".join(dice.choices(CATEGORIES[name].split(), k=5))
        label = dice.choice(list(CATEGORIES)) if dice.random() < 0.08 else name
        label = "Sael [evil](http://evil.example)" if row == 7 else label
        text = f"{pieces[row % len(pieces)]} {words} {dice.randrange(10**6)}"
        made.append([f"A{row} {PIECES[row % 3]}", text, label, f"c{row // 3} {PIECES[row % 4]}", row % 7 + 1])
    for name, head, table in (
        ("taxonomy", ["name", "description", "examples"], kinds),
        ("assets", list(COLUMNS.values()), made),
    ):
        with (folder / f"{name} [evil](http:evil.example) **evil**.csv").open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([head, *table])
    return next(folder.glob("taxonomy*")), next(folder.glob("assets*"))


def fill(db: Database, folder: Path, pieces: Sequence[str] = PIECES) -> Task:
    """The client taken through every step that needs nobody outside; returns its id."""
    client = tasks.of(db, CLIENT)
    taxonomy_file, assets_file = write(folder, pieces=pieces)
    taxonomy.save(db, client, taxonomy.read(taxonomy_file).categories, taxonomy_file.name)
    roles = {role: COLUMNS[role] for role in ("id", "label", "family")}
    mapping = Mapping((COLUMNS["text"],), latency_ms=COLUMNS["latency"], latency_unit="s", **roles)
    imports.import_assets(db, client, assets_file, mapping)
    run = jobs.run_here(db, "label", {"task_id": client.id, "teacher": f"recorded:{COLUMNS['label']}"}, client)
    params = {"task_id": client.id, "run_id": run.result["run_id"], "kind": "linear", "target": 0.9}
    jobs.run_here(db, "train", params, client)
    second_student(db)
    queue.build(db, client)
    _decided(db, client)
    connections.save(db, client.client_id, CONNECTION, "openai", "`evil` $evil$", base_url="http://127.0.0.1:9/v1")
    _judged(db, client, folder)
    draft = diff.begin(taxonomy.load(db, taxonomy.latest(db, client)))
    names = [category.label for category in draft.categories]
    draft = diff.rename(draft, names[0], names[0] + " **evil**")
    draft = diff.describe(draft, names[1], "[evil](http://evil.example)", ["**evil**"])
    versions.keep(db, client, versions.KeptDraft(taxonomy.latest(db, client), "**evil**.csv", draft))
    db.conn.commit()
    return client


def _decided(db: Database, client: Task) -> None:
    """Two reviewers who differ on an asset, with notes, and a few decisions more."""
    listed = [
        row["asset_id"] for row in db.query("select asset_id from review_items where task_id = ? limit 6", [client.id])
    ]
    first, second = [row["id"] for row in db.query("select id from categories order by id limit 2")]
    for place, asset in enumerate(listed[:4]):
        for reviewer, category in zip(REVIEWERS, (first, second if place == 0 else first)):
            review.decide(db, asset, reviewer, category, "queue", note=f"{PIECES[place]} {PIECES[5]}", seconds=1.0)
    db.conn.commit()


def _judged(db: Database, client: Task, folder: Path) -> None:
    """A vendor's answers to the held-out set, every third wrong."""
    query = "select a.external_id from vendor_set_assets s join assets a on a.id = s.asset_id where s.set_id = ?"
    ids = [id for (id,) in db.execute(query, [sets.held_out(db, client)]).fetchall()]
    with (folder / "answers.csv").open("w", newline="", encoding="utf-8") as out:
        labels = [*CATEGORIES, "off the list **evil**"]
        table = [[id, labels[place % 5]] for place, id in enumerate(ids)]
        csv.writer(out).writerows([["asset_id", "label"], *table, ["nobody **evil**", labels[0]]])
    vendor.import_file(db, client, VENDOR, folder / "answers.csv", usd_per_1000=0.5)
