"""The HTTP service under load, beside the bare student in the same minutes: latency alone, requests a second with company.

    .venv/bin/python -m tests.bench.serve [--kinds linear,embedding] [--seconds 5]

Trains on data/sample in a workspace of its own, serves each kind in a process, and asks from another, on open connections.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import pandas as pd
import psutil

from core import settings, tasks
from core.assets.rows import join_text

COMPANY = 32
HEADS = ("1: p50 ms", "p95 ms", "p99 ms", "cpu ms", "32: /s", "p95 ms", "cpu ms", "load")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kinds", default="linear,embedding")
    options.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    given = options.parse_args()
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    texts = sample_texts()
    print(f"{'student':32}" + "".join(f"{head:>11}" for head in HEADS))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        for kind in given.kinds.split(","):
            _train(kind)
            _row(f"{kind}, bare", *_bare(kind, texts, given.seconds))
            _row(f"{kind}, served, unrecorded", *_served(kind, texts, given.seconds, "--unrecorded"))
            _row(f"{kind}, served", *_served(kind, texts, given.seconds))


@dataclass(frozen=True)
class Taken:
    """Seconds that each request took, how many a second there were, and the answering process's own seconds for each."""

    times: list[float]
    rate: float
    cpu: float

    def cells(self, *shares: float) -> list[str]:
        return [f"{1000 * np.quantile(self.times, share):.2f}" for share in shares] + [f"{1000 * self.cpu:.2f}"]


def _row(name: str, alone: Taken, company: Taken) -> None:
    cells = [*alone.cells(0.5, 0.95, 0.99), f"{company.rate:.0f}", *company.cells(0.95), f"{os.getloadavg()[0]:.1f}"]
    print(f"{name:32}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


def sample_texts() -> list[str]:
    """The sample's assets as they are classified."""
    columns = pd.read_csv(settings.SAMPLE / "assets.csv", keep_default_na=False)[["headline", "body", "cta"]]
    return [join_text(cells) for cells in columns.itertuples(index=False)]


def _train(kind: str) -> None:
    sample = ["--taxonomy", str(settings.SAMPLE / "taxonomy.csv"), "--assets", str(settings.SAMPLE / "assets.csv")]
    line = [sys.executable, "-m", "core", "distil", *sample, "--client", kind, "--student", kind]
    subprocess.run([*line, "--teacher", "recorded:recorded_label", "--go-live"], check=True, capture_output=True)


def _bare(kind: str, texts: list[str], seconds: float) -> list[Taken]:
    """The student without HTTP: a text at a time, then as many at once as ask the server at once."""
    from core import database
    from core.deploy.live import load

    db = database.connect()
    student = load(db, tasks.of(db, kind), "live").student
    taken = []
    for size in (1, COMPANY):
        times, began, cpu = [], time.perf_counter(), time.process_time()
        while (started := time.perf_counter()) < began + seconds:
            student.answer([texts[(size * len(times) + i) % len(texts)] for i in range(size)])
            times.append(time.perf_counter() - started)
        count = size * len(times)
        taken.append(Taken(times, count / (time.perf_counter() - began), (time.process_time() - cpu) / count))
    return taken


def _served(kind: str, texts: list[str], seconds: float, *options: str) -> list[Taken]:
    line = [sys.executable, "-m", "core", "serve", "--client", kind, "--port", "0", *options]
    server = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        port = next(int(found[1]) for line in server.stderr if (found := re.search(r" at http://\S+:(\d+),", line)))
        with get_context("spawn").Pool(1) as asking:
            asking.apply(_ask, (port, texts, COMPANY, 1.0))  # warms up
            taken = []
            for connections in (1, COMPANY):
                cpu = _cpu(server.pid)
                times, rate = asking.apply(_ask, (port, texts, connections, seconds))
                taken.append(Taken(times, rate, (_cpu(server.pid) - cpu) / len(times)))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    return taken


def _cpu(pid: int) -> float:
    spent = psutil.Process(pid).cpu_times()
    return spent.user + spent.system


def _ask(port: int, texts: list[str], connections: int, seconds: float) -> tuple[list[float], float]:
    """Ask over so many connections at once; seconds of each request, and requests a second."""
    return asyncio.run(_crowd(port, texts, connections, seconds))


async def _crowd(port: int, texts: list[str], connections: int, seconds: float) -> tuple[list[float], float]:
    requests = []
    for text in texts:
        body = json.dumps({"text": text}).encode()
        head = "POST /classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    times: list[float] = []
    asked = 0

    async def caller(ends: float) -> None:
        nonlocal asked
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < ends:
            writer.write(requests[asked % len(requests)])
            asked += 1
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))
            times.append(time.perf_counter() - started)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(caller(started + seconds) for _ in range(connections)))
    return times, len(times) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
