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
from contextlib import redirect_stdout
from typing import NoReturn, TextIO

from core import terminal
from core.errors import Cancelled, outside, readable

# Each is a module of core/commands.
COMMANDS = {
    "distil": "teach a student from a taxonomy and assets, and say whether it is good enough",
    "taxonomy": "versions of the taxonomy: compare, change, keep the labels that hold",
    "classify": "classify one text",
    "score": "classify every row of a file",
    "export": "write a student to a folder or ZIP that runs anywhere",
    "clients": "list, rename or delete clients",
    "imports": "list imports, undo one, delete assets",
    "students": "list students, make one live, roll back, compare two",
    "review": "say which labels are most worth a person's minute, and what people decided",
    "compare": "the verdict on a student, its money and its rules",
    "curve": "say whether more labels would help",
    "report": "write what Compare says as a file for the client",
    "rounds": "buy labels in rounds, those first that teach most",
    "serve": "answer over HTTP",
    "sample": "write made-up sample data",
    "label": "get labels from a teacher, within a budget",
    "connections": "list, add, test, rename or remove the hosted teachers that can be asked",
    "ledger": "say what was spent on hosted teachers",
    "prices": "what models' tokens cost: list, set your own, reset",
    "vendor": "judge a vendor's answers beside student and teacher",
    "jobs": "list, cancel or resume jobs",
    "worker": "run the background worker, or stop it",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status. argparse ends with status 2 by itself where options are wrong."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # models come with the packages; nothing is fetched while running
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # OpenMP threads that spin while they wait make training several times slower as soon as anything else wants the processor.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    terminal.print_anything()
    args = parser().parse_args(argv)
    try:
        with redirect_stdout(sys.stderr):  # a library that prints must not spoil the JSON
            result, text = _module(args.command).run(args)
        terminal.answer(json.dumps(result, ensure_ascii=True) if args.json else text)
    except (KeyboardInterrupt, Cancelled):
        terminal.say("Stopped. What is done so far is kept: the same command carries on from there.")
        return 130
    except Exception as error:
        said = outside(error)
        if said is None:
            raise
        terminal.say(str(said))
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--client", type=terminal.client, default="Default", metavar="NAME", help="whose data (default: %(default)s)"
    )
    common.add_argument("--json", action="store_true", help="one JSON object on stdout, the log on stderr")
    top = _Parser(
        prog="python3 run.py",
        description="Understudy: teach a small model a large one's job.",
        formatter_class=lambda prog: argparse.HelpFormatter(
            prog, max_help_position=18
        ),  # the longest command's name fits
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        _module(name).options(commands.add_parser(name, help=summary, description=summary, parents=[common]))
    return top


class _Parser(argparse.ArgumentParser):
    """argparse repeats what it was given, however long that is, and its help may be read by nobody to its end."""

    def error(self, message: str) -> NoReturn:
        super().error(readable(message))

    def _print_message(self, message: str, file: TextIO | None = None) -> None:
        if message:
            (terminal.answer if file is sys.stdout else terminal.say)(message.removesuffix("\n"))


def _module(command: str):
    return importlib.import_module(f"core.commands.{command}")


if __name__ == "__main__":
    sys.exit(main())
