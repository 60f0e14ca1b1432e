"""How many wrong labels a person finds in the first minutes of the review queue, on a public set with some labels swapped.

python -m tests.bench.review_queue [--set banking77] [--wrong 0.05] [--student linear|embedding|none]

A share of the training set's labels is swapped for that of a random other category. Printed: of the first 50, 100, ... assets of
the queue, how many are swapped ones; what chance would find; how often the right category is among the nine suggestions.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from core import database, tasks, taxonomy
from core.assets import imports
from core.evaluate.evaluation import evaluate
from core.label.labelling import label
from core.review import queue
from core.train.ladder import train
from tests.conftest import SHARED


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--set", default="banking77")
    options.add_argument("--wrong", type=float, default=0.05)
    options.add_argument("--student", default="linear", choices=("linear", "embedding", "none"))
    args = options.parse_args()
    rows = pd.read_csv(SHARED / args.set / "train.csv")[["text", "label"]].astype(str)
    dice = np.random.default_rng(0)
    names = sorted(rows["label"].unique())
    wrong = dice.random(len(rows)) < args.wrong
    shift = dice.integers(1, len(names), len(rows))
    taught = [
        names[(names.index(one) + s) % len(names)] if w else one for one, w, s in zip(rows["label"], wrong, shift)
    ]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        _run(args, Path(folder), rows.assign(taught=taught, wrong=wrong))


def _run(args: argparse.Namespace, folder: Path, rows: pd.DataFrame) -> None:
    db = database.connect()
    task = tasks.of(db, args.set)
    pd.DataFrame({"name": sorted(rows["label"].unique())}).to_csv(folder / "taxonomy.csv", index=False)
    table = pd.DataFrame({"id": [f"A{i}" for i in range(len(rows))], "text": rows["text"], "label": rows["taught"]})
    table.to_csv(folder / "assets.csv", index=False)
    taxonomy.save(db, task, taxonomy.read(folder / "taxonomy.csv").categories, "taxonomy.csv")
    imports.import_assets(db, task, folder / "assets.csv")
    run_id = label(db, task, "recorded:label")
    if args.student != "none":
        evaluate(db, train(db, task, run_id, args.student)[-1])
    started = time.perf_counter()
    found = queue.build(db, task)
    print(
        f"{found['assets']:,} assets, {int(rows['wrong'].sum()):,} swapped; {time.perf_counter() - started:.1f} s; {found}"
    )
    names = dict(db.execute("select id, label from categories"))
    listed = db.execute(
        """select a.external_id, i.suggestions from review_items i join assets a on a.id = i.asset_id
           where i.mode = 'queue' order by i.place"""
    ).fetchall()
    place = [int(asset[1:]) for asset, _ in listed]
    hit = rows["wrong"].to_numpy()[place]
    within = [
        rows["label"].iloc[row] in [names[s["category_id"]] for s in json.loads(text)]
        for row, (_, text) in zip(place, listed)
    ]
    print("first   wrong labels among them   by chance")
    for first in (50, 100, 200, 400, 800):
        if first <= len(hit):
            print(
                f"{first:>5}   {hit[:first].sum():>5} ({hit[:first].mean():.0%})               {first * args.wrong:.0f}"
            )
    print(f"right category among the nine suggestions: {np.mean(within):.1%} of {len(within):,}")


if __name__ == "__main__":
    main()
