"""A vendor's drafts for the test briefs: handed out, taken in, measured like a student's, compared by people, and the teacher's."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from core import __main__ as cli
from core import removal, settings
from core.errors import InputError
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from core.write import blind, comparison, vendors
from tests.wires.servers import Call, Server
from tests.write import copy, drafted


@pytest.fixture
def task(db, encoders, tmp_path, small_base):
    settings.put(db, "base_model", str(small_base))
    return drafted.task(db, tmp_path, 120)


HOWS = ("slowly", "kindly", "boldly", "softly", "gladly", "warmly")
SAYS = ("people trust", "towns remember", "mornings ask for", "children sing about")


def line(brief: str, n: int) -> str:
    """A draft of the brief's own words and some others, each time in another mix."""
    brand, _, good = brief.partition(", ")
    return f"{good.split(' for ')[0].capitalize()} that {SAYS[n % 4]}, {HOWS[n % 6]} made by {brand}."


def filled(folder: Path, db, task, say=line) -> Path:
    """The test briefs as they are handed out, with drafts."""
    (folder / "pack.csv").write_bytes(vendors.pack(db, task))
    with (folder / "pack.csv").open(encoding="utf-8-sig", newline="") as read:
        rows = list(csv.DictReader(read))
    assert rows and set(rows[0]) == {"brief", "draft"} and not any(row["draft"] for row in rows)
    return copy.file(folder, [row | {"draft": say(row["brief"], n)} for n, row in enumerate(rows)], "answers.csv")


def test_drafts_of_a_file_are_matched_to_test_briefs_and_measured_like_a_students(db, task, tmp_path):
    briefs = list(vendors.test_briefs(db, task))
    path = filled(tmp_path, db, task, lambda brief, n: "" if n == 0 else line(brief, n))
    with path.open("a", encoding="utf-8") as out:
        out.write(f'Nobody asked for this,A line.\n,A line without a brief.\n"{briefs[1].upper()}",Once more.\n')
    test = vendors.import_file(db, task, " Copy  Co ", path, usd_per_1000=12.0)
    counts = test.counts
    assert (test.name, counts.answered, counts.again) == ("Copy Co", len(briefs) - 1, 1)
    assert counts.missing == (briefs[0],) and counts.outside == ("Nobody asked for this",)
    assert {problem.row for problem in counts.problems} == {2, len(briefs) + 3}
    assert test.figures.briefs == len(briefs) and test.figures.handled.value < 1
    assert test.figures.handled.value > 0.5 > test.figures.after_gates.near_copies
    vendors.import_file(db, task, "Copy Co", path)
    assert len(vendors.tests(db, task)) == 1
    removal.remove_task(db, task)
    assert not db["writing_tests"].count and not db["writing_answers"].count


@pytest.mark.parametrize(
    ("rows", "name", "said"),
    [
        ([{"brief": "Not ours", "draft": "x"}], "V", "None of the file's 1 row holds a draft"),
        ([{"nothing": "Not ours", "other": "x"}], "V", "No column of the file is called brief"),
        ([{"brief": "Not ours", "draft": "x"}], " ", "needs a name"),
        ([{"brief": "Not ours", "draft": "x"}], "Teacher", "own teacher"),
    ],
)
def test_what_cannot_be_used_gets_a_sentence_and_nothing_is_kept(db, task, tmp_path, rows, name, said):
    with pytest.raises(InputError, match=said):
        vendors.import_file(db, task, name, copy.file(tmp_path, rows, "bad.csv"))
    assert not db["writing_tests"].count


def test_no_cell_that_is_handed_out_runs_as_a_formula(db, task):
    db.execute("update pairs set brief = '=1+1 ' || brief where split = 'test'")
    lines = vendors.pack(db, task).decode("utf-8-sig").splitlines()
    assert all(line.startswith(("'=1+1", "\"'=1+1")) for line in lines[1:])


def test_its_drafts_go_into_the_blind_test_and_stay_while_they_stay_the_same(db, task, tmp_path):
    writer = drafted.writer(db, task)
    path = filled(tmp_path, db, task)
    test = vendors.import_file(db, task, "V", path)
    with pytest.raises(InputError, match="no blind test yet"):
        vendors.into_blind(db, task, test, writer)
    there = [pair for pair in drafted.pairs.load(db, task) if pair.split == "test"][:10]
    drafted.blind_pairs.put(db, task, writer, [(one, f"Draft: {one.brief}") for one in there], 0)
    passed = {row["brief"] for row in vendors.answers(db, test) if row["passed"]}
    new = vendors.into_blind(db, task, test, writer)
    assert new == sum(one.brief in passed for one in there) > 0 and vendors.into_blind(db, task, test, writer) == 0
    assert [one.against for one in comparison.comparison(db, task, comparison.looked_at(db, task)).blind] == [
        "approved",
        "vendor:V",
    ]
    assert "the drafts of V" in blind.sentence(blind.result(db, task, writer, "vendor:V"))
    vendors.import_file(db, task, "V", path)
    assert blind.result(db, task, writer, "vendor:V").pairs == new
    vendors.remove(db, task, "V")
    assert blind.result(db, task, writer, "vendor:V").pairs == 0 and blind.result(db, task, writer).pairs == 10


def test_the_teachers_drafts_stand_beside_the_students_once_measured(db, task):
    drafted.writer(db, task)
    briefs = list(vendors.test_briefs(db, task))
    for n, brief in enumerate(briefs[:8]):
        drafted.draft(db, task, None, f"Line {n} about {brief}", brief, author="teacher")
    assert vendors.unmeasured(db, task) == 8 and vendors.measure_teacher(db, task).counts.answered == 8
    assert vendors.unmeasured(db, task) == 0
    sides = comparison.comparison(db, task, comparison.looked_at(db, task)).sides
    assert [side.key for side in sides] == ["student", "teacher", "people", "shuffled"]
    with pytest.raises(InputError, match="No vendor"):
        vendors.find(db, task)


def test_an_endpoint_is_asked_within_its_cap(db, task):
    def script(call: Call) -> str:
        return json.dumps({"drafts": [f"A line that number {len(server.calls)} of them says."]})

    with Server(script) as server:
        params = Params(price=OwnPrice(input_usd_mtok=1.0, output_usd_mtok=4.0), concurrency=4)
        connections.save(db, task.client_id, "T", "openai", "writer", base_url=server.url, params=params)
        with pytest.raises(InputError):
            vendors.ask(db, task, "V", "connection:T")
        test = vendors.ask(db, task, "V", "connection:T", 1.0)
        asked = len(server.calls)
    assert asked == test.counts.answered == len(vendors.test_briefs(db, task))
    assert test.usd_per_1000 > 0 and test.seconds > 0 and not vendors.teachers_drafts(db, task)


def test_the_command_hands_out_takes_in_and_says_the_card(db, task, tmp_path, capsys):
    drafted.writer(db, task)
    whose = ["--client", "Northwind", "--task", "Slogans", "--json"]
    db.conn.commit()

    def call(*more: str, status: int = 0) -> dict:
        assert cli.main(["vendor", *more, *whose]) == status
        return json.loads(capsys.readouterr().out or "{}")

    count = call("pack", "--to", str(tmp_path / "out.csv"))["briefs"]
    path = filled(tmp_path, db, task)
    told = call("import", "--name", "V", "--file", str(path), "--price-per-1000", "3")["test"]
    assert told["counts"]["answered"] == count and told["verdict"]["decision"] in ("people_decide", "not_good_enough")
    figures = {one["name"]: one["figures"] for one in told["measures"]}
    assert set(figures["near_copies"]) == {"vendor:V", "student", "people", "shuffled"} and "$3" in told["price"]
    assert call("scorecard")["test"]["name"] == "V" and call("list")["tests"][0]["name"] == "V"
    call("blind", status=2)
    call("sets", status=2)
    assert call("remove", "--name", "V")["removed"] == "V"
