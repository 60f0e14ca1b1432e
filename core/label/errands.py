"""Much that is bought outside any run, side by side and within a cap: what a teacher says of texts, or what a model writes.

    with errand(db, client_id, hosted, run_id, owner, cap_usd) as asked:
        answers = asked.ask(texts, report)
    with errand(db, client_id, joint, None, owner, cap_usd) as asked:
        answers = asked.ask_facets([(text, (0, 2))], runs, report)   # what each text is asked about, in one call
    with errand(db, client_id, model.find(db, client_id, spec), None, owner, cap_usd, ledger.WRITTEN) as asked:
        drafts = asked.write({name: Request(system, (("user", text),), schema, max_tokens_out=600)}, report)

Each call stands in the ledger under `owner`, whose calls together never cost more than the cap, however often the errand is run
again; replies are kept as they arrive. So what is asked again, after a kill too, is answered from disk, as is
what the run `run_id` (the same teacher asked the same way) holds a label of. Failures are not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlite_utils import Database

from core.label import known, labels
from core.label.buying import held, must_be_capped, outside
from core.label.consulting import Consultation, Writing, Written
from core.label.crew import Crew, Talk
from core.label.disk import Disk
from core.label.model import Model
from core.label.patience import patient
from core.label.teachers import Answer, Asset
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint
from core.label.writer import ENDING_S
from core.money import ledger
from core.wires.wire import Request

PAGE = 500  # texts looked up at once

Report = Callable[[int], None]  # how many texts are done; raises to stop
Check = Callable[[str], str | None]
Name = TypeVar("Name", bound=Hashable)
Heard = Callable[[Database, "list[tuple[Hashable, Answer]]"], None]
Arrived = Callable[[Database, "list[tuple[Any, Written]]"], None]


@contextmanager
def errand(
    db: Database,
    client_id: int,
    model: Model,
    run_id: int | None,
    owner: str,
    cap_usd: float | None,
    purpose: str = ledger.SENT,
) -> Iterator[Errand]:
    """An Errand of `owner`, for this process alone.

    InputError where it is under way already, the model has no price, or costs money and there is no cap, the key is not where it
    should be, or the disk is all but full.
    """
    must_be_capped(model, cap_usd, "the teacher")
    with held(owner, "These answers"), ledger.owned(db, client_id, owner):
        asked = Errand(Disk.of(db), model, run_id, outside(model, client_id, owner, cap_usd, purpose))
        try:
            yield asked
        finally:
            asked.close()


class Errand:
    """See the module. `capped` once the cap allows no further call; what is kept is answered all the same."""

    def __init__(self, disk: Disk, model: Model, run_id: int | None, account: ledger.Account):
        self.model, self.run_id, self.account, self.capped = model, run_id, account, False
        self._runner, self._disk, self._answers = asyncio.Runner(), disk, {}
        self._arrived: Arrived | Heard | None = None
        self._named: Callable[[Any, Any], Any] = _by_name
        self._asking = patient(model, account, disk, ENDING_S, write=self._writing, after=self._written)

    def ask(self, texts: Sequence[str], report: Report, arrived: Heard | None = None) -> dict[Hashable, Answer]:
        """What is said of each text, by what the model takes for the same (Hosted.same: the text, with its image's hash where it
        looks at one); one that the cap leaves no money for is missing. `arrived` as in write(), with (that, Answer) of what the
        run did not hold. Raises as write()."""
        self._arrived = arrived
        model: Hosted = self.model
        asked = {model.same(text): text for text in texts}

        def pages(db: Database) -> Iterator[list[Hashable]]:
            client_id, run_id, looks = self.account.client_id, self.run_id, model.looks
            for page in _pages(asked):
                known = {name: labels.of_text(db, client_id, run_id, asked[name], looks) for name in page}
                self._answers |= {name: answer for name, answer in known.items() if answer}
                if lacking := [name for name in page if not known[name]]:
                    yield lacking

        def talk(name: Hashable) -> Consultation:
            ((assets, request),) = model.asking.requests([Asset(0, asked[name])])
            return Consultation(model, assets, request)

        return self._run(pages, talk, report)

    def ask_facets(
        self, wanted: Iterable[tuple[str, Sequence[int]]], runs: Sequence[int | None], report: Report
    ) -> dict[tuple[Hashable, int], Answer]:
        """What is said of each text in the facets `wanted` of it (their places in the errand's Joint teacher), by what that takes
        for the same, as ask(), and place: what is known of a facet is not asked for, the rest of a text in one call; missing as
        there. `runs`: each facet's label run. `report` hears of facets that are done. Raises as write()."""
        self._arrived = None
        joint: Joint = self.model
        asked = [known.Asked(task, teacher, run) for (task, teacher), run in zip(joint.of, runs)]
        texts: dict[Hashable, str] = {}
        facets: dict[Hashable, set[int]] = {}
        for text, places in wanted:
            facets.setdefault(joint.same(text), set()).update(places)
            texts.setdefault(joint.same(text), text)

        def pages(db: Database) -> Iterator[list[tuple[Hashable, tuple[int, ...]]]]:
            for page in _pages(facets):
                lacking = []
                for name in page:
                    places = sorted(facets[name])
                    there = known.answers(db, [asked[place] for place in places], texts[name])
                    self._answers |= {(name, places[at]): answer for at, answer in there.items()}
                    if left := tuple(place for at, place in enumerate(places) if at not in there):
                        lacking.append((name, left))
                if lacking:
                    yield lacking

        def talk(name: tuple[Hashable, tuple[int, ...]]) -> Consultation:
            ((assets, request),) = joint.asking.requests([joint.about(texts[name[0]], name[1])])
            return Consultation(joint, assets, request)

        self._named = lambda name, answer: (name[0], answer.facet)
        return self._run(pages, talk, report)

    def write(
        self,
        asked: Mapping[Name, Request],
        report: Report,
        check: Check | None = None,
        arrived: Arrived | None = None,
    ) -> dict[Name, Written]:
        """What the model writes in reply to each request, under its name; one that the cap leaves no money for is missing.

        `check(text)` says what makes a text useless, None where nothing does; only what is sound is kept. `arrived(db, them)` puts
        (name, Written) into the database as they come, within the transaction that settles their calls: either both are on disk
        or neither is. Raises InputError where going on makes no sense, and whatever `report` raises, once the calls under way are
        over: what they bring is kept.
        """
        self._arrived = arrived
        return self._run(lambda db: _pages(asked), lambda name: Writing(asked[name], check), report)

    @property
    def waiting(self) -> str:
        """For what it waits, in words for people; "" where it does not."""
        return self._asking.health.waiting

    def close(self) -> None:
        """Let go of connections and disk."""
        try:
            self._runner.run(self._asking.buyer.close())
        finally:
            self._runner.close()
            self._disk.close()

    def _writing(self, db: Database, answers: list[tuple[Any, Any]]) -> None:
        if self._arrived and answers:
            self._arrived(db, answers)

    def _written(self, db: Database, answers: list[tuple[Any, Any]]) -> None:
        self._answers |= {self._named(name, answer): answer for name, answer in answers}

    def _run(self, pages: Callable[[Database], Iterator[list]], talk: Callable[[Any], Talk], report: Report) -> dict:
        async def tell() -> None:
            report(len(self._answers))

        async def run() -> dict:
            self._answers = {}
            talks = lambda names: [(name, talk(name)) for name in names]  # noqa: E731
            crew = Crew(self._asking, pages, talks, tell, ahead=False, thorough=True)
            await crew.run()
            self.capped |= crew.capped
            return self._answers

        answers = self._runner.run(run())
        report(len(answers))
        return answers


def _by_name(name: Any, answer: Any) -> Any:
    return name


def _pages(names: Sequence | Mapping) -> Iterator[list]:
    every = list(names)
    return iter([every[start : start + PAGE] for start in range(0, len(every), PAGE)])
