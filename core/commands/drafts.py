"""`drafts`: what waits at the drafts' desk, out into a spreadsheet and the decisions back in."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from core import terminal
from core.commands import reading
from core.errors import InputError
from core.words import counted

SUMMARY = "approve, edit or reject drafts away from the screen, and say what became of them"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--export", type=Path, metavar="FILE", help="write what waits as CSV, to fill in the decisions"
    )
    command.add_argument("--read", type=Path, metavar="FILE", help="read the decisions of a file that was filled in")
    command.add_argument("--reviewer", default="", metavar="NAME", help="who decided, where a row names nobody")
    reading.options(command)
    reading.problem_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """How many drafts wait and were decided, after what was asked for."""
    from core import database
    from core.whole import write_whole
    from core.write import desk, desk_files, pairs, use

    if args.read and not args.reviewer:
        raise InputError("--reviewer is missing.", "Say who decided.")
    db = database.connect()
    task = use.task_named(db, args.client, args.task)
    result: dict = {"client": args.client, "task": task.name}
    lines = []
    if args.read:
        terminal.must_exist(args.read)
        made, problems = desk_files.read(db, task, args.read, args.reviewer, reading.read_as(args))
        reading.write_problems(args.problems, [(args.read.name, problems.listed)])
        result["read"] = made | {"problems": len(problems.listed)}
        lines.append(", ".join(f"{number:,} {name}" for name, number in made.items()))
        lines += reading.problem_lines(problems.listed, of=f"{args.read.name} ")
    if args.export:
        write_whole(args.export, desk_files.to_csv(db, task).encode("utf-8-sig"))
        lines.append(f"{args.export} written; fill in the column decision, then --read it")
    left, done = desk.counts(db, task)
    there = sum(pair.status != "rejected" for pair in pairs.load(db, task))
    learn = desk.to_learn(db, task)
    result |= {"waiting": left, "decided": done, "pairs": there, "to_learn": learn}
    result["months"] = [asdict(one) for one in desk.rates(db, task)]
    lines.append(f"{counted(left, 'draft')} waiting, {done:,} decided; the next training learns from {learn:,} of them")
    lines[-1] += f" beside {counted(there, 'approved pair')} ({pairs.FEWEST} are needed: `distil --from-desk`)."
    return result, "\n".join(lines)
