"""A provider is one file: forms, commands, specs, forecasts and runs know it by its being there."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.__main__ import main
from core.errors import InputError
from core.label import forecast
from core.label.labelling import label
from core.label.runs import summary
from core.label.teachers import make
from core.wires import connections, keys, providers
from tests import small
from tests.pages.conftest import no_worker, open_page

__all__ = ["no_worker", "open_page"]


@pytest.fixture
def parrot(monkeypatch):
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(Path(__file__).parent / "dummies")])


def test_a_provider_in_one_file_teaches_through_every_door(parrot, db, tmp_path, capsys, open_page):
    client = small.fill(db, tmp_path, small.rows(30))
    page = open_page("connections")
    assert "A parrot" in next(one for one in page.radio if one.label == "Who answers").options
    added = ["--add", "Polly", "--kind", "parrot", "--model", "p", "--price", "1,4"]
    assert main(["connections", "--client", "Small", *added]) == 0
    assert "Polly" in capsys.readouterr().out
    assert "PARROT_API_KEY" in keys.variables()
    assert connections.origin("parrot", None) == "https://parrot.example.org:443"
    likely = forecast.forecast(db, client, "parrot:p")
    assert likely.calls == 30 and likely.cost.likely > 0
    found = summary(db, label(db, client, "parrot:p", budget_usd=1.0))
    assert (found["count"], found["state"]) == (30, "done") and found["spent_usd"] == pytest.approx(30 * 18e-6)


def test_what_there_is_not_is_said_with_what_there_is(db, tmp_path):
    client = small.fill(db, tmp_path)
    with pytest.raises(InputError, match=r"anthropic, decisions, openai"):
        connections.save(db, client.client_id, "A", "parrot", "m")
    with pytest.raises(InputError, match="anthropic:MODEL, decisions:MODEL, openai:MODEL or systemone:MODEL"):
        make(db, client, "parrot:m", [])
