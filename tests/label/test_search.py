"""Assets are found by words, id, label and split; every one on exactly one page."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import tasks
from core.label.labelling import label
from core.label.search import NONE, Wanted, search
from tests import small


def everything(db, client, run_id, wanted, size):
    rows, total = search(db, client, run_id, wanted, 0, size)
    while len(rows) < total:
        more, again = search(db, client, run_id, wanted, len(rows), size)
        assert more and again == total
        rows += more
    return rows


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_pages_together_are_what_the_words_name(db, tmp_path_factory, data):
    client = tasks.get(db, 2) if db["clients"].count else small.fill(db, tmp_path_factory.mktemp("f"))
    run_id = label(db, client, "built-in") if data.draw(st.booleans()) else None
    words = data.draw(st.sampled_from(["", "a", "SALE", "%", "_", "\\", "'", "no such words"]))
    rows = everything(db, client, run_id, Wanted(words), data.draw(st.integers(1, 40)))
    held = db.execute(
        "select id, text, external_id from assets where client_id = ? order by id", [client.client_id]
    ).fetchall()
    expected = [id for id, text, own in held if words.lower() in text.lower() or words.lower() in own.lower()]
    assert [row["id"] for row in rows] == expected
    for one in (NONE, *small.WORDS):
        mine = [row["id"] for row in rows if (row["label"] or NONE) == one]
        assert [row["id"] for row in everything(db, client, run_id, Wanted(words, label=one), 25)] == mine


def test_another_clients_assets_are_never_found(db, tmp_path):
    small.fill(db, tmp_path)
    assert search(db, tasks.of(db, "Other"), None, Wanted("a")) == ([], 0)
