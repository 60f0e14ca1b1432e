"""The hosted teacher: a model behind a connection, with its price. Runs ask it through core/label/engine.py and batches.py, single
texts through desk.py."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from genai_prices.data import providers as priced
from sqlite_utils import Database

from core.errors import InputError
from core.label import connections, providers
from core.label.connections import Connection
from core.label.prompts import Asking, Said, asking
from core.label.teachers import Answer, Asset, lacking
from core.label.teachers.wire import Reply, Wire
from core.money import prices
from core.money.prices import Price
from core.tasks import Task
from core.taxonomy import StoredCategory


class Hosted:
    """A model behind a connection, asked about one taxonomy. `price` is None where nobody has given one; reprice() has it as it is
    by now."""

    def __init__(self, name: str, connection: Connection, asking: Asking, price: Price | None):
        self.name, self.connection, self.asking, self.price = name, connection, asking, price
        self.fingerprint = asking.fingerprint

    def connect(self) -> Wire:
        """A wire of its own. InputError where the key is not where it should be."""
        return connections.connect(self.connection)

    def reprice(self, db: Database) -> Price | None:
        """The price as it stands, which whoever asks for long asks for again; a price that was taken away is held on to."""
        self.price = price_of(db, self.connection) or self.price
        return self.price

    def pending(self, db: Database, run_id: int) -> Iterator[list[Asset]]:
        return lacking(db, run_id)

    def most_usd(self, asset: Asset) -> float:
        """The most that an answer about one asset can cost, with all its votes and repair turns. InputError where the model has no
        price."""
        if self.price is None:
            raise InputError(
                f"The price of {self.connection.model} is not known.",
                "Give it with the connection or in Settings, in USD per million tokens (0 for a model of your own).",
            )
        ((_, request),) = self.asking.requests([asset])
        return max(self.connection.params.votes, 1) * self.asking.most_usd_repaired(request, self.price)


@dataclass
class Bill:
    """What one asset's answer took so far: its share of the calls made about it. `cost_usd` is None where that is not known."""

    tokens_in: float = 0
    tokens_out: float = 0
    tokens_cached: float = 0
    cost_usd: float | None = 0.0
    latency_ms: float | None = None

    def add(self, reply: Reply, cost_usd: float | None, assets: int) -> None:
        """A call's reply about so many assets, which cost so much."""
        self.tokens_in += (reply.tokens_in or 0) / assets
        self.tokens_out += (reply.tokens_out or 0) / assets
        self.tokens_cached += reply.tokens_cached / assets
        self.cost_usd = None if cost_usd is None or self.cost_usd is None else self.cost_usd + cost_usd / assets
        self.latency_ms = reply.latency_ms


def answer(said: Said, bill: Bill) -> Answer:
    """What was said of an asset, with what it took, as a label is written."""
    return Answer(
        said.asset_id,
        said.category_id,
        confidence=said.confidence,
        confidence_kind=said.confidence_kind,
        distribution=said.distribution,
        tokens_in=round(bill.tokens_in),
        tokens_out=round(bill.tokens_out),
        tokens_cached=round(bill.tokens_cached),
        cost_usd=bill.cost_usd,
        latency_ms=bill.latency_ms,
        error=said.problem,
        mapped=said.mapped,
    )


def cost(price: Price, reply: Reply, *, batch: bool = False) -> float | None:
    """USD of a reply: what the provider says it charged, else its count at the price; None where it gave neither and the model is
    not free."""
    if reply.cost_usd is not None:
        return reply.cost_usd
    if reply.tokens_in is None or reply.tokens_out is None:
        return None if max(price.input_usd_mtok, price.output_usd_mtok) > 0 else 0.0
    cached, written = reply.tokens_cached, reply.tokens_written
    return prices.cost(price, reply.tokens_in, reply.tokens_out, cached, written=written, batch=batch)


def price_of(db: Database, connection: Connection) -> Price | None:
    """What a connection's model costs: its own price, else the provider's (found by the address, else by the kind) from the list
    or the prices given in Settings; None where there is none."""
    own = connection.params.price
    if own:
        return Price(
            connection.model,
            connection.kind,
            own.input_usd_mtok,
            own.output_usd_mtok,
            own.cached_usd_mtok,
            own.batch_input_usd_mtok,
            own.batch_output_usd_mtok,
            "yours",
            own.as_of[:10] or None,
        )
    address = connection.base_url
    provider = next((p.id for p in priced if address and re.match(p.api_pattern, address)), connection.kind)
    return prices.price(db, f"{provider}:{connection.model}")


def connected(db: Database, task: Task, detail: str, categories: list[StoredCategory]) -> Hosted:
    """The teacher "connection:NAME". InputError where the client has no such connection."""
    connection = connections.find(db, task.client_id, detail)
    return _hosted(db, task, f"connection:{connection.name}", connection, categories)


def of_model(db: Database, task: Task, kind: str, model: str, categories: list[StoredCategory]) -> Hosted:
    """The teacher "KIND:MODEL": through a connection to that model, else as the provider's own tools find address and key."""
    return _hosted(db, task, f"{kind}:{model}", _of_model(db, task, kind, model), categories)


def _hosted(db: Database, task: Task, name: str, connection: Connection, categories: list[StoredCategory]) -> Hosted:
    return Hosted(name, connection, asking(db, task, connection, categories), price_of(db, connection))


def _of_model(db: Database, task: Task, kind: str, model: str) -> Connection:
    if not model.strip():
        raise InputError(f"The teacher {kind} needs a model.", f"Write {kind}:MODEL.")
    saved = [one for one in connections.all(db, task.client_id) if (one.kind, one.model) == (kind, model)]
    if saved:
        return max(saved, key=lambda one: one.client_id)
    provider = providers.of(kind)
    base_url, key = os.environ.get(provider.address_variable) or None, provider.key_variable
    key_source = f"env:{key}" if os.environ.get(key) or not base_url else "none"
    return Connection(0, task.client_id, f"{kind}:{model}", kind, base_url and base_url.rstrip("/"), model, key_source)
