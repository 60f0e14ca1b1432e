"""Peak memory and rate of scoring at growing numbers of rows, each in a process of its own; memory should stay flat.

    python -m tests.bench.score_memory [--rows 10000 100000 1000000] [--student linear] [--format csv|parquet]

Learns a student from the sample client in a workspace of its own, then scores the sample's rows over and over, each
made different by a number.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from core import db as database
from core import distil, settings
from core.deploy.scoring import score


def write_rows(path: Path, count: int) -> None:
    """`count` rows of the sample's texts as CSV."""
    with (settings.SAMPLE / "assets.csv").open(encoding="utf-8-sig", newline="") as source:
        texts = [(row["headline"], row["body"]) for row in csv.DictReader(source)]
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["asset_id", "headline", "body"])
        for number, (headline, body) in enumerate(islice(cycle(texts), count)):
            writer.writerow([number, f"{headline} {number}", body])


def one(source: Path, output: Path) -> dict:
    """Score one file here: rows, rows/s and this process's peak resident memory in MB."""
    db = database.connect()
    client = database.client_id(db, "bench")
    result = score(db, client_id=client, input=source, output=output, text_columns=["headline", "body"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {"rows": result["rows"], "rows_per_second": result["rows_per_second"], "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--student", default="linear")
    parser.add_argument("--format", default="csv", choices=["csv", "parquet"])
    parser.add_argument("--one", nargs=2, type=Path, metavar=("IN", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one)))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        db = database.connect()
        distil.distil(
            db,
            taxonomy=settings.SAMPLE / "taxonomy.csv",
            assets=settings.SAMPLE / "assets.csv",
            client="bench",
            teacher="recorded:recorded_label",
            student=options.student,
        )
        db.close()
        print("     rows   rows/s  peak MB")
        for count in options.rows:
            source, output = Path(folder) / f"{count}.csv", Path(folder) / f"out.{options.format}"
            write_rows(source, count)
            command = [sys.executable, "-m", "tests.bench.score_memory", "--one", str(source), str(output)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            told = json.loads(done.stdout)
            print(f"{told['rows']:9,d} {told['rows_per_second']:8,.0f} {told['peak_mb']:8.0f}", flush=True)
            source.unlink()


if __name__ == "__main__":
    main()
