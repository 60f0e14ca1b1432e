"""A vendor's drafts for the test briefs: handed out, taken in, measured like a student's, compared by people, and the teacher's."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlite_utils import Database

from core import __main__ as cli
from core import database, removal, settings
from core.errors import InputError
from core.report import writing_vendor
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from core.write import blind, comparison, vendors, verdict
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
    there = [pair for pair in drafted.pairs.load(db, task) if pair.split == "test"][:10]
    drafted.blind_pairs.put(db, task, writer, [(one, f"Draft: {one.brief}") for one in there], 0)
    passed = {row["brief"] for row in vendors.answers(db, test) if row["passed"]}
    both = vendors.into_blind(db, task, test, writer)
    new = blind.result(db, task, writer, "vendor:V").pairs
    assert new == sum(one.brief in passed for one in there) > 0 and vendors.into_blind(db, task, test, writer) == 0
    assert both - new == blind.of_vendors(db, task)["V"].pairs > 0
    assert [one.against for one in comparison.comparison(db, task, comparison.looked_at(db, task)).blind] == [
        "approved",
        "vendor:V",
    ]
    assert "the drafts of V" in blind.sentence(blind.result(db, task, writer, "vendor:V"))
    vendors.import_file(db, task, "V", path)
    assert blind.result(db, task, writer, "vendor:V").pairs == new
    assert blind.of_vendors(db, task)["V"].pairs == both - new
    vendors.remove(db, task, "V")
    assert not blind.of_vendors(db, task)
    assert blind.result(db, task, writer, "vendor:V").pairs == 0 and blind.result(db, task, writer).pairs == 10


def test_a_vendor_is_judged_beside_approved_copy_without_any_student(db, task, tmp_path, monkeypatch):
    monkeypatch.setattr(verdict, "ruled_out", lambda *_, **__: "")  # as of a vendor whose figures are fine
    test = vendors.import_file(db, task, "V", filled(tmp_path, db, task))
    new = vendors.into_blind(db, task, test, None)
    texts = {row["text"] for row in vendors.answers(db, test)}
    copies = {" ".join(one.copy.split()) for one in drafted.pairs.load(db, task) if one.split == "test"}
    assert writing_vendor.card(db, task, test).decision == "people_decide"
    sides = set()
    while item := blind.next_item(db, task, None, "Ana"):
        left = item.left in texts
        assert (item.right if left else item.left) in copies
        sides.add(left)
        blind.answer(db, item.id, "Ana", "left" if left else "right")
    assert sides == {True, False} and blind.counts(db, task, None, "Ana") == (0, new)
    assert blind.undo(db, task, None, "Ana") and blind.next_item(db, task, None, "Ana")
    assert blind.of_vendors(db, task)["V"].score == 1.0
    settings.put(db, "blind_test", {"margin": 0.4}, task)  # so that few comparisons settle it
    card = writing_vendor.card(db, task, test)
    assert (card.decision, card.alone.outcome) == ("as_good", "not_worse") and "beside approved copy" in card.reason
    settings.put(db, "blind_test", {"margin": 0.01}, task)
    db.execute("update blind_answers set answer = case answer when 'left' then 'right' else 'left' end")
    assert writing_vendor.card(db, task, test).decision == "not_good_enough"


def test_a_students_pairs_and_a_vendors_are_judged_together_and_count_apart(db, task, tmp_path):
    writer = drafted.writer(db, task)
    drafted.compared(db, task, writer, 10)
    test = vendors.import_file(db, task, "V", filled(tmp_path, db, task))
    new = vendors.into_blind(db, task, test, None)
    assert blind.counts(db, task, writer, "Ana") == (10 + new, 0)
    seen = [blind.next_item(db, task, writer, "Ana")]
    blind.answer(db, seen[0].id, "Ana", "both")
    seen.append(blind.next_item(db, task, writer, "Ana"))
    assert {item.left.startswith("Draft: ") or item.right.startswith("Draft: ") for item in seen} == {True, False}
    assert blind.result(db, task, writer).n + blind.of_vendors(db, task)["V"].n == 1
    assert [one.against for one in blind.compared(db, task, writer)] == ["approved"]


def test_comparisons_of_an_earlier_version_stay_as_they_are(tmp_path):
    old = Database(tmp_path / "old.db")
    database.migrations.apply(old, stop_before="s010_vendor_pairs")
    old.execute("insert into clients (id, name, synthetic, created) values (1, 'N', 0, '')")
    old.execute("insert into tasks (id, client_id, name, kind, created) values (2, 1, 'S', 'write', '')")
    writer = drafted.writer(old, SimpleNamespace(id=2))
    pair = [7, 2, writer, 0, 0, "B", "D", "O", "approved", 1, "now"]
    old.execute(f"insert into blind_pairs values ({', '.join('?' * len(pair))})", pair)
    old.execute("insert into blind_answers values (7, 'Ana', 'left', 2.0, 'now')")
    old.execute("insert into pair_verdicts values (7, 'J', 'm', 'left', 'right', 'draft', 0.1, 'now')")
    old.conn.commit()
    old.close()
    db = database.connect(tmp_path / "old.db")
    assert list(db.execute("select * from blind_pairs")) == [tuple(pair)]
    counts = [db[name].count for name in ("blind_answers", "pair_verdicts")]
    assert counts == [1, 1] and not list(db.execute("pragma foreign_key_check"))
    assert {key.other_table for key in db["blind_answers"].foreign_keys} == {"blind_pairs"}
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("insert into blind_answers values (8, 'Ana', 'left', 2.0, 'now')")


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
    assert call("blind")["pairs"] > 0
    call("sets", status=2)
    assert call("remove", "--name", "V")["removed"] == "V"
