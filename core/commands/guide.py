"""`guide`: a task's voice guide, and what it would stop of the copy that people approved."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import terminal

SUMMARY = "show or set the voice guide that drafts keep to, and what it stops of approved copy"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    which = command.add_mutually_exclusive_group()
    which.add_argument("--set", type=Path, metavar="FILE.json", help="take this guide")
    which.add_argument(
        "--try", dest="tried", type=Path, metavar="FILE.json", help="say what it would stop; nothing is kept"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The guide as it is, or as the file has it, with the shares of approved copy that it stops."""
    from core import database
    from core.write import guide, pairs, strictness, use

    file = args.set or args.tried
    if file:
        terminal.must_exist(file)
    rules = guide.read(file) if file else None
    db = database.connect()
    task = use.task_named(db, args.client, args.task)
    if rules and args.set:
        guide.put(db, task, rules)
    approved = [(one.brief, one.copy) for one in pairs.load(db, task) if one.status != "rejected"]
    rules = rules or guide.of(db, task, [])
    measured = strictness.measure(rules, approved)
    filled = guide.filled(rules, [copy for _, copy in approved]).model_dump()
    result = {
        "client": args.client,
        "task": task.name,
        "guide": filled,
        "approved": measured.n,
        "stopped": measured.stopped,
        "stops": measured.by_gate,
    }
    lines = [f"{name}: {_said(value)}" for name, value in filled.items()]
    kept = ["Kept. Students keep to it from their next training on."] if args.set else []
    return result, "\n".join([*lines, strictness.sentence(measured), *kept])


def _said(value: object) -> str:
    if isinstance(value, dict) and "least" in value:
        return f"from {value['least'] or 0:,}" + (f" to {value['most']:,}" if value["most"] else "")
    if isinstance(value, dict):
        return ", ".join(f"{name} {most:,}" for name, most in value.items()) or "open"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        ", ".join(map(str, value))
        if isinstance(value, (list, tuple))
        else "open"
        if value in (None, "")
        else str(value)
    )
