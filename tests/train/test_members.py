"""A member is one file: pages, commands, training, the cascade, cards and exports know it by its being there."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from core import settings, tasks
from core.__main__ import main
from core.deploy.exported import runtime
from core.evaluate import learning_curve, phrases
from core.evaluate.evaluation import evaluate, figures_of
from core.label.labelling import label
from core.train import ladder, members, registry, students
from tests import small
from tests.pages.conftest import no_worker, open_page

__all__ = ["no_worker", "open_page"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def echo(monkeypatch):
    """A fifth member, stated in tests/train/dummies/echo.py."""
    monkeypatch.setattr(members, "__path__", [*members.__path__, str(Path(__file__).parent / "dummies")])
    return importlib.import_module("core.train.members.echo")


def test_a_member_in_one_file_goes_through_every_door(echo, db, tmp_path, capsys, open_page):
    taxonomy, assets = small.files(tmp_path, small.rows(400))
    command = ["distil", "--taxonomy", str(taxonomy), "--assets", str(assets), "--client", "Small", "--json"]
    assert main([*command, "--teacher", "recorded:label", "--student", "echo", "--go-live"]) == 0
    told = json.loads(capsys.readouterr().out)
    student = int(told["chosen"])
    assert [one["kind"] for one in told["students"]] == ["echo"] and told["why"] is None
    row = registry.find(db, tasks.get(db, 2))
    assert row["kind"] == "echo" and row["params"]["members"] == ["linear", "echo"]

    made = students.load(registry.folder_of(db, student))
    assert [(stage.member, stage.judge) for stage in made.stages] == [("linear", "linear"), ("echo", "linear")]
    asked = figures_of(db, student).asked
    assert list(asked) == ["linear", "echo"]
    assert re.search(r"^Word counts alone settle .* of the assets; the echo hears ", phrases.asked_words(asked))

    assert main(["export", "--client", "Small", "--to", str(tmp_path / "out")]) == 0
    text = small.rows(1)[0]["text"]
    (here,), (there,) = made.answer([text]).best, runtime.Student(tmp_path / "out").predict([text])
    assert there["label"] == made.labels[here]
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert "multinomial logistic regression; the same words \\| counted again" in card
    assert "of the assets; the echo hears " in card
    assert "- The words it learned from, and an echo of the assets, are in this folder" in card
    assert (tmp_path / "out" / "requirements.txt").read_text().count("==") == 1, "numpy, for it reads no graph"

    page = open_page("student")
    kinds = next(one for one in page.radio if one.label == "Kind of student")
    assert kinds.options == ["Choose for me", "Linear", "Echo", "Embedding", "Large", "Transformer"]
    assert any("Counts words once more." in caption for caption in kinds.proto.captions)
    measured = next(one for one in page.selectbox if one.label == "Measured with")
    assert measured.options == ["embedding students", "echo students", "linear students"]
    assert "linear (seconds), echo (seconds), embedding (about a minute)" in members.choice("auto").ahead


def test_the_ladder_of_auto_climbs_over_it_and_a_curve_is_traced_with_it(echo, db, tmp_path):
    client = small.fill(db, tmp_path, small.rows(300))
    run_id = label(db, client, "recorded:label")
    with pytest.raises(Stop):
        ladder.train(
            db, client, run_id, "auto", target=2, ready=lambda made: stop_at(registry.find(db, client, made)["kind"])
        )
    assert [row["kind"] for row in registry.all_students(db, client)] == ["echo", "linear"]
    learning_curve.trace(db, client, run_id, "echo")
    assert learning_curve.stored(db, run_id).kind == "echo"


class Stop(Exception):
    pass


def stop_at(kind: str) -> None:
    if kind == "echo":
        raise Stop


def test_a_member_without_a_graph_says_why_and_one_that_nobody_reads_raises(echo, db, tmp_path, monkeypatch, capsys):
    client = small.fill(db, tmp_path)
    student = ladder.train(db, client, label(db, client, "recorded:label"), "echo")[-1]
    evaluate(db, student, target=0.5)
    monkeypatch.setattr(echo, "MEMBER", replace(echo.MEMBER, export="it would lose its voice."))
    capsys.readouterr()
    to = tmp_path / "out"
    assert main(["export", "--client", "Small", "--student", str(student), "--to", str(to)]) == 2
    assert "A student with the member echo cannot be exported: it would lose its voice." in capsys.readouterr().err
    monkeypatch.setattr(echo, "MEMBER", replace(echo.MEMBER, export=members.Export("ears", echo.linear.write)))
    with pytest.raises(ValueError, match=r"read by 'ears', which runtime.py lacks: it has words, graph"):
        main(["export", "--client", "Small", "--student", str(student), "--to", str(to)])
    assert not to.exists()


def test_what_a_member_does_not_state_raises_before_anything_is_trained(echo, db, tmp_path, monkeypatch):
    client = small.fill(db, tmp_path)
    run_id = label(db, client, "recorded:label")
    said = (Path(__file__).parent / "dummies" / "echo.py").read_text()
    for name, without, error, words in (
        ("mute", re.sub(r"    caption=.*\n", "", said), TypeError, "caption"),
        ("blank", re.sub(r"caption=.*", 'caption="",', said), ValueError, "Echo says nothing for: caption"),
        ("absent", said.replace("MEMBER =", "OTHER ="), ValueError, "absent has no MEMBER"),
        ("orphan", said.replace('("linear",)', '("nobody",)'), ValueError, "orphan needs nobody, which there is not"),
        ("blind", said.replace('("linear",)', "()"), ValueError, "asks blind first, which cannot say what is strange"),
        ("slow", said.replace("base=None", 'base="large_encoder"'), ValueError, "Echo is quick, so it must read words"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(without)
        with monkeypatch.context() as patch:
            patch.setattr(members, "__path__", [*members.__path__, str(folder)])
            with pytest.raises(error, match=words):
                ladder.train(db, client, run_id, name)
    assert not list(settings.subfolder("students").rglob("done")), "nothing was trained in vain"


def test_a_kind_that_is_not_trained_in_seconds_has_no_curve_and_no_rounds(db, tmp_path, capsys):
    small.fill(db, tmp_path)
    command = ["rounds", "--client", "Small", "--teacher", "recorded:label", "--student", "large"]
    assert main(command) == 2
    assert "Choose one of: embedding, linear." in capsys.readouterr().err
    assert not db["label_runs"].count, "nothing was labelled"


def test_the_readme_lists_the_members_as_they_state_themselves():
    rows = [f"| {kind} | {members.of(kind).made_of} | {members.of(kind).takes} |\n" for kind in members.ladder()]
    assert "".join(rows) in (ROOT / "README.md").read_text(encoding="utf-8")
