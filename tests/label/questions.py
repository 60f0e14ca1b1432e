"""A small taxonomy and connections for tests of what is asked and said."""

from __future__ import annotations

from dataclasses import replace

from core.label.asking import Asking
from core.label.prompts import INSTRUCTIONS, Prompt
from core.label.teachers import Asset
from core.label.teachers.hosted import Hosted
from core.taxonomy import StoredCategory
from core.wires.connections import Connection
from core.wires.wire import Params, Reply

NAMES = ("Sale", "Store Opening", "Hiring", "Travel & Leisure")
CATEGORIES = [
    StoredCategory(label=name, name=name, description=f"About {name.lower()}.", id=100 + place, position=place)
    for place, name in enumerate(NAMES)
]
PROMPT = Prompt(0, INSTRUCTIONS, 0, "hash")


def connection(kind: str = "openai", base_url: str | None = None, *, key_source: str = "none", **params) -> Connection:
    return Connection(1, 0, "Test", kind, base_url, "gpt-test", key_source, Params(**params))


def asking(categories=CATEGORIES, kind: str = "openai", examples=(), **params) -> Asking:
    return Asking(connection(kind, **params), categories, PROMPT, examples)


def hosted(asking: Asking, price=None) -> Hosted:
    return Hosted("connection:Test", asking.connection, asking, price)


def assets(count: int = 1) -> list[Asset]:
    return [Asset(n, f"Text of asset {n}") for n in range(1, count + 1)]


def reply(text: str, **more) -> Reply:
    return replace(Reply(text, 100, 5), **more)


def many(count: int) -> list[StoredCategory]:
    """So many categories, each about something of its own, ten to a parent that can itself be chosen."""
    words = (
        "shoes",
        "cars",
        "phones",
        "bread",
        "travel",
        "banking",
        "insurance",
        "toys",
        "garden",
        "music",
        "pets",
        "beer",
    )
    found = []
    for place in range(count):
        top = place % 11 == 0
        parent = None if top else found[place - place % 11]
        name = f"{words[place % 12]} {words[place // 12 % 12]} {place}"
        found.append(
            StoredCategory(
                label=name,
                name=name,
                parent=parent.label if parent else None,
                id=1000 + place,
                parent_id=parent.id if parent else None,
                position=place,
            )
        )
    return found
