"""Rate, file to file, and peak memory of scoring at growing numbers of rows; memory should stay flat.

    python -m tests.bench.score_memory [--rows 10000 1000000 5000000] [--student linear] [--format csv|parquet]
    python -m tests.bench.score_memory --student embedding --rows 10000 100000 --words 13

Memory is that of the command and all processes it starts, together, looked at ten times a second. Learns a
student from the sample client in a workspace of its own, then scores the sample's rows over and over, each
made different by a number, whole or cut to so many words; it says how many tokens that makes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

import psutil

from core import database, distil, settings
from core.encoders.encoder import tokenizer
from core.weights import source_folder


def texts(words: int | None) -> list[str]:
    """The sample's texts, the first `words` of each."""
    with (settings.SAMPLE / "assets.csv").open(encoding="utf-8-sig", newline="") as source:
        return [" ".join(f"{row['headline']} {row['body']}".split()[:words]) for row in csv.DictReader(source)]


def write_rows(path: Path, rows: list[str], count: int) -> None:
    """`count` rows as CSV, those given over and over, each with a number of its own."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["asset_id", "text"])
        writer.writerows((number, f"{text} {number}") for number, text in enumerate(islice(cycle(rows), count)))


def measured(source: Path, output: Path, engine: str) -> tuple[dict, float, float]:
    """Score one file with the command: what it says, its seconds from start to end, and the peak memory in MB."""
    command = [sys.executable, "-m", "core", "score", "--client", "bench", "--json", "--engine", engine]
    command += ["--text-columns", "text", "--input", str(source), "--output", str(output)]
    started, peak = time.perf_counter(), 0.0
    running = subprocess.Popen(command, cwd=settings.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    process = psutil.Process(running.pid)
    while running.poll() is None:
        peak = max(peak, sum(map(_memory, _family(process))))
        time.sleep(0.1)
    if running.returncode:
        raise SystemExit(f"The command ended with status {running.returncode}: {' '.join(command)}")
    return json.loads(running.stdout.read()), time.perf_counter() - started, peak


def _family(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _memory(process: psutil.Process) -> float:
    """MB of a process, what it shares with others counted once among them where the system tells."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        told = process.memory_full_info()
        return getattr(told, "pss", told.rss) / 1e6
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000, 5_000_000])
    parser.add_argument("--student", default="linear")
    parser.add_argument("--format", default="csv", choices=["csv", "parquet"])
    parser.add_argument("--words", type=int, help="cut each text to its first so many words")
    parser.add_argument("--engine", default="local", choices=["local", "ray"])
    options = parser.parse_args()
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
            go_live=True,
        )
        db.close()
        rows = texts(options.words)
        read = tokenizer(source_folder())
        mean = sum(len(read.encode(f"{text} {number}").ids) for number, text in enumerate(rows)) / len(rows)
        print(f"{mean:.1f} tokens a text")
        print("     rows  seconds   rows/s  rows/s with start-up  peak MB")
        for count in options.rows:
            source, output = Path(folder) / f"{count}.csv", Path(folder) / f"out.{options.format}"
            write_rows(source, rows, count)
            told, seconds, peak = measured(source, output, options.engine)
            rate = f"{told['rows_per_second']:8,.0f} {told['rows'] / seconds:21,.0f}"
            print(f"{told['rows']:9,d} {seconds:8,.1f} {rate} {peak:8,.0f}", flush=True)
            source.unlink()


if __name__ == "__main__":
    main()
