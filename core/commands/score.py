"""`score`: every row of a file by a student; stopped or killed, the same command carries on."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import terminal
from core.commands import reading
from core.errors import Problem


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--input", required=True, type=Path, metavar="FILE", help="assets: CSV, TSV, XLSX, JSON, Parquet"
    )
    command.add_argument("--output", required=True, type=Path, metavar="FILE", help="CSV, XLSX or Parquet to write")
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


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Every row of a file, streamed; stopped or killed, the same command carries on."""
    terminal.must_exist(args.input)
    from core import db as database

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    from core.deploy import scoring

    how = reading.read_as(args)
    reading.tell_doubts(scoring.doubts(args.input, how))
    result = scoring.score(
        db,
        client_id=client_id,
        student=args.student,
        input=args.input,
        output=args.output,
        text_columns=args.text_columns,
        id_column=args.id_column,
        engine=args.engine,
        read_as=how,
        progress=terminal.Log(),
    )
    problems = [Problem(**one) for one in result["problem_list"]]
    reading.write_problems(args.problems, [(args.input.name, problems)])
    text = f"{result['rows']:,} rows in {args.output}, {result['rows_per_second']:,.0f} a second"
    text += f", {result['handled']:,} handled, {result['left_out']:,} rows left out, {result['problems']:,} problems"
    told = [text] + ([result["taxonomy_note"]] if result["taxonomy_note"] else [])
    return result, "\n".join([*told, *reading.problem_lines(problems, result["problems"])])
