"""A hosted model: a connection and what its calls cost. Whatever is asked of it is bought by core/label/buyer.py."""

from __future__ import annotations

import json
import os
import re
from dataclasses import astuple

from genai_prices.data import providers as priced
from sqlite_utils import Database

from core.errors import InputError
from core.label.prompts import digest
from core.money import prices
from core.money.prices import Price
from core.wires import connections, providers
from core.wires.connections import Connection
from core.wires.wire import Reply, Request, Wire

# A byte-level tokeniser never makes more tokens than there are bytes. Providers add tokens of their own around each message.
MESSAGE_TOKENS = 16
SCHEMA_TOKENS = 300  # that a schema may take beside its own bytes


class Model:
    """A model behind a connection. `price` is None where nobody has given one; reprice() has it as it is by now."""

    def __init__(self, connection: Connection, price: Price | None):
        self.connection, self.price = connection, price
        self.provider = providers.of(connection.kind)
        self._schema, self._schema_tokens = None, 0  # the one last asked with

    def connect(self) -> Wire:
        """A wire of its own. InputError where the key is not where it should be."""
        return connections.connect(self.connection)

    def reprice(self, db: Database) -> Price | None:
        """The price as it stands, which whoever asks for long asks for again; a price that was taken away is held on to."""
        self.price = price_of(db, self.connection) or self.price
        return self.price

    def priced(self) -> Price:
        """The price. InputError where the model has none."""
        if self.price is None:
            raise InputError(
                f"The price of {self.connection.model} is not known.",
                "Give it with the connection or in Settings, in USD per million tokens (0 for a model of your own).",
            )
        return self.price

    @property
    def paid(self) -> bool:
        """Whether its calls cost money."""
        return not self.priced().free

    def key(self, request: Request, asked: object = None) -> bytes:
        """What a reply is kept under: a hash of everything that can change it, of which `asked` is how the asker uses the model."""
        connection = self.connection
        where = [connection.kind, connection.base_url, connection.model, asked or connection.params.schema]
        questions = [astuple(one) for one in request.questions]
        said = [request.system, request.turns, request.schema, request.temperature, request.sample]
        seen = [{"images": [one.identity for one in request.pictures]}] if request.pictures else []
        return digest([*where, *said, *([questions] if questions else []), *seen])

    def pays_for(self, request: Request) -> tuple[int, ...]:
        """The label runs that a call brings labels for, where they are not all of its account's."""
        return ()

    def asks_for(self, request: Request) -> tuple[int, ...]:
        """The tasks that a call answers, where they are several."""
        return ()

    def most_tokens(self, request: Request) -> tuple[int, int]:
        """The most tokens that a call can take, (in, out); see MESSAGE_TOKENS."""
        text = len(request.system.encode("utf-8", "replace"))
        text += sum(len(turn.encode("utf-8", "replace")) for _, turn in request.turns)
        if request.schema is not self._schema:  # mostly the same one
            self._schema, self._schema_tokens = request.schema, SCHEMA_TOKENS + len(json.dumps(request.schema))
        text += sum(len(json.dumps(astuple(one), ensure_ascii=False).encode()) for one in request.questions)
        text += sum(one.most_tokens + len(one.caption.encode()) + MESSAGE_TOKENS for one in request.pictures)
        around = MESSAGE_TOKENS * (len(request.turns) + 1) + self.provider.wrapping_tokens
        return text + (self._schema_tokens if request.schema else 0) + around, request.max_tokens_out

    def most_usd(self, request: Request, price: Price, *, batch: bool = False) -> float:
        """The most USD that a call can cost, at the standard price or in a batch."""
        return self.usd(*self.most_tokens(request), price, batch)

    def usd(self, tokens_in: float, tokens_out: float, price: Price, batch: bool = False, calls: int = 1) -> float:
        """USD of so many tokens in so many calls, none of them read from the provider's cache."""
        written = prices.WRITING if self.provider.writes_cache else 1.0
        return prices.cost(price, tokens_in * written, tokens_out, batch=batch, calls=calls)


def cost(price: Price, reply: Reply, *, batch: bool = False) -> float | None:
    """USD of a reply: what the provider says it charged, else its count at the price; None where it gave neither and the model is
    not free."""
    if reply.cost_usd is not None:
        return reply.cost_usd
    if (reply.tokens_in is None and price.input_usd_mtok) or (reply.tokens_out is None and price.output_usd_mtok):
        return None
    cached, written = reply.tokens_cached, reply.tokens_written
    tokens = reply.tokens_in or 0, reply.tokens_out or 0, cached
    return prices.cost(price, *tokens, written=written, batch=batch, calls=1)


def price_of(db: Database, connection: Connection) -> Price | None:
    """What a connection's model costs: its own price, else the provider's (found by the address, else by the kind) from the list
    or the prices given in Settings; None where there is none."""
    own = connection.params.price
    if own:
        *rates, as_of, calls = astuple(own)
        return Price(connection.model, connection.kind, *rates, "yours", as_of[:10] or None, calls)
    address, usual = connection.base_url, providers.of(connection.kind).priced_as or connection.kind
    there = [p.id for p in priced if address and re.match(p.api_pattern, address)]
    provider = usual if usual in there or not there else there[0]
    return prices.price(db, f"{provider}:{connection.model}")


def find(db: Database, client_id: int, spec: str) -> Model:
    """The model called `spec`, connection:NAME or KIND:MODEL, that is to write. InputError where there is none, or where it is a
    decision model."""
    connection = connection_of(db, client_id, spec)
    if providers.of(connection.kind).choices:
        raise InputError(
            f"{connection.name} is a decision model: it chooses among categories and writes nothing.",
            "Choose a model that writes.",
        )
    return Model(connection, price_of(db, connection))


def name_of(spec: str, connection: Connection) -> str:
    """What the teacher called `spec` goes by: its connection, as that is written, or KIND:MODEL."""
    return f"connection:{connection.name}" if spec.startswith("connection:") else spec


def connection_of(db: Database, client_id: int, spec: str) -> Connection:
    """The connection named in "connection:NAME"; of "KIND:MODEL" one to that model, else one that finds address and key as the
    provider's own tools do. InputError where there is none."""
    kind, _, name = spec.partition(":")
    if kind == "connection":
        return connections.find(db, client_id, name)
    if not name.strip():
        raise InputError(f"The teacher {kind} needs a model.", f"Write {kind}:MODEL.")
    saved = [one for one in connections.all(db, client_id) if (one.kind, one.model) == (kind, name)]
    if saved:
        return max(saved, key=lambda one: one.client_id)
    provider = providers.of(kind)
    base_url, key = os.environ.get(provider.address_variable) or None, provider.key_variable
    key_source = f"env:{key}" if os.environ.get(key) or not base_url else "none"
    address = base_url and base_url.rstrip("/")
    return Connection(0, client_id, spec, kind, address, name, key_source, provider.params())
