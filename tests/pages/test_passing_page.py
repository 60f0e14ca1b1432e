"""Calls passed on and logs of calls, as a person sets them up on Connections and Assets."""

from __future__ import annotations

import json

import pytest

from core import tasks
from core.exchanges import kept, patterns
from core.exchanges.exchange import Exchange, Said
from core.exchanges.patterns import Matched
from core.jobs import recent
from core.wires import connections
from tests.pages.clients import HOSTILE, WORDS, bring_in
from tests.pages.test_pages import press, shown

PROMPT = "Sort this ad.\nAd: {}\nAnswer with the category."


@pytest.fixture
def northwind(db, tmp_path) -> tasks.Task:
    return bring_in(db, "Northwind", tmp_path / "files", 60)


def calls(count: int) -> list[kept.Outcome]:
    names = list(WORDS)
    said = [
        (f"{' '.join(WORDS[names[n % 4]])} {n} {HOSTILE if n % 4 == 3 else ''}", names[n % 4]) for n in range(count)
    ]
    return [
        kept.Outcome("no pattern", Exchange((("user", PROMPT.format(text)),), Said(name, tokens_in=9), "big-1", 700.0))
        for text, name in said
    ]


def test_without_a_call_the_page_says_what_to_start(open_page, db, northwind):
    connections.save(db, 0, "Big", "openai", "big-1")
    app = open_page("connections", northwind)
    assert "serve --port 8600 --client=Northwind --pass-to=Big" in app.code[0].value
    assert "No call was passed on yet" in shown(app) and "http://127.0.0.1:8600/v1" in shown(app)


def test_a_pattern_is_suggested_seen_on_the_last_ten_kept_and_used(open_page, db, northwind):
    connections.save(db, 0, "Big", "openai", "big-1")
    kept.write(db, northwind.client_id, calls(14))
    app = open_page("connections", northwind)
    assert not app.exception and "10 of 10 name a category" in shown(app)
    table = next(one.value for one in app.dataframe if "Category, or why none" in one.value)
    assert len(table) == 10 and set(table["Category, or why none"]) == set(WORDS)
    press(app, "Keep this pattern")
    pattern = patterns.of(db, northwind)
    assert pattern.template == "Sort this ad.\nAd: {asset}\nAnswer with the category."
    app.text_area[0].set_value("no place").run()
    assert "no {asset}" in app.error[0].value.replace("\\", "")
    assert next(button for button in app.button if button.label == "Keep this pattern").disabled

    exchange = calls(1)[0].exchange
    told = patterns.Reading(db, northwind, pattern)(exchange)
    assert isinstance(told, Matched)
    kept.write(db, northwind.client_id, [kept.Outcome("kept", exchange, ((northwind.id, told),))])
    app = open_page("connections", northwind)
    assert "1 answer waits to become labels" in shown(app)
    assert kept.take(db, northwind.client_id)["assets"] == 1
    app = open_page("connections", northwind)
    assert any("Would cost today" in one.value for one in app.dataframe)
    app.toggle(key="passing-keeps").set_value(False).run()
    assert kept.last(db, northwind.client_id) == [] and not kept.keeps(db, northwind.client_id)


def test_a_log_is_brought_in_from_the_assets_page(open_page, db, northwind, tmp_path):
    lines = [
        json.dumps(
            {
                "request": {"model": "big-1", "messages": [{"role": "user", "content": one.exchange.user}]},
                "response": {"choices": [{"message": {"content": one.exchange.said.answer}}]},
            }
        )
        for one in calls(8)
    ]
    app = open_page("assets", northwind)
    (uploader,) = [one for one in app.file_uploader if one.label == "Log files"]
    uploader.set_value([("calls.jsonl", "\n".join(lines).encode(), "application/json")]).run()
    assert not app.exception and "This is a chat log. Of the first 8 calls, 8 name a category." in shown(app)
    press(app, "Import the log")
    (job,) = [one for one in recent(db, northwind) if one.kind == "import_log"]
    assert job.params["filename"].endswith("calls.jsonl") and job.params["pattern"]["template"].startswith("Sort")
