"""The command line: `python3 run.py COMMAND …`, or `python -m core COMMAND …` inside the virtual environment.

A command returns its result as a dict and as text. With --json the dict goes to stdout as one JSON object and everything
else to stderr. Exit status: 0 done, 2 the input is wrong (the message says what and where), 1 a bug, 130 stopped.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from types import ModuleType
from typing import NoReturn, TextIO

from core import commands as _commands
from core import terminal
from core.errors import Cancelled, InputError, outside, readable


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status. argparse ends with status 2 by itself where options are wrong."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # models come with the packages; nothing is fetched while running
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # OpenMP threads that spin while they wait make training several times slower as soon as anything else wants the processor.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    terminal.print_anything()
    args = parser().parse_args(argv)
    try:
        with redirect_stdout(sys.stderr), _acting(args.who):  # a library that prints must not spoil the JSON
            result, text = args.does(args)
            _record(args)
        terminal.answer(json.dumps(result, ensure_ascii=True) if args.json else text)
    except (KeyboardInterrupt, Cancelled):
        terminal.say("Stopped. What is done so far is kept: the same command carries on from there.")
        return 130
    except Exception as error:
        fault = outside(error)
        if fault is None:
            raise
        terminal.say(str(fault))
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _Parser(
        prog="python3 run.py",
        description="Understudy: teach a small model a large one's job.",
        formatter_class=lambda prog: argparse.HelpFormatter(
            prog, max_help_position=18
        ),  # the longest command's name fits
    )
    added = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in commands().items():
        common = _common(getattr(module, "SEVERAL_TASKS", False))
        command = added.add_parser(name, help=module.SUMMARY, description=module.SUMMARY, parents=[common])
        module.options(command)
        command.set_defaults(does=module.run)
    return top


def _common(several_tasks: bool) -> argparse.ArgumentParser:
    """The options of every command; of one with `several_tasks` args.task is a list, or None."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--client", type=terminal.client, default="Default", metavar="NAME", help="whose data (default: %(default)s)"
    )
    which = {"metavar": "NAME", "help": "which of the client's tasks, where it has several"}
    if several_tasks:
        which["help"] = (
            "a task of the client, may be given several times (default: all that sort, where students are at work)"
        )
        which["action"] = "append"
    common.add_argument("--task", **which)
    common.add_argument(
        "--as", dest="who", metavar="ADDRESS", help="who does this, for the audit trail (default: this computer's user)"
    )
    common.add_argument("--json", action="store_true", help="one JSON object on stdout, the log on stderr")
    return common


@contextmanager
def _acting(address: str | None) -> Iterator[None]:
    """What is recorded while a command runs was done by this computer's user, in the name of `address` where one is given.

    Whoever can run a command can read and write the workspace's files, and so may do everything; a name is believed, as long as
    somebody of that name is let in. InputError for another.
    """
    if not address:
        yield
        return
    from core import audit, database, people

    with closing(database.connect()) as db:
        if people.find(db, address) is None:
            raise InputError(
                f"{address} is not among the people of this workspace.", "Name one of them, or leave out --as."
            )
    with audit.acting(f"{people.plain_address(address)}, {audit.person()}"):
        yield


def _record(args: argparse.Namespace) -> None:
    """A line in the audit trail for a command that says what deed it is (DEED) and leaves no other."""
    deed = getattr(sys.modules[args.does.__module__], "DEED", "")
    if not deed:
        return
    from core import audit, database

    to = next((getattr(args, name) for name in ("to", "output") if getattr(args, name, None)), "")
    with closing(database.connect()) as db:
        row = db.execute("select id from clients where name = ?", [args.client]).fetchone()
        detail = {"task": args.task, "to": str(to)} if to else {}
        audit.record(db, deed, client_id=row and row[0], what=f"{args.command} (command)", detail=detail)


class _Parser(argparse.ArgumentParser):
    """argparse repeats what it was given, however long that is, and its help may be read by nobody to its end."""

    def error(self, message: str) -> NoReturn:
        super().error(readable(message))

    def _print_message(self, message: str, file: TextIO | None = None) -> None:
        if message:
            (terminal.answer if file is sys.stdout else terminal.say)(message.removesuffix("\n"))


def commands() -> dict[str, ModuleType]:
    """Each module of core/commands that runs something, by its name."""
    names = sorted(modules.name for modules in pkgutil.iter_modules(_commands.__path__))
    modules = {name: importlib.import_module(f"core.commands.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "run")}


if __name__ == "__main__":
    sys.exit(main())
