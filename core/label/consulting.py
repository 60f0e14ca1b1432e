"""What a model is consulted about and what comes of it: the categories of assets, of one facet or several, with votes and a repair
turn (Consultation), or a text as it was written (Writing).

Neither knows how a call is made or paid: `ask(request, vote)` gives a reply and what it cost, or raises Failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.label.asking import Answered, Question, Slot, merged
from core.label.replies import CUT_OFF, EMPTY, REFUSED, USED_UP
from core.label.teachers import Answer, Asset
from core.label.teachers.hosted import Hosted
from core.money import ledger
from core.wires.wire import Reply, Request

Ask = Callable[[Request, int], Awaitable[tuple[Reply, float | None]]]
Keep = Callable[[int, Reply], None]  # the reply to a vote
KeepPart = Callable[
    [bytes, Reply], None
]  # what a reply says of one of several facets, under the key of that facet's question


class Failed(Exception):
    """This call brings nothing, however often it is made now; `passing`: it may bring something later."""

    def __init__(self, words: str, passing: bool):
        super().__init__(words)
        self.passing = passing


@dataclass
class Bill:
    """What one answer took so far: its share of the calls made for it. `cost_usd` is None where that is not known."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost_usd: float | None = 0.0
    latency_ms: float | None = None

    def add(self, reply: Reply, usd: float | None, answers: int, place: int = 0) -> None:
        """A call's reply with so many answers, of which this is the one at `place`: whole tokens, which come to those of the call;
        `usd` is this one's share of what it cost."""
        for name in ("tokens_in", "tokens_out", "tokens_cached"):
            share, left = divmod(getattr(reply, name) or 0, answers)
            setattr(self, name, getattr(self, name) + share + (place < left))
        self.cost_usd = None if usd is None or self.cost_usd is None else self.cost_usd + usd
        self.latency_ms = reply.latency_ms

    def took(self) -> dict[str, Any]:
        """The fields of an Answer, or of what was Written, that say what it took."""
        whole = {name: getattr(self, name) for name in ("tokens_in", "tokens_out", "tokens_cached")}
        return whole | {"cost_usd": self.cost_usd, "latency_ms": self.latency_ms}


def answer(answered: Answered, bill: Bill) -> Answer:
    """What was said of an asset, with what it took, as a label is written."""
    fields = {name: value for name, value in vars(answered).items() if name != "problem"}
    return Answer(error=answered.problem, **fields, **bill.took())


class Consultation:
    """What is said of the assets of one request, vote by vote, and what that took. `votes` has all that is said, by slot:
    an asset's in each facet."""

    def __init__(self, hosted: Hosted, assets: Sequence[Asset], request: Question):
        self.hosted, self.assets, self.request = hosted, list(assets), request
        votes = range(max(hosted.connection.params.votes, 1))
        self.requests = [replace(request, sample=vote) if vote else request for vote in votes]  # one a vote
        self.bills = {slot: Bill() for slot in request.slots(assets)}
        self.votes: dict[Slot, list[Answered]] = {slot: [] for slot in self.bills}

    @property
    def size(self) -> int:
        """How many assets it is about."""
        return len(self.assets)

    def anew(self) -> Consultation:
        """The same, with nothing said."""
        return Consultation(self.hosted, self.assets, self.request)

    def problem(self, request: Question, reply: Reply) -> str | None:
        """Why a reply cannot be kept: what is wrong with the first of its answers that has something wrong."""
        answered = self.hosted.asking.read(self.assets, request, reply)
        return next((one.problem for one in answered if one.problem), None)

    async def run(
        self,
        ask: Ask,
        keep: Keep,
        bought: dict[int, Reply],
        early: Callable[[list[Answer]], None] | None = None,
        keep_part: KeepPart | None = None,
    ) -> None:
        """Ask for all votes, as far as they are not `bought`.

        `keep` gets each reply that can be used whole, `keep_part` what one says of each facet where they are several and outside
        runs; `early` the answers of assets that need not wait for others' repair turn.
        """
        for vote, request in enumerate(self.requests):
            reply, usd = (bought[vote], 0.0) if vote in bought else await ask(request, vote)
            answered = self.read(request, reply, usd)
            if vote not in bought:
                self._keep_parts(vote, answered, reply, keep_part)
            again = self.repair(request, reply, answered)
            if again is None and not any(one.problem for one in answered):
                if vote not in bought:
                    keep(vote, reply)
            elif again is not None:
                if early and len(self.requests) == 1:
                    answered = self._let_go(answered, early)
                answered = await self._repaired(again, reply, answered, vote, ask, keep, keep_part)
            if self.vote(answered):
                break

    def _let_go(self, answered: list[Answered], early: Callable[[list[Answer]], None]) -> list[Answered]:
        """Sound ones do not wait for the others' repair; those that do."""
        sound = [one for one in answered if not one.problem]
        if sound:
            early([answer(one, self.bills[one.slot]) for one in sound])
            for sound_one in sound:
                del self.votes[sound_one.slot]
        return [one for one in answered if one.problem]

    def _keep_parts(self, vote: int, answered: list[Answered], reply: Reply, keep_part: KeepPart | None) -> None:
        for key, part in self.hosted.parts(self.requests[vote], answered, reply) if keep_part else ():
            keep_part(key, part)

    async def _repaired(
        self,
        again: Question,
        first: Reply,
        answered: list[Answered],
        vote: int,
        ask: Ask,
        keep: Keep,
        keep_part: KeepPart | None,
    ) -> list[Answered]:
        try:
            reply, usd = await ask(again, vote)
        except Failed:
            return answered
        second = self.read(again, reply, usd, [one.slot for one in answered if one.problem])
        self._keep_parts(vote, second, reply, keep_part)
        whole = self.requests[vote].whole(first, again, reply)
        if whole is not None and not any(one.problem for one in second):
            keep(vote, whole)
        return merged(answered, second)

    def read(
        self, request: Question, reply: Reply, usd: float | None, of: Sequence[Slot] | None = None
    ) -> list[Answered]:
        """What a reply says, its cost (None: not known) shared out over all slots, or those in `of`."""
        bills = [self.bills[slot] for slot in (self.bills if of is None else of)]
        shares = [None] * len(bills) if usd is None else ledger.shares(usd, len(bills))
        for place, (bill, share) in enumerate(zip(bills, shares)):
            bill.add(reply, share, len(bills), place)
        return self.hosted.asking.read(self.assets, request, reply)

    def repair(self, request: Question, reply: Reply, answered: Sequence[Answered]) -> Question | None:
        """What to ask once more; None where nothing is wrong, or the same would come again."""
        if reply.used_up or not any(one.problem for one in answered):
            return None
        return self.hosted.asking.repair(request, reply, answered)

    def vote(self, answered: Sequence[Answered]) -> bool:
        """Count a vote; whether no other is needed, since the model gave probabilities."""
        for vote in answered:
            self.votes[vote.slot].append(vote)
        sound = [vote for vote in answered if not vote.problem]
        return bool(sound) and all(vote.confidence_kind in ("logprobs", "decision") for vote in sound)

    def fail(self, words: str) -> None:
        """Count for each slot a vote that brought nothing."""
        for (facet, id), votes in self.votes.items():
            votes.append(Answered(id, None, words, facet=facet))

    def answers(self) -> list[Answer]:
        """What the votes on each slot come to; unsound ones do not count where there is a sound one."""
        return [answer(self._decided(votes), self.bills[slot]) for slot, votes in self.votes.items() if votes]

    def _decided(self, votes: list[Answered]) -> Answered:
        sound = [vote for vote in votes if not vote.problem]
        return self.hosted.asking.combine(sound) if len(sound) > 1 else (sound or votes)[0]


@dataclass(frozen=True)
class Written:
    """What a model wrote, without the thoughts it began with, or `error`, the reason why there is nothing. Cost in USD, latency in
    ms; None where they are not known."""

    text: str | None
    error: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None


class Writing:
    """One request whose reply is wanted as it was written; `check(text)` gives the problem that makes it useless, or None."""

    size = 1

    def __init__(self, request: Request, check: Callable[[str], str | None] | None = None):
        self.requests, self.check = [request], check
        self.bill, self.text, self.error = Bill(), None, None

    def anew(self) -> Writing:
        """The same, with nothing said."""
        return Writing(self.requests[0], self.check)

    async def run(self, ask: Ask, keep: Keep, bought: dict[int, Reply], *_: object) -> None:
        """Ask, unless the reply is `bought`; `keep` gets one that can be used."""
        reply, usd = (bought[0], 0.0) if bought else await ask(self.requests[0], 0)
        self.bill.add(reply, usd, 1)
        self.error = self.problem(self.requests[0], reply)
        if self.error is None:
            self.text = reply.answer.strip()
            if not bought:
                keep(0, reply)

    def problem(self, request: Request, reply: Reply) -> str | None:
        """Why a reply cannot be used."""
        text = reply.answer.strip()
        if reply.finish == "refusal":
            return REFUSED
        if reply.finish == "length":
            return CUT_OFF if text else USED_UP
        return EMPTY if not text else self.check(text) if self.check else None

    def fail(self, words: str) -> None:
        """Nothing came."""
        self.error = words

    def answers(self) -> list[Written]:
        """What was written."""
        return [Written(self.text, self.error, **self.bill.took())]
