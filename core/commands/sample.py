"""`sample`: made-up sample data of any size."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import terminal
from core.errors import InputError

SUMMARY = "write made-up sample data"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--rows", type=terminal.count, default=2000, metavar="N", help="assets to make (default: %(default)s)"
    )
    what.add_argument(
        "--pairs", type=terminal.count, metavar="N", help="instead, briefs with approved copy and their voice guide"
    )
    command.add_argument(
        "--facets",
        type=terminal.count,
        metavar="N",
        help="give each asset labels of so many facets, 4 at most: topic, format, …",
    )
    command.add_argument(
        "--images",
        action="store_true",
        help="draw the assets as images, with a table that names them and their labels; with --facets 2 of 20 categories, and the "
        "funnel stage as the second facet",
    )
    command.add_argument("--to", type=Path, metavar="FOLDER", help="where to (default: sample-N in the workspace)")
    command.add_argument("--seed", type=int, default=7, metavar="N", help="another seed, other data (default: 7)")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Made-up sample data of any size."""
    from core import settings
    from core.assets import sample as assets
    from core.assets import sample_facets, sample_images, sample_pictured
    from core.write import sample as pairs

    if args.pairs and args.facets:
        raise InputError("Facets are of assets, and --pairs makes briefs with copy.", "Leave out --facets or --pairs.")
    if args.images and (args.pairs or args.facets not in (None, 2)):
        raise InputError(
            "Images are drawn of assets with one label, or two.", "Leave out --pairs, or ask for --facets 2."
        )
    count = args.pairs or args.rows
    what = "pairs-" if args.pairs else f"{args.facets}-facets-" if args.facets else ""
    what = f"images-{what}" if args.images else what
    folder = args.to or settings.home() / f"sample-{what}{count}"
    try:
        if args.images and args.facets:
            first, second = sample_pictured.write(folder, count, args.seed)
        elif args.facets:
            first, second = sample_facets.write(folder, count, args.seed, args.facets)
        elif args.images:
            first, second = sample_images.write(folder, count, args.seed)
        else:
            first, second = (pairs if args.pairs else assets).write(folder, count, args.seed)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}).", "Choose another folder.") from error
    if args.pairs:
        result = {"rows": count, "pairs": str(first), "guide": str(second)}
        return result, f"{count:,} made-up briefs with copy in {first}\ntheir voice guide in {second}"
    result = {"rows": count, "taxonomy": str(first), "assets": str(second)}
    if args.facets:
        result["facets"] = (
            [sample_facets.TOPIC, sample_facets.STAGE] if args.images else list(sample_facets.FACETS[: args.facets])
        )
    return result, f"{count:,} made-up assets in {second}\ntheir taxonomy in {first}"
