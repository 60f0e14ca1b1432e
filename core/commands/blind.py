"""`blind`: how the blind test of a student that writes stands, and drawing up its pairs."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from core import terminal

SUMMARY = "say whether people find a student's drafts no worse than approved copy, sides hidden"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--student", default="live", metavar="ID", help="which student (default: the one at work)")
    command.add_argument(
        "--draw", type=terminal.count, metavar="N", help="first have it draft N more briefs kept for the test"
    )
    command.add_argument(
        "--margin", type=terminal.share, metavar="SHARE", help="how far under a half it may be, kept for the task"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The result against approved copy, and against the teacher's drafts where there are any; what became of drafts by month."""
    from core import database, jobs, settings
    from core.write import blind, desk, use
    from core.write import training as writing

    db = database.connect()
    task = use.task_named(db, args.client, args.task)
    row = writing.find(db, task, args.student)
    if args.margin:
        rules = blind.with_margin(blind.rules_of(db, task), args.margin)
        settings.put(db, "blind_test", rules.model_dump(exclude_defaults=True), task)
        db.conn.commit()
    if args.draw:
        params = {"task_id": task.id, "writer_id": row["id"], "count": args.draw}
        jobs.run_here(db, "blind", params, task, terminal.Log())
    blind.must_be_drawn(row["blind"] if not args.draw else blind.result(db, task, row["id"]))
    shown = blind.compared(db, task, row["id"])
    lines = [line for one in shown for line in (blind.sentence(one), blind.agreed_words(one)) if line]
    result = {
        "client": args.client,
        "task": task.name,
        "student": str(row["id"]),
        "results": [asdict(one) | {"words": blind.sentence(one)} for one in shown],
        "verdict": asdict(writing.verdict_of(writing.find(db, task, args.student))),
        "months": [asdict(one) for one in desk.rates(db, task)],
    }
    return result, "\n".join([*lines, f"Verdict: {result['verdict']['decision'].replace('_', ' ')}."])
