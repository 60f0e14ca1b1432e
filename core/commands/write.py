"""`write`: drafts of one brief by the task's student, each with what the gates say."""

from __future__ import annotations

import argparse

from core import terminal

SUMMARY = "have the student write drafts of a brief, with what each gate says"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--brief", required=True, metavar="TEXT", help="what the copy is for")
    command.add_argument(
        "--drafts", type=terminal.count, default=3, metavar="N", help="how many (default: %(default)s)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="another one draws other drafts")
    command.add_argument("--student", default="live", metavar="ID", help="which student (default: the one at work)")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Drafts of the brief, those that pass every gate first."""
    from core import database
    from core.write import use

    db = database.connect()
    result = use.write(db, use.task_named(db, args.client, args.task), args.brief, args.drafts, args.seed, args.student)
    lines = []
    for draft in result["drafts"]:
        lines.append(f"{'passed ' if draft['passed'] else 'stopped'} {draft['text']}")
        lines += [f"        {gate['name']}: {gate['why']}" for gate in draft["gates"] if not gate["passed"]]
    if not result["handled"]:
        lines.append("No draft passes every gate: this brief is for a person, or the teacher.")
    return {"client": args.client, **result}, "\n".join(lines)
