"""The part of `write` in which a hosted teacher writes: options and what it says."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from core import terminal
from core.commands import reading
from core.errors import InputError
from core.words import counted, money

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task
    from core.write.teacher import Bought, Forecast

NOBODY = "nobody"
PRICE = "Give one with `connections --add NAME --price IN,OUT` or `prices --set`."


def options(command: argparse.ArgumentParser) -> None:
    """The options that a teacher needs."""
    group = command.add_argument_group("to have a hosted teacher write, instead of the student")
    group.add_argument("--teacher", metavar="T", help="connection:NAME, or KIND:MODEL")
    group.add_argument("--budget", type=terminal.usd, metavar="USD", help="the most that these briefs may cost in all")
    group.add_argument(
        "--behind", metavar="T", help=f"only keep who writes where no draft passes, for --budget a month; or {NOBODY}"
    )
    group.add_argument("--forecast", action="store_true", help="say what it would cost, and buy nothing")


def behind(args: argparse.Namespace) -> tuple[dict, str]:
    """Keep who stands behind the task's student, and what that may cost the client a month."""
    from core import database
    from core.money import ledger
    from core.write import teacher_behind, use

    db = database.connect()
    task = use.task_named(db, args.client, args.task)
    rules = teacher_behind.Rules(teacher="" if args.behind == NOBODY else args.behind, budget_usd=args.budget)
    teacher_behind.put(db, task, rules)
    db.conn.commit()
    spent = ledger.served_usd(db, task.client_id)
    said = "Nobody stands behind the student." if not rules.teacher else f"{rules.teacher} writes where no draft passes"
    if rules.teacher:
        most = (
            "at no cost" if rules.budget_usd is None else f"for {money(rules.budget_usd, exact=True)} a month at most"
        )
        said += f", {most}; {money(spent, exact=True)} is spent this month."
    return {"client": args.client, "task": task.name, **rules.model_dump(), "spent_usd": spent}, said


def write(args: argparse.Namespace) -> tuple[dict, str]:
    """Drafts by the teacher for a brief or a file of them, or the price of that; needs neither pairs nor a student."""
    from core import database, jobs
    from core.label import model
    from core.write import briefs, pairs, teacher, teacher_file, training

    how = reading.read_as(args)
    columns = [column.strip() for column in (args.brief_columns or "").split(",") if column.strip()]
    if args.input:
        terminal.must_exist(args.input)
        if not columns:
            raise InputError("--brief-columns is missing.", "Name the brief's columns, with commas between.")
        reading.tell_doubts(pairs.look(args.input, how).doubts)
    if args.output is not None and args.output.suffix not in (".csv", ".xlsx"):
        raise InputError(f"{args.output.name} is no table.", "Name a .csv or .xlsx file.")
    count = args.drafts or teacher_file.USUAL
    read, problems = briefs.read(args.input, columns, how) if args.input else ([(1, args.brief.strip())], None)
    db = database.connect()
    there = db.execute("select id from clients where name = ?", [args.client]).fetchone()
    hosted = model.find(db, there[0] if there else 0, args.teacher)  # before a new client is made
    task = training.task_of(db, args.client, args.task)
    asked = [brief for _, brief in read]
    expected = teacher.forecast(db, task, args.teacher, asked, count)
    result = {"client": args.client, "task": task.name, "teacher": args.teacher, **_as_json(expected)}
    lines = [in_words(expected)]
    lines += [f"Row {one.row}: {one.what} {one.todo}" for one in (problems.listed[:10] if problems else [])]
    if args.forecast:
        return result, "\n".join(lines)
    if expected.calls and hosted.paid and args.budget is None:
        raise InputError(f"The teacher {args.teacher} costs money.", "Say how much at most with --budget USD.")
    if args.input is None:
        owner = teacher.owner_of(db, task, args.teacher, asked, count)
        told = teacher.drafts(db, task, args.teacher, asked, args.budget, owner, drafts=count)
        result |= _one(told, asked[0], lines)
    else:
        params = teacher_file.params(task, args.input, columns, args.teacher, args.budget, count, how)
        result |= jobs.run_here(db, "teacher_drafts", params, task, terminal.Log()).result
        result["forecast_usd"] = expected.cost and expected.cost.likely
        lines += [teacher_file.in_words(result)]
        lines += [f"{number:>7,}  {reason}" for reason, number in result["reasons"].items()]
        if args.output:
            _table(db, task, args, read, count)
            result["output"] = str(args.output)
    lines.append("They wait at the drafts' desk: the Blind test page, or `drafts --export FILE`.")
    return result, "\n".join(lines)


def _one(told: Bought, brief: str, lines: list[str]) -> dict:
    from core.write import teacher_file

    drafts = told.drafts.get(brief, [])
    if not drafts:
        raise InputError(f"The teacher wrote nothing: {next(iter(told.failed.values()), '')}", "Nothing was kept.")
    lines += shown(drafts)
    lines.append(f"{money(told.spent_usd, exact=True)} in all for this brief.")
    return teacher_file.summary(told) | {"drafts": drafts, "handled": bool(told.handled)}


def shown(drafts: list[dict]) -> list[str]:
    """Drafts with what stops them, a line each."""
    lines = []
    for draft in drafts:
        lines.append(f"{'passed ' if draft['passed'] else 'stopped'} {draft['text']}")
        lines += [f"        {gate['name']}: {gate['why']}" for gate in draft["gates"] if not gate["passed"]]
    return lines


def _as_json(expected: Forecast) -> dict:
    return {"forecast_usd": expected.cost and expected.cost.likely, "forecast": asdict(expected)}


def in_words(expected: Forecast) -> str:
    """What is left to buy and what it costs, and what that rests on."""
    if not expected.calls:
        return f"All of {counted(expected.kept, 'brief')} have their drafts; nothing is to be bought."
    basis = (
        f"measured on {counted(expected.measured_on, 'call')}" if expected.measured_on else "estimated from characters"
    )
    tokens = f"{expected.tokens_in:,.0f} tokens in, {expected.tokens_out:,.0f} out ({basis})"
    cost = expected.cost
    said = (
        f"{money(cost.likely)}, between {money(cost.low)} and {money(cost.high)} (estimated)"
        if cost
        else "no price is known"
    )
    return f"{counted(expected.calls, 'call')} to make: {tokens}: {said}." + ("" if cost else f" {PRICE}")


def _table(db: Database, task: Task, args: argparse.Namespace, read: list[tuple[int, str]], count: int) -> None:
    """The teacher's drafts of the file's briefs as a table."""
    import pandas as pd

    from core.report import workbook
    from core.whole import write_whole
    from core.write import teacher, use

    there = teacher.there(db, task, args.teacher, [brief for _, brief in read], count)
    lines = [use.line(row, brief, draft) for row, brief in read for draft in there.get(brief, [])]
    table = pd.DataFrame(lines, columns=["row", "brief", "draft", "passed", "why"])
    data = workbook.csv(table) if args.output.suffix == ".csv" else workbook.written({"Drafts": table})
    write_whole(args.output, data)
