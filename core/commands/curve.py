"""`curve`: whether more labels would help."""

from __future__ import annotations

import argparse

from core import terminal
from core.train import members
from core.words import percent, ranged

SUMMARY = "say whether more labels would help"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--run", type=terminal.count, metavar="ID", help="label run (default: the newest student's)")
    command.add_argument(
        "--student",
        default=members.QUICK,
        choices=members.names(),
        metavar="KIND",
        help="kind trained, one that takes seconds (default: %(default)s)",
    )
    command.add_argument("--again", action="store_true", help="measure anew, though a curve of these labels is kept")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Whether more labels would help: the curve that is kept, where it is of these labels, else a new one."""
    from core import database, tasks

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    from core import jobs
    from core.evaluate import learning_curve

    run_id = learning_curve.run_of(db, task, args.run)
    curve = learning_curve.stored(db, run_id)
    if args.again or curve is None or curve.kind != args.student or learning_curve.outdated(db, run_id, curve):
        jobs.run_here(db, "curve", {"task_id": task.id, "run_id": run_id, "kind": args.student}, task, terminal.Log())
        curve = learning_curve.stored(db, run_id)
    result = {"client": args.client, "label_run": run_id, **learning_curve.as_json(db, task, curve)}
    points = [
        f"{point['assets']:>9,} assets  agreement {percent(point['value'])} ({ranged(point['low'], point['high'])})"
        for point in result["points"]
    ]
    gains = [learning_curve.Gain(**step) for step in result["steps"]]
    steps = [
        f"{gain.more:>+9,} labels  {learning_curve.points_words(gain)}, estimated, for {learning_curve.price_words(gain)}"
        for gain in gains
    ]
    return result, "\n".join([*points, *steps, result["sentence"] + "."])
