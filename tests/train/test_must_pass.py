"""Must-pass examples: no student goes live that misses one."""

from __future__ import annotations

import pytest

from core import __main__ as cli
from core import distil, tasks
from core.errors import InputError
from core.evaluate import going_live
from core.train import must_pass, registry
from tests import small

TEXT = "flights hotel beach escape island"


@pytest.fixture
def student(db, tmp_path):
    taxonomy, assets = small.files(tmp_path / "files")
    distil.distil(db, taxonomy=taxonomy, assets=assets, client="Small", teacher="recorded:label", student="linear")
    return registry.looked_at(db, tasks.of(db, "Small"))


def test_a_student_that_answers_them_right_goes_live(db, student):
    task = tasks.of(db, "Small")
    must_pass.pin(db, task, TEXT, "travel")
    assert must_pass.missed(db, student) == []
    registry.set_live(db, student["id"])
    assert registry.any_live(db, task)


def test_one_that_misses_one_does_not_and_it_is_said_which(db, student):
    task = tasks.of(db, "Small")
    must_pass.pin(db, task, TEXT, "Hiring")
    sentence = f"It misses 1 must-pass example: “{TEXT}” is Hiring, it says Travel."
    assert sentence in going_live.change(db, task, student["id"]).warnings
    with pytest.raises(InputError, match="cannot go live"):
        registry.set_live(db, student["id"])
    assert not registry.any_live(db, task)
    must_pass.pin(db, task, f" {TEXT} ", "Travel")  # the new word goes before the old one
    assert [one.category for one in must_pass.listed(db, task)] == ["Travel"]
    registry.set_live(db, student["id"])


def test_nor_does_it_come_back(db, student):
    task = tasks.of(db, "Small")
    registry.set_live(db, student["id"])
    copy = next(db.query("select * from students where id = ?", [student["id"]])) | {"id": None, "live": 0}
    other = db["students"].insert(copy).last_pk
    registry.set_live(db, other)
    must_pass.pin(db, task, TEXT, "Sale")
    with pytest.raises(InputError, match="cannot go live"):
        registry.roll_back(db, task)
    assert registry.find(db, task)["id"] == other
    with pytest.raises(InputError, match="no must-pass example 99"):
        must_pass.unpin(db, task, 99)
    must_pass.unpin(db, task, must_pass.listed(db, task)[0].id)
    assert registry.roll_back(db, task) == student["id"]


def test_the_command_pins_lists_and_takes_away(db, student, capsys):
    assert cli.main(["pins", "--client", "Small", "--asset", "A7", "--category", "Sale"]) == 0
    assert cli.main(["pins", "--client", "Small"]) == 0
    assert "Sale: " in capsys.readouterr().out
    (one,) = must_pass.listed(db, tasks.of(db, "Small"))
    assert one.asset == "A7"
    assert cli.main(["pins", "--client", "Small", "--text", "x", "--category", "Nowhere"]) == 2
    assert cli.main(["pins", "--client", "Small", "--remove", str(one.id)]) == 0
    assert must_pass.listed(db, tasks.of(db, "Small")) == []
