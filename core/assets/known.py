"""The assets of a client that are there already, as a file that comes again finds them: by id, also one that a spreadsheet changed.

A changed id (143 for 00143, 1.2E+17) means an asset only where the text is that asset's, and no other's whose id could have
become it: an id alone may as well be a new asset's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from sqlite_utils import Database

from core.assets.ids import Ids


class There(NamedTuple):
    """An asset that is there already."""

    asset_id: int
    external_id: str
    text: str
    split: str | None


class Known:
    """Looks up a client's assets; what a spreadsheet may have made of their ids is found out when an id is not among them."""

    def __init__(self, db: Database, client_id: int):
        self._db, self._client_id = db, client_id
        query = "select exists(select 1 from assets where client_id = ?)"
        self.any = bool(db.execute(query, [client_id]).fetchone()[0])

    def by_id(self, ids: Sequence[str]) -> dict[str, There]:
        """Those of these external ids that are there."""
        return {one.external_id: one for one in self._rows("external_id", ids)} if self.any else {}

    def changed(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[list[There], bool]]:
        """Of ids that no asset has, with the text beside each: the assets of that text whose id could have become this one, and
        whether there are others. Ids that no asset's can have become are left out."""
        pairs = [(pair, could) for pair in wanted if (could := self._ids.could_be(pair[0]))] if self.any else []
        rows = {one.asset_id: one for one in self._rows("id", list({id for _, could in pairs for id in could}))}
        by_pair = {}
        for pair, could in pairs:
            same = [rows[id] for id in could if rows[id].text == pair[1]]
            by_pair[pair] = (same, len(same) < len(could))
        return by_pair

    @cached_property
    def _ids(self) -> Ids:
        return Ids(self._db.execute("select id, external_id from assets where client_id = ?", [self._client_id]))

    def _rows(self, column: str, values: Sequence) -> Iterable[There]:
        for start in range(0, len(values), 500):
            part = values[start : start + 500]
            query = "select id, external_id, text, split from assets where client_id = ?"
            query += f" and {column} in ({', '.join('?' * len(part))})"
            yield from map(There._make, self._db.execute(query, [self._client_id, *part]))
