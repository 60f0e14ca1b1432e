"""`jobs`: the newest jobs of all clients; cancel or resume one."""

from __future__ import annotations

import argparse

SUMMARY = "list, cancel or resume jobs"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--cancel", type=int, metavar="ID", help="ask a job to stop")
    what.add_argument("--resume", type=int, metavar="ID", help="carry on a cancelled, failed or interrupted job")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The newest jobs of all clients, after cancelling or resuming one where asked."""
    from core import database, jobs

    db = database.connect()
    if args.cancel is not None:
        jobs.cancel(db, args.cancel)
    if args.resume is not None:
        jobs.resume(db, args.resume)
        jobs.start_worker()
    clients = {row["id"]: row["name"] for row in db.query("select id, name from clients")}
    rows = [
        {
            "id": job.id,
            "client": clients.get(job.client_id),
            "kind": job.kind,
            "state": "cancelling" if job.state == "running" and job.cancel_asked else job.state,
            "done": job.done,
            "total": job.total,
            "message": job.message,
            "seconds_left": job.seconds_left,
            "spent_usd": job.spent_usd,
            "error": job.error,
            "created": job.created,
        }
        for job in jobs.recent(db)
    ]
    lines = [
        f"{row['id']:>5}  {row['state']:<12} {row['kind']:<14} {row['client'] or '':<20} {_state_text(row)}".rstrip()
        for row in rows
    ]
    return {"jobs": rows, "worker_alive": jobs.worker_alive()}, "\n".join(lines) or "There are no jobs yet."


def _state_text(row: dict) -> str:
    if row["state"] == "done":
        return ""
    return row["error"] or f"{row['message']} {row['done']:,}/{row['total']:,}"
