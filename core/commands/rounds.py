"""rounds: labels bought a round at a time, each time those the student would learn most from."""

from __future__ import annotations

import argparse

from core import terminal
from core.train import members
from core.words import percent, ranged

SUMMARY = "buy labels in rounds, those first that teach most"


def options(command: argparse.ArgumentParser) -> None:
    """What can be said of the rounds."""
    command.add_argument(
        "--teacher", metavar="T", help="as for distil (default: the one that labelled last, else built-in)"
    )
    command.add_argument(
        "--labels", type=terminal.count, default=250, metavar="N", help="labels a round (default: %(default)s)"
    )
    command.add_argument(
        "--rounds", type=terminal.count, default=5, metavar="N", help="further rounds at most (default: %(default)s)"
    )
    command.add_argument("--target", type=terminal.share, metavar="SHARE", help="stop where this agreement is reached")
    command.add_argument(
        "--student",
        default=members.QUICK,
        choices=members.names(),
        metavar="KIND",
        help="trained each round, one that takes seconds (default: %(default)s)",
    )
    command.add_argument("--method", default="doubt", choices=("doubt", "random"), help="which assets (default: doubt)")
    command.add_argument("--budget", type=terminal.usd, metavar="USD", help="stop labelling at this spend")
    command.add_argument("--show", action="store_true", help="only show the rounds so far")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Go on with the rounds of this teacher; each measured round as a line, then when the target will be reached."""
    from core import database, jobs, rounds, settings, tasks
    from core.label.runs import newest_in_use, summary

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    latest = newest_in_use(db, task)
    teacher = args.teacher or (summary(db, latest)["teacher"] if latest else "built-in")
    run_id = rounds.run_of(db, task, teacher)
    student = None
    if not args.show:
        params = {
            "task_id": task.id,
            "teacher": teacher,
            "per_round": args.labels,
            "until": (len(rounds.measured(db, run_id)) if run_id else 0) + args.rounds,
            "kind": args.student,
            "method": args.method,
            "target": args.target,
            "budget_usd": args.budget,
        }
        result = jobs.run_here(db, "rounds", params, task, terminal.Log()).result
        run_id, student = result["run_id"], str(result["student"])
    done = rounds.measured(db, run_id) if run_id else []
    answer = rounds.as_json(done, args.target or settings.get(db, "target_agreement", task))
    lines = [
        f"round {measured.number:>3} {measured.labels:>9,} labels, {measured.train:>7,} to learn from  "
        f"agreement {percent(measured.agreement.value)} ({ranged(measured.agreement.low, measured.agreement.high)}, "
        f"n = {measured.agreement.n:,})"
        for measured in done
    ]
    if answer["forecast"]:
        lines.append(answer["forecast"]["sentence"] + ".")
    result = {"client": args.client, "teacher": teacher, "label_run": run_id, "student": student, **answer}
    return result, "\n".join(lines) or "There are no rounds yet."
