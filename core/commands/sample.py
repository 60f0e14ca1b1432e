"""`sample`: synthetic sample data of any size."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import terminal
from core.errors import InputError

SUMMARY = "write made-up sample data"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--rows", type=terminal.count, default=2000, metavar="N", help="assets to make (default: %(default)s)"
    )
    command.add_argument("--to", type=Path, metavar="FOLDER", help="where to (default: sample-N in the workspace)")
    command.add_argument("--seed", type=int, default=7, metavar="N", help="another seed, other assets (default: 7)")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Synthetic sample data of any size."""
    from core import settings
    from core.assets import sample as samples

    folder = args.to or settings.home() / f"sample-{args.rows}"
    try:
        taxonomy, assets = samples.write(folder, args.rows, args.seed)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}).", "Choose another folder.") from error
    result = {"rows": args.rows, "taxonomy": str(taxonomy), "assets": str(assets)}
    return result, f"{args.rows:,} made-up assets in {assets}\ntheir taxonomy in {taxonomy}"
