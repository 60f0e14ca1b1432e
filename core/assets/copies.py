"""Duplicate groups of an import: its staged texts among themselves and with the assets that are there already."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

import numpy as np
from sqlite_utils import Database

from core.assets import duplicates, image_copies
from core.assets.staging import put
from core.jobs.progress import NoProgress

STEP = "Step 2 of 3: finding duplicates"
SAMPLE = 50  # stored texts that tell whether another rule made what is kept of them


@dataclass
class _Nodes:
    """Distinct (text form, split) pairs among the new assets, in the order they appear."""

    first: list[int] = field(default_factory=list)  # n of the first row
    hashes: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    splits: list[str | None] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # how many rows
    of_row: dict[int, int] = field(default_factory=dict)  # n -> place


def group_staged(db: Database, client_id: int, stage: sqlite3.Connection, report: NoProgress) -> int:
    """Set head, group_id and split of the staged new rows; returns how many of them resemble an asset of another split.

    Groups that are there already are neither united nor renumbered. New texts without a split take their group's.
    """
    nodes = _nodes(stage)
    count = len(nodes.first)
    report(0, 2 * count, STEP)
    _renew(db, client_id)
    bands = duplicates.bands(nodes.forms)
    report(count, 2 * count, STEP)
    there = _Known(db, client_id)
    fixed, crossing = there.exact(nodes)
    near = there.near(bands)
    pictured = image_copies.pairs(db, client_id, stage)
    if pictured.known:
        standing = there.standing_for({group_id for _, group_id in pictured.known})
        near = np.union1d(near, np.array(standing, dtype=np.int64))
    beside = {there.groups[i]: count + at for at, i in enumerate(near.tolist())}
    grouping = duplicates.group(
        nodes.forms + there.forms(near),
        nodes.splits + [there.splits[i] for i in near],
        fixed + [there.groups[i] for i in near],
        np.concatenate([bands, there.bands[near]]),
        lambda share: report(count + round(share * count), 2 * count, STEP),
        [(nodes.of_row[one], nodes.of_row[other]) for one, other in pictured.new]
        + [(nodes.of_row[n], beside[group_id]) for n, group_id in pictured.known if group_id in beside],
    )
    _write(stage, nodes, grouping, bands, there)
    crossing.update(place for place in grouping.crossing if place < count)
    return sum(nodes.rows[place] for place in crossing)


def _renew(db: Database, client_id: int) -> None:
    """Make what is kept of a client's texts anew where another rule made it, so that new texts still meet the old: a sample tells.

    Groups stay as they are: labels and splits hang on them.
    """
    query = """select a.id, a.text, a.text_hash, b.bands from assets a left join asset_bands b on b.asset_id = a.id
               where a.client_id = ? and a.id > ? order by a.id limit ?"""
    rows = db.execute(query, [client_id, 0, SAMPLE]).fetchall()
    if _made_of(rows) == [(id, text_hash, packed) for id, _, text_hash, packed in rows]:
        return
    with db.atomic():
        while rows:
            remade = _made_of(rows)
            db.conn.executemany("update assets set text_hash = ? where id = ?", [(row[1], row[0]) for row in remade])
            bands = [(packed, id) for id, _, packed in remade if packed is not None]
            db.conn.executemany("update asset_bands set bands = ? where asset_id = ?", bands)
            rows = db.execute(query, [client_id, rows[-1][0], 5000]).fetchall()


def _made_of(rows: list[tuple]) -> list[tuple[int, str, bytes | None]]:
    """What today's rule makes of assets' texts: id, hash and, where bands are kept of it, its bands."""
    forms = [duplicates.normal_form(text) for _, text, _, _ in rows]
    banded = [place for place, row in enumerate(rows) if row[3] is not None]
    bands = dict(zip(banded, duplicates.bands([forms[place] for place in banded])))
    return [
        (row[0], duplicates.form_hash(form), bands[place].tobytes() if place in bands else None)
        for place, (row, form) in enumerate(zip(rows, forms))
    ]


def _nodes(stage: sqlite3.Connection) -> _Nodes:
    nodes = _Nodes()
    places: dict[tuple[bytes, str | None], int] = {}
    query = "select n, text_hash, form, split from rows where asset_id is null order by n"
    for n, text_hash, form, split in stage.execute(query):
        place = places.setdefault((bytes.fromhex(text_hash), split), len(nodes.first))
        if place == len(nodes.first):
            nodes.first.append(n)
            nodes.hashes.append(text_hash)
            nodes.forms.append(form)
            nodes.splits.append(split)
            nodes.rows.append(0)
        nodes.rows[place] += 1
        nodes.of_row[n] = place
    return nodes


class _Known:
    """The distinct texts that are there already: ids, groups, splits, bands; their texts are fetched only where needed."""

    def __init__(self, db: Database, client_id: int):
        self.db = db
        query = (
            "select a.id, a.group_id, a.split, a.text_hash, b.bands from asset_bands b join assets a on a.id = b.asset_id"
            " where a.client_id = ? order by a.id"
        )
        rows = db.execute(query, [client_id]).fetchall()
        self.ids = [row[0] for row in rows]
        self.groups = [row[1] for row in rows]
        self.splits = [row[2] for row in rows]
        self.by_hash: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            self.by_hash.setdefault(row[3], []).append(place)
        packed = b"".join(row[4] for row in rows)
        self.bands = np.frombuffer(packed, dtype=np.uint32).reshape(-1, duplicates.BANDS)

    def exact(self, nodes: _Nodes) -> tuple[list[int], set[int]]:
        """The group each new text joins because it is there word for word (0: none), and those there in another split."""
        fixed, crossing = [0] * len(nodes.first), set()
        bound = dict(zip(self.groups, self.splits))  # the split of each group, once it has one
        for place, (text_hash, split) in enumerate(zip(nodes.hashes, nodes.splits)):
            for other in self.by_hash.get(text_hash, ()):
                group_id = self.groups[other]
                if split and bound[group_id] and split != bound[group_id]:
                    crossing.add(place)
                elif not fixed[place]:
                    fixed[place] = group_id
                    bound[group_id] = bound[group_id] or split
        return fixed, crossing

    def near(self, bands: np.ndarray) -> np.ndarray:
        """The places of known texts that share a band with a new one, int (m,)."""
        shared = np.zeros(len(self.ids), dtype=bool)
        for band in range(duplicates.BANDS if len(bands) else 0):
            shared |= np.isin(self.bands[:, band], bands[:, band])
        return np.flatnonzero(shared)

    def standing_for(self, group_ids: set[int]) -> list[int]:
        """A place of each of these groups."""
        return list({group: place for place, group in enumerate(self.groups) if group in group_ids}.values())

    def forms(self, places: np.ndarray) -> list[str]:
        """Their normal forms, from the stored texts."""
        ids = [self.ids[place] for place in places]
        texts: dict[int, str] = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            texts.update(
                self.db.execute(f"select id, text from assets where id in ({', '.join('?' * len(part))})", part)
            )
        return [duplicates.normal_form(texts[i]) for i in ids]


def _write(
    stage: sqlite3.Connection, nodes: _Nodes, grouping: duplicates.Grouping, bands: np.ndarray, there: _Known
) -> None:
    count = len(nodes.first)
    heads: dict[int, int] = {}
    for place in range(count):
        heads.setdefault(grouping.root[place], nodes.first[place])
    put(
        stage,
        "update rows set head = ?, group_id = ?, split = ? where n = ?",
        [
            (heads[grouping.root[place]], grouping.fixed[place] or None, grouping.split[place], n)
            for n, place in nodes.of_row.items()
        ],
    )
    put(stage, "insert into bands values (?, ?)", [(nodes.first[i], bands[i].tobytes()) for i in range(count)])
    # A group without a split takes that of the new asset that joined it.
    put(
        stage,
        "insert or ignore into group_splits values (?, ?)",
        [(grouping.fixed[i], grouping.split[i]) for i in range(count) if grouping.fixed[i] and grouping.split[i]],
    )
