"""`worker`: the background worker, run until it is told to end."""

from __future__ import annotations

import argparse

SUMMARY = "run the background worker, or stop it"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--stand-by",
        action="store_true",
        help="where another worker is running, wait and take its place once it is gone",
    )
    command.add_argument("--stop", action="store_true", help="end the running worker instead")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Work until told to end, or end the one that works."""
    from core import jobs
    from core.jobs import worker

    if args.stop:
        jobs.stop_worker()
    else:
        worker.work(args.stand_by)
    return {"worker_alive": jobs.worker_alive()}, "The worker has ended."
