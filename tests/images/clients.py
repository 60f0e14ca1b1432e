"""Images for assets that are there already, without reading them: for tests of who looks."""

from __future__ import annotations

from sqlite_utils import Database

from core.images import kept
from tests.images.pictures import drawn, saved

SIZES = ((300, 250), (728, 90), (1080, 1350))


def give(db: Database, client_id: int, every: int = 1) -> dict[str, tuple[int, int]]:
    """Give each `every`-th asset of a client one of three images; the image's size by the asset's text."""
    shas = []
    for seed, size in enumerate(SIZES):
        data = saved(drawn(f"Image {seed}", size, seed), "JPEG")
        kept.enter(db, [kept.keep(client_id, data)])
        shas.append(kept.sha256(data))
    rows = db.execute("select id, text from assets where client_id = ? order by id", [client_id]).fetchall()[::every]
    db.conn.executemany(
        "update assets set image = ? where id = ?", [(shas[at % len(shas)], id) for at, (id, _) in enumerate(rows)]
    )
    db.conn.commit()
    return {text: SIZES[at % len(SIZES)] for at, (_, text) in enumerate(rows)}
