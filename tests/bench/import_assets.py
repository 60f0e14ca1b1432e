"""How long an import takes and how much memory.

    python -m tests.bench.import_assets [--rows 100000] [--kind mixed|sample|alike|template] [--format csv|xlsx|jsonl]

Writes a file of synthetic creatives, imports it in a process of its own into an empty workspace, then again, and prints
seconds (of the clock; and of the processor, start-up included), rows a second and that process's peak resident memory.
Kinds: mixed (creatives with size variants and slight edits), sample (the sample client's generator), alike (one text, a
number apart) and template (one sentence, two words apart): the last two are what the search for near copies could choke on.
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
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import openpyxl

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import json, resource, sys, time
from pathlib import Path
from core import database, tasks, taxonomy
from core.assets import imports, previews
path, again, known = Path(sys.argv[1]), sys.argv[2] == "again", sys.argv[3]
db = database.connect()
client = tasks.of(db, "bench")
if known: taxonomy.save(db, client, taxonomy.read(Path(known)).categories, "taxonomy.csv")
mapping = previews.preview(path).guess  # as a page and a command do, before the import
started = time.perf_counter()
phases = {}
def progress(done, total, message="", spent_usd=0.0):
    phases.setdefault(message, time.perf_counter() - started)
progress.check = lambda: None
done = imports.import_assets(db, client, path, mapping, progress)
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": round(seconds, 2), "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
    "rows": done.rows, "imported": done.imported, "unchanged": done.unchanged,
    "duplicates": done.duplicates, "problems": done.problems, "rows_per_second": round(done.rows / seconds),
    "peak_mb": round(used.ru_maxrss / 1024),
    "phase_starts": {k: round(v, 1) for k, v in phases.items()}}))
"""


def creatives(kind: str, rows: int, seed: int = 11) -> Iterator[list[str]]:
    """Yield rows of a creatives file."""
    rng = random.Random(seed)
    words = [
        "".join(rng.choice("bcdfglmnprstv") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))
        for _ in range(4_000)
    ]
    text = ""
    for i in range(rows):
        if kind == "alike":
            text = f"The best running shoes for men and women this summer at the lowest price in our store, today only, offer {i}"
        elif kind == "template":
            where = rng.choice(words), rng.choice(words)
            text = "Book cheap {} hotels in {} today and save with free cancellation, best price and no booking fees".format(
                *where
            )
        elif not text or rng.random() < 0.75:  # a quarter repeat the last creative, some of them slightly changed
            text = " ".join(rng.choice(words) for _ in range(rng.randint(6, 40))).capitalize() + "."
        elif rng.random() < 0.3:
            text = text + "!" if rng.random() < 0.5 else text.replace(" ", " the ", 1)
        size = rng.choice(["300x250", "728x90", "160x600"])
        yield [
            f"a{i}",
            f"{text[:12]}_{size}.jpg",
            text,
            rng.choice(["Shop now", "Learn more"]),
            rng.choice(["A", "B", "C"]),
        ]


def write(path: Path, kind: str, rows: int) -> Path | None:
    """Write the assets file; returns the taxonomy's path where the kind has one."""
    if kind == "sample":
        from core.assets import sample

        taxonomy, assets = sample.write(path.parent, rows, 7)
        os.replace(assets, path)
        return taxonomy
    names = ["asset_id", "file_name", "body", "cta", "label"]
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Ads")
        for row in chain([names], creatives(kind, rows)):
            sheet.append(row)
        book.save(path)
        return None
    with path.open("w", newline="", encoding="utf-8") as handle:
        if path.suffix == ".jsonl":
            handle.writelines(json.dumps(dict(zip(names, row))) + "\n" for row in creatives(kind, rows))
        else:
            csv.writer(handle).writerows(chain([names], creatives(kind, rows)))
    return None


def run(path: Path, taxonomy: Path | None, home: str, what: str) -> dict:
    """Import in a process of its own and return what it printed."""
    env = {**os.environ, "UNDERSTUDY_HOME": home}
    command = [sys.executable, "-c", CHILD, str(path), what, str(taxonomy or "")]
    return json.loads(subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kind", choices=["mixed", "sample", "alike", "template"], default="mixed")
    parser.add_argument("--format", choices=["csv", "xlsx", "jsonl"], default="csv", help="the sample is always CSV")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"assets.{arguments.format}"
        taxonomy = write(path, arguments.kind, arguments.rows)
        print(json.dumps({"kind": arguments.kind, "megabytes": round(path.stat().st_size / 1e6, 1)}))
        for what in ("first", "again"):
            print(json.dumps({"import": what, **run(path, taxonomy, str(Path(folder) / "home"), what)}))


if __name__ == "__main__":
    main()
