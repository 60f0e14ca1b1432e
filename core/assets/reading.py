"""The rows of an assets file into the scratch database of an import: each found by its id, put right or listed, and counted."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from sqlite_utils import Database

from core import settings, taxonomy
from core.assets import families
from core.assets.duplicates import form_hash, normal_form
from core.assets.ids import AS_TEXT, is_damaged
from core.assets.known import Known, There
from core.assets.label_columns import LabelColumns, check_map
from core.assets.rows import Asset, RowReader, text_id
from core.assets.staging import INSERT, KEPT, put
from core.assets.tag_columns import TagColumns
from core.errors import InputError
from core.images import words
from core.jobs.progress import NoProgress
from core.tables.columns import Mapping
from core.tables.files import MAX_ROWS, Problems, Table
from core.tasks import Task
from core.taxonomy.matching import Matcher
from core.words import counted

_to_json = json.JSONEncoder(ensure_ascii=False).encode


CHUNK = 2_000  # rows read, looked up and staged at a time


class Reading:
    """Reads a table into the scratch database and counts."""

    def __init__(
        self, db: Database, task: Task, table: Table, mapping: Mapping, accepted: dict[str, str] | None = None
    ):
        self.db, self.task, self.table, self.mapping = db, task, table, mapping
        self.problems = Problems()
        version = taxonomy.latest(db, task)
        self.labels = None
        if version is not None:
            categories = taxonomy.load(db, version)
            known = check_map(accepted or {}, Matcher(categories))
            matcher = Matcher(categories, accepted=known)
            if task.several:
                some = not settings.get(db, "may_be_none", task)
                self.labels = TagColumns(db, version, table, mapping, matcher, some)
            else:
                self.labels = LabelColumns(table, mapping, matcher)
        self.rows = self.imported = self.unchanged = self.conflicts = self.moved = 0
        self._texts: dict[str, bytes] = {}  # external id -> digest of its text, of this file's rows
        self._occurrences: Counter[str] = Counter()
        self._known = Known(db, task.client_id)
        self._changed: dict[str, str] = {}  # ids a spreadsheet changed, to those of the assets that they mean

    def run(self, stage: sqlite3.Connection, report: NoProgress) -> None:
        """Stage every row of the table. Raises InputError past 500,000 rows."""
        reader = RowReader(self.table, self.mapping, self.labels, self.problems)
        records = self.table.records(self.problems)
        while chunk := [reader.read(row, cells) for row, cells in islice(records, CHUNK)]:  # raw cells may be long
            self.rows += len(chunk)
            if self.rows > MAX_ROWS:
                raise InputError(
                    f"The file has more than {MAX_ROWS:,} rows.",
                    "Split it into several files and import them one after the other.",
                    where=self.table.path.name,
                )
            assets = [asset for asset in chunk if asset is not None]
            put(stage, INSERT, list(self._staged(assets)))
            total = round(self.rows / self.table.share) if self.table.share > 0 else 0
            report(self.rows, max(total, self.rows), "Step 1 of 3: reading")
        self.rows += self.table.left_out
        reader.tell()
        if self.labels:
            self.labels.tell(self.problems)
        if self._changed:
            shown = ", ".join(f"{id[:60]} for {meant[:60]}" for id, meant in islice(self._changed.items(), 3))
            what = f"{counted(len(self._changed), 'id was', 'ids were')} changed by a spreadsheet ({shown}); the assets were found."
            self.problems.add(None, self.mapping.id, what, AS_TEXT)
        if self.moved:
            self.problems.add(
                None,
                self.mapping.split,
                f"{counted(self.moved, 'asset that is there already has', 'assets that are there already have')} another split "
                f"than the file gives; {'its split' if self.moved == 1 else 'theirs'} was kept.",
                "A split can be given only when an asset is first imported.",
            )

    def _staged(self, assets: list[Asset]) -> Iterator[tuple]:
        there = self._known.by_id([asset.external_id for asset in assets if asset.external_id])
        lost = ((a.external_id, a.text) for a in assets if a.external_id and a.external_id not in there)
        changed = self._known.changed(lost)
        ids = [self._id(asset, there, changed) for asset in assets]
        there |= self._known.by_id([id for id in ids if id and id not in there])
        for external_id, asset in zip(ids, assets):
            if external_id is None:
                continue
            digest = hashlib.blake2b(asset.text.encode(), digest_size=8).digest()
            asset_id, _, text, split = there.get(external_id, (None, None, None, None))
            earlier = self._texts.get(external_id)
            if earlier is not None:
                self.unchanged += earlier == digest
                if earlier != digest:
                    self._conflict(
                        asset.row,
                        f"The id {external_id} stands in an earlier row with another text; this row was left out.",
                    )
                continue
            self._texts[external_id] = digest
            if asset_id is not None and not _same(text, asset):
                self._conflict(
                    asset.row, f"Asset {external_id} is already there with another text; it was left as it is."
                )
                continue
            self.moved += asset_id is not None and asset.split is not None and asset.split != split
            yield self._tuple(external_id, asset_id, asset)

    def _id(self, asset: Asset, there: dict[str, There], changed: dict[tuple[str, str], tuple]) -> str | None:
        """The id an asset goes by: its own, one made from its text, or that of the one asset it is that is there already.

        None, listed, where it may be one of several.
        """
        id = asset.external_id
        if id is None or id in there:
            return id or self._made_up(asset.text)
        same, others = changed.get((id, asset.text), ((), False))
        if len(same) == 1:
            self._changed[id] = same[0].external_id
            return same[0].external_id
        shown = id if len(id) <= 60 else id[:59] + "…"
        if same:
            what = (
                f"Several assets with this text have ids that a spreadsheet may show as {shown}; this row was left out."
            )
            return self._conflict(asset.row, what, AS_TEXT)
        if is_damaged(id):
            what = f"A spreadsheet shortened the id to {shown}; the row was given one made from its text."
            self.problems.add(asset.row, self.mapping.id, what, AS_TEXT)
            return self._made_up(asset.text)
        if others:
            what = f"The id {shown} may be another asset's as a spreadsheet writes it, but its text differs; it was taken as new."
            self.problems.add(asset.row, self.mapping.id, what, AS_TEXT)
        return id

    def _tuple(self, external_id: str, asset_id: int | None, asset: Asset) -> tuple:
        new = asset_id is None
        self.imported += new
        self.unchanged += not new
        form = normal_form(asset.text) if new else None
        return (
            asset_id,
            external_id if new else None,
            asset.text if new else None,
            form_hash(form) if new else None,
            form,
            asset.split if new else None,
            int(asset.split is not None),
            _to_json(asset.extra) if new and asset.extra else None,
            asset.label,
            asset.category,
            asset.gold,
            families.key(self.mapping, asset.family) if self.mapping.family else None,
            *(asset.columns[role] for role in KEPT),
        )

    def _made_up(self, text: str) -> str:
        made_up = text_id(text)
        self._occurrences[made_up] += 1
        return f"{made_up}-{self._occurrences[made_up]}"

    def _conflict(self, row: int, what: str, todo: str = "Give the new text an id of its own.") -> None:
        self.conflicts += 1
        self.problems.add(row, self.mapping.id, what, todo)


def _same(text: str, asset: Asset) -> bool:
    """Whether an asset that is there has the text that comes again; of images the marks of large words may be newer than it."""
    if text == asset.text or not asset.columns.get("image"):
        return text == asset.text
    return words.unmarked(text) == words.unmarked(asset.text)
