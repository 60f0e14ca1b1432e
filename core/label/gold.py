"""Gold labels: what people decided of a client's assets. Everything that wants one reads it here.

An asset's gold label is the last word of whoever settled it, else what its reviewers agree on, else it has none: the view
gold_labels says it in SQL. The labels that a file brought count as one reviewer, called "file".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlite_utils import Database

from core.ingest.taxonomy import StoredCategory

ORIGINS = ("given", "queue", "random")
# Assets that were not chosen for being doubtful: what is measured on them holds for the others, too.
SAMPLED = ("given", "random")


def gold(
    db: Database, client_id: int, categories: Iterable[StoredCategory], origins: Collection[str] = ORIGINS
) -> dict[int, int]:
    """The gold label of each of the client's assets that has one among `categories`: asset id -> category id.

    Decisions under another version of the taxonomy hold where the category's label is the same. `origins` keeps those of assets
    that came before people in these ways.
    """
    ids = {category.label: category.id for category in categories}
    return {asset: ids[label] for asset, label in labels(db, client_id, origins).items() if label in ids}


def labels(db: Database, client_id: int, origins: Collection[str] = ORIGINS) -> dict[int, str]:
    """The same by the categories' labels, whatever version of the taxonomy they are in: asset id -> label."""
    rows = db.execute("select asset_id, label, origin from gold_labels where client_id = ?", [client_id])
    return {asset: label for asset, label, origin in rows if origin in origins}
