"""Before a label run: how many labels, how long, and what they cost, or would cost priced as a model.

For a hosted teacher the tokens are measured as soon as it has labelled a few assets, in a dry run (core.label.labelling.label with
`limit`) or otherwise, and estimated from the prompt's characters until then. Tokens in are carried over to the other assets by
a ratio estimator (Cochran, Sampling Techniques, 1977, ch. 6): long texts take more, and how long all texts are is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.special import stdtrit
from sqlite_utils import Database

from core import taxonomy
from core.label.runs import find_run, runs
from core.label.teachers import Asset, make
from core.label.teachers.hosted import Hosted
from core.money import prices
from core.tasks import Task

BUILT_IN_A_SECOND = (
    250.0  # short assets with the packaged encoder on two cores; used until a run of this client was timed
)
MEASURED = 5  # labels from which on what one takes is measured
DRY_RUN = 20  # assets asked about to measure what an answer takes
# Characters a token, until tokens were counted: few in scripts and words that tokenisers know badly, many in plain English.
FEW, MANY = 2.5, 5.0


@dataclass(frozen=True)
class Forecast:
    """`labels` still to get of `wanted`; `seconds`, `tokens_in` and `tokens_out` for those; each with its basis."""

    wanted: int
    labels: int
    seconds: float
    seconds_basis: str
    tokens_in: float
    tokens_out: float
    tokens_basis: str

    def usd(self, price: prices.Price | None) -> float | None:
        """What the labels cost at that price; None without one."""
        return None if price is None else prices.cost(price, self.tokens_in, self.tokens_out)


@dataclass(frozen=True)
class Spread:
    """USD: most likely, and the bounds that 95 of 100 such forecasts keep (measured) or that are thought wide enough."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True)
class HostedForecast(Forecast):
    """For a teacher that is paid. `run_id`: the run that asks this way, where there has been one; `copies`: assets that need no
    label of their own, already taken off `wanted`; `calls` to make; `measured_on`: labels the tokens were counted on (0:
    estimated); `price` and what the run costs at it (None without one), and `batch_usd` where the provider has a batch price."""

    run_id: int | None
    copies: int
    calls: int
    tokens_cached: float
    measured_on: int
    price: prices.Price | None
    cost: Spread | None
    batch_usd: float | None


def recorded_columns(db: Database, task: Task) -> dict[str, int]:
    """Columns of recorded labels the task has, with their number of labels, the largest first."""
    rows = db.query(
        """select source, count(*) as n from recordings where task_id = ? group by source order by n desc""",
        [task.id],
    )
    return {row["source"]: row["n"] for row in rows}


def forecast(db: Database, task: Task, teacher: str) -> Forecast:
    """What a run of `teacher` still has to do for the client; a HostedForecast for one that is hosted.

    InputError where there is no such teacher, or its connection is not complete.
    """
    if teacher.partition(":")[0] not in ("built-in", "recorded"):
        return _hosted(db, task, teacher)
    latest = taxonomy.latest(db, task)
    mine = [run for run in runs(db, task) if run["teacher"] == teacher]
    # Labels under an earlier version stand for its categories: only those of the version in use need not be got again.
    have = next((run["count"] for run in mine if run["taxonomy_id"] == latest), 0)
    prompt = prices.prompt_tokens(db, latest)
    if teacher == "built-in":
        row = _row(
            db,
            "select count(*) as n, total(length(text)) as c from assets where client_id = ? and group_id = id",
            [task.client_id],
        )
        labels = max(row["n"] - have, 0)
        timed = next((run for run in mine if run["seconds"] > 0 and run["count"] >= 100), None)  # of any version
        rate = timed["count"] / timed["seconds"] if timed else BUILT_IN_A_SECOND
        each = prompt + row["c"] / max(row["n"], 1) / prices.CHARACTERS_A_TOKEN
        return Forecast(
            row["n"],
            labels,
            labels / rate,
            "estimated" if timed else "assumed",
            labels * each,
            labels * prices.TOKENS_OUT,
            "estimated",
        )
    row = _row(
        db,
        """select count(*) as n, avg(r.tokens_in) as tokens_in, avg(r.tokens_out) as tokens_out, total(length(a.text)) as c
           from recordings r join assets a on a.id = r.asset_id where r.source = ? and r.task_id = ?""",
        [teacher.partition(":")[2], task.id],
    )
    labels = max(row["n"] - have, 0)
    measured = row["tokens_in"] is not None
    each = row["tokens_in"] if measured else prompt + row["c"] / max(row["n"], 1) / prices.CHARACTERS_A_TOKEN
    out = row["tokens_out"] if row["tokens_out"] is not None else prices.TOKENS_OUT
    return Forecast(
        row["n"],
        labels,
        labels / 5000,
        "estimated",
        labels * each,
        labels * out,
        "measured" if measured else "estimated",
    )


def _hosted(db: Database, task: Task, spec: str) -> HostedForecast:
    taxonomy_id = taxonomy.latest(db, task)
    hosted = make(db, task, spec, taxonomy.load(db, taxonomy_id))
    run_id = find_run(db, task, taxonomy_id, hosted)
    params, price = hosted.connection.params, hosted.price
    todo = _row(
        db,
        """select count(*) as wanted, total(l.asset_id is null) as labels,
                  total(case when l.asset_id is null then length(a.text) end) as characters,
                  (select count(*) from assets where client_id = :client) as assets
           from assets a left join labels l on l.run_id = :run and l.asset_id = a.id and l.error is null
           where a.client_id = :client and a.group_id = a.id""",
        {"client": task.client_id, "run": run_id},
    )
    labels = int(todo["labels"])
    frame = _frame(db, task, hosted)
    size = (
        labels * frame + todo["characters"]
    )  # characters of everything still to be sent, each asset's share of its call
    seen = _answers(db, run_id)
    calls = ceil(labels / params.assets_per_call)
    tokens, cost = _spend(hosted, seen, labels, size, frame)
    if len(seen) >= MEASURED:
        ms = seen[:, 4]
        seconds, basis = np.nanmean(ms) / 1000 if not np.isnan(ms).all() else prices.SECONDS, "measured"
        calls = ceil(labels * _calls_a_label(db, run_id, 1 / params.assets_per_call))
    else:
        calls *= 1 if params.logprobs else params.votes
        seconds, basis = prices.SECONDS, "assumed"
    paces = [calls * seconds / params.concurrency]
    if params.requests_per_minute:
        paces.append(60 * calls / params.requests_per_minute)
    if params.tokens_per_minute:
        paces.append(60 * (tokens[0] + tokens[1]) / params.tokens_per_minute)
    measured = len(seen) if basis == "measured" else 0
    has_batch = price is not None and price.batch_input_usd_mtok is not None
    return HostedForecast(
        int(todo["wanted"]),
        labels,
        max(paces),
        "estimated" if measured else "assumed",
        tokens[0],
        tokens[1],
        "measured" if measured else "estimated",
        run_id,
        todo["assets"] - int(todo["wanted"]),
        calls,
        tokens[2],
        measured,
        price,
        cost,
        prices.cost(price, *tokens[:2], batch=True) if has_batch else None,
    )


def texts_cost(
    db: Database, task: Task, hosted: Hosted, run_id: int | None, texts: int, characters: int
) -> tuple[Spread | None, int]:
    """What answers to `texts` of so many characters in all cost, asked one a call outside any run, and the labels of the run (which
    asks the same way) it was measured on, 0 where it is estimated. None without a price."""
    seen, frame = _answers(db, run_id), _frame(db, task, hosted)
    size = characters + texts * _frame(db, task, hosted, alone=True)
    return _spend(hosted, seen, texts, size, frame)[1], len(seen) if len(seen) >= MEASURED else 0


def _spend(
    hosted: Hosted, seen: np.ndarray, labels: int, size: float, frame: float
) -> tuple[tuple[float, float, float], Spread | None]:
    """Tokens in, out and cached of `labels` for which `size` characters are sent, and their cost: as measured on those `seen`
    (_answers()), with `frame` characters beside each text, or estimated."""
    params, price = hosted.connection.params, hosted.price
    if len(seen) >= MEASURED:
        sizes, tokens_in, tokens_out, cached, _ = seen.T
        sizes = sizes + frame
        ratio = tokens_in.sum() / sizes.sum()
        tokens = size * ratio, labels * tokens_out.mean(), size * ratio * cached.sum() / max(tokens_in.sum(), 1)
        took = ratio, sizes, tokens_in, tokens_out, cached
        return tokens, price and _measured_cost(price, tokens, labels, *took, params.assets_per_call)
    votes = 1 if params.logprobs else params.votes
    tokens = votes * size / prices.CHARACTERS_A_TOKEN, votes * labels * float(prices.TOKENS_OUT), 0.0
    most_out = params.votes * labels * float(params.max_tokens_out)
    return tokens, price and Spread(
        prices.cost(price, votes * size / MANY, tokens[1] / 2),
        prices.cost(price, *tokens[:2]),
        prices.cost(price, params.votes * size / FEW, min(most_out, params.votes * 3 * labels * prices.TOKENS_OUT)),
    )


def _frame(db: Database, task: Task, hosted: Hosted, *, alone: bool = False) -> float:
    """Characters sent for an asset beside its text: instructions and categories, shared out over the assets of a call, or for each
    asset in a call `alone`."""
    rows = db.execute(
        "select id, text from assets where client_id = ? and group_id = id order by id limit ?",
        [task.client_id, DRY_RUN],
    )
    assets = [Asset(*row) for row in rows]
    sent = sum(
        len(request.system) + sum(len(text) for _, text in request.turns)
        for together in ([[asset] for asset in assets] if alone else [assets])
        for _, request in hosted.asking.requests(together)
    )
    return (sent - sum(len(asset.text) for asset in assets)) / max(len(assets), 1)


def _answers(db: Database, run_id: int) -> np.ndarray:
    """What the newest labels of the run took, at most 2,000: shape (labels, 5), characters, tokens in, out, cached, ms."""
    rows = db.execute(
        """select length(a.text), l.tokens_in, l.tokens_out, coalesce(l.tokens_cached, 0), l.latency_ms
           from labels l join assets a on a.id = l.asset_id where l.run_id = ? and l.tokens_in > 0 and l.error is null
           order by l.created desc limit 2000""",
        [run_id],
    )
    return np.array(rows.fetchall(), float).reshape(-1, 5)


def _calls_a_label(db: Database, run_id: int, least: float) -> float:
    """Calls made for a label of the run so far, votes, repairs and failures included."""
    row = _row(
        db,
        """select (select count(*) from calls where run_id = :run and batch = 0 and state != 'open') as calls,
                  (select count(category_id) from labels where run_id = :run) as labels""",
        {"run": run_id},
    )
    return max(row["calls"] / max(row["labels"], 1), least)


def _measured_cost(
    price: prices.Price,
    tokens: tuple[float, float, float],
    labels: int,
    ratio: float,
    sizes: np.ndarray,
    tokens_in: np.ndarray,
    tokens_out: np.ndarray,
    cached: np.ndarray,
    together: int,
) -> Spread:
    """The 95 % interval of the ratio estimate; its upper bound as if the provider's cache did nothing, and as many calls
    more had to be repaired as so few cannot rule out (where none of n was: up to 1 - 0.05^(1/n)). Assets asked about `together` in
    a call count as one observation."""
    n = max(len(sizes) / together, 2)
    off = prices.cost(price, tokens_in - ratio * sizes, tokens_out - tokens_out.mean(), 0)
    error = float(stdtrit(n - 1, 0.975) * off.std(ddof=1) / np.sqrt(n) * labels)
    likely = prices.cost(price, *tokens)
    high = (prices.cost(price, *tokens[:2]) + error) * (2 - 0.05 ** (1 / n))
    return Spread(max(likely - error, 0.0), likely, high)


def _row(db: Database, sql: str, parameters: list) -> dict:
    return next(db.query(sql, parameters))
