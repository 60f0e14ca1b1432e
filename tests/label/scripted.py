"""A hosted teacher whose replies a test scripts, in memory: the engine's own behaviour, without HTTP or a prompt."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from core import tasks
from core.database import now
from core.label.asking import Answered, Question
from core.label.teachers import Asset, lacking
from core.label.teachers.hosted import Hosted
from core.money import prices
from core.tasks import Task
from core.wires import providers
from core.wires.wire import BatchState, CallError, Params, Reply, Request

PRICE = prices.Price("scripted", "test", 1.0, 4.0, 0.1, 0.5, 2.0, "test", "2026-11-24")


class Asking:
    """Asks with the assets' texts alone, one a line; the answer is a JSON list of category ids."""

    fingerprint = "scripted"

    def __init__(self, categories: Sequence[int], assets_per_call: int = 1):
        self.categories, self.each, self.a_call = list(categories), assets_per_call, assets_per_call

    def requests(self, assets: Sequence[Asset]) -> list[tuple[list[Asset], Question]]:
        parts = [list(assets[i : i + self.each]) for i in range(0, len(assets), self.each)]
        allowed = tuple(map(str, self.categories))
        turns = [(("user", "\n".join(a.text for a in p)),) for p in parts]
        return [(p, Question("Sort.", t, allowed=allowed, assets=len(p))) for p, t in zip(parts, turns)]

    def read(self, assets: Sequence[Asset], request: Request, reply: Reply) -> list[Answered]:
        try:
            said = json.loads(reply.text)
        except ValueError:
            return [Answered(a.id, None, "The answer is no JSON.", None, None, "none", False) for a in assets]
        kind = "logprobs" if reply.logprobs else "none"
        return [
            Answered(a.id, int(one), None, None, None, kind, False)
            if int(one) in self.categories
            else Answered(a.id, None, f"The answer {one} is no category.", None, None, "none", False)
            for a, one in zip(assets, said)
        ]

    def repair(self, request: Request, reply: Reply, said: list[Answered]) -> Request:
        return replace(request, turns=(*request.turns, ("assistant", reply.text), ("user", "Again, as JSON.")))

    def combine(self, votes: list[Answered]) -> Answered:
        (top, count), *_ = Counter(v.category_id for v in votes).most_common(1)
        return Answered(votes[0].asset_id, top, None, count / len(votes), None, "votes", False)


@dataclass
class Wire:
    """`reply(text, number)` says what comes of the asset text asked about for the number-th time: a Reply or a CallError.

    Counts calls by text, calls at once, and what the replies cost.
    """

    reply: Callable[[str, int], Reply | CallError]
    seconds: float = 0.002
    asked: Counter = field(default_factory=Counter)
    flying: int = 0
    most_flying: int = 0
    billed_usd: float = 0.0
    sent: list[dict[str, Request]] = field(default_factory=list)
    polls: int = 0
    ends_after: int = 2

    async def ask(self, request: Request) -> Reply:
        text = request.turns[0][1]
        self.asked[text] += 1
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.flying -= 1
        said = self.reply(text, self.asked[text])
        if isinstance(said, CallError):
            raise said
        self.billed_usd += prices.cost(PRICE, said.tokens_in, said.tokens_out, said.tokens_cached)
        return said

    async def send_batch(self, requests: dict[str, Request]) -> str:
        self.sent.append(requests)
        return f"batch_{len(self.sent) - 1}"

    async def batch_state(self, batch_id: str) -> BatchState:
        self.polls += 1
        total = len(self.sent[int(batch_id.removeprefix("batch_"))])
        return (
            BatchState("running", total // 2, total)
            if self.polls < self.ends_after
            else BatchState("ended", total, total)
        )

    async def batch_replies(self, batch_id: str):
        for number, request in reversed(self.sent[int(batch_id.removeprefix("batch_"))].items()):
            text = request.turns[0][1]
            self.asked[text] += 1
            said = self.reply(text, self.asked[text])
            if isinstance(said, Reply):
                self.billed_usd += prices.cost(PRICE, said.tokens_in, said.tokens_out, said.tokens_cached, batch=True)
            if said is not None:
                yield number, said

    async def close(self) -> None:
        pass


class Scripted(Hosted):
    """A hosted teacher over a scripted wire."""

    def __init__(self, wire: Wire, categories: Sequence[int], params: Params | None = None, price=PRICE):
        params = params or Params()
        self.wire, self.price, self.name, self.fingerprint = wire, price, "connection:scripted", "scripted"
        self.asking, self.provider = Asking(categories, params.assets_per_call), providers.of("openai")
        self.connection = SimpleNamespace(name="scripted", model="scripted", params=params)

    def connect(self) -> Wire:
        return self.wire

    def key(self, request: Request, asked: object = None) -> bytes:
        return hashlib.sha256(repr(request).encode()).digest()

    def most_tokens(self, request: Request) -> tuple[int, int]:
        return sum(len(text.encode()) for _, text in request.turns) + 20, request.max_tokens_out

    def reprice(self, db):
        return self.price

    def pending(self, db, run_id):
        return lacking(db, run_id)


def good(category: int, tokens_in: int = 100, tokens_out: int = 10, **more) -> Reply:
    """A reply that names one category."""
    return Reply(json.dumps([category]), tokens_in, tokens_out, latency_ms=2.0, **more)


def fill(db, count: int = 60) -> tuple[Task, list[int]]:
    """A client with `count` different assets and four categories, by rows alone; (its task, category ids)."""
    task = tasks.of(db, f"Client {len(list(db.query('select id from clients')))} of {count}")
    taxonomy = {"task_id": task.id, "version": 1, "content_hash": "x", "created": now()}
    taxonomy_id = db["taxonomies"].insert(taxonomy).last_pk
    names = ["Sale", "Opening", "Hiring", "Travel"]
    kinds = [{"taxonomy_id": taxonomy_id, "position": i, "label": n, "name": n} for i, n in enumerate(names)]
    db["categories"].insert_all(kinds)
    imported = {
        "client_id": task.client_id,
        "task_id": task.id,
        "filename": "f",
        "sha256": "x",
        "mapping": "{}",
        "row_count": count,
        "imported": count,
        "unchanged": 0,
        "duplicates": 0,
        "problem_count": 0,
        "created": now(),
    }
    import_id = db["imports"].insert(imported).last_pk
    first = db.execute("select coalesce(max(id), 0) from assets").fetchone()[0]
    db["assets"].insert_all(
        {
            "id": first + n,
            "client_id": task.client_id,
            "external_id": f"A{n}",
            "text": f"asset number {n}",
            "text_hash": str(n),
            "group_id": first + n,
            "import_id": import_id,
        }
        for n in range(1, count + 1)
    )
    return task, [row[0] for row in db.execute("select id from categories where taxonomy_id = ?", [taxonomy_id])]


def start(db, task: Task, teacher: str = "connection:scripted") -> int:
    """A label run of the task; its id."""
    taxonomy_id = db.execute("select max(id) from taxonomies where task_id = ?", [task.id]).fetchone()[0]
    row = {"task_id": task.id, "taxonomy_id": taxonomy_id, "teacher": teacher, "prompt_hash": "x", "started": now()}
    return db["label_runs"].insert(row).last_pk
