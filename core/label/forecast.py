"""Before a label run: how many labels, how long, and what they cost, or would cost priced as a model.

What a hosted teacher takes is core/label/spending.py's work; several facets asked about together are forecast_joint.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from core import taxonomy
from core.images.kept import OF_GROUP
from core.label.runs import find_run, runs
from core.label.spending import MEASURED, Bill, Spread, answers_of, bill_of, frame_of, one_row, part_alone, spend
from core.label.teachers import for_labels
from core.label.teachers.hosted import Hosted
from core.money import prices
from core.tasks import Task

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


@dataclass(frozen=True)
class HostedForecast(Forecast):
    """For a teacher that is paid. `run_id`: the run that asks this way, where there has been one; `copies`: assets that need no
    label of their own, already taken off `wanted`; `calls` to make; `measured_on`: labels the tokens were counted on (0:
    estimated); `price` and what the run costs at it (None without one), and `batch_usd` where the provider has a batch price;
    `looks`: images are sent, too."""

    run_id: int | None
    copies: int
    calls: int
    tokens_cached: float
    measured_on: int
    price: prices.Price | None
    cost: Spread | None
    batch_usd: float | None
    looks: bool


def recorded_columns(db: Database, task: Task) -> dict[str, int]:
    """Columns of recorded labels the task has, with their number of labels, the largest first."""
    rows = db.query(
        """select source, count(*) as n from recordings where task_id = ? group by source order by n desc""",
        [task.id],
    )
    return {row["source"]: row["n"] for row in rows}


def forecast(db: Database, task: Task, teacher: str, looks: bool | None = None) -> Forecast:
    """What a run of `teacher` still has to do for the client; a HostedForecast for one that is hosted, where it looks at images or
    not (None: as was chosen).

    InputError where there is no such teacher, or its connection is not complete.
    """
    if teacher.partition(":")[0] not in ("built-in", "recorded"):
        return _hosted(db, task, teacher, looks)
    latest = taxonomy.latest(db, task)
    mine = [run for run in runs(db, task) if run["teacher"] == teacher]
    # Labels under an earlier version stand for its categories: only those of the version in use need not be got again.
    have = next((run["count"] for run in mine if run["taxonomy_id"] == latest), 0)
    prompt = prices.prompt_tokens(db, latest)
    if teacher == "built-in":
        row = one_row(
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
    row = one_row(
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


def _hosted(db: Database, task: Task, spec: str, looks: bool | None) -> HostedForecast:
    taxonomy_id = taxonomy.latest(db, task)
    hosted = for_labels(db, task, spec, taxonomy.load(db, taxonomy_id), looks)
    run_id = find_run(db, task, taxonomy_id, hosted)
    todo = one_row(
        db,
        """select count(*) as wanted, total(l.asset_id is null) as labels,
                  total(case when l.asset_id is null then length(a.text) end) as characters,
                  (select count(*) from assets where client_id = :client) as assets
           from assets a left join labels l on l.run_id = :run and l.asset_id = a.id and l.error is null
           where a.client_id = :client and a.group_id = a.id""",
        {"client": task.client_id, "run": run_id},
    )
    labels = int(todo["labels"])
    characters = todo["characters"] + _image_characters(db, task.client_id, hosted, run_id)
    part = part_alone(db, hosted, task.client_id, run_id, labels, characters)
    return told(hosted, bill_of(hosted, [part]), int(todo["wanted"]), labels, todo["assets"], run_id)


def _image_characters(db: Database, client_id: int, hosted: Hosted, run_id: int | None) -> float:
    """The characters that the images of the assets without a label count as."""
    if not hosted.looks:
        return 0.0
    sizes = db.execute(
        f"""select i.width, i.height, count(*) from assets a join images i on i.client_id = a.client_id
            and i.sha256 = {OF_GROUP}
            left join labels l on l.run_id = ? and l.asset_id = a.id and l.error is null
            where a.client_id = ? and a.group_id = a.id and l.asset_id is null group by i.width, i.height""",
        [run_id, client_id],
    )
    return sum(count * hosted.image_characters(*size) for *size, count in sizes.fetchall())


def told(hosted: Hosted, bill: Bill, wanted: int, labels: int, assets: int, run_id: int | None) -> HostedForecast:
    """A bill as a forecast of so many `labels` still to get of `wanted`, for a client with so many `assets`."""
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
        hosted.looks,
    )


def texts_cost(
    db: Database, task: Task, hosted: Hosted, run_id: int | None, texts: int, characters: int
) -> tuple[Spread | None, int]:
    """What answers to `texts` of so many characters in all (with what images count as) cost, asked one a call outside any run, and
    the labels of the run (which asks the same way) it was measured on, 0 where it is estimated. None without a price."""
    seen, frame = answers_of(db, run_id, hosted), frame_of(db, task.client_id, hosted)
    size = characters + texts * frame_of(db, task.client_id, hosted, alone=True)
    return spend(hosted, seen, texts, size, frame)[1], len(seen) if len(seen) >= MEASURED else 0
