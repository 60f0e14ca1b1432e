"""How a command's tables are read: the options that say so, and what is told of a file that leaves a doubt. No command itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from core import terminal
from core.ingest.problems import NO_HEADER, Doubt, ReadAs


def options(command: argparse.ArgumentParser, *, prefix: str = "", what: str = "the file") -> None:
    """How a table is to be read where what is found out is wrong."""
    command.add_argument(
        f"--{prefix}sheet", metavar="NAME", help=f"sheet of {what} (default: the one that holds a table)"
    )
    command.add_argument(f"--{prefix}encoding", metavar="NAME", help=f"encoding of {what}, such as utf-8 or cp1250")
    command.add_argument(f"--{prefix}delimiter", metavar="C", help=f"what parts the cells of {what}: tab, comma, ; …")
    command.add_argument(
        f"--{prefix}header-row", type=_row, metavar="N|none", help=f"row of {what} with the column names, from 1"
    )


def _row(value: str) -> int:
    return 0 if value == NO_HEADER else terminal.count(value)


def read_as(args: argparse.Namespace, *, prefix: str = "") -> ReadAs:
    """What the options of `options` say."""
    given = {name: getattr(args, prefix + name) for name in ("sheet", "encoding", "delimiter")}
    return ReadAs(**given, header=getattr(args, f"{prefix}header_row"))


def tell_doubts(doubts: Iterable[Doubt], prefix: str = "") -> None:
    """On stderr: what a file leaves open, how it was read, and the option that reads it differently."""
    for doubt in doubts:
        option = f"--{prefix}{'header-row' if doubt.option == 'header' else doubt.option}"
        others = ", ".join(choice for choice in doubt.choices if choice != doubt.chosen)
        print(f"{doubt.what} Read as {doubt.chosen}; for another, {option}: {others}.", file=sys.stderr)
        for line in doubt.lines:
            print(f"  {line}", file=sys.stderr)
