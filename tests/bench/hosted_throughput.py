"""How near labelling comes to what the server's latency allows: 50 ms a call, 32 at once, 10,000 assets, over real HTTP.

python -m tests.bench.hosted_throughput [ASSETS]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

from core import database
from core.label import labelling, runs
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires import servers

LATENCY_S, CONCURRENCY = 0.05, 32


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder, servers.process(latency=LATENCY_S) as url:
        os.environ["UNDERSTUDY_HOME"] = folder
        db = database.connect()
        client = small.fill(db, Path(folder) / "files", small.rows(count))
        wanted = db.execute("select count(*) from assets where group_id = id").fetchone()[0]
        params = Params(concurrency=CONCURRENCY, price=OwnPrice(1.0, 4.0), logprobs=False)
        made = connections.save(db, client.client_id, "Local", "openai", "model-of-mine", base_url=url, params=params)
        connections.test_call(
            made
        )  # as a person does before; it also loads the SDK, which the worker does once in its life
        here, memory = psutil.Process(), {}

        def progress(done: int, total: int, message: str = "", spent: float = 0.0) -> None:
            memory[10 * done // max(total, 1)] = here.memory_info().rss / 2**20

        started, used = time.monotonic(), time.process_time()
        bought = labelling.label(db, client, "connection:Local", budget_usd=100.0, progress=progress)
        seconds, used = time.monotonic() - started, time.process_time() - used
        found, figures = servers.counts(url), runs.summary(db, bought)
    ideal = wanted * LATENCY_S / CONCURRENCY
    print(f"{figures['count']:,} labels of {wanted:,} in {seconds:.1f} s, ideal {ideal:.1f} s: {ideal / seconds:.1%}")
    print(f"{1000 * used / wanted:.2f} ms of processor a label; at most {found['most_flying']} calls at once")
    print("calls an asset: " + ", ".join(map(str, sorted(set(found["asked"].values())))))
    print("memory (MB) by tenth: " + " ".join(f"{mb:.0f}" for _, mb in sorted(memory.items())))


if __name__ == "__main__":
    main()
