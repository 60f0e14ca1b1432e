"""Gold labels: what people decided of a client's assets. Everything that wants one reads it here.

An asset's gold label is the last word of whoever settled it, else what its reviewers agree on, else it has none: the view
gold_labels says it in SQL. The labels that a file brought count as one reviewer, called "file".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlite_utils import Database

from core.tasks import Task
from core.taxonomy import StoredCategory, versions

ORIGINS = ("given", "queue", "random")
# Assets that were not chosen for being doubtful: what is measured on them holds for the others, too.
SAMPLED = ("given", "random")


def gold(
    db: Database, task: Task, categories: Iterable[StoredCategory], origins: Collection[str] = ORIGINS
) -> dict[int, int]:
    """The gold label of each of the client's assets that has one among `categories` (of one version): asset id -> category id.

    Decisions under another version of the taxonomy hold where it is certain which category that is now. `origins` keeps those of
    assets that came before people in these ways.
    """
    ids = {category.id for category in categories}
    rows = db.execute("select asset_id, category_id, origin from gold_labels where task_id = ?", [task.id]).fetchall()
    decided = {asset: category for asset, category, origin in rows if origin in origins}
    if not decided or not ids:
        return {}
    (version,) = db.execute("select taxonomy_id from categories where id = ?", [min(ids)]).fetchone()
    means = versions.carried(db, version)
    return {asset: means[category] for asset, category in decided.items() if means.get(category) in ids}


def labels(db: Database, task: Task, origins: Collection[str] = ORIGINS) -> dict[int, str]:
    """The same by the categories' labels, whatever version of the taxonomy they are in: asset id -> label."""
    rows = db.execute("select asset_id, label, origin from gold_labels where task_id = ?", [task.id])
    return {asset: label for asset, label, origin in rows if origin in origins}
