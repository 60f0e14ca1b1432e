"""`write`: drafts of a brief, or of every brief in a file, by the task's student, each with what the gates say."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.commands import reading, teacher_drafts
from core.errors import InputError, Problem

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task

STUDENTS = 3  # drafts of a brief
SUMMARY = "have the student write drafts of a brief, with what each gate says"
DEED = "use"  # in the audit trail


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--brief", metavar="TEXT", help="what the copy is for")
    command.add_argument("--input", type=Path, metavar="FILE", help="a table of briefs instead: CSV, XLSX, JSONL")
    command.add_argument("--brief-columns", metavar="A,B", help="its columns of the brief, with commas between")
    command.add_argument("--output", type=Path, metavar="FILE", help="where the drafts go: .csv or .xlsx")
    command.add_argument(
        "--drafts", type=terminal.count, metavar="N", help=f"how many (default: {STUDENTS}; of a teacher 1)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="another one draws other drafts")
    command.add_argument("--student", default="live", metavar="ID", help="which student (default: the one at work)")
    reading.options(command, what="the file of briefs")
    reading.problem_option(command)
    teacher_drafts.options(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Drafts of the brief, those that pass every gate first; or a table of them."""
    if args.behind:
        return teacher_drafts.behind(args)
    if (args.brief is None) == (args.input is None):
        raise InputError("Either --brief or --input is needed.", "Name one of them.")
    if args.teacher:
        return teacher_drafts.write(args)
    if args.forecast or args.budget is not None:
        raise InputError("--teacher is missing.", "Say who is to write: --teacher connection:NAME.")
    from core import database
    from core.write import teacher_behind, use

    db = database.connect()
    task = use.task_named(db, args.client, args.task)
    if args.input:
        return _file(db, task, args)
    result = use.write(db, task, args.brief, args.drafts or STUDENTS, args.seed, args.student)
    result |= teacher_behind.answered(db, task, args.brief.strip(), result["drafts"])
    lines = teacher_drafts.shown(result["drafts"])
    lines += [f"{name}: {'; '.join(some)}" for name, some in result["fields"].items()]
    if result["answered_by"] == "teacher":
        lines.append("No draft of the student passes every gate: the first is the teacher's, which stands behind it.")
    elif not result["handled"]:
        lines.append(
            " ".join(filter(None, ["No draft passes every gate: this brief is for a person.", result["teacher"]]))
        )
    return {"client": args.client, **result}, "\n".join(lines)


def _file(db: Database, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    terminal.must_exist(args.input)
    if not args.brief_columns or args.output is None:
        raise InputError(
            "--brief-columns or --output is missing.", "Name the brief's columns, and a .csv or .xlsx file."
        )
    from core.deploy import brief_files
    from core.write import pairs

    how = reading.read_as(args)
    reading.tell_doubts(pairs.look(args.input, how).doubts)
    result = brief_files.write_file(
        db,
        task,
        input=args.input,
        output=args.output,
        columns=[column.strip() for column in args.brief_columns.split(",")],
        count=args.drafts or STUDENTS,
        seed=args.seed,
        student=args.student,
        read_as=how,
        progress=terminal.Log(),
    )
    problems = [Problem(**one) for one in result["problem_list"]]
    reading.write_problems(args.problems, [(args.input.name, problems)])
    lines = [f"{args.output}: {brief_files.in_words(result)}", *reading.problem_lines(problems, result["problems"])]
    return {"client": args.client, **result}, "\n".join(lines)
