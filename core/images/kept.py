"""A client's images in the workspace: the originals, each once by its content, thumbnails, and what is known of each.

Files come first and the row last, so that what has a row is whole; an image that is there already is not decoded again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlite_utils import Database

from core import settings
from core.images import looking
from core.images.looking import Facts
from core.images.seen import Seen, Sight
from core.whole import write_whole

ENDINGS = dict(looking.FORMATS.values())


@dataclass(frozen=True)
class Image:
    """One image of a client: `sha256` of its bytes, format for people, facts, and likeness (core/images/likeness.py)."""

    sha256: str
    format: str
    facts: Facts
    likeness: str


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def folder(client_id: int) -> Path:
    """Where a client's images lie."""
    return settings.home() / "images" / str(client_id)


def original(client_id: int, sha: str, format: str) -> Path:
    """The file of an image, as it came."""
    return folder(client_id) / sha[:2] / f"{sha}.{ENDINGS[format]}"


def thumbnail(client_id: int, sha: str) -> Path:
    """The small copy of an image, a JPEG."""
    return folder(client_id) / sha[:2] / f"{sha}.small.jpg"


def load(db: Database, client_id: int, shas: Iterable[str]) -> dict[str, Image]:
    """Those of these images that are kept."""
    query = """select sha256, format, width, height, facts, likeness from images where client_id = ?
               and sha256 in (select value from json_each(?))"""
    rows = db.execute(query, [client_id, json.dumps(list(shas))])
    return {row[0]: Image(row[0], row[1], _facts(*row[2:5]), row[5]) for row in rows.fetchall()}


def _facts(width: int, height: int, stored: str) -> Facts:
    more = json.loads(stored)
    return Facts(width, height, more["placement"], tuple(more["colours"]), more["animated"])


def keep(client_id: int, data: bytes) -> tuple:
    """Look at an image and write its files; returns its row, for enter(). Raises Unfit."""
    looked = looking.look(data)
    sha = sha256(data)
    path = original(client_id, sha, looked.format)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
    write_whole(thumbnail(client_id, sha), looked.thumbnail)
    facts = asdict(looked.facts)
    size = facts.pop("width"), facts.pop("height")
    return client_id, sha, looked.format, *size, len(data), looked.likeness, json.dumps(facts)


def enter(db: Database, rows: list[tuple]) -> None:
    """The rows of images whose files are written."""
    with db.atomic():
        db.conn.executemany(
            """insert or ignore into images (client_id, sha256, format, width, height, bytes, likeness, facts)
               values (?, ?, ?, ?, ?, ?, ?, ?)""",
            rows,
        )


def of_assets(db: Database, client_id: int, asset_ids: Iterable[int]) -> dict[int, Path]:
    """The thumbnails of those assets that have an image, by the assets' ids."""
    query = """select id, image from assets where client_id = ? and image is not null
               and id in (select value from json_each(?))"""
    rows = db.execute(query, [client_id, json.dumps(list(asset_ids))]).fetchall()
    return {asset_id: path for asset_id, sha in rows if (path := thumbnail(client_id, sha)).exists()}


def sights(db: Database, client_id: int, asset_ids: Iterable[int]) -> dict[int, Sight]:
    """What may be looked at of those assets that have an image, by the assets' ids."""
    query = """select a.id, i.sha256, i.format, i.width, i.height, i.facts from assets a
               join images i on i.client_id = a.client_id and i.sha256 = a.image
               where a.client_id = ? and a.id in (select value from json_each(?))"""
    rows = db.execute(query, [client_id, json.dumps([int(one) for one in asset_ids])])
    return {
        asset_id: Sight(sha, _facts(*of), original(client_id, sha, format))
        for asset_id, sha, format, *of in rows.fetchall()
    }


def sight(client_id: int, image: Image) -> Sight:
    """What may be looked at of an image that is kept."""
    return Sight(image.sha256, image.facts, original(client_id, image.sha256, image.format))


# Of the asset `a`: the image that stands for its group, that of the first that has one.
OF_GROUP = """(select f.image from assets f where f.client_id = a.client_id and f.group_id = a.group_id and f.image is not null
               order by f.id limit 1)"""


def group_sights(db: Database, asset_ids: Iterable[int]) -> dict[int, Sight]:
    """As sights(), of the assets' duplicate groups: one image stands for all that are labelled once."""
    query = f"""select a.id, a.client_id, i.sha256, i.format, i.width, i.height, i.facts from assets a
                join images i on i.client_id = a.client_id and i.sha256 = {OF_GROUP}
                where a.id in (select value from json_each(?))"""
    rows = db.execute(query, [json.dumps([int(one) for one in asset_ids])])
    return {
        asset_id: Sight(sha, _facts(*of), original(client_id, sha, format))
        for asset_id, client_id, sha, format, *of in rows.fetchall()
    }


def group_sizes(db: Database, asset_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Width and height of the images that stand for the assets' duplicate groups, by the assets' ids."""
    query = f"""select a.id, i.width, i.height from assets a join images i on i.client_id = a.client_id
                and i.sha256 = {OF_GROUP} where a.id in (select value from json_each(?))"""
    rows = db.execute(query, [json.dumps([int(one) for one in asset_ids])])
    return {asset_id: (width, height) for asset_id, width, height in rows.fetchall()}


def seen(db: Database, client_id: int, asset_ids: Sequence[int], texts: Sequence[str]) -> list[str]:
    """The texts of these assets, each with its image where it has one (core/images/seen.py)."""
    known = sights(db, client_id, asset_ids) if any_of(db, client_id) else {}
    return [Seen(text, known[asset]) if asset in known else text for asset, text in zip(asset_ids, texts)]


def of_text(db: Database, client_id: int, text_hash: str) -> Sight | None:
    """What may be looked at of an asset with these words (core/assets/duplicates.py: form_hash), the first that has an image."""
    query = "select id from assets where client_id = ? and text_hash = ? and image is not null order by id limit 1"
    row = db.execute(query, [client_id, text_hash]).fetchone()
    found = sights(db, client_id, [row[0]]).get(row[0]) if row else None
    return found if found is not None and thumbnail(client_id, found.sha256).exists() else None


def any_of(db: Database, client_id: int) -> bool:
    """Whether the client has images."""
    return db.execute("select 1 from images where client_id = ? limit 1", [client_id]).fetchone() is not None


def unused(db: Database, client_id: int) -> Iterator[str]:
    """Forget the images that no asset has any more; gives their files, as paths within the workspace. In a transaction."""
    rows = db.execute(
        """select sha256, format from images where client_id = ? and sha256 not in
           (select image from assets where client_id = ? and image is not null)""",
        [client_id, client_id],
    ).fetchall()
    home = settings.home()
    for sha, format in rows:
        for table in ("image_corrections", "images"):
            db.conn.execute(f"delete from {table} where client_id = ? and sha256 = ?", [client_id, sha])
        yield str(original(client_id, sha, format).relative_to(home))
        yield str(thumbnail(client_id, sha).relative_to(home))
