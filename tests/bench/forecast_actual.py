"""What the forecast after a dry run of 20 assets says a run will cost, beside what it costs: five runs on real texts.

    python -m tests.bench.forecast_actual [ASSETS]

The server counts tokens with a real tokeniser (the packaged encoder's), answers at uneven lengths and times, reads long prompts
from its cache as providers do, and fails now and then, so that nothing is as the estimate assumes.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from functools import cache
from pathlib import Path

import pandas as pd
from tokenizers import Tokenizer

from core import database, tasks, taxonomy
from core.assets import imports
from core.label import forecast, labelling, runs, spending
from core.weights import source_folder
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from core.words import duration
from tests.conftest import SHARED
from tests.wires import servers
from tests.wires.servers import Call, Fault, Server, Text, steady

PRICE = OwnPrice(2.0, 10.0, 0.2, 1.0, 5.0)
RUNS = (
    ("ads, one a call", "pitt_image_ads", "openai", {}),
    ("ads, Anthropic", "pitt_image_ads", "anthropic", {}),
    ("ads, five a call", "pitt_image_ads", "openai", {"assets_per_call": 5}),
    ("ads, three votes", "pitt_image_ads", "openai", {"votes": 3, "logprobs": False}),
    ("bank queries, 77 categories", "banking77", "openai", {}),
)
tokeniser = Tokenizer.from_file(str(source_folder("packaged") / "tokenizer.json"))
tokeniser.no_truncation()


@cache
def tokens(text: str) -> int:
    return len(tokeniser.encode(text, add_special_tokens=False).ids)


def uneven(dice: random.Random):
    """A model with a tokeniser and moods of its own."""

    def script(call: Call) -> Text | Fault:
        if dice.random() < 0.01:
            return servers.SERVER_ERROR
        if dice.random() < 0.02 and not call.repair:
            return Text("I would say", tokens_in=_sent(call), tokens_out=4, tokens_cached=0)
        cached = tokens(call.system) if tokens(call.system) >= 1024 and dice.random() < 0.9 else 0
        said = steady(call)
        out = tokens(said) + dice.randrange(4)
        return Text(
            said, tokens_in=_sent(call), tokens_out=out, tokens_cached=cached, seconds=dice.lognormvariate(-3, 0.4)
        )

    return script


def _sent(call: Call) -> int:
    return tokens(call.system) + sum(tokens(text) for _, text in call.turns) + 12


def one(name: str, data: str, kind: str, params: dict, count: int) -> None:
    rows = pd.read_csv(SHARED / data / "train.csv").sample(count, random_state=1)
    with tempfile.TemporaryDirectory() as folder, Server(uneven(random.Random(name)), keep_calls=False) as server:
        os.environ["UNDERSTUDY_HOME"] = folder
        db = database.connect()
        client = tasks.of(db, "Bench")
        files = Path(folder) / "taxonomy.csv", Path(folder) / "assets.csv"
        pd.DataFrame({"name": sorted(rows.label.unique())}).to_csv(files[0], index=False)
        pd.DataFrame({"id": range(count), "text": rows.text.to_numpy()}).to_csv(files[1], index=False)
        taxonomy.save(db, client, taxonomy.read(files[0]).categories, "taxonomy.csv")
        imports.import_assets(db, client, files[1])
        url = server.url if kind == "openai" else server.root
        given = Params(**{"concurrency": 8, "price": PRICE} | params)
        connections.save(db, client.client_id, "Local", kind, "model-of-mine", base_url=url, params=given)
        spec = "connection:Local"
        estimated = forecast.forecast(db, client, spec)
        dry = labelling.label(db, client, spec, budget_usd=100.0, limit=spending.DRY_RUN)
        paid, seconds = (runs.summary(db, dry)[key] for key in ("spent_usd", "seconds"))
        said = forecast.forecast(db, client, spec)
        labelling.label(db, client, spec, budget_usd=100.0)
        after = runs.summary(db, dry)
        actual, took = after["spent_usd"] - paid, after["seconds"] - seconds
    inside = "yes" if said.cost.low <= actual <= said.cost.high else "no"
    print(
        f"| {name} | {said.labels:,} | {estimated.cost.likely:.4f} | {said.cost.likely:.4f}"
        f" ({said.cost.low:.4f} to {said.cost.high:.4f}) | {actual:.4f} | {said.cost.likely / actual - 1:+.1%} | {inside}"
        f" | {duration(said.seconds)} | {duration(took)} |",
        flush=True,
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(
        "| run | labels | estimated before ($) | forecast after the dry run ($) | actual ($) | off | inside | time said | took |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, data, kind, params in RUNS:
        one(name, data, kind, params, count)


if __name__ == "__main__":
    main()
