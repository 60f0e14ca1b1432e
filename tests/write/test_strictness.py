"""What a voice guide would stop of approved copy, and the language that copy is in."""

from __future__ import annotations

import json

import pytest

from core.write import gates, strictness, tongues
from core.write.guide import Guide, Span
from tests.commands.test_hosted import call
from tests.write import copy, drafted

PAIRS = [(row["brief"], row["copy"]) for row in copy.pairs(120)]
GERMAN = "Guten Morgen, schöne neue Welt"


def test_the_language_is_that_of_approved_copy_and_another_one_is_stopped():
    assert tongues.of([copy for _, copy in PAIRS]) == "en"
    assert tongues.of([GERMAN] * 20 + ["Good morning, brave new world"] * 20) == tongues.ANY
    assert tongues.other_than(GERMAN, "Nordlys, coffee", "en") == "German"
    assert tongues.other_than("早安，新的一天", "Nordlys, coffee", "en") == "Chinese"
    assert not tongues.other_than(GERMAN, "Nordlys, coffee", "de")
    for line in ("Brot.", "Haute couture", "Seat. Auto emocion."):
        assert not tongues.other_than(line, "Seat, a car", "en"), "too short to tell, or half a name"
    assert not tongues.other_than("Guten Morgen tastes good with toast", "Guten Morgen, jam", "en"), (
        "a brand is no language"
    )


def test_shares_are_by_gate_and_say_when_rules_are_too_strict():
    measured = strictness.measure(Guide(words=Span(most=5), banned=("roast",)), PAIRS)
    assert measured.n == 120 and measured.too_strict and set(measured.by_gate) == {"length", "banned words"}
    words = strictness.sentence(measured)
    assert "Too strict" in words and "length" in words
    assert "stop none of 120" in strictness.sentence(strictness.measure(Guide(), PAIRS))
    assert "no approved copy" in strictness.sentence(strictness.measure(Guide(), []))
    assert set(gates.OF_GUIDE) < set(gates.GATES)


def asked(capsys, *options: str) -> dict:
    status, out, err = call(capsys, "guide", "--client", "Northwind", "--task", "Slogans", *options, "--json")
    assert status == 0, err
    return json.loads(out)


def test_the_command_tries_a_guide_before_it_keeps_one(db, tmp_path, capsys):
    drafted.task(db, tmp_path)
    file = tmp_path / "guide.json"
    file.write_text(json.dumps({"banned": ["roast"], "language": "fr"}))
    tried = asked(capsys, "--try", str(file))
    assert tried["stops"]["language"] > 0.9 and tried["guide"]["banned"] == ["roast"]
    shown = asked(capsys)
    assert shown["guide"]["banned"] == [] and shown["guide"]["language"] == "en" and shown["stopped"] == 0
    asked(capsys, "--set", str(file))
    assert asked(capsys)["guide"]["banned"] == ["roast"]


@pytest.mark.parametrize("wrong", ["xx", "English"])
def test_an_unknown_language_is_said(wrong):
    from core.errors import InputError
    from core.write import guide

    with pytest.raises(InputError, match="not known; choose one of"):
        guide.made({"language": wrong})
