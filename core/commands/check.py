"""`check`: whether the workspace is sound, in words; exit status 2 where it is not."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from core.errors import InputError

SUMMARY = "look whether databases, students and images are sound"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--overwrite", action="store_true", help="then write the database anew, without the bytes of what was deleted"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """What was looked at. InputError with each problem found."""
    from core import settings, terminal
    from core.keeping.check import check
    from core.words import counted

    found = check(settings.home(), terminal.Log())
    said = found.sentences()
    if found.problems:
        for sentence in said:
            terminal.say(sentence)
        raise InputError(
            f"{counted(len(found.problems), 'thing is', 'things are')} not as they were written.",
            "`python3 run.py restore --from F.zip` puts a backup back.",
            where=str(settings.home()),
        )
    if args.overwrite:
        from core import database, removal_files

        said.append(removal_files.overwrite(database.connect()))
    return asdict(found), "\n".join(said)
