"""The queue that carries job numbers to the worker: huey on the workspace's own queue.db, or on a server.

UNDERSTUDY_QUEUE=redis://host:port/db or postgresql://user@host/db moves it to Redis or Postgres.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable
from typing import TypeVar

import huey
from huey.api import TaskWrapper
from huey.consumer import Consumer
from huey.exceptions import ConfigurationError
from huey.registry import Message
from huey.serializer import Serializer

from core import settings
from core.errors import InputError

PACKAGES = {"redis": "redis", "rediss": "redis", "postgres": "psycopg", "postgresql": "psycopg"}
Answer = TypeVar("Answer")


class _JsonMessages(Serializer):
    """huey pickles by default; whoever can write to the queue could then run code in the worker."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data._asdict()).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(**json.loads(bytes(data)))


def deliver(job_id: int) -> None:
    """Put a job's number into the queue. InputError where the setting is wrong or the server does not answer."""
    _reach(lambda: _sender(*_place())(job_id))


def delivered() -> set[int]:
    """The numbers waiting in the queue. InputError as for deliver."""
    return {task.args[0] for task in _reach(lambda: _sender(*_place()).huey.pending())}


def consumer(run: Callable[[int], None], threads: int) -> Consumer:
    """A consumer, not yet started, that calls `run` with each number; idle it looks every 0.4 s. InputError likewise."""
    receiver = _reach(lambda: _task(*_place(), run))
    return receiver.huey.create_consumer(
        workers=threads, periodic=False, initial_delay=0.1, max_delay=0.4, scheduler_interval=60
    )


def _place() -> tuple[str, str]:
    return str(settings.home()), os.environ.get("UNDERSTUDY_QUEUE", "")


@functools.lru_cache(maxsize=8)
def _sender(home: str, address: str) -> TaskWrapper:
    return _task(home, address, lambda job_id: None)


def _task(home: str, address: str, run: Callable[[int], None]) -> TaskWrapper:
    def job(job_id: int) -> None:
        run(job_id)

    # Workspaces that share a server must not see each other's jobs.
    name = f"understudy-{hashlib.sha256(home.encode()).hexdigest()[:8]}"
    options = {"results": False, "serializer": _JsonMessages()}
    package = PACKAGES.get(address.partition("://")[0])
    if not address:
        made = huey.SqliteHuey(name, filename=f"{home}/queue.db", timeout=30, **options)
    elif package == "redis":
        made = huey.RedisHuey(name, url=address, **options)
    elif package == "psycopg":
        made = huey.PostgresHuey(name, dsn=address, **options)
    else:
        raise _wrong("The address names no queue that is known.", "Use redis://… or postgresql://…, or unset it.")
    return made.task()(job)


def _reach(call: Callable[[], Answer]) -> Answer:
    """The call's answer, with a server's absence turned into a sentence."""
    try:
        return call()
    except ConfigurationError as error:
        package = PACKAGES[_place()[1].partition("://")[0]]
        raise _wrong(f"The Python package {package} is missing.", f"Install it: pip install {package}.") from error
    except Exception as error:  # the servers' packages are optional, so their error classes are known by module only
        if type(error).__module__.partition(".")[0] in PACKAGES.values():
            raise _wrong(
                f"The queue's server does not answer ({type(error).__name__}).", "Start it, or unset it."
            ) from error
        raise


def _wrong(what: str, todo: str) -> InputError:
    return InputError(what, todo, where="UNDERSTUDY_QUEUE")
