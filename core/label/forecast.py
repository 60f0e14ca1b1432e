"""Before a label run: how many labels, how long, and what they cost, or would cost priced as a model.

For a hosted teacher the tokens are measured as soon as it has labelled a few assets, in a dry run (core.label.labelling.label with
`limit`) or otherwise, and estimated from the prompt's characters until then. Tokens in are carried over to the other assets by
a ratio estimator (Cochran, Sampling Techniques, 1977, ch. 6): long texts take more, and how long all texts are is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from math import ceil

import numpy as np
from scipy.special import stdtrit
from sqlite_utils import Database

from core import taxonomy
from core.label.joint import JointAsset
from core.label.runs import find_run, runs
from core.label.teachers import Asset, make
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint, places
from core.money import ledger, prices
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


@dataclass(frozen=True)
class _Part:
    """Assets still to be asked about in the same way, each in so many facets: `size` is the characters sent for all, `frame` those
    for an asset beside its text; `seen` and `calls_each` what was measured of it (_answers(), calls an asset; None: nothing
    yet)."""

    assets: int
    facets: int
    size: float
    frame: float
    seen: np.ndarray
    calls_each: float | None

    @property
    def measured(self) -> bool:
        return len(self.seen) >= MEASURED


@dataclass(frozen=True)
class _Bill:
    """What asking costs: tokens (in, out, cached), USD, seconds, calls, and the answers it was measured on."""

    tokens: tuple[float, float, float]
    cost: Spread | None
    seconds: float
    calls: int
    measured_on: int


def _hosted(db: Database, task: Task, spec: str) -> HostedForecast:
    taxonomy_id = taxonomy.latest(db, task)
    hosted = make(db, task, spec, taxonomy.load(db, taxonomy_id))
    run_id = find_run(db, task, taxonomy_id, hosted)
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
    part = _part(db, hosted, task.client_id, run_id, labels, todo["characters"])
    return _told(hosted, _bill(hosted, [part]), int(todo["wanted"]), labels, todo["assets"], run_id)


def _part(db: Database, hosted: Hosted, client_id: int, run_id: int | None, assets: int, characters: float) -> _Part:
    """Assets, with texts of so many characters in all, that are asked about alone."""
    frame, seen = _frame(db, client_id, hosted), _answers(db, run_id)
    each = _calls_a_label(db, run_id, 1 / hosted.connection.params.assets_per_call) if len(seen) >= MEASURED else None
    return _Part(assets, 1, assets * frame + characters, frame, seen, each)


def _bill(hosted: Hosted, parts: Sequence[_Part]) -> _Bill:
    """What asking about all parts costs."""
    params = hosted.connection.params
    spent = [_spend(hosted, one.seen, one.assets, one.size, one.frame, one.facets) for one in parts]
    tokens = tuple(sum(tokens[place] for tokens, _ in spent) for place in range(3))
    spreads = [spread for _, spread in spent if spread is not None]
    cost = Spread(*(sum(each) for each in zip(*map(astuple, spreads)))) if spreads else None
    calls, busy = 0, 0.0
    for one in parts:
        each = one.calls_each or (1 if params.logprobs else params.votes) / params.assets_per_call
        made = ceil(one.assets * each)
        ms = one.seen[:, 4]
        seconds = np.nanmean(ms) / 1000 if one.measured and not np.isnan(ms).all() else prices.SECONDS
        calls, busy = calls + made, busy + made * seconds
    paces = [busy / params.concurrency]
    if params.requests_per_minute:
        paces.append(60 * calls / params.requests_per_minute)
    if params.tokens_per_minute:
        paces.append(60 * (tokens[0] + tokens[1]) / params.tokens_per_minute)
    measured = sum(len(one.seen) for one in parts) if all(one.measured for one in parts) else 0
    return _Bill(tokens, cost, max(paces), calls, measured)


def _told(hosted: Hosted, bill: _Bill, wanted: int, labels: int, assets: int, run_id: int | None) -> HostedForecast:
    price = hosted.price
    has_batch = price is not None and price.batch_input_usd_mtok is not None
    return HostedForecast(
        wanted,
        labels,
        bill.seconds,
        "estimated" if bill.measured_on else "assumed",
        bill.tokens[0],
        bill.tokens[1],
        "measured" if bill.measured_on else "estimated",
        run_id,
        assets - wanted,
        bill.calls,
        bill.tokens[2],
        bill.measured_on,
        price,
        bill.cost,
        prices.cost(price, *bill.tokens[:2], batch=True) if has_batch else None,
    )


@dataclass(frozen=True)
class JointForecast:
    """What asking about several facets in one call costs (`together`: its labels are those of all facets) and what the same labels
    cost asked for one facet a call, with tokens in and out; `lacking`: labels still to get, by facet; `runs`: those there are."""

    together: HostedForecast
    lacking: dict[str, int]
    runs: tuple[int, ...]
    apart_usd: float | None
    apart_tokens: float

    @property
    def saved_tokens(self) -> float:
        """The share of the tokens that is saved, 0 to 1."""
        here = self.together.tokens_in + self.together.tokens_out
        return 1 - here / self.apart_tokens if self.apart_tokens else 0.0

    @property
    def saved_usd(self) -> float | None:
        """USD saved; None without a price."""
        return None if self.apart_usd is None else self.apart_usd - self.together.cost.likely


def forecast_together(db: Database, facets: Sequence[Task], spec: str) -> JointForecast:
    """As forecast(), of a hosted teacher asked about several facets together. InputError as there."""
    versions = [taxonomy.latest(db, task) for task in facets]
    alone = [make(db, task, spec, taxonomy.load(db, version)) for task, version in zip(facets, versions)]
    runs_of = [find_run(db, task, version, one) for task, version, one in zip(facets, versions, alone)]
    hosted, client_id = Joint(list(zip(facets, alone)), [run or 0 for run in runs_of]), facets[0].client_id
    groups = [(places(mask), n, characters) for mask, n, characters in hosted.groups(db)]
    parts = [_joint_part(db, hosted, alone, runs_of, *group) for group in groups]
    bill = _bill(hosted, parts)
    lacking = [sum(n for asked, n, _ in groups if place in asked) for place in range(len(facets))]
    sums = [sum(characters for asked, _, characters in groups if place in asked) for place in range(len(facets))]
    size = sum(
        n * _frame(db, client_id, one) + characters for one, n, characters in zip(alone, lacking, sums) if n
    )  # characters that separate calls would send
    total = sum(part.size for part in parts)
    scale = size / total if total else 0.0
    apart = bill.tokens[0] * scale, bill.tokens[1], bill.tokens[2] * scale
    assets = _row(db, "select count(*) as n, total(group_id = id) as own from assets where client_id = ?", [client_id])
    wanted, labels = int(assets["own"]), sum(lacking)
    together = _told(hosted, bill, wanted * len(facets), labels, wanted * len(facets), None)
    return JointForecast(
        replace(together, copies=assets["n"] - wanted),
        {task.name: n for task, n in zip(facets, lacking)},
        tuple(run for run in runs_of if run),
        hosted.price and prices.cost(hosted.price, *apart),
        apart[0] + apart[1],
    )


def _joint_part(
    db: Database,
    hosted: Joint,
    alone: Sequence[Hosted],
    runs_of: Sequence[int | None],
    asked: tuple[int, ...],
    assets: int,
    characters: float,
) -> _Part:
    """Assets that lack the facets in the places `asked`."""
    if len(asked) == 1:
        return _part(db, alone[asked[0]], hosted.client_id, runs_of[asked[0]], assets, characters)
    frame, wanted = _frame(db, hosted.client_id, hosted, asked), [runs_of[place] for place in asked]
    joint = ledger.joint_there(db, wanted) if all(wanted) else None
    seen, each = _joint_answers(db, joint), None
    if len(seen) >= MEASURED:
        query = """select (select count(*) from calls where joint_id = :joint and batch = 0 and state != 'open') as calls,
                          (select count(distinct asset_id) from labels where joint_id = :joint and error is null) as labels"""
        made = _row(db, query, {"joint": joint})
        each = max(made["calls"] / max(made["labels"], 1), 1 / hosted.connection.params.assets_per_call)
    return _Part(assets, len(asked), assets * frame + characters, frame, seen, each)


def _joint_answers(db: Database, joint_id: int | None) -> np.ndarray:
    """As _answers(), of assets asked about in several facets together: what all their labels took."""
    rows = db.execute(
        """select length(a.text), sum(l.tokens_in), sum(l.tokens_out), total(l.tokens_cached), max(l.latency_ms)
           from labels l join assets a on a.id = l.asset_id where l.joint_id = ? and l.run_id in
           (select run_id from joints where id = l.joint_id) and l.tokens_in > 0
           group by l.asset_id having max(l.error) is null order by max(l.created) desc limit 2000""",
        [joint_id],
    )
    return np.array(rows.fetchall(), float).reshape(-1, 5)


def texts_cost(
    db: Database, task: Task, hosted: Hosted, run_id: int | None, texts: int, characters: int
) -> tuple[Spread | None, int]:
    """What answers to `texts` of so many characters in all cost, asked one a call outside any run, and the labels of the run (which
    asks the same way) it was measured on, 0 where it is estimated. None without a price."""
    seen, frame = _answers(db, run_id), _frame(db, task.client_id, hosted)
    size = characters + texts * _frame(db, task.client_id, hosted, alone=True)
    return _spend(hosted, seen, texts, size, frame)[1], len(seen) if len(seen) >= MEASURED else 0


def _spend(
    hosted: Hosted, seen: np.ndarray, labels: int, size: float, frame: float, facets: int = 1
) -> tuple[tuple[float, float, float], Spread | None]:
    """Tokens in, out and cached of `labels` (each of so many facets) for which `size` characters are sent, and their cost: as
    measured on those `seen` (_answers()), with `frame` characters beside each text, or estimated."""
    params, price = hosted.connection.params, hosted.price
    if len(seen) >= MEASURED:
        sizes, tokens_in, tokens_out, cached, _ = seen.T
        sizes = sizes + frame
        ratio = tokens_in.sum() / sizes.sum()
        tokens = size * ratio, labels * tokens_out.mean(), size * ratio * cached.sum() / max(tokens_in.sum(), 1)
        took = ratio, sizes, tokens_in, tokens_out, cached
        return tokens, price and _measured_cost(price, tokens, labels, *took, params.assets_per_call)
    votes = 1 if params.logprobs else params.votes
    said = labels * facets * float(prices.TOKENS_OUT)
    tokens = votes * size / prices.CHARACTERS_A_TOKEN, votes * said, 0.0
    most_out = params.votes * labels * facets * float(params.max_tokens_out)
    return tokens, price and Spread(
        prices.cost(price, votes * size / MANY, tokens[1] / 2),
        prices.cost(price, *tokens[:2]),
        prices.cost(price, params.votes * size / FEW, min(most_out, params.votes * 3 * said)),
    )


def _frame(db: Database, client_id: int, hosted: Hosted, facets: tuple[int, ...] = (), *, alone: bool = False) -> float:
    """Characters sent for an asset beside its text: instructions and categories (of the `facets` asked about together), shared out
    over the assets of a call, or for each asset in a call `alone`."""
    rows = db.execute(
        "select id, text from assets where client_id = ? and group_id = id order by id limit ?",
        [client_id, DRY_RUN],
    )
    assets = [JointAsset(*row, facets) if facets else Asset(*row) for row in rows]
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
           from labels l join assets a on a.id = l.asset_id where l.run_id = ? and l.joint_id is null and l.tokens_in > 0
           and l.error is null order by l.created desc limit 2000""",
        [run_id],
    )
    return np.array(rows.fetchall(), float).reshape(-1, 5)


def _calls_a_label(db: Database, run_id: int, least: float) -> float:
    """Calls made for a label of the run so far, votes, repairs and failures included."""
    row = _row(
        db,
        """select (select count(*) from calls where run_id = :run and batch = 0 and state != 'open') as calls,
                  (select count(category_id) from labels where run_id = :run and joint_id is null) as labels""",
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
