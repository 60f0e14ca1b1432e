"""Figures are kept and read back whole; those of an earlier version say what to do, and hide no list of students."""

import json

import pytest

from core import jobs, tasks
from core.__main__ import main
from core.errors import InputError
from core.evaluate import house, versions
from core.evaluate.comparison import comparison
from core.evaluate.evaluation import certified, evaluate, figures_of
from core.train.registry import set_live
from tests.evaluate.conftest import client, insert_assets  # noqa: F401


@pytest.fixture
def older(judged_small, db):
    """A client whose live student was judged before figures had all the names they have now."""
    set_live(db, 1)
    kept = json.loads(db.execute("select figures from evaluations").fetchone()[0])
    del kept["taught"]["tokens_in"]
    db.execute("update evaluations set figures = ?", [json.dumps(kept)])
    db.conn.commit()
    return db


def test_what_is_kept_is_what_was_measured(client):  # noqa: F811
    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    made = evaluate(client.db, client.student_id)
    assert figures_of(client.db, client.student_id) == made
    since = client.db.execute("select certified_at from evaluations").fetchone()[0]
    assert certified(client.db, client.student_id) == (made.certificate.threshold, since)
    assert made.categories == made.per_category and made.labels == {2: "Sale", 3: "Offer", 4: "Brand"}


def test_figures_of_an_earlier_version_say_what_to_do(older, capsys):
    for read in (figures_of, comparison, certified):
        with pytest.raises(InputError, match=r"of an earlier version of Understudy\..*Train it again"):
            read(older, 1)
    for line in (["compare"], ["report", "--to", "r.html"], ["classify", "--text", "hotel"]):
        assert main([*line, "--client", "Small"]) == 2
        assert "Train it again on the Student page" in capsys.readouterr().err


def test_they_hide_no_list_and_training_again_measures_anew(older):
    task = tasks.get(older, 2)
    assert [one["agreement"] for one in versions.listed(older, task)] == [None]
    assert house.money_of_tasks(older)[0].agreement is None
    params = json.loads(older.execute("select params from jobs where kind = 'train'").fetchone()[0])
    assert jobs.run_here(older, "train", params, task).result["students"] == [1]
    assert comparison(older, 1).figures.agreement.n > 0
