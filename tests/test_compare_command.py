"""The compare command says what the Compare page shows, and keeps what it changes."""

import json

import openpyxl
import pytest

from core import tasks
from core.__main__ import main
from core.evaluate.comparison import comparison
from tests.evaluate.conftest import client, insert_assets  # noqa: F401


@pytest.fixture
def judged(client):  # noqa: F811
    from core.evaluate import evaluation

    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    return client


def test_it_tells_the_verdict_and_keeps_what_it_changes(judged, capsys):
    assert main(["compare", "--client", "Acme", "--student", "1", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert before["verdict"]["decision"] == "fallback" and before["headlines"][0]["value"] == "95.0 %"
    changed = ["--rule", "target=0.9", "--assume", "volume_per_month=50000", "--assume", "always_on=true"]
    assert (
        main(["compare", "--client", "Acme", "--student", "1", *changed, "--other-models", "openai:gpt-6.1-sol"]) == 0
    )
    text = capsys.readouterr().out
    result = comparison(judged.db, 1)
    assert text.startswith(f"{result.verdict.decision}: ") and "Next: " in text and "in 24 months" in text
    assert "Kept for Acme from now on: target=0.9, volume_per_month=50000, always_on=true." in text
    assert result.rules.target == 0.9
    assert (result.assumptions.volume_per_month, result.assumptions.always_on) == (50_000, True)


def test_times_that_too_few_labels_or_texts_show_are_not_called_measured(judged, tmp_path):
    from core.evaluate import evaluation
    from core.report import content
    from core.report.speed import SHARES

    def shown(timed: int) -> tuple[dict, str]:
        judged.db.execute("update labels set latency_ms = null")
        judged.db.execute("update labels set latency_ms = 1000 + asset_id where asset_id <= 100 + ?", [timed])
        evaluation.evaluate(judged.db, 1)
        assert main(["report", "--client", "Acme", "--student", "1", "--to", str(tmp_path / "r.xlsx")]) == 0
        book = openpyxl.load_workbook(tmp_path / "r.xlsx")
        head, teacher, _ = book["latency"].iter_rows(values_only=True)
        html = tmp_path / "r.html"
        assert main(["report", "--client", "Acme", "--student", "1", "--to", str(html)]) == 0
        chapters = dict(content.gather(judged.db, tasks.get(judged.db, 2), "1").chapters)
        (drawn,) = [one for one in chapters["How fast is it?"] if one.name == "latency"]
        marks = " ".join(str(note.text) for note in drawn.figure.layout.annotations if "p50 1" in str(note.text))
        assert drawn.note in html.read_text().replace("&#39;", "'")
        return {key: (teacher[head.index(f"{key} (ms)")] is not None, f"{key} " in marks) for key in SHARES}, drawn.note

    yes, no = (True, True), (False, False)
    few, note = shown(12)
    assert few == {"p50": yes, "p95": no, "p99": no} and "measured on 12 labels, too few for p95 and p99." in note
    more, note = shown(40)
    assert more == {"p50": yes, "p95": yes, "p99": no} and "measured on 40 labels, too few for p99." in note
    many, note = shown(300)
    assert many == {"p50": yes, "p95": yes, "p99": yes} and "too few" not in note


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--rule", "goal=0.9"], "“goal=0.9” changes nothing"),
        (["--rule", "target=much"], "target is “much”"),
        (["--rule", "target=1"], "The target agreement is 1"),
        (["--assume", "always_on=perhaps"], "Give true or false"),
        (["--assume", "utilisation=2"], "Utilisation is above 100 %"),
    ],
)
def test_what_it_cannot_read_is_said_in_a_sentence(judged, capsys, change, said):
    assert main(["compare", "--client", "Acme", "--student", "1", *change]) == 2
    assert said in capsys.readouterr().err
