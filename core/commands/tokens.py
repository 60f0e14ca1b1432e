"""`tokens`: who may ask a client's service; make a token, which is shown once, or take one back."""

from __future__ import annotations

import argparse

from core import terminal
from core.errors import InputError

SUMMARY = "list, make or revoke the tokens of a client's service"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--new", metavar="NAME", help="make a token and show it, once; --task NAME: for that task alone")
    what.add_argument("--revoke", metavar="NAME", help="take a token back: running servers refuse it within a second")
    new = command.add_argument_group("with --new")
    new.add_argument("--metrics", action="store_true", help="it reads the counters at /metrics, and nothing else")
    new.add_argument("--days", type=terminal.count, metavar="N", help="how long it is good (default: until revoked)")
    new.add_argument("--per-minute", type=terminal.count, metavar="N", help="requests a minute at most")
    new.add_argument(
        "--month-budget",
        type=terminal.usd,
        metavar="USD",
        help="what the teacher may cost in a calendar month for what it asks",
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The client's tokens, after making or revoking one. InputError for a limit without --new, or a name that is wrong."""
    from core import database, tasks
    from core.deploy import tokens

    limits = (args.days, args.per_minute, args.month_budget)
    if args.new is None and (args.metrics or any(limit is not None for limit in limits)):
        raise InputError("A limit is given to a token when it is made.", "Give it with --new NAME.")
    db = database.connect()
    client_id = tasks.client_named(db, args.client)
    secret = None
    if args.new is not None:
        task = tasks.named(db, args.client, args.task) if args.task else None
        kind = tokens.METRICS if args.metrics else tokens.ANSWERS
        secret, _ = tokens.new(
            db,
            client_id,
            args.new,
            kind=kind,
            task=task,
            days=args.days,
            per_minute=args.per_minute,
            month_usd=args.month_budget,
        )
    elif args.revoke is not None:
        tokens.revoke(db, client_id, args.revoke)
    rows = [tokens.as_row(db, token) for token in tokens.listed(db, client_id)]
    lines = [f"{row['name']:<24} {row['state']:<8} {', '.join(tokens.facts(row))}" for row in rows]
    shown = [f"The token, which is not shown again:\n{secret}", ""] if secret else []
    text = "\n".join([*shown, *lines]) or "There are no tokens: whoever reaches the service on this machine may ask it."
    return {"tokens": rows} | ({"secret": secret} if secret else {}), text
