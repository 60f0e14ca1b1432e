"""Writing labels down: one row an asset and run, the answer or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from sqlite_utils import Database

from core.assets.duplicates import form_hash, normal_form
from core.database import now
from core.images.kept import OF_GROUP
from core.images.seen import sight_of
from core.label.teachers import Answer


def write(db: Database, run_id: int, answers: Sequence[Answer], joint_id: int | None = None) -> None:
    """Keep the answers, in the caller's transaction if there is one. `joint_id`: which facets they were asked for together with.

    A row takes the place of an earlier failure; what that one cost stays counted with it.
    """
    with db.atomic():
        db.conn.executemany(
            """insert into labels as l (run_id, asset_id, category_id, confidence, confidence_kind, distribution, tokens_in,
                 tokens_out, tokens_cached, cost_usd, latency_ms, error, mapped, created, joint_id, remark)
               values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               on conflict (run_id, asset_id) do update set
                 category_id = excluded.category_id, confidence = excluded.confidence,
                 confidence_kind = excluded.confidence_kind, distribution = excluded.distribution,
                 tokens_in = case when l.cost_usd is null then excluded.tokens_in
                   else coalesce(l.tokens_in, 0) + coalesce(excluded.tokens_in, 0) end,
                 tokens_out = case when l.cost_usd is null then excluded.tokens_out
                   else coalesce(l.tokens_out, 0) + coalesce(excluded.tokens_out, 0) end,
                 tokens_cached = case when l.cost_usd is null then excluded.tokens_cached
                   else coalesce(l.tokens_cached, 0) + coalesce(excluded.tokens_cached, 0) end,
                 cost_usd = case when l.cost_usd is null then excluded.cost_usd
                   else l.cost_usd + coalesce(excluded.cost_usd, 0) end,
                 latency_ms = excluded.latency_ms, error = excluded.error, mapped = excluded.mapped,
                 created = excluded.created, joint_id = excluded.joint_id, remark = excluded.remark""",
            [
                (
                    run_id,
                    a.asset_id,
                    a.category_id,
                    a.confidence,
                    a.confidence_kind,
                    None if a.distribution is None else a.distribution.astype(np.float16).tobytes(),
                    a.tokens_in,
                    a.tokens_out,
                    a.tokens_cached,
                    a.cost_usd,
                    a.latency_ms,
                    a.error,
                    int(a.mapped),
                    now(),
                    joint_id,
                    a.remark,
                )
                for a in answers
            ],
        )


def of_text(db: Database, client_id: int, run_id: int | None, text: str, looks: bool = False) -> Answer | None:
    """The label that a run holds of an asset with this text; None where there is none, or no run. Of a run whose teacher `looks`
    only where what stood for the asset was the text's image, or it had none as the text."""
    if run_id is None:
        return None
    sight = sight_of(text) if looks else None
    row = db.execute(
        f"""select l.asset_id, l.category_id, l.confidence, c.tags from assets a
           join labels l on l.run_id = ? and l.asset_id in (a.id, a.group_id) and l.category_id is not null
           join categories c on c.id = l.category_id where a.client_id = ? and a.text_hash = ?
           {f"and {OF_GROUP} is ?" if looks else ""} limit 1""",
        [run_id, client_id, form_hash(normal_form(text)), *([sight and sight.sha256] if looks else [])],
    ).fetchone()
    if row is None:
        return None
    asset, category, confidence, tags = row
    return Answer(asset, category, confidence=confidence, tags=None if tags is None else tuple(json.loads(tags)))
