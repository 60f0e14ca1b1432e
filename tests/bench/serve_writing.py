"""How long /classify takes in one server alone, and while the same server writes drafts.

    .venv/bin/python -m tests.bench.serve_writing [--seconds 20]

A small client in a workspace of its own: a linear student that sorts, beside it eight drafts a brief of the packaged base model,
which is not trained for it (its drafts take as long, or longer).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from core import database, jobs, settings, tasks
from core.train.registry import set_live
from core.write import base
from tests import small
from tests.deploy.test_write import Server
from tests.write import copy, drafted


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        _fill(Path(folder))
        server = Server(Path(folder), "--task", "Category", "--write-task", "Copy")
        try:
            _measure(server, given.seconds)
        finally:
            server.process.kill()


def _fill(folder: Path) -> None:
    db = database.connect()
    sorts = small.fill(db, folder / "files")
    run = jobs.run_here(db, "label", {"task_id": sorts.id, "teacher": "recorded:label"}, task=sorts).result
    params = {"task_id": sorts.id, "run_id": run["run_id"], "kind": "linear", "target": 0.7}
    jobs.run_here(db, "train", params, task=sorts)
    set_live(db, 1)
    task = tasks.add(db, sorts.client_id, "Copy", "write")
    found = drafted.retrieving(db, task, count=200)
    mine = settings.home() / "writers" / str(found)
    shutil.copytree(base.prepared(base.PACKAGED), mine / "model")
    (mine / "model" / "writing.json").write_text(json.dumps({"most": 24, "greedy": False}))
    (mine / "config.json").write_text(json.dumps({"kind": "choose", "base": base.PACKAGED, "guide": {}}))
    db["writers"].update(found, {"kind": "choose"})
    db.close()


def _measure(server: Server, seconds: float) -> None:
    texts = [row["text"] for row in small.rows(200)]
    briefs = [row["brief"] for row in copy.pairs(400, seed=9)]
    server.write(briefs[0])
    _say("/classify alone", _classify(server, texts, seconds))
    over, took = threading.Event(), []

    def writes() -> None:
        for start in range(1, len(briefs) - 4, 4):
            if over.is_set():
                return
            began = time.perf_counter()
            server.write(*briefs[start : start + 4])
            took.append(time.perf_counter() - began)

    writing = threading.Thread(target=writes)
    writing.start()
    _say("/classify beside /write", _classify(server, texts, seconds))
    over.set()
    writing.join()
    _say("/write, four briefs", took)
    _say("/classify alone again", _classify(server, texts, seconds))


def _classify(server: Server, texts: list[str], seconds: float) -> list[float]:
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        server.ask("/classify", {"text": texts[len(times) % len(texts)]})
        times.append(time.perf_counter() - began)
    return times


def _say(what: str, times: list[float]) -> None:
    p50, p95 = (1000 * np.quantile(times, share) for share in (0.5, 0.95))
    load = psutil.getloadavg()[0]
    print(f"{what:<26} p50 {p50:9.1f} ms   p95 {p95:9.1f} ms   n {len(times):5}   load {load:.1f}", flush=True)


if __name__ == "__main__":
    main()
