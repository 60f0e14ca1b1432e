"""What the command line reads and says: the values of options, each refused in a sentence, and progress as lines."""

from __future__ import annotations

import argparse
import csv
import io
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from core.errors import InputError
from core.words import money

if TYPE_CHECKING:
    pass


_CONTROL = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}, "\ufffd")


def client(value: str) -> str:
    """A client's name."""
    if not value.strip():
        raise argparse.ArgumentTypeError("a client needs a name")
    return value


def names(value: str) -> list[str]:
    """Names between commas; quotes as in CSV."""
    return [name.strip() for name in next(csv.reader([value], skipinitialspace=True), []) if name.strip()]


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number")
    return number


def share(value: str) -> float:
    """A share between 0 and 1."""
    if not 0 < _number(value) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 1; for 95 % write 0.95")
    return float(value)


def part(value: str) -> float:
    """A share from 0 to 1, both of them allowed."""
    if not 0 <= _number(value) <= 1:
        raise argparse.ArgumentTypeError(f"{value} is not from 0 to 1; for 2 % write 0.02")
    return float(value)


def usd(value: str) -> float:
    """US dollars, 0 or more."""
    if _number(value) < 0:
        raise argparse.ArgumentTypeError(f"{value} is less than nothing; give US dollars, such as 5 or 12.50")
    return float(value)


def rates(value: str) -> tuple[float, ...]:
    """The price of tokens in, out and, where given, cached: USD per million."""
    prices = tuple(usd(part) for part in names(value))
    if len(prices) not in (2, 3):
        raise argparse.ArgumentTypeError(f"{value!r} is not IN,OUT or IN,OUT,CACHED in US dollars per million tokens")
    return prices


def count(value: str) -> int:
    """A whole number above 0."""
    if not value.isascii() or not value.isdigit() or not int(value):
        raise argparse.ArgumentTypeError(f"{value} is not a whole number above 0")
    return int(value)


def port(value: str) -> int:
    """A port, 0 (any free one) to 65535."""
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"{value} is not a port; choose one from 1024 to 65535")
    return int(value)


def column_options(command: argparse.ArgumentParser) -> None:
    """Options of a command that reads a file of assets."""
    command.add_argument("--text-columns", type=names, metavar="A,B", help="columns to read (default: guessed)")
    command.add_argument("--id-column", metavar="NAME", help="column of the asset's id")


def student_option(command: argparse.ArgumentParser) -> None:
    """The option of a command that uses a trained student."""
    command.add_argument("--student", default="live", metavar="live|ID", help="which student (default: the live one)")


def removal_options(
    what: argparse._MutuallyExclusiveGroup, command: argparse.ArgumentParser, option: str, of: str, help: str
) -> None:
    """The options of a command that removes what `option` names by its number: it says what goes, and does it with --yes."""
    what.add_argument(option, type=count, metavar=of, help=help)
    command.add_argument("--yes", action="store_true", help="remove it, not only say what goes with it")


def must_exist(file: Path) -> None:
    """InputError where there is no such file."""
    if not file.is_file():
        raise InputError("There is no such file.", "Check the path.", where=str(file))


def print_anything() -> None:
    """Have stdout and stderr replace what the console's encoding lacks (cp1252, ASCII), not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def answer(text: str) -> None:
    """A command's result, to stdout."""
    _print(text, sys.stdout)


def say(line: str) -> None:
    """Anything else, to stderr."""
    _print(line, sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    """What a name holds for the console itself (colours, titles, a line begun anew) is shown, not obeyed. Whoever reads the stream
    may have read enough: nothing fails for that, and a job that somebody watched goes on."""
    try:
        print(text.translate(_CONTROL), file=stream, flush=True)
    except BrokenPipeError:  # Python would complain again when it flushes the stream at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Log:
    """Progress as lines on stderr: each new phase, and every five seconds within one, with its rate and the time left."""

    def __init__(self) -> None:
        self._message, self._reported = None, 0.0

    def __call__(self, done: int, total: int, message: str = "", spent_usd: float = 0.0) -> None:
        now = time.monotonic()
        if message == self._message and now - self._reported < 5:
            return
        if message != self._message:
            self._began, self._first = now, done
        self._message, self._reported = message, now
        spent = f", {money(spent_usd, exact=True)} spent" if spent_usd else ""
        line = f"{message}: {done:,} of {total:,}{self._pace(done, total)}{spent}" if total > 1 else message
        say(line)

    def _pace(self, done: int, total: int) -> str:
        rate = (done - self._first) / max(self._reported - self._began, 1e-9)
        if rate <= 0:
            return ""
        left = max(total - done, 0) / rate
        time_left = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min" if left < 6000 else f"{left / 3600:.0f} h"
        return f", {rate:,.0f} a second, about {time_left} left" if rate >= 2 else f", about {time_left} left"

    def check(self) -> None:
        """Ctrl-C is how a command is stopped."""
