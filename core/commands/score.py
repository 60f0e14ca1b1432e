"""`score`: every row of a file by a student; stopped or killed, the same command carries on."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import terminal
from core.commands import reading
from core.errors import Problem
from core.words import counted, money

SUMMARY = "classify every row of a file"
DEED = "use"  # in the audit trail
SEVERAL_TASKS = True


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--input",
        required=True,
        type=Path,
        metavar="FILE",
        help="assets: CSV, TSV, XLSX, JSON, Parquet; or a folder or ZIP of images, whose words are read",
    )
    command.add_argument("--output", required=True, type=Path, metavar="FILE", help="CSV, XLSX or Parquet to write")
    command.add_argument(
        "--rows",
        type=Path,
        metavar="FILE",
        help="of images: the table whose rows name them, where it is not among them",
    )
    command.add_argument(
        "--image-column", metavar="NAME", help="of images: column of the table that names them (default: found)"
    )
    terminal.column_options(command)
    reading.options(command)
    reading.problem_option(command)
    command.add_argument(
        "--engine",
        default="local",
        choices=["local", "ray"],
        help="where to compute: on this machine (default), or with Ray Data, on the cluster that RAY_ADDRESS names if any",
    )
    terminal.student_option(command)
    command.add_argument(
        "--name-like",
        metavar="TEMPLATE",
        help="add a column name, made of columns of the file and of tasks: {brand}_{Format}_{market}",
    )
    command.add_argument(
        "--teacher-budget",
        type=terminal.usd,
        metavar="USD",
        help="send the rows the student does not handle to the teacher, for at most so much over all times this file is sent",
    )
    command.add_argument(
        "--teacher",
        metavar="NAME",
        help="who answers those rows, such as connection:NAME (default: the model the student learned from)",
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Every row of a file, streamed; stopped or killed, the same command carries on."""
    if not args.input.is_dir():
        terminal.must_exist(args.input)
    from core import database
    from core.deploy import scoring
    from core.deploy.inputs import Beside
    from core.train import registry

    db = database.connect()
    task, *beside = registry.named(db, args.client, args.task, args.student)

    how = reading.read_as(args)
    if args.rows:
        terminal.must_exist(args.rows)
    images = Beside(args.rows, args.image_column)
    reading.tell_doubts(scoring.doubts(args.input, how, images))
    result = scoring.score(
        db,
        task=task,
        beside=beside,
        student=args.student,
        input=args.input,
        output=args.output,
        text_columns=args.text_columns,
        id_column=args.id_column,
        engine=args.engine,
        read_as=how,
        name_like=args.name_like,
        teacher=args.teacher,
        budget_usd=args.teacher_budget,
        images=images,
        progress=terminal.Log(),
    )
    problems = [Problem(**one) for one in result["problem_list"]]
    reading.write_problems(args.problems, [(args.input.name, problems)])
    text = f"{args.output} ({result['rows_per_second']:,.0f} rows a second, {counted(result['problems'], 'problem')}): "
    text += scoring.in_words(result)
    text += sent(result)
    notes = [text] + ([result["taxonomy_note"]] if result["taxonomy_note"] else [])
    return result, "\n".join([*notes, *reading.problem_lines(problems, result["problems"])])


def sent(result: dict) -> str:
    """What came of the rows that were sent to the teacher; "" where none were."""
    if "by_teacher" not in result:
        return ""
    text = f"\n{counted(result['by_teacher'], 'row')} answered by {result['teacher']}"
    each = [f"{name} {one['by_teacher']:,}" for name, one in result.get("facets", {}).items()]
    text += f" ({', '.join(each)}; a row in one call)" if each else ""
    text += f", {money(result['spent_usd'], exact=True)} for this file so far"
    if result["left"]:
        left_to = "the students' answers" if each else "the student's answer"
        text += f"; {counted(result['left'], 'row')} left to {left_to}:"
        text += "".join(f"\n- {count:,}: {reason}" for reason, count in result["reasons"].items())
        text += "\nThe same command, with a higher budget where it was reached, asks about those alone."
    return text
