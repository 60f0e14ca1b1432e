"""What `label` does where several facets are asked about together. No command itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from core import terminal

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task


def label(db: Database, facets: Sequence[Task], args: argparse.Namespace) -> tuple[dict, list[str]]:
    """The runs in figures, by facet. InputError as core/label/labelling.py says."""
    from core import jobs
    from core.label import runs
    from core.label.spending import DRY_RUN
    from core.words import money

    params = {"task_id": facets[0].id, "facets": [task.id for task in facets], "teacher": args.teacher}
    params |= {"budget_usd": args.budget, "batch": args.batch} | ({"limit": DRY_RUN} if args.dry_run else {})
    result = jobs.run_here(db, "label", params, facets[0], terminal.Log()).result
    lines = []
    for name, one in result["facets"].items():
        one["reasons"], one["remarks"] = runs.reasons(db, one["run_id"]), runs.remarks(db, one["run_id"])
        lines.append(f"{name}: {one['count']:,} labels, {one['failed']:,} assets without")
        lines += [f"{row['count']:>7,}  {row['reason']}" for row in one["reasons"]]
        lines += [f"{row['count']:>7,}  {row['remark']}" for row in one["remarks"]]
    lines.append(f"{money(result['spent_usd'], exact=True)} spent in all, each facet bearing its share")
    if result["state"] == "capped":
        lines.append("Stopped at the budget: the same command with a higher one carries on.")
    return result, lines


def forecast(db: Database, facets: Sequence[Task], args: argparse.Namespace) -> tuple[dict, list[str]]:
    """What is left to get and what it costs, together and in separate calls. InputError as core/label/forecast.py says."""
    from core.commands.label import look_lines
    from core.label import looking
    from core.label.forecast_joint import forecast_together
    from core.words import duration, money, percent

    expected = forecast_together(db, facets, args.teacher)
    told = expected.together
    left = ", ".join(f"{name} {n:,}" for name, n in expected.lacking.items())
    lines = [
        f"{told.labels:,} of {told.wanted:,} labels to get ({left}) in {told.calls:,} calls, "
        f"about {duration(told.seconds)} ({told.seconds_basis})",
        f"{told.tokens_in:,.0f} tokens in, {told.tokens_out:,.0f} out ({told.tokens_basis})",
    ]
    if told.cost:
        lines.append(
            f"{money(told.cost.likely)}, between {money(told.cost.low)} and {money(told.cost.high)}, "
            f"at {told.price.source} {told.price.as_of}"
        )
    if told.batch_usd is not None:
        lines.append(f"{money(told.batch_usd)} as a batch")
    if told.labels:
        usd = f", {money(expected.saved_usd)} of {money(expected.apart_usd)}" if told.cost else ""
        lines.append(
            f"Asked together they save {percent(expected.saved_tokens)} of the tokens of separate calls{usd} (estimated)"
        )
    saved = {"saved_tokens": expected.saved_tokens, "saved_usd": expected.saved_usd}
    together = lambda looks: forecast_together(db, facets, args.teacher, looks).together  # noqa: E731
    other = looking.other_way(db, facets[0].client_id, args.teacher, together)
    lines += look_lines(other)
    return {"forecast": asdict(expected) | saved, "other_way": other and asdict(other)}, lines
