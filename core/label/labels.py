"""Writing labels down: one row an asset and run, the answer or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlite_utils import Database

from core.db import now
from core.label.teachers import Answer


def write(db: Database, run_id: int, answers: Sequence[Answer]) -> None:
    """Keep the answers, in the caller's transaction if there is one.

    A row takes the place of an earlier failure; what that one cost stays counted with it.
    """
    with db.atomic():
        db.conn.executemany(
            """insert into labels as l (run_id, asset_id, category_id, confidence, confidence_kind, distribution, tokens_in,
                 tokens_out, tokens_cached, cost_usd, latency_ms, error, mapped, created)
               values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
                 created = excluded.created""",
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
                )
                for a in answers
            ],
        )
