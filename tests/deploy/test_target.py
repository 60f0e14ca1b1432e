"""A target changed on Compare: whoever scores, exports or classifies goes by it at once, as a server does (test_server.py)."""

from __future__ import annotations

import json

from core.deploy import export, inputs, scoring
from core.evaluate.comparison import judgement
from tests import small
from tests.deploy.conftest import write_rows
from tests.test_main import call


def aim(capsys, target: float) -> None:
    status, _, err = call(capsys, "compare", "--client", "Small", "--student", "1", "--rule", f"target={target}")
    assert status == 0, err


def certified(db) -> float | None:
    """The threshold that Compare shows."""
    return judgement(db, 1).figures.certificate.threshold


class Meanwhile:
    """Progress during which another target is set, once, after so many rows or at the first report."""

    def __init__(self, capsys, target: float, message: str, after: int = 0):
        self.capsys, self.target, self.message, self.after, self.shares = capsys, target, message, after, []

    def __call__(self, done, total, message="", spent_usd=0.0):
        self.shares.append(done)
        if message == self.message and done >= self.after and self.target:
            aim(self.capsys, self.target)
            self.target = None


def test_scoring_under_way_and_what_is_started_after_go_by_the_changed_target(
    judged_small, capsys, db, tmp_path, monkeypatch
):
    monkeypatch.setattr(inputs, "SHARD", 50)
    source = write_rows(tmp_path / "in.csv", 300)
    before = certified(db)
    scores = {"task": judged_small, "student": 1, "input": source}
    told = Meanwhile(capsys, 0.9999, "Scoring", after=100)
    found = scoring.score(db, **scores, output=tmp_path / "under-way.csv", progress=told)
    assert certified(db) is None is not before
    assert (found["rows"], found["handled"], found["certified"], found["taken_over"]) == (300, 0, False, 0)
    assert 100 in told.shares and 150 not in told.shares[: told.shares.index(0, 1)], "the next shard was not answered"
    command = ("--client", "Small", "--student", "1", "--json")
    status, out, _ = call(capsys, "score", *command, "--input", str(source), "--output", str(tmp_path / "after.csv"))
    assert status == 0 and json.loads(out)["certified"] is False
    assert (tmp_path / "after.csv").read_bytes() == (tmp_path / "under-way.csv").read_bytes()
    text = small.rows()[0]["text"]
    answer = json.loads(call(capsys, "classify", *command, "--text", text)[1])
    assert (answer["threshold"], answer["handled"]) == (None, False)
    aim(capsys, 0.9)
    answer = json.loads(call(capsys, "classify", *command, "--text", text)[1])
    assert answer["threshold"] == certified(db) == before and answer["handled"] is True


def test_an_export_under_way_goes_by_the_changed_target(judged_small, capsys, db, tmp_path):
    assert certified(db) is not None
    told = Meanwhile(capsys, 0.9999, "Writing the student")
    export.export(db, task=judged_small, student=1, to=tmp_path / "out", progress=told)
    kept = json.loads((tmp_path / "out" / "thresholds.json").read_text())
    assert kept["threshold"] is None is certified(db) and kept["target"] == 0.9999
    assert "99.99" in (tmp_path / "out" / "MODEL_CARD.md").read_text()
