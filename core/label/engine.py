"""Asking a hosted model about every asset that still lacks a label: many calls at once, within the budget, nothing bought twice.

How a run goes. A crew (crew.py) reads assets a page at a time, looks up what the model has said before and asks for the rest, each
call until it is answered (patience.py). One writer (writer.py) commits whatever has arrived meanwhile, in one transaction in a
thread of its own. An answer is handed to it the moment it is read. Killed, a run has lost the calls under way and nothing else.
Where the disk is full it makes no further call, writes what has arrived into the room kept aside (core/room.py) or holds it for a
while, and says what came of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from typing import Any

from sqlite_utils import Database

from core.chance import scattered
from core.jobs import NoProgress
from core.label import labels
from core.label.buying import account, under_way
from core.label.consulting import Consultation
from core.label.crew import Crew
from core.label.disk import Disk
from core.label.patience import patient
from core.label.teachers import Answer, Asset, within
from core.label.teachers.hosted import Hosted
from core.money import ledger

try:
    from uvloop import new_event_loop as EVENT_LOOP  # less work a call; not there on Windows
except ImportError:
    EVENT_LOOP = None  # Python's own

HOLD_S = 60.0  # that paid answers are held for while the disk is full


def label_hosted(
    db: Database,
    run_id: int,
    hosted: Hosted,
    budget_usd: float | None,
    progress: NoProgress | None = None,
    *,
    todo: int,
    limit: int | None = None,
    only: Collection[int] | None = None,
) -> str:
    """Ask for the labels that the run lacks (`todo` of them; with `limit` only those of that many assets, drawn evenly; with
    `only` those of these assets).

    Returns the run's state: "done" or "capped". Raises InputError where the server cannot be used or the run is being labelled
    already, Cancelled or Interrupted as `progress` does; in each case what has arrived is kept.
    """
    with under_way(db, run_id) as ending:
        bought = _Run(run_id, hosted, progress or NoProgress(), todo, limit, only)
        paid_by, disk = account(db, run_id, hosted, budget_usd, limit), Disk.of(db)
        try:
            with asyncio.Runner(loop_factory=EVENT_LOOP) as runner:
                ending.state = "capped" if runner.run(bought.buy(disk, paid_by)) else "done"
        finally:
            disk.close()
    return ending.state


def sampled(db: Database, run_id: int, limit: int) -> list[Asset]:
    """Of `limit` assets spread evenly over the client's (one a duplicate group, always the same), those without a label."""
    return [
        Asset(*row)
        for row in db.execute(
            f"""select id, text from (
                   select a.id, a.text, l.category_id from label_runs run
                   join tasks t on t.id = run.task_id join assets a on a.client_id = t.client_id and a.group_id = a.id
                   left join labels l on l.run_id = run.id and l.asset_id = a.id
                   where run.id = ? order by {scattered("a.id")} limit ?)
               where category_id is null""",
            [run_id, limit],
        )
    ]


class _Run:
    """What a run of labels is to the crew: where its assets come from, what is asked about them, how answers are written and told.
    All but buy() and talks() happens on disk."""

    def __init__(
        self,
        run_id: int,
        hosted: Hosted,
        progress: Any,
        todo: int,
        limit: int | None,
        only: Collection[int] | None,
    ):
        self.run_id, self.hosted, self.progress = run_id, hosted, progress
        self.todo, self.limit, self.only = todo, limit, only
        self.done, self.spent = 0, 0.0

    async def buy(self, disk: Disk, account: ledger.Account) -> bool:
        """Ask for everything; whether the cap was reached."""
        asking = patient(self.hosted, account, disk, HOLD_S, write=self.write, after=self.after, noun="label")
        self.health = asking.health
        try:
            crew = Crew(asking, self.pages, self.talks, lambda: disk(self.tell))
            await crew.run()
        finally:
            await asking.buyer.close()
        return crew.capped

    def pages(self, db: Database) -> Iterator[list[Asset]]:
        """The assets to be asked about."""
        db.conn.execute("PRAGMA synchronous = NORMAL")  # loses nothing to a killed process, only to a power cut
        self.spent = ledger.spent(db, self.run_id)
        if self.limit is not None:
            return iter([sampled(db, self.run_id, self.limit)])
        return within(self.hosted.pending(db, self.run_id), self.only)

    def talks(self, page: list[Asset]) -> list[tuple[None, Consultation]]:
        """The questions about a page of assets."""
        return [(None, Consultation(self.hosted, *asked)) for asked in self.hosted.asking.requests(page)]

    def write(self, db: Database, answers: list[tuple[None, Answer]]) -> None:
        """Labels, in the writer's transaction."""
        labels.write(db, self.run_id, [answer for _, answer in answers])

    def after(self, db: Database, answers: list) -> None:
        """Report what is written, which may say that it is time to stop."""
        self.done += len(answers)
        if answers:
            self.spent = ledger.spent(db, self.run_id)
            self.tell(db)

    def tell(self, db: Database) -> None:
        """Report how far it is, what it has cost, and what it waits for."""
        message = self.health.waiting or f"Labelling with {self.hosted.connection.name}"
        self.progress(self.done, self.todo, message, self.spent)
