"""A decision model's server, in both forms: /v1/systemone and /v1/decisions, with the faults of tests/wires/servers.py.

    with deciders.Decider() as server: ...               # each text gets one and the same option, 0.9 sure
    with deciders.Decider(lambda call: ...) as server:   # a script gets a Call and returns shares, refused, a Fault or a body

A script returns, of a call with one question, {option: share} or REFUSED; of several, {question's name: either}; or a Fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tests.wires import servers
from tests.wires.servers import Fault, Text

REFUSED = {"refusal": 1}


@dataclass(frozen=True)
class Call(servers.Call):
    """One call as it arrived; `style` is "systemone" or "decisions"."""

    @cached_property
    def texts(self) -> list[str]:
        said = self.body["state" if self.style == "systemone" else "input"]
        for name in self.body.get("assets", ()):
            said = said.replace(f"{name}\n", "")
        return [said if isinstance(said, str) else said[0]["content"][-1]["text"]]

    @property
    def text(self) -> str:
        """The text asked about."""
        return self.texts[0]

    @cached_property
    def questions(self) -> dict[str, dict[str, str]]:
        """name -> option -> what it means ("" where nothing is said)."""
        if self.style == "systemone":
            asked = self.body["questions"].items()
            return {name: {option: text or "" for option, text in one["criteria"].items()} for name, one in asked}
        asked = self.body["questions"]
        return {one["name"]: {c["value"]: c.get("description", "") for c in one["choices"]} for one in asked}

    @cached_property
    def options(self) -> list[str]:
        """Those of the only question."""
        (options,) = self.questions.values()
        return list(options)

    @property
    def none(self) -> str:
        """What stands for none of these."""
        return self.options[-1]


def surely(option: str, options: list[str], share: float = 0.9) -> dict[str, float]:
    """Shares of all options, most for one."""
    rest = (1 - share) / max(len(options) - 1, 1)
    return {one: share if one == option else rest for one in options}


def steady(call: Call) -> str:
    """For each question one of the options but the last, the same whenever it is asked, 0.9 sure."""
    drawn = {name: servers._draw(list(options)[:-1], name + call.text) for name, options in call.questions.items()}
    return json.dumps({name: surely(option, list(call.questions[name])) for name, option in drawn.items()})


@dataclass
class Decider(servers.Server):
    """The server; see the module."""

    script: Callable[[Call], Any] = steady
    styles: ClassVar[dict[str, str]] = {"/v1/systemone": "systemone", "/v1/decisions": "decisions"}
    made: ClassVar[type[Call]] = Call
    steady: ClassVar[Callable[[Call], str]] = staticmethod(steady)

    def _ask(self, style: str, body: dict, key: str = "") -> tuple[Call, Text | Fault]:
        call, said = super()._ask(style, body, key)
        if isinstance(said, Text | Fault):
            return call, said
        if said == REFUSED or not set(said) <= set(call.questions):
            (name,) = call.questions
            said = {name: said}
        return call, Text(json.dumps(said))

    def _spoken(self, call: Call, said: Text, *, billed: bool = True) -> dict:
        answers = {name: self._answer(call, shares) for name, shares in json.loads(said.text).items()}
        tokens = len(json.dumps(call.body)) // 4
        if billed:
            self.billed_in += tokens
        usage = {"input_tokens": tokens, "output_tokens": 0}
        model = call.body.get("model", "")
        if call.style == "systemone":
            return {"model": model, "answers": answers} | ({"usage": usage} if said.usage else {})
        listed = [{"name": name, **answer} for name, answer in answers.items()]
        usage |= {"input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}, "total_tokens": tokens}
        usage |= {"output_tokens_details": {"reasoning_tokens": 0}}
        return {"object": "decision", "model": model, "answers": listed} | ({"usage": usage} if said.usage else {})

    def _answer(self, call: Call, said: Any) -> dict:
        """An answer in the form that was asked in; `said` may hold a choice of its own under "choice"."""
        if said == REFUSED:
            return {"type": "refusal"}
        shares = {option: share for option, share in said.items() if option != "choice"}
        choice = said.get("choice", max(shares, key=shares.get) if shares else None)
        answer = {"type": "choice", "choice": choice, "confidence": max(shares.values(), default=0.0)}
        listed = [{"value": option, "probability": share} for option, share in shares.items()]
        return answer | {"probabilities": shares if call.style == "systemone" else listed}
