"""Whether a client's teacher gets the image beside the text of an asset that has one: chosen for each teacher, off until then.

Labels of one that looks and of one that reads alone are two runs: neither stands for the other, and what was bought stays bought.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from core import settings
from core.errors import InputError
from core.images import kept
from core.label.model import connection_of, name_of
from core.wires import pictures

KEY = "teacher_looks"
NOT_HOSTED = InputError("Only a hosted teacher can look at images.", "Leave --look out, or name a hosted teacher.")


@dataclass(frozen=True)
class Other:
    """What the way that was not chosen would cost: whether it `looks`, and its forecast."""

    looks: bool
    forecast: Any


def chosen(db: Database, client_id: int, teacher: str) -> bool:
    """Whether the teacher of that name (name_of()) is to look."""
    return bool(settings.get(db, KEY, client_id).get(teacher))


def choose(db: Database, client_id: int, teacher: str, looks: bool) -> None:
    """Have it look from now on, or read alone. InputError where its model takes no images, or nobody has said that it does."""
    connection = connection_of(db, client_id, teacher)
    if looks:
        pictures.must_take(connection)
    settings.put(db, KEY, settings.get(db, KEY, client_id) | {name_of(teacher, connection): looks}, client_id)


def possible(db: Database, client_id: int, teacher: str) -> bool | None:
    """Whether there is something to choose: the client has images and the teacher's model takes them; None where the client has
    images and it is not known whether the model does."""
    return kept.any_of(db, client_id) and pictures.takes(connection_of(db, client_id, teacher))


def other_way(db: Database, client_id: int, teacher: str, forecast: Callable[[bool], Any]) -> Other | None:
    """What `forecast(looks)` says of the way that was not chosen; None where there is nothing to choose."""
    if not possible(db, client_id, teacher):
        return None
    looks = not chosen(db, client_id, name_of(teacher, connection_of(db, client_id, teacher)))
    return Other(looks, forecast(looks))
