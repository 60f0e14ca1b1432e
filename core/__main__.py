"""The command line: `python3 run.py COMMAND …`, or `python -m core COMMAND …` inside the virtual environment.

A command returns its result as a dict and as text. With --json the dict goes to stdout as one JSON object and everything
else to stderr. Exit status: 0 done, 2 the input is wrong (the message says what and where), 1 a bug, 130 stopped.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from core import terminal
from core.errors import Cancelled, InputError

# Imports of what is heavy stand inside the commands, so that --help answers at once.

STUDENTS = ("auto", "linear", "embedding", "large", "transformer")


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status. argparse ends with status 2 by itself where options are wrong."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # models come with the packages; nothing is fetched while running
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # OpenMP threads that spin while they wait make training several times slower as soon as anything else wants the processor.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    args = parser().parse_args(argv)
    if args.command == "worker":
        return _worker(args)
    try:
        with redirect_stdout(sys.stderr):  # a library that prints must not spoil the JSON
            run = COMMANDS[args.command][0]
            result, text = (importlib.import_module(run).run if isinstance(run, str) else run)(args)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, Cancelled):
        print("Stopped. What is done so far is kept: the same command carries on from there.", file=sys.stderr)
        return 130
    print(json.dumps(result, ensure_ascii=True) if args.json else text)
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--client", type=terminal.client, default="Default", metavar="NAME", help="whose data (default: %(default)s)"
    )
    common.add_argument("--json", action="store_true", help="one JSON object on stdout, the log on stderr")
    top = argparse.ArgumentParser(
        prog="python3 run.py",
        description="Understudy: teach a small model a large one's job.",
        formatter_class=lambda prog: argparse.HelpFormatter(
            prog, max_help_position=18
        ),  # the longest command's name fits
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, options, summary) in COMMANDS.items():
        one = commands.add_parser(name, help=summary, description=summary, parents=[common])
        if isinstance(run, str):
            options = importlib.import_module(run).options
        if options:
            options(one)
    return top


# --- distil -------------------------------------------------------------------------------------------------------


def _distil_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--taxonomy", required=True, type=Path, metavar="FILE", help="categories: CSV, TSV, XLSX, JSON"
    )
    command.add_argument("--assets", required=True, type=Path, metavar="FILE", help="assets: CSV, TSV, XLSX, JSONL")
    _column_options(command)
    command.add_argument(
        "--teacher",
        default="built-in",
        metavar="T",
        help="built-in (default), recorded:COLUMN (labels from the file), connection:NAME, openai:MODEL or anthropic:MODEL",
    )
    command.add_argument(
        "--base-url",
        metavar="U",
        help="where an OpenAI-compatible server answers, for example http://127.0.0.1:11434/v1",
    )
    command.add_argument("--student", default="auto", choices=STUDENTS, help="default: auto, the cheapest good enough")
    command.add_argument(
        "--target", type=terminal.share, metavar="SHARE", help="agreement aimed at (default: the setting, 0.95)"
    )
    command.add_argument("--budget", type=terminal.usd, metavar="USD", help="the most that labels may cost")


def _column_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--text-columns", type=terminal.names, metavar="A,B", help="columns to read (default: guessed)"
    )
    command.add_argument("--id-column", metavar="NAME", help="column of the asset's id")


def distil(args: argparse.Namespace) -> tuple[dict, str]:
    """Files to verdict: import, label, train, compare."""
    for file in (args.taxonomy, args.assets):
        terminal.must_exist(file)
    from core import db as database
    from core import distil as distillation

    result = distillation.distil(
        database.connect(),
        taxonomy=args.taxonomy,
        assets=args.assets,
        client=args.client,
        text_columns=args.text_columns,
        id_column=args.id_column,
        teacher=args.teacher,
        base_url=args.base_url,
        student=args.student,
        target=args.target,
        budget=args.budget,
        on_progress=terminal.Log(),
    )
    return result, _distil_text(result)


def _distil_text(result: dict) -> str:
    assets, labels, verdict = result["assets"], result["labels"], result["verdict"]
    lines = [
        f"{assets['imported']:,} of {assets['rows']:,} assets imported, {assets['problems']:,} problems",
        f"{labels['count']:,} labels by {labels['teacher']}, ${labels['spent_usd']:.2f} spent"
        + (", stopped at the cap" if labels["state"] == "capped" else ""),
    ]
    for student in result["students"]:
        share, latency = student["agreement"], student["latency_ms"]
        mark = "  <- chosen" if student["id"] == result["chosen"] else ""
        lines.append(
            f"student {student['id']} {student['kind']:<12} agreement {share['value']:.1%}"
            f" ({share['low']:.1%} to {share['high']:.1%}, n = {share['n']:,}),"
            f" {latency['p50']:.1f} ms, trained in {student['train_seconds']:.0f} s{mark}"
        )
    return "\n".join(
        [*lines, f"Verdict: {verdict['decision'].replace('_', ' ')}. {verdict['reason']} {verdict['next']}"]
    )


# --- one asset, one file ------------------------------------------------------------------------------------------


def _student_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--student", default="live", metavar="live|ID", help="which student (default: the live one)")


def _classify_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--text", required=True, metavar="T", help="the asset's text")
    _student_option(command)


def _score_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--input", required=True, type=Path, metavar="FILE", help="CSV or Parquet with the text columns"
    )
    command.add_argument("--output", required=True, type=Path, metavar="FILE", help="CSV or Parquet to write")
    _column_options(command)
    command.add_argument(
        "--engine",
        default="local",
        choices=["local", "ray"],
        help="where to compute: on this machine (default), or with Ray Data, on the cluster that RAY_ADDRESS names if any",
    )
    _student_option(command)


def classify(args: argparse.Namespace) -> tuple[dict, str]:
    """One text: the student's top three, the time it took, and whether it may answer alone."""
    if not args.text.strip():
        raise InputError("The text is empty.", "Give the asset's words.", where="--text")
    from core import db as database

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    from core.evaluate.run import figures
    from core.train import run as training
    from core.train import students

    row = training.find(db, client_id, args.student)
    student = students.load(training.folder_of(db, row["id"]))
    student.answer([args.text])  # the first call pays for loading
    started = time.perf_counter()
    answers = student.answer([args.text])
    ms = 1000 * (time.perf_counter() - started)
    shares = answers.probabilities[0]
    top = [{"category": student.labels[i], "confidence": float(shares[i])} for i in shares.argsort()[::-1][:3]]
    found = figures(db, row["id"])
    threshold = found["certificate"]["threshold"] if found else None
    handled, strange = bool(answers.handled(threshold)[0]), bool(answers.strange[0])
    needed = f"{threshold:.1%} is enough" if threshold is not None else "no threshold is certified"
    if strange:
        needed = "it is unlike anything the student learned from"
    result = {
        "client": args.client,
        "student": str(row["id"]),
        "kind": row["kind"],
        "top": top,
        "ms": round(ms, 3),
        "threshold": threshold,
        "strange": strange,
        "handled": handled,
    }
    lines = [f"{one['confidence']:>6.1%}  {one['category']}" for one in top]
    verdict = "handled by the student" if handled else "falls back to the teacher"
    return result, "\n".join([*lines, f"{verdict} ({needed}), {ms:.1f} ms"])


def score(args: argparse.Namespace) -> tuple[dict, str]:
    """Every row of a file, streamed; stopped or killed, the same command carries on."""
    terminal.must_exist(args.input)
    from core import db as database

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    from core.deploy import scoring

    result = scoring.score(
        db,
        client_id=client_id,
        student=args.student,
        input=args.input,
        output=args.output,
        text_columns=args.text_columns,
        id_column=args.id_column,
        engine=args.engine,
        progress=terminal.Log(),
    )
    text = f"{result['rows']:,} rows in {args.output}, {result['rows_per_second']:,.0f} a second"
    return result, f"{text}, {result['handled']:,} handled, {result['problems']:,} problems"


def _export_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--to", required=True, type=Path, metavar="FOLDER", help="a new or empty folder, or a file ending in .zip"
    )
    command.add_argument("--zip", action="store_true", help="write FOLDER.zip instead of the folder")
    _student_option(command)


def export(args: argparse.Namespace) -> tuple[dict, str]:
    """A student as files that need neither Understudy nor torch."""
    from core import db as database

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    from core.deploy import export as exporting

    packed = args.zip and args.to.suffix.lower() != ".zip"
    to = args.to.with_name(f"{args.to.name}.zip") if packed else args.to
    result = exporting.export(db, client_id=client_id, student=args.student, to=to, progress=terminal.Log())
    parity = result["parity"]
    text = (
        f"student {result['student']} in {result['output']}, {result['size_mb']:.1f} MB, {len(result['files'])} files"
    )
    same = ", ".join(f"{name} {parity[name]:.2%}" for name in ("fp32", "int8", "served"))
    return result, f"{text}; same labels on {parity['n']:,} test assets: {same}"


# --- students -----------------------------------------------------------------------------------------------------


def _students_options(command: argparse.ArgumentParser) -> None:
    what = command.add_mutually_exclusive_group()
    what.add_argument("--make-live", type=terminal.count, metavar="ID", help="put this student to work")
    what.add_argument("--roll-back", action="store_true", help="put the one that was live before back to work")
    what.add_argument(
        "--compare", type=terminal.count, nargs=2, metavar=("A", "B"), help="two students on the same test assets"
    )


def list_students(args: argparse.Namespace) -> tuple[dict, str]:
    """The client's students, after making one live or rolling back where asked; or two of them compared."""
    from core import db as database

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    from core.evaluate import versions
    from core.train import run as training

    for student_id in [args.make_live, *(args.compare or [])]:
        if student_id is not None:
            training.find(db, client_id, student_id)
    if args.compare:
        result = versions.told(versions.compare(db, *args.compare))
        moves = [f"{row['assets']:>5} {row['first']} -> {row['second']}" for row in result["changes"][:10]]
        return {"client": args.client, **result}, "\n".join([result["sentence"], *moves])
    if args.make_live is not None:
        training.set_live(db, args.make_live)
    if args.roll_back:
        training.roll_back(db, client_id)
    rows = versions.listed(db, client_id)
    lines = [
        f"{row['name']:<16} {'live' if row['live'] else '':<5} {_agreement_text(row['agreement']):<38}"
        f" {row['made_from']['train']:,} assets by {row['made_from']['teacher']}, {row['made_from']['created'][:16]}"
        + ("" if row["whole"] else "; its files are missing")
        for row in rows
    ]
    result = {"client": args.client, "students": rows, "history": training.history(db, client_id)}
    return result, "\n".join(lines) or "There are no students yet."


def _agreement_text(share: dict | None) -> str:
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})" if share else "not judged"


# --- learning curve -----------------------------------------------------------------------------------------------


def _curve_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--run", type=terminal.count, metavar="ID", help="label run (default: the newest student's)")
    command.add_argument(
        "--student", default="embedding", choices=("embedding", "linear"), help="kind trained (default: %(default)s)"
    )
    command.add_argument("--again", action="store_true", help="measure anew, though a curve of these labels is kept")


def curve(args: argparse.Namespace) -> tuple[dict, str]:
    """Whether more labels would help: the curve that is kept, where it is of these labels, else a new one."""
    from core import db as database

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    from core import jobs
    from core.evaluate import learning_curve

    run_id = learning_curve.run_of(db, client_id, args.run)
    found = learning_curve.stored(db, run_id)
    if args.again or found is None or found.kind != args.student or learning_curve.outdated(db, run_id, found):
        jobs.run_here(
            db, "curve", {"client_id": client_id, "run_id": run_id, "kind": args.student}, client_id, terminal.Log()
        )
        found = learning_curve.stored(db, run_id)
    result = {"client": args.client, "label_run": run_id, **learning_curve.told(db, client_id, found)}
    points = [
        f"{point['assets']:>9,} assets  agreement {point['value']:.1%} ({point['low']:.1%} to {point['high']:.1%})"
        for point in result["points"]
    ]
    gains = [learning_curve.Gain(**step) for step in result["steps"]]
    steps = [
        f"{one.more:>+9,} labels  {learning_curve.points_words(one)}, estimated, for {learning_curve.price_words(one)}"
        for one in gains
    ]
    return result, "\n".join([*points, *steps, result["sentence"] + "."])


# --- serving ------------------------------------------------------------------------------------------------------


def _serve_options(command: argparse.ArgumentParser) -> None:
    _student_option(command)
    command.add_argument(
        "--port", type=terminal.port, default=8600, metavar="N", help="default: %(default)s; 0 takes a free one"
    )
    command.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s); any other needs UNDERSTUDY_TOKEN",
    )
    command.add_argument("--fallback", action="store_true", help="ask the teacher where the student is not sure enough")
    command.add_argument(
        "--fallback-budget", type=terminal.usd, metavar="USD", help="what the teacher may cost in a calendar month"
    )


def serve(args: argparse.Namespace) -> tuple[dict, str]:
    """Answer over HTTP until stopped. The token is read from the environment, so that no process list shows it."""
    if args.fallback_budget is not None and not args.fallback:
        raise InputError(
            "A budget is given and the teacher is not asked.", "Add --fallback.", where="--fallback-budget"
        )
    from core import db as database

    db = database.connect()
    client_id = terminal.client_id(db, args.client)
    from core.deploy import server

    result = server.serve(
        db,
        client_id,
        which=args.student,
        host=args.host,
        port=args.port,
        fallback=args.fallback,
        budget_usd=args.fallback_budget,
    )
    return result, f"Stopped after {result['requests']:,} requests with {result['texts']:,} texts."


# --- the sample client --------------------------------------------------------------------------------------------


def _sample_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--rows", type=terminal.count, default=2000, metavar="N", help="assets to make (default: %(default)s)"
    )
    command.add_argument("--to", type=Path, metavar="FOLDER", help="where to (default: sample-N in the workspace)")
    command.add_argument("--seed", type=int, default=7, metavar="N", help="another seed, other assets (default: 7)")


def sample(args: argparse.Namespace) -> tuple[dict, str]:
    """Synthetic sample data of any size."""
    from core import settings
    from core.ingest import sample as samples

    folder = args.to or settings.home() / f"sample-{args.rows}"
    try:
        taxonomy, assets = samples.write(folder, args.rows, args.seed)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}).", "Choose another folder.") from error
    result = {"rows": args.rows, "taxonomy": str(taxonomy), "assets": str(assets)}
    return result, f"{args.rows:,} synthetic assets in {assets}\ntheir taxonomy in {taxonomy}"


# --- jobs and the worker ------------------------------------------------------------------------------------------


def _jobs_options(command: argparse.ArgumentParser) -> None:
    what = command.add_mutually_exclusive_group()
    what.add_argument("--cancel", type=int, metavar="ID", help="ask a job to stop")
    what.add_argument("--resume", type=int, metavar="ID", help="carry on a cancelled, failed or interrupted job")


def list_jobs(args: argparse.Namespace) -> tuple[dict, str]:
    """The newest jobs of all clients, after cancelling or resuming one where asked."""
    from core import db as database
    from core import jobs

    db = database.connect()
    if args.cancel is not None:
        jobs.cancel(db, args.cancel)
    if args.resume is not None:
        jobs.resume(db, args.resume)
        jobs.start_worker()
    clients = {row["id"]: row["name"] for row in db.query("select id, name from clients")}
    rows = [
        {
            "id": job.id,
            "client": clients.get(job.client_id),
            "kind": job.kind,
            "state": "cancelling" if job.state == "running" and job.cancel_asked else job.state,
            "done": job.done,
            "total": job.total,
            "message": job.message,
            "seconds_left": job.seconds_left,
            "spent_usd": job.spent_usd,
            "error": job.error,
            "created": job.created,
        }
        for job in jobs.recent(db)
    ]
    lines = [
        f"{row['id']:>5}  {row['state']:<12} {row['kind']:<14} {row['client'] or '':<20} {_state_text(row)}".rstrip()
        for row in rows
    ]
    return {"jobs": rows, "worker_alive": jobs.worker_alive()}, "\n".join(lines) or "There are no jobs yet."


def _state_text(row: dict) -> str:
    if row["state"] == "done":
        return ""
    return row["error"] or f"{row['message']} {row['done']:,}/{row['total']:,}"


def _worker_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stop", action="store_true", help="end the running worker instead")


def _worker(args: argparse.Namespace) -> int:
    from core import jobs, worker

    try:
        jobs.stop_worker() if args.stop else worker.work()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


# name: (function, or the module of core/commands that has `run` and `options`; options; what it does)
COMMANDS = {
    "distil": (
        distil,
        _distil_options,
        "teach a student from a taxonomy and assets, and say whether it is good enough",
    ),
    "taxonomy": (
        "core.commands.taxonomy",
        None,
        "versions of the taxonomy: compare, change, keep the labels that hold",
    ),
    "classify": (classify, _classify_options, "classify one text"),
    "score": (score, _score_options, "classify every row of a file"),
    "export": (export, _export_options, "write a student to a folder or ZIP that runs anywhere"),
    "students": (list_students, _students_options, "list students, make one live, roll back, compare two"),
    "review": (
        "core.commands.review",
        None,
        "say which labels are most worth a person's minute, and what people decided",
    ),
    "compare": ("core.commands.compare", None, "the verdict on a student, its money and its rules"),
    "curve": (curve, _curve_options, "say whether more labels would help"),
    "report": ("core.commands.report", None, "write what Compare says as a file for the client"),
    "rounds": ("core.commands.rounds", None, "buy labels in rounds, those first that teach most"),
    "serve": (serve, _serve_options, "answer over HTTP"),
    "sample": (sample, _sample_options, "write synthetic sample data"),
    "label": ("core.commands.label", None, "get labels from a teacher, within a budget"),
    "connections": (
        "core.commands.connections",
        None,
        "list, add, test or remove the hosted teachers that can be asked",
    ),
    "ledger": ("core.commands.ledger", None, "say what was spent on hosted teachers"),
    "vendor": ("core.commands.vendor", None, "judge a vendor's answers beside student and teacher"),
    "jobs": (list_jobs, _jobs_options, "list, cancel or resume jobs"),
    "worker": (None, _worker_options, "run the background worker, or stop it"),
}

if __name__ == "__main__":
    sys.exit(main())
