"""`pins`: must-pass examples: list them, pin one, take one away."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from core import terminal
from core.errors import InputError

SUMMARY = "examples that a student must answer right to go live"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--asset", metavar="ID", help="pin this asset of the client")
    what.add_argument("--text", metavar="T", help="pin this text")
    what.add_argument("--remove", type=terminal.count, metavar="N", help="take the example of this number away")
    command.add_argument("--category", metavar="LABEL", help="what every live student must answer")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The task's must-pass examples, after pinning or removing one where asked, and which of them the student at work misses."""
    from core import database, tasks
    from core.train import must_pass, registry

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    if args.asset or args.text:
        if not args.category:
            raise InputError("It is not said what the student must answer.", "Add --category LABEL.")
        asset_id, text = _asset(db, task.client_id, args.asset) if args.asset else (None, args.text)
        must_pass.pin(db, task, text, args.category, asset_id)
    elif args.remove:
        must_pass.unpin(db, task, args.remove)
    examples = must_pass.listed(db, task)
    live = registry.find(db, task) if registry.any_live(db, task) else None
    said = {one.example.id: one.said for one in must_pass.missed(db, live)} if live else {}
    rows = [asdict(one) | {"live_student_says": said.get(one.id)} for one in examples]
    lines = [
        f"{one.id:>5}  {one.category}: {one.text[:80]}"
        + (f"  (the student at work says {said[one.id]})" if one.id in said else "")
        for one in examples
    ]
    return {"client": args.client, "task": task.name, "examples": rows}, "\n".join(lines) or "Nothing is pinned yet."


def _asset(db, client_id: int, external_id: str) -> tuple[int, str]:
    row = db.execute(
        "select id, text from assets where client_id = ? and external_id = ?", [client_id, external_id]
    ).fetchone()
    if row is None:
        raise InputError(f"The client has no asset {external_id}.", "Name one by its id.", where="--asset")
    return row
