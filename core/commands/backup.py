"""`backup`: the whole workspace as one ZIP, while everything goes on."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "back the whole workspace up, while everything goes on"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--to", type=Path, metavar="F.zip", help="a ZIP, or a folder for it (default: `backups` in the workspace)"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The backup that was made."""
    from dataclasses import asdict

    from core import settings, terminal
    from core.keeping.backup import backup

    made = backup(settings.home(), args.to, terminal.Log())
    text = f"Backed up {made.files:,} files, {made.bytes / 1e6:,.1f} MB, to {made.path}. Keys are not in it."
    return asdict(made), text
