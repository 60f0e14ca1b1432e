"""What asking a hosted model costs: tokens, USD, seconds and calls, for a forecast.

The tokens are measured as soon as it has labelled a few assets, and estimated from the prompt's characters until then. Tokens in
are carried over to the other assets by a ratio estimator (Cochran, Sampling Techniques, 1977, ch. 6): long texts take more, and how
long all texts are is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import ceil

import numpy as np
from scipy.special import stdtrit
from sqlite_utils import Database

from core.images import kept
from core.label.joint import JointAsset
from core.label.teachers import Asset
from core.label.teachers.hosted import Hosted
from core.money import prices

MEASURED = 5  # labels from which on what one takes is measured
DRY_RUN = 20  # assets asked about to measure what an answer takes
# Characters a token, until tokens were counted: few in scripts and words that tokenisers know badly, many in plain English.
FEW, MANY = 2.5, 5.0
JSON_WEIGHT = 2  # a character of JSON makes about as many tokens as two of prose


@dataclass(frozen=True)
class Spread:
    """USD: most likely, and the bounds that 95 of 100 such forecasts keep (measured) or that are thought wide enough."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True)
class Part:
    """Assets still to be asked about in the same way, each in so many facets: `size` is the characters sent for all, `frame` those
    for an asset beside its text; `seen` and `calls_each` what was measured of it (answers_of(), calls an asset; None: nothing
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
class Bill:
    """What asking costs: tokens (in, out, cached), USD, seconds, calls, and the answers it was measured on."""

    tokens: tuple[float, float, float]
    cost: Spread | None
    seconds: float
    calls: int
    measured_on: int


def part_alone(
    db: Database, hosted: Hosted, client_id: int, run_id: int | None, assets: int, characters: float
) -> Part:
    """Assets, with texts (and images that count as such) of so many characters in all, that are asked about alone."""
    frame, seen = frame_of(db, client_id, hosted), answers_of(db, run_id, hosted)
    each = calls_a_label(db, run_id, 1 / hosted.asking.a_call) if len(seen) >= MEASURED else None
    return Part(assets, 1, assets * frame + characters, frame, seen, each)


def bill_of(hosted: Hosted, parts: Sequence[Part]) -> Bill:
    """What asking about all parts costs."""
    params = hosted.connection.params
    spent = [spend(hosted, one.seen, one.assets, one.size, one.frame, one.facets) for one in parts]
    tokens = tuple(sum(tokens[place] for tokens, _ in spent) for place in range(3))
    spreads = [spread for _, spread in spent if spread is not None]
    cost = Spread(*(sum(each) for each in zip(*map(astuple, spreads)))) if spreads else None
    calls, busy = 0, 0.0
    for one in parts:
        each = one.calls_each or (1 if params.logprobs else params.votes) / hosted.asking.a_call
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
    return Bill(tokens, cost, max(paces), calls, measured)


def spend(
    hosted: Hosted, seen: np.ndarray, labels: int, size: float, frame: float, facets: int = 1
) -> tuple[tuple[float, float, float], Spread | None]:
    """Tokens in, out and cached of `labels` (each of so many facets) for which `size` characters are sent, and their cost: as
    measured on those `seen` (answers_of()), with `frame` characters beside each text, or estimated."""
    params, price = hosted.connection.params, hosted.price
    if len(seen) >= MEASURED:
        sizes, tokens_in, tokens_out, cached, _ = seen.T
        sizes = sizes + frame
        ratio = tokens_in.sum() / sizes.sum()
        tokens = size * ratio, labels * tokens_out.mean(), size * ratio * cached.sum() / max(tokens_in.sum(), 1)
        took = ratio, sizes, tokens_in, tokens_out, cached
        return tokens, price and _with_calls(
            _measured_cost(price, tokens, labels, *took, hosted.asking.a_call), price, labels / hosted.asking.a_call
        )
    votes = 1 if params.logprobs else params.votes
    said = labels * facets * float(prices.TOKENS_OUT)
    tokens = votes * size / prices.CHARACTERS_A_TOKEN, votes * said, 0.0
    most_out = params.votes * labels * facets * float(params.max_tokens_out)
    spread = price and Spread(
        prices.cost(price, votes * size / MANY, tokens[1] / 2),
        prices.cost(price, *tokens[:2]),
        prices.cost(price, params.votes * size / FEW, min(most_out, params.votes * 3 * said)),
    )
    return tokens, price and _with_calls(spread, price, labels * votes / hosted.asking.a_call)


def _with_calls(tokens: Spread, price: prices.Price, calls: float) -> Spread:
    """What the tokens cost, and what so many calls cost beside them; at most twice as many, as where one leads to another."""
    usd = prices.cost(price, 0, 0, calls=calls)
    return Spread(tokens.low + usd, tokens.likely + usd, tokens.high + 2 * usd)


def frame_of(
    db: Database,
    client_id: int,
    hosted: Hosted,
    facets: tuple[int, ...] = (),
    *,
    alone: bool = False,
    schemas: bool = False,
) -> float:
    """Characters sent for an asset beside its text and image: instructions and categories (of the `facets` asked about together),
    shared out over the assets of a call, or for each asset in a call `alone`; with the answer's schema, at its weight, where
    `schemas` are counted."""
    rows = db.execute(
        "select id, text from assets where client_id = ? and group_id = id order by id limit ?",
        [client_id, DRY_RUN],
    )
    assets = hosted.seen(db, [JointAsset(*row, facets) if facets else Asset(*row) for row in rows.fetchall()])
    sent = sum(
        len(request.system)
        + sum(len(text) for _, text in request.turns)
        + (JSON_WEIGHT * len(json.dumps(request.schema)) if schemas and request.schema else 0)
        + sum(len(json.dumps(astuple(one), ensure_ascii=False)) for one in request.questions)
        for together in ([[asset] for asset in assets] if alone else [assets])
        for _, request in hosted.asking.requests(together)
    )
    return (sent - sum(len(asset.text) for asset in assets)) / max(len(assets), 1)


def answers_of(db: Database, run_id: int | None, hosted: Hosted | None = None) -> np.ndarray:
    """What the newest labels of the run took, at most 2,000: shape (labels, 5), characters, tokens in, out, cached, ms. Where the
    run's teacher, `hosted`, looks at images, those that an image counts as are among the characters."""
    rows = db.execute(
        """select length(a.text), l.tokens_in, l.tokens_out, coalesce(l.tokens_cached, 0), l.latency_ms, a.id
           from labels l join assets a on a.id = l.asset_id where l.run_id = ? and l.joint_id is null and l.tokens_in > 0
           and l.error is null order by l.created desc limit 2000""",
        [run_id],
    )
    return with_images(db, hosted, rows.fetchall())


def with_images(db: Database, hosted: Hosted | None, rows: list[tuple]) -> np.ndarray:
    """Rows of answers_of(), with the asset's id last, as it gives them."""
    found = np.array([row[:5] for row in rows], float).reshape(-1, 5)
    if hosted is not None and hosted.looks:
        sizes = kept.group_sizes(db, [row[5] for row in rows])
        found[:, 0] += [hosted.image_characters(*sizes[row[5]]) if row[5] in sizes else 0.0 for row in rows]
    return found


def one_row(db: Database, sql: str, parameters: list | dict) -> dict:
    """The only row of a query."""
    return next(db.query(sql, parameters))


def calls_a_label(db: Database, run_id: int, least: float) -> float:
    """Calls made for a label of the run so far, votes, repairs and failures included."""
    row = one_row(
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
