"""The part of `distil` that teaches a student to write: options and what it says."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path

from core import terminal
from core.commands import reading
from core.errors import InputError, Problem
from core.words import duration, percent


def options(command: argparse.ArgumentParser) -> None:
    """The options that pairs need."""
    group = command.add_argument_group("to teach a student to write, instead of taxonomy and assets")
    group.add_argument("--pairs", type=Path, metavar="FILE", help="briefs with approved copy: CSV, TSV, XLSX, JSONL")
    group.add_argument("--brief-columns", metavar="A,B", help="columns of the brief, with commas between")
    group.add_argument("--copy-column", metavar="C", help="column of the approved copy")
    group.add_argument(
        "--base-model",
        metavar="MODEL",
        help="what to build on, kept for the task: a folder, a .gguf file, org/name on the hub (default: SmolLM2-135M)",
    )
    group.add_argument(
        "--accept-terms", action="store_true", help="you have read the base model's terms of use and accept them"
    )
    group.add_argument(
        "--from-desk", action="store_true", help="without a file: the pairs there are, and drafts that people approved"
    )
    group.add_argument("--guide", type=Path, metavar="FILE.json", help="the voice guide, kept for the task")


def teach(args: argparse.Namespace) -> tuple[dict, str]:
    """Pairs to verdict: import, train, judge."""
    if args.pairs:
        terminal.must_exist(args.pairs)
    from core import database
    from core.write import base, guide, pairs, returned, training

    named = args.brief_columns and args.copy_column
    if (
        args.pairs
        and not named
        and not returned.is_returned(pairs.opened(args.pairs, [], reading.read_as(args)).columns)
    ):
        raise InputError("--brief-columns or --copy-column is missing.", "Name the columns of brief and approved copy.")

    rules = guide.read(args.guide) if args.guide else None
    db = database.connect()
    task = training.task_of(db, args.client, args.task)
    if args.base_model:
        base.choose(db, task, args.base_model, accepted=args.accept_terms)
    if rules:
        guide.put(db, task, rules)
    brief = [column.strip() for column in (args.brief_columns or "").split(",") if column.strip()]
    result = training.import_and_train(
        db,
        task,
        args.pairs,
        brief,
        args.copy_column or "",
        student=args.student,
        read_as=asdict(reading.read_as(args)),
        go_live=args.go_live,
        on_progress=terminal.Log(),
    )
    return {"client": args.client, **result}, "\n".join(_text(args, result))


def _text(args: argparse.Namespace, result: dict) -> list[str]:
    counts = result["pairs"]
    lines = []
    if counts:
        problems = [Problem(**one) for one in counts["problem_list"]]
        lines.append(f"{counts['imported']:,} of {counts['rows']:,} pairs imported, {counts['duplicates']:,} repeated")
        lines += reading.problem_lines(problems, counts["problems"], of=f"{args.pairs.name} ")
    for student in result["students"]:
        after, human = student["after_gates"], student["human"]
        mark = "  <- chosen" if student["id"] == result["chosen"] else ""
        lines.append(
            f"student {student['id']} {student['kind']:<8} passes the gates for {percent(student['handled']['value'])} of briefs,"
            f" trained in {duration(student['train_seconds'])}{mark}"
        )
        if after:
            lines += [
                f"  {name.replace('_', ' ')}: {percent(after[name])} (people {percent(human[name])},"
                f" shuffled {percent(student['shuffled'][name])})"
                for name in ("near_copies", "recall_at_10", "distinct_2", "unique")
            ]
    lines += [f"{kind} ruled out: {why}" for kind, why in result["ruled_out"].items()]
    verdict = result["verdict"]
    lines.append(f"Verdict: {verdict['decision'].replace('_', ' ')}. {verdict['reason']} {verdict['next']}")
    if result["chosen"] and result["live"] != result["chosen"]:
        line = f"students --client {shlex.quote(args.client)} --task {shlex.quote(result['task'])} --go-live {result['chosen']}"
        lines.append(
            f"Student {result['live']} stays at work: `{line}` says what changes, and puts {result['chosen']} to work."
        )
    return lines
