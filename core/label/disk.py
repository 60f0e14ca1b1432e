"""The thread of whoever buys, with a database connection of its own: neither a commit nor a lock ever holds up a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import database


class Disk:
    """`await disk(function, *arguments)` calls `function(db, *arguments)` there, one after the other. The connection is opened by
    the first."""

    def __init__(self, path: Path | None = None):
        self.path = path
        self.db: Database | None = None
        self._thread = ThreadPoolExecutor(1, "buying")

    @classmethod
    def of(cls, db: Database) -> Disk:
        """One on the same file as `db`."""
        return cls(Path(next(row["file"] for row in db.query("pragma database_list") if row["name"] == "main")))

    def __call__(self, function: Callable, *arguments: Any) -> asyncio.Future:
        return asyncio.get_running_loop().run_in_executor(self._thread, self._do, function, *arguments)

    def _do(self, function: Callable, *arguments: Any) -> Any:
        self.db = self.db or database.connect(self.path)
        return function(self.db, *arguments)

    def close(self) -> None:
        """Let go of both, once what is under way there is over."""
        self._thread.submit(lambda: self.db and self.db.close())
        self._thread.shutdown()
