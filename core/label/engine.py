"""Asking a hosted model about every asset that still lacks a label: many calls at once, within the budget, nothing bought twice.

How a run goes. A crew (crew.py) reads assets a page at a time, looks up what the model has said before and asks for the rest, each
call until it is answered (patience.py). One writer (writer.py) commits whatever has arrived meanwhile, in one transaction in a
thread of its own. An answer is handed to it the moment it is read. Killed, a run has lost the calls under way and nothing else.
Where the disk is full it makes no further call, writes what has arrived into the room kept aside (core/room.py) or holds it for a
while, and says what came of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlite_utils import Database

from core.chance import scattered
from core.jobs import NoProgress
from core.label.buying import account, under_way
from core.label.consulting import Consultation
from core.label.crew import Crew
from core.label.disk import Disk
from core.label.patience import patient
from core.label.teachers import Answer, Asset, within
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint
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
    `only` those of these assets). Facets asked about together are labelled into the runs of their Joint teacher, of which `run_id`
    is the first.

    Returns the run's state: "done" or "capped". Raises InputError where the server cannot be used or the run is being labelled
    already, Cancelled or Interrupted as `progress` does; in each case what has arrived is kept.
    """
    runs = hosted.runs or (run_id,)
    with under_way(db, *runs) as ending:
        kind = _JointRun if isinstance(hosted, Joint) else _Run
        bought = kind(runs, hosted, progress or NoProgress(), todo, limit, only)
        paid_by, disk = account(db, runs, hosted, budget_usd, limit), Disk.of(db)
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
        runs: Sequence[int],
        hosted: Hosted,
        progress: Any,
        todo: int,
        limit: int | None,
        only: Collection[int] | None,
    ):
        self.runs, self.hosted, self.progress = tuple(runs), hosted, progress
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
        self.spent = ledger.spent(db, *self.runs)
        if self.limit is not None:
            return iter([self.sampled(db)])
        return within(self.hosted.pending(db, self.runs[0]), self.only)

    def sampled(self, db: Database) -> list[Asset]:
        """The assets of a dry run."""
        return self.hosted.seen(db, sampled(db, self.runs[0], self.limit))

    def talks(self, page: list[Asset]) -> list[tuple[Any, Consultation]]:
        """The questions about a page of assets."""
        asked = [Consultation(self.hosted, *one) for one in self.hosted.asking.requests(page)]
        return [(talk.request.facets, talk) for talk in asked]

    def write(self, db: Database, answers: list[tuple[Any, Answer]]) -> None:
        """Labels, in the writer's transaction."""
        self.hosted.write(db, self.runs[0], answers)

    def after(self, db: Database, answers: list) -> None:
        """Report what is written, which may say that it is time to stop."""
        self.done += len(answers)
        if answers:
            self.spent = ledger.spent(db, *self.runs)
            self.tell(db)

    def tell(self, db: Database) -> None:
        """Report how far it is, what it has cost, and what it waits for."""
        message = self.health.waiting or f"Labelling with {self.hosted.connection.name}"
        self.progress(self.done, self.todo, message, self.spent)


class _JointRun(_Run):
    """The runs of facets that are asked about together; an asset is done when each of its facets is."""

    def __init__(self, *of: Any):
        super().__init__(*of)
        self.left: Counter = Counter()  # labels that are still to come, by asset

    def sampled(self, db: Database) -> list[Asset]:
        return self.hosted.sampled(db, self.limit)

    def talks(self, page: list[Asset]) -> list[tuple[Any, Consultation]]:
        self.left.update({asset.id: len(asset.facets) for asset in page})
        return super().talks(page)

    def after(self, db: Database, answers: list) -> None:
        self.left.subtract(answer.asset_id for _, answer in answers)
        whole = {answer.asset_id for _, answer in answers if self.left[answer.asset_id] <= 0}
        for asset in whole:
            del self.left[asset]
        self.done += len(whole) - len(answers)  # as there, where each answer is an asset's last
        super().after(db, answers)
