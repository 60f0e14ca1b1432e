"""Who looks writes nothing: opening pages and asking for figures leave the database as it is."""

from __future__ import annotations

import pytest

from core import database, settings
from core.ui.compare_first import TABS
from core.ui.menu import MENU
from tests.pages.conftest import ask
from tests.test_main import call

ASKED = (
    ["compare"],
    ["students"],
    ["students", "--would-change", "1"],
    ["classify", "--text", "running shoe", "--student", "1"],
    ["report", "--to", "report.html", "--student", "1"],
    ["report", "--to", "report.xlsx", "--student", "1"],
    ["taxonomy"],
    ["connections"],
    ["label", "--teacher", "recorded:recorded_label", "--forecast"],
    ["ledger"],
    ["prices"],
    ["imports"],
    ["imports", "--undo", "1"],
    ["clients"],
    ["clients", "--delete"],
    ["vendor", "list"],
    ["jobs"],
)


def written() -> list[str]:
    """All that the database holds but the audit trail, which tells of what left it, as a connection of its own sees it."""
    with database.connect() as db:
        return [line for line in db.conn.iterdump() if "audit_trail" not in line]


@pytest.mark.parametrize("key", MENU)
def test_opening_a_page_writes_nothing(open_page, filled, key):
    before = written()
    app = open_page(key)
    for tab in TABS if key == "compare" else ():
        ask(app, tab)
    assert written() == before


def test_asking_by_command_writes_nothing(filled, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = written()
    for line in ASKED:
        status, _, err = call(capsys, *line, "--client", "Northwind")
        assert status == 0, (line, err)
        assert written() == before, line
    assert settings.home()
