"""`restore`: a backup put in the place of a workspace, which is kept aside."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "put a backup in the place of a workspace, which is kept aside"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--from", type=Path, dest="backup", required=True, metavar="F.zip", help="the backup")
    command.add_argument("--to", type=Path, metavar="FOLDER", help="the workspace (default: the one in use)")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """What was put back."""
    from dataclasses import asdict

    from core import settings, terminal
    from core.keeping.restore import restore

    home = args.to.expanduser().resolve() if args.to else settings.home()
    put = restore(args.backup, home, terminal.Log())
    text = f"Put back {put.files:,} files, {put.bytes / 1e6:,.1f} MB, of the backup of {put.made[:16].replace('T', ' ')} UTC."
    return asdict(put), f"{text} What was there before is in {put.aside}." if put.aside else text
