"""Images: how fast the words on them are read and how rightly, and what an import of many takes.

    python -m tests.bench.images --read FOLDER [--most N]
    python -m tests.bench.images --bring 20000

--read: the images of a folder, with every processor; beside it, in ../words.csv, may stand the words drawn (`sample --images`
writes it): their characters are compared with what was read, line breaks aside; where creatives.csv lies
among the images, its labels are learnt with and without marks before what is set large. --bring: small images drawn
first, with words typed in a table and no reader, imported into an empty workspace; then the Assets page, in a process of its own.
Seconds are of the clock and of the processor, children included; memory is that of the whole process tree at its most, shared
pages counted once each process that has them (so it is no less than what is used).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    "boots",
    "phones",
    "savings",
    "coffee",
    "sale",
    "offer",
    "spring",
    "free",
    "new",
    "only",
    "members",
    "city",
    "night",
]
READ = """
import json, sys
from pathlib import Path
from core import database, tasks
from core.assets import image_import
from core.images import reading, sources, words
from core.jobs.progress import NoProgress
db = database.connect(); task = tasks.of(db, "bench")
folder, most = Path(sys.argv[1]), int(sys.argv[2])
def source():
    for count, entry in enumerate(one for one in sources.entries(folder) if not one.is_table):
        if count < most: yield entry
taken, _, _ = image_import._look(db, task.client_id, source, NoProgress())
print("looked", flush=True)
failed = reading.read(db, task.client_id, taken.images.values(), NoProgress())
found = reading.known(db, task.client_id, [one.sha256 for one in taken.images.values()])
read = {name: words.plain_of(found.get(one.sha256, [])) for name, one in taken.images.items()}
marked = {name: words.text_of(found.get(one.sha256, [])) for name, one in taken.images.items()}
print(json.dumps({"images": len(found), "unread": len(failed), "unfit": len(taken.unfit), "words": read, "marked": marked}))
"""
BRING = """
import json, sys
from pathlib import Path
from core import database, tasks
from core.assets.image_import import import_images
from core.images import reading, words
def missing(): raise reading.WITHOUT_READER
reading.reader, words.installed = missing, lambda: False
print("looked", flush=True)
db = database.connect()
done = import_images(db, tasks.of(db, "bench"), Path(sys.argv[1]))
print(json.dumps({"imported": done.imported, "duplicates": done.duplicates, "rows": done.rows}))
"""
PAGE = """
import json, time
from streamlit.testing.v1 import AppTest
from core import jobs
jobs.start_worker = lambda: None
app = AppTest.from_file("app.py", default_timeout=300).run()
print("looked", flush=True)
seconds, processor = [], []
for _ in range(4):
    started, used = time.perf_counter(), time.process_time()
    app.switch_page("pages/assets.py").run()
    seconds.append(round(time.perf_counter() - started, 2))
    processor.append(round(time.process_time() - used, 2))
assert not app.exception
print(json.dumps({"page_seconds": seconds, "page_cpu_seconds": processor}))
"""


def watched(program: str, *arguments: object, home: str) -> dict:
    """Run a program in a process of its own; its answer, with what it took after it said that it had looked."""
    environment = os.environ | {"UNDERSTUDY_HOME": home, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    peak, used, over = [0], {}, threading.Event()

    def look() -> None:
        tree = psutil.Process(process.pid)
        while not over.wait(0.2):
            try:
                everyone = [tree, *tree.children(recursive=True)]
                peak[0] = max(peak[0], sum(one.memory_info().rss for one in everyone))
                for one in everyone:
                    used[one.pid] = sum(one.cpu_times()[:2])
            except psutil.Error:
                continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        process.stdout.readline()
        started, before = time.perf_counter(), sum(used.values())
        answer = json.loads(process.stdout.readline())
        seconds = time.perf_counter() - started
    finally:
        over.set()
        thread.join()
        process.wait()
    cpu = sum(used.values()) - before
    return answer | {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "peak_tree_mb": peak[0] >> 20}


def edits(drawn: str, read: str) -> int:
    """The fewest characters to change, add or leave out between two texts."""
    row = list(range(len(read) + 1))
    for at, one in enumerate(drawn, 1):
        last, row[0] = row[0], at
        for place, other in enumerate(read, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (one != other))
    return row[-1]


def rightly(folder: Path, read: dict[str, str]) -> dict:
    """Of the characters drawn, how many were read rightly, in the order in which they stand there."""
    file = folder.parent / "words.csv"
    if not file.exists():
        return {}
    with file.open(encoding="utf-8") as rows:
        drawn = {row["image"]: row["words"] for row in csv.DictReader(rows) if row["image"] in read}
    pairs = [(" ".join(text.split()), " ".join(read[name].split())) for name, text in drawn.items()]
    wrong, count = sum(edits(*pair) for pair in pairs), sum(len(one) for one, _ in pairs)
    return {"characters": count, "read_rightly": round(1 - wrong / max(count, 1), 5)}


def with_and_without_marks(folder: Path, read: dict[str, str], marked: dict[str, str]) -> dict:
    """Agreement with the labels in creatives.csv, of words and characters weighed by TF-IDF and a logistic regression, each
    creative told by the other three quarters: the texts as they stand there, and with marks before what is set large."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict

    file = folder / "creatives.csv"
    if not file.exists():
        return {}
    with file.open(encoding="utf-8") as rows:
        labels = {row["image"]: row.get("Topic") or row.get("recorded_label") for row in csv.DictReader(rows)}
    names = sorted(name for name in read if labels.get(name))
    answers = [labels[name] for name in names]
    told = {}
    for how, texts in (("unmarked", read), ("marked", marked)):
        by_word = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\S+")
        by_piece = TfidfVectorizer(sublinear_tf=True, ngram_range=(3, 5), analyzer="char")
        table = hstack([one.fit_transform([texts[name] for name in names]) for one in (by_word, by_piece)]).tocsr()
        guessed = cross_val_predict(
            LogisticRegression(C=30, max_iter=500), table, answers, cv=KFold(4, shuffle=True, random_state=1)
        )
        told[how] = round(sum(one == other for one, other in zip(guessed, answers)) / len(names), 4)
    return {"agreement": told, "marked_lines_in": sum(read[name] != marked[name] for name in names)}


def drawn_small(folder: Path, count: int) -> None:
    """Images of 120x100, all different, and the table that names them and says their words."""
    rng = random.Random(5)
    folder.mkdir()
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["image", "headline"])
        for n in range(count):
            coarse = Image.frombytes("RGB", (6, 5), rng.randbytes(90))
            coarse.resize((120, 100), Image.Resampling.BICUBIC).save(folder / f"{n}.jpg", quality=80)
            table.writerow([f"{n}.jpg", f"{' '.join(rng.sample(WORDS, 8))} {n}"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--read", type=Path)
    what.add_argument("--bring", type=int)
    parser.add_argument("--most", type=int, default=1_000_000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        if asked.read:
            told = watched(READ, asked.read.resolve(), asked.most, home=scratch)
            words = told.pop("words")
            print(
                json.dumps(told | {"a_second": round(told["images"] / told["seconds"], 2)} | rightly(asked.read, words))
            )
            return
        drawn_small(Path(scratch) / "in", asked.bring)
        told = watched(BRING, Path(scratch) / "in", home=f"{scratch}/home")
        print(json.dumps(told | {"a_second": round(asked.bring / told["seconds"], 1)}))
        print(json.dumps(watched(PAGE, home=f"{scratch}/home")))


if __name__ == "__main__":
    main()
