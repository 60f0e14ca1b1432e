"""What people decided, and what is most worth deciding next: find it, take it to a spreadsheet and back, read the figures."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.commands import reading
from core.errors import InputError
from core.whole import write_whole
from core.words import percent, ranged

if TYPE_CHECKING:
    from core.tasks import Task

SHOWN = 10  # assets of the queue that are printed


SUMMARY = "say which labels are most worth a person's minute, and what people decided"


def options(command: argparse.ArgumentParser) -> None:
    """What may be done before the figures are printed."""
    command.add_argument("--find", action="store_true", help="find anew what to review, though a list is kept")
    command.add_argument(
        "--export", type=Path, metavar="FILE", help="write decisions and what waits as CSV, to fill in"
    )
    command.add_argument("--read", type=Path, metavar="FILE", help="read the decisions of a file that was filled in")
    reading.options(command)
    reading.label_options(command)
    reading.problem_option(command)
    command.add_argument(
        "--reviewer", default="", metavar="NAME", help="who decided, where a row of the file names nobody"
    )
    command.add_argument(
        "--compare", type=terminal.count, nargs=2, metavar=("OLD", "NEW"), help="two label runs on the gold labels"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The queue's head and the figures, after what was asked for."""
    from core import database, tasks

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    from core import jobs, review
    from core.review import files, people, wordings

    result: dict = {"client": args.client}
    lines: list[str] = []
    if args.find or not review.listed(db, task):
        job = jobs.run_here(db, "review_queue", {"task_id": task.id}, task, terminal.Log())
        result["found"] = job.result
    if args.read:
        result["read"], notes = _read(db, task, args)
        lines += notes
    if args.compare:
        test = wordings.compare(db, task, *args.compare)
        result["compare"] = wordings.as_json(test)
        lines.append(test.sentence)
    if args.export:
        _write(args.export, files.to_csv(db, task))
        lines.append(f"{args.export} written; fill in the column category, then --read it")
    head = review.head(db, task, SHOWN)
    figures = people.people(db, task)
    result |= {"listed": review.listed(db, task), "head": head, **people.as_json(figures)}
    lines += [f"{row['worth']:.2f}  {row['asset']:<20} {' '.join(row['why'])}" for row in head]
    return result, "\n".join(lines + _figures(figures, result["listed"]))


def _read(db, task: Task, args: argparse.Namespace) -> tuple[dict, list[str]]:
    """Take in the decisions of a file; with --accept-near once more, with what is near to one category only."""
    from core.assets.label_columns import nearest
    from core.review import decisions, files

    how, accepted = reading.read_as(args), reading.labels_map(args)
    terminal.must_exist(args.read)
    reading.tell_doubts(decisions.doubts(args.read, how))
    read = files.read(db, task, args.read, args.reviewer, how, accepted)
    near = nearest(read.unknown) if args.accept_near else {}
    if near:
        again = files.read(db, task, args.read, args.reviewer, how, near | accepted)
        read = replace(again, new=read.new + again.new)
    reading.write_problems(args.problems, [(args.read.name, read.problems)])
    answer = {"rows": read.rows, "new": read.new, "problems": [p.as_dict() for p in read.problems]}
    lines = [f"{read.new:,} new decisions in {read.rows:,} rows of {args.read}", *reading.problem_lines(read.problems)]
    unknown = [asdict(one) for one in read.unknown]
    return answer | {"unknown_labels": unknown}, lines + reading.unknown_lines(read.unknown)


def _figures(figures, listed: dict[str, int]) -> list[str]:
    lines = [
        f"{listed.get('queue', 0):,} in the queue, {listed.get('random', 0):,} in the random sample, "
        f"{sum(figures.gold.values()):,} gold labels, {figures.conflicts:,} conflicts"
    ]
    for pair in figures.pairs:
        kappa = "not defined" if pair.kappa is None else f"{pair.kappa:.2f}"
        lines.append(f"{pair.first} and {pair.second} agree on {_share(pair.agreement)}, beyond chance {kappa} of 1")
    if figures.accuracy:
        lines.append(f"teacher right on {_share(figures.accuracy.teacher)}")
        lines.append(f"student right on {_share(figures.accuracy.student)}, both measured on the random sample")
    return lines


def _share(share) -> str:
    return f"{percent(share.value)} ({ranged(share.low, share.high)}, n = {share.n:,})"


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, "\ufeff" + text)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}).", "Choose another place.") from error
