"""What asking a hosted teacher about several facets together costs, and what the same labels would cost in separate calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
from sqlite_utils import Database

from core import taxonomy
from core.label import forecast
from core.label.forecast import HostedForecast, told
from core.label.runs import find_run
from core.label.spending import (
    MEASURED,
    Part,
    Spread,
    answers_of,
    bill_of,
    frame_of,
    one_row,
    part_alone,
    spend,
    with_images,
)
from core.label.teachers import for_labels
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint, places
from core.money import ledger, prices
from core.tasks import Task


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


def forecast_together(db: Database, facets: Sequence[Task], spec: str, looks: bool | None = None) -> JointForecast:
    """As forecast(), of a hosted teacher asked about several facets together. InputError as there."""
    versions = [taxonomy.latest(db, task) for task in facets]
    alone = [for_labels(db, task, spec, taxonomy.load(db, version), looks) for task, version in zip(facets, versions)]
    runs_of = [find_run(db, task, version, one) for task, version, one in zip(facets, versions, alone)]
    hosted, client_id = Joint(list(zip(facets, alone)), [run or 0 for run in runs_of]), facets[0].client_id
    groups = [(places(mask), n, characters) for mask, n, characters in hosted.groups(db)]
    parts = [_joint_part(db, hosted, alone, runs_of, *group) for group in groups]
    bill = bill_of(hosted, parts)
    lacking = [sum(n for asked, n, _ in groups if place in asked) for place in range(len(facets))]
    sums = [sum(characters for asked, _, characters in groups if place in asked) for place in range(len(facets))]
    # Characters that calls together and calls apart send, with the answers' schemas, which providers charge for and which weigh
    # more where there are more facets.
    sent = sum(n * frame_of(db, client_id, hosted, asked, schemas=True) + characters for asked, n, characters in groups)
    size = sum(n * frame_of(db, client_id, one, schemas=True) + all for one, n, all in zip(alone, lacking, sums) if n)
    scale = size / sent if sent else 0.0
    apart = bill.tokens[0] * scale, bill.tokens[1], bill.tokens[2] * scale
    assets = one_row(
        db, "select count(*) as n, total(group_id = id) as own from assets where client_id = ?", [client_id]
    )
    wanted, labels = int(assets["own"]), sum(lacking)
    together = told(hosted, bill, wanted * len(facets), labels, wanted * len(facets), None)
    return JointForecast(
        replace(together, copies=assets["n"] - wanted),
        {task.name: n for task, n in zip(facets, lacking)},
        tuple(run for run in runs_of if run),
        hosted.price and prices.cost(hosted.price, *apart),
        apart[0] + apart[1],
    )


def texts_cost(
    db: Database, joint: Joint, runs: Sequence[int | None], waiting: Sequence[tuple[Sequence[int], int, int]]
) -> tuple[Spread | None, int]:
    """As forecast.texts_cost(), of texts asked about in several facets: each of `waiting` are the facets' places, how many texts
    and their characters; `runs`: each facet's label run. Facets that were never asked about so take what calls about all facets
    took, each its part."""
    every = tuple(range(len(runs)))
    whole = joint_answers(db, ledger.joint_there(db, runs) if all(runs) and len(runs) > 1 else None, joint)
    spreads, measured = [], []
    for places_of, texts, characters in waiting:
        asked, alone = tuple(places_of), joint.of[places_of[0]]
        if len(asked) == 1 and not alone[0].several and len(answers_of(db, runs[asked[0]], joint)) >= MEASURED:
            spread, on = forecast.texts_cost(db, alone[0], alone[1], runs[asked[0]], texts, characters)
        else:
            wanted = [runs[place] for place in asked]
            number = ledger.joint_there(db, wanted) if all(wanted) and len(wanted) > 1 else None
            seen = joint_answers(db, number, joint) if len(asked) > 1 else answers_of(db, wanted[0], joint)
            frame = frame_of(db, joint.client_id, joint, asked)
            if len(seen) < MEASURED and len(whole) >= MEASURED:
                seen, frame = whole.copy(), frame_of(db, joint.client_id, joint, every)
                seen[:, 2] *= len(asked) / len(every)
            size = characters + texts * frame_of(db, joint.client_id, joint, asked, alone=True)
            spread = spend(joint, seen, texts, size, frame, len(asked))[1]
            on = len(seen) if len(seen) >= MEASURED else 0
        spreads.append(spread)
        measured.append(on)
    if any(one is None for one in spreads):
        return None, 0
    summed = Spread(*(sum(each) for each in zip(*map(astuple, spreads)))) if spreads else Spread(0.0, 0.0, 0.0)
    return summed, sum(measured) if all(measured) else 0


def _joint_part(
    db: Database,
    hosted: Joint,
    alone: Sequence[Hosted],
    runs_of: Sequence[int | None],
    asked: tuple[int, ...],
    assets: int,
    characters: float,
) -> Part:
    """Assets that lack the facets in the places `asked`."""
    if len(asked) == 1:
        return part_alone(db, alone[asked[0]], hosted.client_id, runs_of[asked[0]], assets, characters)
    frame, wanted = frame_of(db, hosted.client_id, hosted, asked), [runs_of[place] for place in asked]
    joint = ledger.joint_there(db, wanted) if all(wanted) else None
    seen, each = joint_answers(db, joint, hosted), None
    if len(seen) >= MEASURED:
        query = """select (select count(*) from calls where joint_id = :joint and batch = 0 and state != 'open') as calls,
                          (select count(distinct asset_id) from labels where joint_id = :joint and error is null) as labels"""
        made = one_row(db, query, {"joint": joint})
        each = max(made["calls"] / max(made["labels"], 1), 1 / hosted.asking.a_call)
    return Part(assets, len(asked), assets * frame + characters, frame, seen, each)


def joint_answers(db: Database, joint_id: int | None, hosted: Hosted | None = None) -> np.ndarray:
    """As answers_of(), of assets asked about in several facets together: what all their labels took."""
    rows = db.execute(
        """select length(a.text), sum(l.tokens_in), sum(l.tokens_out), total(l.tokens_cached), max(l.latency_ms), a.id
           from labels l join assets a on a.id = l.asset_id where l.joint_id = :joint and l.tokens_in > 0
           and l.run_id in (select run_id from joints where id = :joint) and l.asset_id in
           (select asset_id from labels where run_id = (select min(run_id) from joints where id = :joint)
            and joint_id = :joint order by created desc limit 2000)
           group by l.asset_id having max(l.error) is null""",
        {"joint": joint_id},
    )
    return with_images(db, hosted, rows.fetchall())
