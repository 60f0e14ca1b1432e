"""A text and the image that goes with it."""

from __future__ import annotations

import copy
import pickle

from core import database
from core.images import kept, seen
from core.images.looking import look
from tests.images.pictures import drawn, saved


def test_what_may_be_looked_at_is_the_image_of_the_asset(db):
    client = database.client_id(db, "Northwind")
    data = saved(drawn("Sale"))
    kept.enter(db, [kept.keep(client, data)])
    row = {
        "filename": "a.zip",
        "sha256": "",
        "mapping": "{}",
        "row_count": 2,
        "imported": 2,
        "unchanged": 0,
        "duplicates": 0,
    }
    db["imports"].insert({"id": 1, "client_id": client, **row, "problem_count": 0, "created": database.now()})
    both = [{"client_id": client, "import_id": 1, "external_id": str(at), "text": "Sale", "text_hash": str(at), "image": sha}
            for at, sha in enumerate([kept.sha256(data), None], 1)]  # fmt: skip
    db["assets"].insert_all(both)
    ids = [row[0] for row in db.execute("select id from assets order by id").fetchall()]
    sights = kept.sights(db, client, ids)
    assert list(sights) == ids[:1]
    text = seen.Seen("Sale", sights[ids[0]])
    assert text == "Sale" and seen.sight_of(text).data() == data and seen.sight_of("Sale") is None
    assert seen.sight_of(text).facts == look(data).facts
    copied = copy.deepcopy(pickle.loads(pickle.dumps(text)))
    assert copied == "Sale" and seen.sight_of(copied) == seen.sight_of(text)
