"""`rescue`: a workspace of an earlier version as files, to be imported into a new one."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write what a workspace of an earlier version holds as files"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a new folder for the files")
    command.add_argument(
        "--from", type=Path, dest="workspace", metavar="FOLDER", help="the workspace (default: the one in use)"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Taxonomy, assets and labels of every client there, as files."""
    from core import rescue, settings

    clients = rescue.files_of(args.workspace or settings.home(), args.to)
    lines = [
        f"{client['client']}: {client['assets']:,} assets in {client['folder']}; labels: {', '.join(client['labels']) or 'none'}"
        for client in clients
    ]
    return {"clients": clients}, "\n".join(lines) or "There is no client in it."
