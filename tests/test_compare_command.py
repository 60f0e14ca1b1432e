"""The compare command says what the Compare page shows, and keeps what it changes."""

import json

import pytest

from core.__main__ import main
from core.evaluate.run import comparison
from tests.evaluate.conftest import client, insert_assets  # noqa: F401


@pytest.fixture
def judged(client):  # noqa: F811
    from core.evaluate import run

    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    run.evaluate(client.db, client.student_id)
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
    assert text.startswith(f"{result['verdict'].decision}: ") and "Next: " in text and "in 24 months" in text
    assert "Kept for Acme from now on: target=0.9, volume_per_month=50000, always_on=true." in text
    assert result["rules"].target == 0.9
    assert (result["assumptions"].volume_per_month, result["assumptions"].always_on) == (50_000, True)


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
