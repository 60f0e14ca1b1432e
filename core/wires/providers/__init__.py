"""Who hosts models: one file a provider, found by being here, which states what it is and speaks its wire.

A file KIND.py has PROVIDER, a Provider. Forms, commands, teachers' specs (KIND:MODEL), forecasts and keys read it from there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.wires.wire import Params

if TYPE_CHECKING:
    from core.wires.connections import Connection
    from core.wires.wire import Wire


@dataclass(frozen=True)
class Choices:
    """What a decision model answers: up to so many `questions` a call, each by choosing one of up to so many `options`, with the
    probability of each. It writes nothing."""

    options: int
    questions: int


@dataclass(frozen=True)
class Provider:
    """What a provider is to the rest of the house. `name`, `note`: in words for people. `address`: its own; its own tools look for
    another one and for the key in the environment's `address_variable` and `key_variable`. `wrapping_tokens`: the most that it adds
    to a call. `writes_cache`: what is new to its prompt cache costs prices.WRITING times as much. `spoken_elsewhere`: other servers
    speak like it, at addresses that end in /v1. `wire` is made of a connection and its key. `choices`: its models decide
    (None: they write). `takes_batches`: whether it answers many requests together within a day. `priced_as`: what the price list
    calls it (empty: its kind). `usual`: fields of Params that are not what they are with others."""

    name: str
    note: str
    address: str
    address_variable: str
    key_variable: str
    wrapping_tokens: int
    writes_cache: bool
    spoken_elsewhere: bool
    wire: Callable[[Connection, str | None], Wire]
    choices: Choices | None = None
    takes_batches: bool = True
    priced_as: str = ""
    usual: dict[str, Any] = field(default_factory=dict)

    @property
    def chats(self) -> bool:
        """Whether it answers calls of /v1/chat/completions, so that those of other tools can go on to it."""
        return self.spoken_elsewhere and self.choices is None

    def params(self) -> Params:
        """How a connection to it is used, where nobody says otherwise."""
        return Params(**self.usual)


def kinds() -> tuple[str, ...]:
    """The kinds of providers there are, as connections and specs name them."""
    return tuple(sorted(file.name for file in pkgutil.iter_modules(__path__)))


def specs() -> str:
    """How a model is named without a connection: anthropic:MODEL, openai:MODEL or …"""
    *others, last = (f"{kind}:MODEL" for kind in kinds())
    return f"{', '.join(others)} or {last}"


def of(kind: str) -> Provider:
    """The provider of that kind. InputError where there is none."""
    if kind not in kinds():
        raise InputError(f"There is no connection of the kind '{kind}'.", f"Choose one of: {', '.join(kinds())}.")
    return importlib.import_module(f"{__name__}.{kind}").PROVIDER


def listed() -> dict[str, Provider]:
    """All of them by kind: those whose models write first, and of these those that other servers speak like."""
    by_kind = {kind: of(kind) for kind in kinds()}
    return dict(sorted(by_kind.items(), key=lambda one: (one[1].choices is not None, not one[1].spoken_elsewhere)))
