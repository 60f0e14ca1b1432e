"""The vendor test on Banking77: TF-IDF with logistic regression as the vendor, an embedding student, recorded labels as teacher.

    python -m tests.bench.vendor_banking77          (about three minutes on two cores)

The vendor learns from the set's training rows and answers the blind pack as a vendor would: one asset at a time, timed, at a price
of its own (PRICE); then once more with 1 % of its answers missing, 1 % off the list and 5 % spelt another way. The recorded labels
are the set's gold labels, so agreement with the teacher is accuracy here. All are judged on the original 3,080 test rows.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import time
import zipfile
from pathlib import Path

import pandas as pd

from core import database, jobs, tasks, taxonomy, vendor
from core.assets import imports
from core.commands.vendor import text_of
from core.tasks import Task
from core.vendor import scorecard, sets
from tests.bench import peers
from tests.conftest import SHARED

PRICE = 0.40  # USD per 1,000: what a hosted classification service might ask; a stand-in, nothing here rests on it
MISSING, OFF_LIST, MISSPELT = 100, 100, 20  # every how many answers


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["UNDERSTUDY_HOME"] = home
        db = database.connect()
        task, train = bring_in(db, Path(home))
        run = jobs.run_here(db, "label", {"task_id": task.id, "teacher": "recorded:label"}, task=task)
        params = {"task_id": task.id, "run_id": run.result["run_id"], "kind": "embedding", "target": 0.95}
        jobs.run_here(db, "train", params, task=task)
        pack = sets.pack(db, sets.held_out(db, task))
        for name, every in (("TF-IDF Ltd", False), ("TF-IDF Ltd, careless", True)):
            answers = answered(pack, train, Path(home) / "answers.csv", every)
            vendor.import_file(db, task, name, answers, usd_per_1000=PRICE)
            test = vendor.find(db, task, name)
            print(vendor.read_words(test), text_of(scorecard.scorecard(db, test)), sep="\n", end="\n\n")
        db.close()


def bring_in(db, folder: Path) -> tuple[Task, pd.DataFrame]:
    """Banking77 as a client with its original split; returns the training rows too."""
    train, test = (pd.read_csv(SHARED / "banking77" / f"{part}.csv") for part in ("train", "test"))
    task = tasks.of(db, "Banking77")
    (folder / "taxonomy.csv").write_text("\n".join(["name", *sorted(train.label.unique())]), encoding="utf-8")
    taxonomy.save(db, task, taxonomy.read(folder / "taxonomy.csv").categories, "taxonomy.csv")
    both = pd.concat([train.assign(split="train"), test.assign(split="test")], ignore_index=True)
    both[["text", "label", "split"]].assign(id=[f"B-{i:05d}" for i in range(len(both))]).to_csv(
        folder / "assets.csv", index=False
    )
    imports.import_assets(db, task, folder / "assets.csv")
    return task, train


def answered(pack: bytes, train: pd.DataFrame, path: Path, careless: bool) -> Path:
    """The vendor's side: reads the pack, answers it, writes its file."""
    with zipfile.ZipFile(io.BytesIO(pack)) as packed:
        rows = list(csv.DictReader(io.StringIO(packed.read("assets.csv").decode("utf-8-sig"))))
    predict, _ = peers.tfidf({"train": train.text, "labels": train.label})
    with path.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["asset_id", "label", "latency_ms"])
        for place, row in enumerate(rows):
            started = time.perf_counter()
            label = predict([row["text"]])[0]
            ms = 1000 * (time.perf_counter() - started)
            if careless and place % MISSING == 0:
                continue
            if careless and place % OFF_LIST == 1:
                label = "other"
            if careless and place % MISSPELT == 2:
                label = label.replace("_", " ").title()
            table.writerow([row["asset_id"], label, f"{ms:.3f}"])
    return path


if __name__ == "__main__":
    main()
