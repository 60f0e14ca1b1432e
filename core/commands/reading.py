"""How a command's tables are read: the options that say so, what is told of doubts and of problems. No command itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError, Problem
from core.tables.problems import NO_HEADER, Doubt, ReadAs
from core.whole import whole

if TYPE_CHECKING:
    from core.assets.label_columns import Unknown
    from core.assets.previews import Preview

SHOWN = 10  # problems, and label values, that are printed
TAXONOMY_COLUMNS = {
    "name": "category names",
    "parent": "the category above",
    "description": "what belongs in a category",
    "examples": "examples",
    "key": "the category's code",
    "level": "how deep a row stands: Tier 1, Tier 2 …",
    "facet": "the question that a category answers: each becomes a task",
    "pick": "how many of its categories an asset has: one or several",
}


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


def name_option(command: argparse.ArgumentParser) -> None:
    """Names that carry facets."""
    command.add_argument(
        "--names",
        metavar="COLUMN",
        help="column of names that carry facets (brand_product_format, or format:UGC - market:DE): each part becomes a column",
    )


def _row(value: str) -> int:
    return 0 if value == NO_HEADER else terminal.count(value)


def read_as(args: argparse.Namespace, *, prefix: str = "") -> ReadAs:
    """What the options of `options` say."""
    options = {name: getattr(args, prefix + name) for name in ("sheet", "encoding", "delimiter")}
    names = None if prefix else getattr(args, "names", None)
    return ReadAs(**options, header=getattr(args, f"{prefix}header_row"), names=names)


def tell_doubts(doubts: Iterable[Doubt], prefix: str = "") -> None:
    """On stderr: what a file leaves open, how it was read, and the option that reads it differently."""
    for doubt in doubts:
        option = f"--{prefix}{'header-row' if doubt.option == 'header' else doubt.option}"
        others = ", ".join(choice for choice in doubt.choices if choice != doubt.chosen)
        terminal.say(f"{doubt.what} Read as {doubt.chosen}; for another, {option}: {others}.")
        for line in doubt.lines:
            terminal.say(f"  {line}")


def tell_assets(seen: Preview) -> None:
    """On stderr: what a file of assets leaves open, and what its names say that are taken apart."""
    tell_doubts(doubt for doubt in seen.doubts if doubt.option != "names" or seen.names is None)
    if seen.names:
        terminal.say(seen.names.sentence)
        for part in seen.names.parts:
            commonest = ", ".join(f"{value} ({n:,})" for value, n in part.commonest)
            terminal.say(
                f"  {part.column}: {part.values:,} values: {commonest}{' …' if part.values > len(part.commonest) else ''}"
            )


def taxonomy_options(command: argparse.ArgumentParser) -> None:
    """Which column of a taxonomy file holds what."""
    for role, what in TAXONOMY_COLUMNS.items():
        command.add_argument(
            f"--{role}-column",
            metavar="NAME",
            help=f"taxonomy: column of {what} (default: guessed; none: there is none)",
        )
    command.add_argument(
        "--tier-columns", type=terminal.names, metavar="A,B", help="taxonomy: a column for each level, top level first"
    )


def taxonomy_columns(args: argparse.Namespace) -> dict:
    """What the options of `taxonomy_options` say: role to column, only those that were given."""
    columns = {role: getattr(args, f"{role}_column") for role in TAXONOMY_COLUMNS}
    return {role: None if column == "none" else column for role, column in columns.items() if column} | (
        {"tiers": args.tier_columns} if args.tier_columns else {}
    )


def label_options(command: argparse.ArgumentParser) -> None:
    """What becomes of labels that are no category."""
    command.add_argument(
        "--accept-near", action="store_true", help="take labels that are near to one category only (Disney for Disney+)"
    )
    command.add_argument(
        "--labels-map",
        type=Path,
        metavar="FILE",
        help="what label values mean that are no category: value,category a row",
    )


def labels_map(args: argparse.Namespace) -> dict[str, str]:
    """What --labels-map says, value to label. Raises InputError."""
    from core.assets.label_columns import read_map

    if args.labels_map is None:
        return {}
    terminal.must_exist(args.labels_map)
    return read_map(args.labels_map)


def unknown_lines(unknown: Sequence[Unknown]) -> list[str]:
    """The label values that are no category as lines, the commonest first, and how to settle them."""
    if not unknown:
        return []
    more = [f"  and {len(unknown) - SHOWN:,} more values"] if len(unknown) > SHOWN else []
    near = any(len(one.near) == 1 for one in unknown)
    settle = (
        "--accept-near takes what is near, --labels-map FILE what you say"
        if near
        else "--labels-map FILE says what they mean"
    )
    return [f"  {one.sentence}" for one in unknown[:SHOWN]] + [*more, f"  {settle}"]


def problem_option(command: argparse.ArgumentParser) -> None:
    """Where all problems go."""
    command.add_argument(
        "--problems", type=Path, metavar="FILE", help="write all problems of the files read, row by row, to this CSV"
    )


def problem_lines(problems: Sequence[Problem], count: int | None = None, *, of: str = "") -> list[str]:
    """The first problems of a file as lines, and how many more there are, then its first remarks; `count` where more problems were
    found than kept."""
    wrong, remarks = ([p for p in problems if p.remark == remark] for remark in (False, True))
    lines = [
        f"  {of}row {p.row if p.row is not None else '–'}{f', {p.column}' if p.column else ''}: {p.what} {p.todo}"
        for p in wrong[:SHOWN]
    ]
    more = (count if count is not None else len(wrong)) - len(lines)
    lines += [f"  {of}and {more:,} more problems; --problems FILE writes them all"] if more > 0 else []
    lines += [
        f"  {of}remark{f', row {p.row}' if p.row is not None else ''}: {p.what} {p.todo}" for p in remarks[:SHOWN]
    ]
    more = len(remarks) - SHOWN
    return lines + ([f"  {of}and {more:,} more remarks; --problems FILE writes them all"] if more > 0 else [])


def write_problems(path: Path | None, files: Iterable[tuple[str, Sequence[Problem]]]) -> None:
    """The problems of some files (name, problems) as one CSV, whole or not at all. Raises InputError where it cannot be written."""
    from core.escape import Cells

    if path is None:
        return
    try:
        with whole(path) as aside, aside.open("w", newline="", encoding="utf-8-sig") as out:
            table = Cells(out)
            table.row("file", "row", "column", "what", "todo", "kind")
            for name, problems in files:
                for p in problems:
                    table.row(name, p.row, p.column, p.what, p.todo, p.kind)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}).", "Choose another file.") from error
