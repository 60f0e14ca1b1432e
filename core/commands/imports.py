"""`imports`: list a client's imports, bring in images or a log of a large model's calls, undo an import, delete assets."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.commands import reading
from core.errors import InputError

if TYPE_CHECKING:
    from sqlite_utils import Database

SUMMARY = "list imports, bring in images or a log of calls, undo an import, delete assets"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--log",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a log of a large model's calls, of a batch the files of requests and of results: assets and labels",
    )
    what.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER|ZIP",
        help="images as assets: their words are read, and what a table among them says of each is taken with it",
    )
    what.add_argument(
        "--read-again",
        action="store_true",
        help="read the images that were brought in without a reader of words, or with an older one",
    )
    terminal.removal_options(what, command, "--undo", "N", "say what goes with this import; with --yes, undo it")
    what.add_argument(
        "--delete-assets",
        type=terminal.names,
        metavar="ID,ID",
        help="say what goes with these assets; with --yes, delete them",
    )
    command.add_argument(
        "--rows",
        type=Path,
        metavar="FILE",
        help="with --images: the table whose rows name the images; without it, one with a column of paths to them, from its folder",
    )
    command.add_argument(
        "--image-column",
        metavar="NAME",
        help="of --rows: column that names the images (default with --images: found), or holds their paths",
    )
    command.add_argument("--label-column", metavar="NAME", help="of --rows: column with labels (default: guessed)")
    reading.label_options(command)
    reading.problem_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The client's imports; or what goes with one, or with assets, after removing them with --yes."""
    from core import database, removal, tasks

    db = database.connect()
    if args.images or args.rows:
        return _images(db, args)
    client_id = tasks.client_named(db, args.client)
    if args.log:
        return _log(db, args)
    if args.read_again:
        return _read_again(db, args)
    if args.undo is not None:
        do = removal.undo_import if args.yes else removal.of_import
        return removal.answer(do(db, client_id, args.undo), args.yes)
    if args.delete_assets:
        do = removal.remove_assets if args.yes else removal.of_assets
        return removal.answer(do(db, client_id, args.delete_assets), args.yes)
    rows = removal.imports(db, client_id)
    lines = [
        f"{row['id']:>5}  {row['created'][:16]}  {row['filename']:<40} {row['rows']:>9,} rows, {row['assets']:,} of its assets now"
        for row in rows
    ]
    return {"client": args.client, "imports": rows}, "\n".join(lines) or "Nothing was imported yet."


def _log(db: Database, args: argparse.Namespace) -> tuple[dict, str]:
    """What a log brought. InputError as logs.import_log() raises it."""
    from core import jobs, tasks
    from core.assets import imports, profiles
    from core.assets.label_columns import nearest
    from core.words import counted

    task = tasks.named(db, args.client, args.task)
    params = {"task_id": task.id, "paths": [str(path) for path in args.log], "accepted": reading.labels_map(args)}
    told = jobs.run_here(db, "import_log", params, task, terminal.Log()).result
    near = nearest(imports.unknown_labels(db, told["import_id"])) if args.accept_near else {}
    if near:
        told = jobs.run_here(db, "import_log", params | {"accepted": near | params["accepted"]}, task).result
    problems = profiles.problems_of(db, told["import_id"])
    reading.write_problems(args.problems, [(args.log[0].name, problems)])
    new = f"{counted(told['imported'], 'new asset')} and {told['unchanged']:,} there already"
    lines = [
        f"This is {told['kind']}: {new} of {counted(told['rows'], 'row')}, {counted(told['problems'], 'problem')}."
    ]
    lines += [f"{name}: {counted(labels, 'label')}" for name, labels in told["teachers"].items()]
    lines += reading.problem_lines(problems) + reading.unknown_lines(imports.unknown_labels(db, told["import_id"]))
    return told, "\n".join(lines)


def _read_again(db: Database, args: argparse.Namespace) -> tuple[dict, str]:
    """What reading images again brought. InputError as image_texts.read_again_job() raises it."""
    from core import jobs, tasks
    from core.words import counted

    task = tasks.of_client(db, tasks.client_named(db, args.client))[0]
    told = jobs.run_here(db, "read_images", {"task_id": task.id}, task, terminal.Log()).result
    line = f"{counted(told['read'], 'image')} read, {counted(told['changed'], 'asset')} with another text now"
    return told, line + (f", {told['unreadable']:,} could not be read." if told["unreadable"] else ".")


def _images(db: Database, args: argparse.Namespace) -> tuple[dict, str]:
    """What a folder or ZIP of images brought. InputError as image_import.import_images() raises it."""
    from core import jobs, tasks
    from core.assets import imports, profiles
    from core.assets.label_columns import nearest
    from core.words import counted

    if args.rows:
        terminal.must_exist(args.rows)
    if not args.images and not args.image_column:
        raise InputError(
            "Neither --images nor a column of paths is named.", "Name the folder, or with --image-column the column."
        )
    task = tasks.of(db, args.client, args.task)  # made if new: images may be the first that there is of a client
    params = {
        "task_id": task.id,
        "path": args.images and str(args.images.resolve()),
        "rows": args.rows and str(args.rows.resolve()),
        "image_column": args.image_column,
        "label": args.label_column,
        "accepted": reading.labels_map(args),
    }
    told = jobs.run_here(db, "import_images", params, task, terminal.Log()).result
    near = nearest(imports.unknown_labels(db, told["import_id"])) if args.accept_near else {}
    if near:
        told = jobs.run_here(db, "import_images", params | {"accepted": near | params["accepted"]}, task).result
    problems = profiles.problems_of(db, told["import_id"])
    reading.write_problems(args.problems, [((args.images or args.rows).name, problems)])
    lines = [
        f"{counted(told['imported'], 'new asset')} and {told['unchanged']:,} there already of {counted(told['rows'], 'row')}, "
        f"{counted(told['duplicates'], 'copy', 'copies')} of another, {counted(told['problems'], 'problem')}, "
        f"{counted(told['labels'], 'label')}."
    ]
    lines += reading.problem_lines(problems, told["problems"])
    return told, "\n".join(lines + reading.unknown_lines(imports.unknown_labels(db, told["import_id"])))
