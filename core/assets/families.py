"""What belongs together in an import: one concept in all its markets, one campaign in all its sizes, by a column of the file.

A family is a connected component of duplicate groups and values of that column; its id is that of its first asset. Its groups
are labelled one by one, but are not independent: splits and figures go by families.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlite_utils import Database

from core.assets import family_columns, stems
from core.assets.staging import put
from core.tables.columns import Mapping
from core.tables.files import squash


def key(mapping: Mapping, cell: str) -> str | None:
    """How a family is recognised in later files: its column's name and value, or the stem of the name in it; None if empty."""
    if mapping.family_stem is not None:
        name, sign = stems.stem(cell, mapping.family_stem), "~"
    else:
        name, sign = family_columns.name_key(cell), ":"
    return f"{squash(mapping.family or '')}{sign}{name}" if name else None


def unfit(stage: sqlite3.Connection, mapping: Mapping) -> str | None:
    """Why the staged values do not say what belongs together, or None (see family_columns.unfit)."""
    counts = [n for (n,) in stage.execute("select count(*) from rows where family is not null group by family")]
    rows = stage.execute("select count(*) from rows").fetchone()[0]
    return family_columns.unfit(counts, rows, mapping.family_stem)


def unite_staged(db: Database, client_id: int, stage: sqlite3.Connection) -> int:
    """Set family_id or family_head of the staged rows; returns how many families have assets of several given splits.

    A family that is there already takes in what belongs to it; several that turn out to be one become the oldest of them.
    """
    there, keys = _there(db, client_id)
    rows = stage.execute("select n, asset_id, group_id, head, family, split from rows order by n").fetchall()
    places: dict[tuple[str, object], int] = {}
    edges: list[tuple[int, int]] = []
    anchors = []
    for _, asset_id, group_id, head, family, _ in rows:
        known = asset_id or group_id
        anchor = places.setdefault(("there", there[known]) if known else ("new", head), len(places))
        anchors.append(anchor)
        if family is not None:
            edges.append((anchor, places.setdefault(("key", family), len(places))))
            if family in keys and (place := ("there", keys[family])):
                edges.append((places[("key", family)], places.setdefault(place, len(places))))
    component = _components(edges, len(places))
    first: dict[int, tuple[str, int]] = {}  # of each component, what names it: a family that is there, else a new head
    for (kind, value), place in places.items():
        if kind != "key":
            united = int(component[place])
            best = first.get(united)
            rank = (kind == "new", value)
            if best is None or rank < (best[0] == "new", best[1]):
                first[united] = (kind, value)
    joins = [
        (value, first[int(component[place])][1])
        for (kind, value), place in places.items()
        if kind == "there" and first[int(component[place])][1] != value
    ]
    named = [(first[int(component[anchor])], n) for anchor, (n, *_) in zip(anchors, rows)]
    put(
        stage,
        "update rows set family_id = ?, family_head = ? where n = ?",
        [(value if kind == "there" else None, value if kind == "new" else None, n) for (kind, value), n in named],
    )
    put(stage, "insert into family_joins values (?, ?)", joins)
    splits = defaultdict(set)
    for (name, _), (*_, split) in zip(named, rows):
        if split:
            splits[name].add(split)
    return sum(len(of_name) > 1 for of_name in splits.values())


def _there(db: Database, client_id: int) -> tuple[dict[int, int], dict[str, int]]:
    """Of what is there already: the family of each asset, and of each key."""
    query = "select id, coalesce(family_id, group_id), family_key from assets where client_id = ?"
    there, keys = {}, {}
    for asset_id, family_id, family_key in db.execute(query, [client_id]):
        there[asset_id] = family_id
        if family_key is not None:
            keys[family_key] = family_id
    return there, keys


def _components(edges: list[tuple[int, int]], count: int) -> np.ndarray:
    """The component of each of `count` places, int (count,)."""
    pairs = np.array(edges, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph.tocsr(), directed=False)[1]


def count(db: Database, client_id: int) -> int:
    """How many families a client's assets are."""
    query = "select count(distinct coalesce(family_id, group_id)) from assets where client_id = ?"
    return db.execute(query, [client_id]).fetchone()[0]
