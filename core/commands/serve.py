"""`serve`: a student answers over HTTP."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task

SUMMARY = "answer over HTTP"
SEVERAL_TASKS = True


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    terminal.student_option(command)
    command.add_argument(
        "--write-task",
        metavar="NAME",
        help="the client's task whose student writes at /write, beside the one that sorts",
    )
    command.add_argument(
        "--port", type=terminal.port, default=8600, metavar="N", help="default: %(default)s; 0 takes a free one"
    )
    command.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s); any other needs a token: see `tokens`, or set UNDERSTUDY_TOKEN",
    )
    command.add_argument("--tls-cert", type=Path, metavar="FILE", help="speak HTTPS with this certificate (PEM)")
    command.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM, no password)")
    command.add_argument("--fallback", action="store_true", help="ask the teacher where the student is not sure enough")
    command.add_argument(
        "--fallback-budget", type=terminal.usd, metavar="USD", help="what the teacher may cost in a calendar month"
    )
    command.add_argument(
        "--pass-to",
        metavar="CONNECTION",
        help="pass calls of /v1/chat/completions on to it, and keep what prompts of a task were answered as labels",
    )
    command.add_argument(
        "--shadow",
        action="store_true",
        help="the teacher does the work, the student answers silently; `watch` compares",
    )
    command.add_argument(
        "--beside", metavar="ID", help="a second student, by its number, answers silently beside the live one"
    )
    command.add_argument(
        "--unrecorded", action="store_true", help="write nothing down of what is served: then no promise is watched"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Answer over HTTP until stopped. The token is read from the environment, so that no process list shows it."""
    if args.fallback_budget is not None and not args.fallback:
        raise InputError(
            "A budget is given and the teacher is not asked.", "Add --fallback.", where="--fallback-budget"
        )
    if args.shadow and not args.fallback:
        raise InputError(
            "In a shadow run the teacher does the work, and no teacher is asked.", "Add --fallback.", where="--shadow"
        )
    if (args.tls_cert is None) != (args.tls_key is None):
        raise InputError("HTTPS takes two files, and one is given.", "Give both.", where="--tls-cert, --tls-key")
    if (args.shadow or args.beside) and args.unrecorded:
        raise InputError("A shadow run is what is written down.", "Leave --unrecorded out.")
    from core import database, tasks

    db = database.connect()
    from core.deploy import server
    from core.wires import connections

    client_id = tasks.client_named(db, args.client)
    sorting = _sorting(db, args, client_id)
    result = server.serve(
        db,
        sorting,
        which=args.student,
        writes=tasks.named(db, args.client, args.write_task) if args.write_task else None,
        host=args.host,
        port=args.port,
        fallback=args.fallback,
        budget_usd=args.fallback_budget,
        shadow=args.shadow,
        beside=args.beside,
        record=not args.unrecorded,
        pass_to=connections.find(db, client_id, args.pass_to) if args.pass_to else None,
        client=args.client,
        tls=server.Tls(args.tls_cert, args.tls_key) if args.tls_cert else None,
    )
    briefs = f" and {result['briefs']:,} briefs" if "briefs" in result else ""
    passed = f"; {result['passed']:,} calls were passed on" if "passed" in result else ""
    return result, f"Stopped after {result['requests']:,} requests with {result['texts']:,} texts{briefs}{passed}."


def _sorting(db: Database, args: argparse.Namespace, client_id: int) -> list[Task]:
    """The tasks whose students sort; none where calls are passed on before there is a student. InputError as registry.named()."""
    from core.train import registry

    starts = args.pass_to and not (args.task or args.fallback) and args.student == "live"
    if starts and not registry.at_work(db, client_id):
        return []
    return registry.named(db, args.client, args.task, args.student)
