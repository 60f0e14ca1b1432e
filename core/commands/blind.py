"""`blind`: how the blind test of a student that writes stands, and drawing up its pairs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from core import terminal

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task

SUMMARY = "say whether people find a student's drafts no worse than approved copy, sides hidden"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--student", default="live", metavar="ID", help="which student (default: the one at work)")
    command.add_argument(
        "--draw", type=terminal.count, metavar="N", help="first have it draft N more briefs kept for the test"
    )
    command.add_argument(
        "--judge", metavar="T", help="have a model judge pairs beside people: connection:NAME or KIND:MODEL"
    )
    command.add_argument(
        "--budget", type=terminal.usd, metavar="USD", help="the most the judge may cost for this student"
    )
    command.add_argument(
        "--pairs", type=terminal.count, metavar="N", help="how many more pairs it judges (default: 100)"
    )
    command.add_argument("--forecast", action="store_true", help="say what the judge would cost, and buy nothing")
    command.add_argument(
        "--margin", type=terminal.share, metavar="SHARE", help="how far under a half it may be, kept for the task"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The result against approved copy, and against the teacher's drafts where there are any; what became of drafts by month."""
    from core import database, jobs, settings
    from core.write import blind, desk, judge_pairs, use
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
    judged, notes = _judge(db, task, row["id"], args) if args.judge else ({}, [])
    judges = judge_pairs.results(db, task, row["id"])
    shown = blind.compared(db, task, row["id"])
    lines = [line for one in shown for line in (blind.sentence(one), blind.agreed_words(one)) if line]
    lines += [*map(judge_pairs.sentence, judges), *notes]
    result = {
        "client": args.client,
        "task": task.name,
        "student": str(row["id"]),
        "results": [asdict(one) | {"words": blind.sentence(one)} for one in shown],
        "judges": [asdict(one) | {"counts": one.counts, "words": judge_pairs.sentence(one)} for one in judges],
        **judged,
        "verdict": asdict(writing.verdict_of(writing.find(db, task, args.student))),
        "months": [asdict(one) for one in desk.rates(db, task)],
    }
    return result, "\n".join([*lines, f"Verdict: {result['verdict']['decision'].replace('_', ' ')}."])


def _judge(db: Database, task: Task, writer_id: int, args: argparse.Namespace) -> tuple[dict, list[str]]:
    """Have a model judge pairs, or say what that would cost."""
    from core import jobs
    from core.errors import InputError
    from core.label import model
    from core.words import counted, money
    from core.write import judge_pairs

    count = args.pairs or judge_pairs.USUAL
    pairs, cost = judge_pairs.forecast(db, task, writer_id, args.judge, count)
    price = f"{money(cost.likely)}, between {money(cost.low)} and {money(cost.high)}" if cost else "no price is known"
    result = {"forecast_usd": cost and cost.likely}
    lines = [f"{counted(pairs, 'pair')} to judge: {price} (estimated from characters)."]
    if args.forecast or not pairs:
        return result, lines
    if model.find(db, task.client_id, args.judge).paid and args.budget is None:
        raise InputError(f"The judge {args.judge} costs money.", "Say how much at most with --budget USD.")
    params = judge_pairs.params(task, writer_id, args.judge, args.budget, pairs)
    result["judge"] = jobs.run_here(db, "judge_pairs", params, task, terminal.Log()).result
    return result | {"spent_usd": result["judge"]["spent_usd"]}, [judge_pairs.in_words(result["judge"])]
