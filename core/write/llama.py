"""A student's model in llama.cpp (package xllamacpp), in this process: what students draft with, here and exported."""

from __future__ import annotations

import os
import queue
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.write.sampling import MIN_P, TEMPERATURE, Written, take
from core.write.wording import Wording

if TYPE_CHECKING:
    import xllamacpp

AT_ONCE = 8  # drafts computed together
CONTEXT = 5_120  # tokens of them all: the longest brief once, and eight of the longest drafts
SEEDS = 2**31  # the largest number of all stands for chance
FORCED = 1e9  # so likely that nothing else is drawn
STRAIGHT = {"temperature": 0.0, "samplers": ["temperature"]}  # likeliest first
# Threads wait for each other at every step: beside other work, two take ten times as long as one.
THREADS = 1
SIDE_BY_SIDE = min(2, os.cpu_count() or 1)  # prompts, each by a server of its own: they do not wait for each other


class Servers:
    """The servers of one .gguf file. Each writes for one at a time, and a second one starts once several prompts come together."""

    def __init__(self, start: Callable[[], xllamacpp.Server]):
        self._start, self._lock, self._count = start, threading.Lock(), 1
        self._free: queue.SimpleQueue[xllamacpp.Server] = queue.SimpleQueue()
        self._free.put(start())

    def grow(self) -> None:
        """Have as many as may work side by side."""
        with self._lock:
            while self._count < SIDE_BY_SIDE:
                self._free.put(self._start())
                self._count += 1

    @contextmanager
    def one(self) -> Iterator[xllamacpp.Server]:
        """A server that nobody else asks meanwhile."""
        server = self._free.get()
        try:
            yield server
        finally:
            self._free.put(server)


@dataclass(frozen=True)
class Llama(Wording):
    """A .gguf model with its tokenizer."""

    servers: Servers
    runtime = "llama.cpp"

    def drafts(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], drafts: int, most: int, *, greedy: bool
    ) -> list[list[Written]]:
        """`drafts` of each prompt, drawn by its seed, or the likeliest alone (`greedy`). At most `most` tokens each, one line."""
        drafts = 1 if greedy else drafts
        drawn = (
            STRAIGHT if greedy else {"temperature": TEMPERATURE, "min_p": MIN_P, "samplers": ["temperature", "min_p"]}
        )
        # What was read before is not taken over, and a server writes for one prompt at a time: among others, or in portions of
        # another size, it is rounded otherwise, and its drafts would hang on them.
        how = drawn | {"n_predict": most, "n_probs": 1, "stop": ["\n"], "cache_prompt": False}

        def written(prompt: list[int], seed: int) -> list[Written]:
            result = []
            with self.servers.one() as server:
                for start in range(0, drafts, AT_ONCE):
                    some = {"prompt": prompt, "seed": (seed + start) % SEEDS, "n_cmpl": min(AT_ONCE, drafts - start)}
                    result += [self._taken(one) for one in _asked(server, how | some)]
            return result

        if len(prompts) > 1:
            self.servers.grow()
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(pool.map(written, prompts, seeds))

    def likelihoods(self, prompts: Sequence[list[int]], copies: Sequence[list[int]]) -> list[float]:
        """log p(copy | prompt) of each, its end included. It says how likely a token was only of what it draws, so it is made to
        draw all of them by a grammar; of parts of letters it says nothing, so that each token is looked up then."""
        with self.servers.one() as server, ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(partial(self._likelihood, server), prompts, copies))

    def _likelihood(self, server: xllamacpp.Server, prompt: list[int], copy: list[int]) -> float:
        try:
            return self._in_a_row(server, prompt, copy)
        except RuntimeError:
            return sum(self._next(server, prompt + copy[:place], token) for place, token in enumerate(copy))

    def _in_a_row(self, server: xllamacpp.Server, prompt: list[int], copy: list[int]) -> float:
        body = copy[:-1] if copy[-1] == self.end else copy
        grammar = "root ::= " + (" ".join(f"<[{token}]>" for token in body) or '""')
        how = STRAIGHT | {"n_predict": len(copy), "n_probs": 1, "grammar": grammar}
        if body != copy:  # after the last word only an end is allowed; this says which
            how["logit_bias"] = [[self.end, FORCED]]
        [one] = _asked(server, how | {"prompt": prompt})
        steps = _steps(one)
        if [step["id"] for step in steps] != copy:
            raise RuntimeError("llama.cpp did not follow the copy that it was to judge.")
        return sum(step["logprob"] for step in steps)

    def _next(self, server: xllamacpp.Server, prompt: list[int], token: int) -> float:
        """log p(token | prompt), out of all that could have been drawn in place of the end."""
        every = {"n_predict": 1, "n_probs": self.tokens.get_vocab_size(), "logit_bias": [[self.end, FORCED]]}
        [one] = _asked(server, STRAIGHT | every | {"prompt": prompt})
        return next(step["logprob"] for step in _steps(one)[0]["top_logprobs"] if step["id"] == token)

    def _taken(self, one: dict[str, Any]) -> Written:
        """A draft of what was drawn; parts of letters are missing among its steps, so its words are then read from its text."""
        draft, steps = Written(), _steps(one)
        for step in steps:
            if not draft.ended:
                take(self, draft, step["id"], step["logprob"])
        said = bytes(part for step in steps for part in step["bytes"]).decode(errors="replace")
        if not said.strip().startswith(text := one["text"].strip()):
            draft.ids = self.tokens.encode(" " + text, add_special_tokens=False).ids
        return draft


def _asked(server: xllamacpp.Server, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The texts of a request. RuntimeError where it is refused: there it is said, not raised."""
    answer = server.handle_completions(request)
    if "error" in answer:
        raise RuntimeError(str(answer["error"].get("message", answer["error"])))
    return answer["choices"]


def _steps(one: dict[str, Any]) -> list[dict[str, Any]]:
    """What was drawn, token by token: id, logprob, bytes, top_logprobs."""
    return (one["logprobs"] or {"content": []})["content"]


def installed() -> bool:
    """Whether xllamacpp is there; it is an optional package."""
    import importlib.util

    return importlib.util.find_spec("xllamacpp") is not None


def llama(file: Path, words: Wording, threads: int = THREADS) -> Llama:
    """The model in a .gguf file. InputError where it cannot be loaded."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx, params.n_parallel, params.kv_unified = CONTEXT, AT_ONCE, True
    params.cache_ram_mib, params.warmup, params.verbosity = 0, False, -1
    # It listens on a port of this computer, whether asked or not: nobody has the key.
    params.api_keys, params.ui, params.endpoint_slots, params.n_threads_http = [secrets.token_hex(32)], False, False, 1
    params.endpoint_metrics = True  # what is asked in started()
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads

    def started() -> xllamacpp.Server:
        """A server at work: one that is let go before it has begun waits for its own end for ever, so it has to say once how it
        does."""
        server = xllamacpp.Server(params)
        server.handle_metrics()
        return server

    try:
        return Llama(**vars(words), servers=Servers(started))
    except Exception as error:  # it raises nothing narrower
        raise InputError(
            f"The model {file.name} cannot be loaded: {str(error).splitlines()[0]}.",
            "Export it again.",
            where=str(file.parent),
        ) from error
