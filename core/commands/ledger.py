"""`ledger`: what was spent on hosted teachers, by month and run by run."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.errors import InputError
from core.whole import write_whole

SUMMARY = "say what was spent on hosted teachers"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--all-clients", action="store_true", help="every client's spending, not one's")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write the runs to this file too")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Months and runs. InputError for an unknown client or a file that cannot be written."""
    from core import database, tasks
    from core.money import ledger
    from core.words import money

    db = database.connect()
    client_id = None if args.all_clients else tasks.client_named(db, args.client)
    months, runs = ledger.by_client_and_month(db, client_id), ledger.runs_table(db, client_id)
    if args.csv:
        try:
            write_whole(args.csv, "\ufeff" + ledger.to_csv(runs))
        except OSError as error:
            raise InputError(f"{args.csv} cannot be written ({error.strerror}).", "Choose another file.") from error
    lines = [
        f"{row['month']}  {row['client']:<24} {money(row['spent_usd'], exact=True):>10}  {row['calls']:,} calls,"
        f" {row['tokens_in']:,} tokens in ({row['tokens_cached']:,} cached), {row['tokens_out']:,} out"
        for row in months
    ]
    lines += [_run_line(row) for row in runs]
    lines += filter(None, [ledger.unknown_in_words(months)])
    result = {"client": None if args.all_clients else args.client, "months": months, "runs": runs}
    return result, "\n".join(lines) or "Nothing has been bought from a hosted teacher yet."


def _run_line(row: dict) -> str:
    from core.money import ledger
    from core.words import money

    which = "together" if row["facets"] else f"run {row['run_id']}"
    return (
        f"{which}  {row['client']:<20} {row['model']:<28} {money(row['spent_usd'], exact=True):>10}  {ledger.purpose(row)}"
        f"{' (batch)' if row['batch'] else ''}, {row['labels']:,} labels, {row['failed']:,} without, {row['state']}"
    )
