"""Before a label run: how many labels, how long, and what they would cost priced as a model."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from core.ingest import taxonomy
from core.label import prices
from core.label.run import runs

BUILT_IN_A_SECOND = (
    250.0  # short assets with the packaged encoder on two cores; used until a run of this client was timed
)


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


def recorded_columns(db: Database, client_id: int) -> dict[str, int]:
    """Columns of recorded labels the client has, with their number of labels, the largest first."""
    rows = db.query(
        """select r.source, count(*) as n from recordings r join assets a on a.id = r.asset_id
           where a.client_id = ? group by r.source order by n desc""",
        [client_id],
    )
    return {row["source"]: row["n"] for row in rows}


def forecast(db: Database, client_id: int, teacher: str) -> Forecast:
    """What a run of `teacher` ("built-in" or "recorded:COLUMN") still has to do for the client."""
    mine = next((run for run in runs(db, client_id) if run["teacher"] == teacher), None)
    have = mine["count"] if mine else 0
    prompt = prices.prompt_tokens(db, taxonomy.latest(db, client_id))
    if teacher == "built-in":
        row = _one(
            db,
            "select count(*) as n, total(length(text)) as c from assets where client_id = ? and group_id = id",
            [client_id],
        )
        labels = max(row["n"] - have, 0)
        timed = mine and mine["seconds"] > 0 and have >= 100
        rate = have / mine["seconds"] if timed else BUILT_IN_A_SECOND
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
    row = _one(
        db,
        """select count(*) as n, avg(r.tokens_in) as tokens_in, avg(r.tokens_out) as tokens_out, total(length(a.text)) as c
           from recordings r join assets a on a.id = r.asset_id where r.source = ? and a.client_id = ?""",
        [teacher.partition(":")[2], client_id],
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


def _one(db: Database, sql: str, parameters: list) -> dict:
    return next(db.query(sql, parameters))
