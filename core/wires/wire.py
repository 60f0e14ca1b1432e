"""What a hosted model is asked and what it says, whoever hosts it; one file a provider speaks it (openai.py, anthropic.py).

A wire does one call and nothing else: no retry, no cache, no money. core/label/patience.py decides when to ask again, buyer.py what
it may cost; asking.py decides what is asked and reads what is said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from core.wires.pictures import Picture

# rate: too many requests; quota: the account is empty; server: 5xx; timeout: no (whole) answer in time; connection: nobody
# there, or cut off; auth: key refused; model: unknown model, or no model at this address; schema: this server takes no JSON
# schema; full: the provider takes no more batches until some of those it has are done; request: anything else wrong with what
# was asked (too long, a parameter unknown).
Trouble = Literal["rate", "quota", "server", "timeout", "connection", "auth", "model", "schema", "full", "request"]
PASSING: frozenset[Trouble] = frozenset({"rate", "server", "timeout", "connection"})  # may pass when asked again


@dataclass(frozen=True)
class Choice:
    """A question for a decision model, under its `name`: which of the `options` (their names, each with what it means, which may be
    empty) holds of the text."""

    name: str
    instructions: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One call. `system` is the part that stays the same from call to call and so stands first, for provider prompt caching;
    `turns` are the (role, text) that follow, the last of them the user's. `schema` is the JSON schema of the answer; None for plain
    text, or where it is too large to be sent. `logprobs`: whether the log probabilities of its tokens are wanted. `questions`: what
    a decision model is asked about the text of the only turn (core/wires/deciding.py); nobody else gets any. `pictures`: images
    that go with the first of the turns, before its text."""

    system: str
    turns: tuple[tuple[str, str], ...]
    schema: dict | None = None
    temperature: float | None = None
    max_tokens_out: int = 64
    sample: int = 0  # which of several votes this is; part of the cache's key
    logprobs: bool = False
    questions: tuple[Choice, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What came back. Tokens are the provider's count, `tokens_cached` those of `tokens_in` read from its prompt cache and
    `tokens_written` those written to it (Anthropic asks 1.25 times the price for them).

    `logprobs`: a list over the tokens of `text`, each (token, {candidate token: log probability}); None where not offered.
    `finish`: stop, length (cut off) or refusal. `latency_ms` is the wall time of the call, None from a batch.
    """

    text: str
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int = 0
    latency_ms: float | None = None
    finish: Literal["stop", "length", "refusal"] = "stop"
    logprobs: list[tuple[str, dict[str, float]]] | None = None
    model: str = ""  # the model that answered, as the provider names it
    tokens_written: int = 0
    cost_usd: float | None = None  # where the provider says what it charged

    @property
    def answer(self) -> str:
        """The text without the thoughts before it."""
        return unthought(self.text)

    @property
    def used_up(self) -> bool:
        """Whether its length was spent before anything was said, as by models that think first: it would be again."""
        return self.finish == "length" and not self.answer.strip()


def unthought(text: str) -> str:
    """A reply without what a reasoning model thought aloud first; nothing where it never stopped thinking."""
    if "</think>" in text:
        return text.rpartition("</think>")[2]
    return text.partition("<think>")[0] if text.lstrip().startswith("<think>") else text


def form(**properties: dict) -> dict:
    """The JSON schema of an object with these properties, all of them required."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class CallError(Exception):
    """A call that brought no reply. `words` is one sentence for people, never holding the key or the asset's text.

    `retry_after` (s) where the provider says when to come back. `billed`: whether it may have cost money all the same, nobody
    knows how much; where the provider counted tokens for it, they stand in `counted`.
    """

    def __init__(
        self,
        trouble: Trouble,
        words: str,
        *,
        retry_after: float | None = None,
        billed: bool = False,
        counted: Reply | None = None,
    ):
        super().__init__(words)
        self.trouble, self.words, self.retry_after, self.billed = trouble, words, retry_after, billed
        self.counted = counted


@dataclass(frozen=True)
class BatchState:
    """A provider's batch: running, ended (its replies can be fetched), failed (as a whole, `words` says why) or full (not begun:
    with those in progress it is more than the provider takes at once)."""

    state: Literal["running", "ended", "failed", "full"]
    done: int = 0
    total: int = 0
    words: str = ""


class Wire(Protocol):
    """One connection, ready to be used from one event loop. Every method raises CallError and nothing else."""

    async def ask(self, request: Request) -> Reply:
        """One call, once."""

    async def send_batch(self, requests: dict[str, Request]) -> str:
        """Hand in a batch under the caller's ids; the provider's id of it."""

    async def batch_state(self, batch_id: str) -> BatchState:
        """How far it is."""

    def batch_replies(self, batch_id: str) -> AsyncIterator[tuple[str, Reply | CallError]]:
        """What came of each request, in any order."""

    async def close(self) -> None:
        """Let go of its connections."""


@dataclass(frozen=True)
class OwnPrice:
    """USD per million tokens, or for a thousand calls, given with a connection; it goes before the bundled list's."""

    input_usd_mtok: float
    output_usd_mtok: float
    cached_usd_mtok: float | None = None
    batch_input_usd_mtok: float | None = None
    batch_output_usd_mtok: float | None = None
    as_of: str = ""
    calls_usd_1000: float = 0.0  # beside the tokens', for a thousand calls


@dataclass(frozen=True)
class Params:
    """How a connection is used. What can change an answer goes into the run's fingerprint; the rest does not."""

    # can change an answer
    votes: int = 1  # answers asked for an asset where the server gives no log probabilities
    temperature: float | None = None  # None: 0 for one vote, 0.7 for several, where the model takes one
    logprobs: bool = True  # ask for them; a server that refuses is asked without
    schema: Literal["auto", "strict", "plain"] = "auto"  # auto: strict until the server refuses it
    assets_per_call: int = 1
    shortlist_over: int = 150  # categories above which an asset gets a short list
    shortlist: int = 40
    by_level: bool = (
        False  # of a decision model: no short list, but first the topmost level, then what is below the one chosen
    )
    # decides only whether there is an answer: one cut off is asked again with more, the others stay bought
    max_tokens_out: int = 64  # for one asset
    # pace
    concurrency: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    timeout_s: float = 60.0
    price: OwnPrice | None = field(default=None)
    may_train: bool | None = None  # by its maker's terms, whether its answers may train a model; None: not known
    takes_images: bool | None = None  # None: as core/wires/pictures.py has it
