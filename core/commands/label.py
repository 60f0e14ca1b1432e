"""`label`: a client's assets labelled by a teacher, within a budget; stopped or killed, the same command carries on."""

from __future__ import annotations

import argparse

from core import terminal


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--teacher",
        default="built-in",
        metavar="T",
        help="built-in (default), recorded:COLUMN, connection:NAME, openai:MODEL or anthropic:MODEL",
    )
    command.add_argument("--budget", type=terminal.usd, metavar="USD", help="the most the run may cost in all")
    command.add_argument("--batch", action="store_true", help="the provider answers within a day, at its batch price")
    command.add_argument("--dry-run", action="store_true", help="buy 20 labels only, so that the forecast is measured")
    command.add_argument("--forecast", action="store_true", help="buy nothing: say what the rest would cost and take")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The run in figures, or its forecast. InputError where labels cannot be had, as core/label/run.py says."""
    from core import db as database
    from core import jobs
    from core.label import forecast as forecasts
    from core.label import run as labelling
    from core.words import money

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    if not args.forecast:
        params = {"client_id": client_id, "teacher": args.teacher, "budget_usd": args.budget, "batch": args.batch}
        if args.dry_run:
            params["limit"] = forecasts.DRY_RUN
        found = jobs.run_here(db, "label", params, client_id, terminal.Log()).result
        text = f"{found['count']:,} labels, {found['failed']:,} assets without, {money(found['spent_usd'])} spent"
        why = labelling.reasons(db, found["run_id"])
        lines = [text, *(f"{row['count']:>7,}  {row['reason']}" for row in why)]
        if found["state"] == "capped":
            lines.append("Stopped at the budget: the same command with a higher one carries on.")
        return {"client": args.client, **found, "reasons": why}, "\n".join(lines)
    return {}, ""
