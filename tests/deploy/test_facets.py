"""Several sorting tasks of one client answered at once: by a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from core import database, distil, jobs, tasks
from core.deploy import facets_export, scoring
from core.errors import InputError
from core.evaluate import house
from core.money import ledger
from core.train import registry, students
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.deploy.test_server import ROOT, Server
from tests.wires import servers

STRANGE = [f"zzqx plonk wibble {n}" for n in range(30)]  # to both students
TEXTS = ["flights hotel beach buy", "careers join hiring team look", "discount deal price today look"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A workspace with the client Northwind, a student at work in each of its facets Topic and Intent."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder))
        db = database.connect()
        facets, assets = small.facet_files(folder / "files")
        how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
        distil.distil(db, taxonomy=facets, assets=assets, go_live=True, **how)
        topic = registry.find(db, tasks.find(db, 1, "Topic"))["id"]
        with db.atomic():  # as if so easy a client were harder: half of the topics fall back
            middle = db.execute("select avg(confidence) from predictions where student_id = ?", [topic]).fetchone()[0]
            figures = "json_set(figures, '$.certificate.threshold', ?)"
            db.execute(f"update evaluations set figures = {figures} where student_id = ?", [middle, topic])
        db.close()
    return folder


@pytest.fixture
def inside(home, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(home))
    db = database.connect()
    yield db
    db.close()


@pytest.fixture(scope="module")
def server(home):
    made = Server(home, "--client", "Northwind", "--fallback")
    yield made
    made.process.kill()
    made.process.wait()


def alone(db, name, texts):
    """What the student of a facet says by itself."""
    student = students.load(
        registry.folder_of(db, registry.find(db, tasks.find(db, tasks.client_named(db, "Northwind"), name))["id"])
    )
    said = student.answer(texts)
    return [student.labels[best] for best in said.best], said.confidence.tolist()


def test_one_request_answers_every_facet_as_its_student_would_alone(server, inside):
    status, reply, _ = server.ask("/classify", {"texts": [*TEXTS, " "]})
    assert (status, list(reply["students"])) == (200, ["Topic", "Intent"])
    for name in ("Topic", "Intent"):
        labels, sure = alone(inside, name, TEXTS)
        said = [one["facets"][name] for one in reply["results"]]
        handled = [one for one in said[:3] if one["handled"]]
        assert [one["top"][0]["category"] for one in said[:3]] == labels and handled
        assert [one["top"][0]["confidence"] for one in said[:3]] == pytest.approx(sure, abs=1e-5)
        assert said[3]["category"] is None
    for one in reply["results"]:
        assert one["handled"] == all(facet["handled"] for facet in one["facets"].values())
    assert server.count("understudy_facets_total", facet="Intent", answered_by="student") >= 2
    assert server.ask("/health")[1]["students"] == reply["students"]


def test_an_asset_falls_back_only_for_the_facets_that_are_unsure(server):
    """Of a recorded asset whose topic the student doubts, the teacher answers that; what the student is sure of stays its own."""
    with_words = [f"{row['text']} {intent}" for row, intent in zip(small.rows(400), 200 * ("buy", "look"))]
    _, reply, _ = server.ask("/classify", {"texts": with_words[:250]})
    by = [tuple(facet["answered_by"] for facet in one["facets"].values()) for one in reply["results"]]
    assert {("student", "student"), ("teacher", "student")} <= set(by), set(by)
    for one in reply["results"]:
        assert all(facet["handled"] == (facet["answered_by"] == "student") for facet in one["facets"].values())


def test_facets_that_fall_back_together_are_one_call_to_the_model_that_taught_them(home, inside):
    with servers.Server(servers.steady) as model, taught_by(inside, f"'{connected(inside, model)}'"):
        made = Server(home, "--client", "Northwind", "--fallback", "--fallback-budget", "1")
        try:
            _, reply, _ = made.ask("/classify", {"texts": [STRANGE[0], TEXTS[0], STRANGE[0]]})
            first, sure, again = (one["facets"] for one in reply["results"])
            assert first == again and {one["answered_by"] for one in first.values()} == {"teacher"}
            assert sure["Intent"]["answered_by"] == "student"
            assert model.asked[STRANGE[0]] == 1 and list(model.calls[0].facets) == ["topic", "intent"]
            made.process.kill()
            made = Server(home, "--client", "Northwind", "--fallback", "--fallback-budget", "1")
            said = made.ask("/classify", {"text": STRANGE[0], "tasks": ["Intent"]})[1]["results"][0]["facets"]["Intent"]
            assert said["category"] == first["Intent"]["category"] and model.asked[STRANGE[0]] == 1
        finally:
            made.process.kill()
            made.process.wait()


@contextmanager
def taught_by(db, teacher: str):
    """As if the students had learned from another teacher (an SQL expression)."""
    with db.atomic():
        before = db.execute("select teacher, id from label_runs").fetchall()
        db.execute(f"update label_runs set teacher = {teacher}")
    try:
        yield
    finally:
        with db.atomic():
            db.conn.executemany("update label_runs set teacher = ? where id = ?", before)


def test_a_request_names_the_facets_it_wants(server):
    status, reply, _ = server.ask("/classify", {"text": TEXTS[0], "tasks": ["intent"]})
    assert (status, list(reply["results"][0]["facets"]), list(reply["students"])) == (200, ["Intent"], ["Intent"])
    status, reply, _ = server.ask("/classify", {"text": TEXTS[0], "tasks": ["Offer"]})
    assert (status, "served here; these are: Topic, Intent" in reply["detail"]) == (422, True)
    status, reply, _ = server.ask("/classify", {"text": TEXTS[0], "tasks": []})
    assert (status, reply["detail"][:15]) == (422, "Name 1 to 64 ta")


def test_a_request_that_asks_why_gets_the_nearest_labelled_assets_of_each_facet(server):
    status, reply, _ = server.ask("/classify", {"texts": [TEXTS[0], ""], "why": True})
    first, empty = (one["facets"] for one in reply["results"])
    assert status == 200 and [one["why"] for one in empty.values()] == [[], []]
    assert [near["label"] for near in first["Topic"]["why"]].count("Travel") >= 2 and len(first["Topic"]["why"]) == 3
    assert {near["label"] for near in first["Intent"]["why"]} <= {"Buy", "Look"}
    assert "why" not in server.ask("/classify", {"text": TEXTS[0]})[1]["results"][0]["facets"]["Topic"]
    status, reply, _ = server.ask("/classify", {"texts": 17 * ["a"], "why": True})
    assert (status, "of 16 texts at a time" in reply["detail"]) == (422, True)


def test_a_named_task_is_served_alone_as_ever(home):
    made = Server(home, "--client", "Northwind", "--task", "Intent")
    try:
        assert made.classify(TEXTS[0])[0]["category"] == "Buy"
        assert made.ask("/classify", {"text": "a", "tasks": ["Intent"]})[0] == 422
        (why,) = made.ask("/classify", {"text": TEXTS[0], "why": True})[1]["results"]
        assert len(why["why"]) == 3 and why["category"] == "Buy"
    finally:
        made.process.kill()
        made.process.wait()


def test_a_student_s_number_is_of_one_task(inside):
    with pytest.raises(InputError, match="A student is of one task"):
        registry.named(inside, "Northwind", ["Topic", "Intent"], "1")
    assert [task.name for task in registry.named(inside, "Northwind", ["intent", "Intent"])] == ["Intent"]


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_a_file_gets_three_columns_a_facet(inside, tmp_path, ending):
    source, output = tmp_path / "in.csv", tmp_path / f"out.{ending}"
    source.write_text("id,text\n" + "".join(f"{n},{text}\n" for n, text in enumerate([*TEXTS, ""])))
    topic, intent = registry.named(inside, "Northwind", None)
    result = scoring.score(inside, task=topic, beside=[intent], input=source, output=output)
    table = read(output)
    assert list(table.columns) == [
        "id", "text", "Topic", "Topic_confidence", "Topic_handled", "Intent", "Intent_confidence", "Intent_handled"
    ]  # fmt: skip
    for name in ("Topic", "Intent"):
        labels, sure = alone(inside, name, TEXTS)
        assert table[name].tolist()[:3] == labels and pd.isna(table[name][3])
        assert table[f"{name}_confidence"].astype(float).tolist()[:3] == pytest.approx(sure, abs=1e-5)
        handled = (table[f"{name}_handled"].astype(str).str.lower() == "true").sum()
        assert result["facets"][name]["handled"] == handled
    both = table[["Topic_handled", "Intent_handled"]].astype(str).apply(lambda c: c.str.lower() == "true").all(axis=1)
    assert (result["rows"], result["handled"], result["without_text"]) == (4, both.sum(), 1)
    assert "handled by students in all facets (Topic " in scoring.in_words(result)


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_answers_are_written_back_as_names_that_come_apart_again(inside, tmp_path, ending):
    source, output = tmp_path / "in.csv", tmp_path / f"out.{ending}"
    source.write_text("brand,text\n" + "".join(f"Acme_{n},{text}\n" for n, text in enumerate([*TEXTS, ""])))
    topic, intent = registry.named(inside, "Northwind", None)
    how = {"task": topic, "beside": [intent], "input": source, "text_columns": ["text"]}
    result = scoring.score(inside, **how, output=output, name_like="{brand}_{Topic}_{Intent}")
    table = read(output)
    topics, intents = (alone(inside, name, TEXTS)[0] for name in ("Topic", "Intent"))
    wanted = [f"Acme {n}_{one}_{other}" for n, (one, other) in enumerate(zip(topics, intents))]
    assert table["name"].tolist() == [*wanted, "Acme 3__"] and result["rows"] == 4
    assert result["handled"] == scoring.score(inside, **how, output=tmp_path / "plain.csv")["handled"]
    with pytest.raises(InputError, match="no column or task “Format”"):
        scoring.score(inside, **how, output=tmp_path / "no.csv", name_like="{brand}_{Format}")


@pytest.fixture
def asked(inside, tmp_path):
    """Score a file of 60 rows, half of them strange, with a teacher behind: asked(name, **how) -> result, rows."""
    texts = [*(row["text"] + " buy" for row in small.rows(400, seed=5)[:30]), *STRANGE]
    source = tmp_path / "in.csv"
    source.write_text("text,of\n" + "".join(f"{text},{tmp_path.name}\n" for text in texts))  # a file of its own
    topic, intent = registry.named(inside, "Northwind", None)

    def score(ending="csv", **how):
        output = tmp_path / f"out.{ending}"
        how |= {"input": source, "output": output, "text_columns": ["text"]}
        result = scoring.score(inside, task=topic, beside=[intent], **how)
        return result, read(output)

    return score


def connected(db, server) -> str:
    params = Params(price=OwnPrice(1.0, 4.0), concurrency=4, timeout_s=20.0)
    connections.save(db, 1, "A", "openai", "m", base_url=server.url, params=params)
    return "connection:A"


def billed(server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_rows_of_a_file_are_asked_about_in_one_call_in_the_facets_that_wait(inside, asked, ending):
    with servers.Server(servers.steady) as server:
        teacher = connected(inside, server)
        for _ in range(2):  # the second time nothing is bought
            result, table = asked(ending, teacher=teacher, budget_usd=1.0)
            assert max(server.asked.values()) == 1
        wanted = {call.texts[0]: list(call.facets) for call in server.calls}
        bill = billed(server)
    assert list(table.columns)[2:6] == ["Topic", "Topic_confidence", "Topic_handled", "Topic_answered_by"]
    handled = table[["Topic_handled", "Intent_handled"]].astype(str).apply(lambda c: c.str.lower() == "true")
    for row, text in enumerate(table["text"]):
        for name in ("Topic", "Intent"):
            who = "student" if handled[f"{name}_handled"][row] else "teacher"
            assert table[f"{name}_answered_by"][row] == who and table[name][row]
        assert (text in wanted) == (not handled.loc[row].all())
    assert all(wanted[text] == ["topic", "intent"] for text in STRANGE), "one call for both"
    assert any(not facets for facets in wanted.values()), "and of the doubtful topics for that alone"
    (paid,) = (one for one in ledger.runs_table(inside) if one["purpose"] == "sent" and one["facets"])
    assert paid["facets"] == "Topic, Intent" and paid["calls"] >= 30
    assert result["by_teacher"] == len(wanted) and result["left"] == 0
    assert [one["by_teacher"] for one in result["facets"].values()] == (~handled).sum().tolist()
    assert result["spent_usd"] == pytest.approx(bill)
    assert sum(texts for _, texts, _ in result["teacher_waiting"]) == len(wanted)


def test_the_cap_of_a_file_of_facets_holds_and_a_higher_one_carries_on(inside, asked):
    with servers.Server(servers.steady, latency=0.01) as server:
        teacher = connected(inside, server)
        capped, _ = asked(teacher=teacher, budget_usd=0.004)
        assert (
            capped["capped"] and capped["spent_usd"] <= 0.004 and capped["spent_usd"] == pytest.approx(billed(server))
        )
        assert capped["left"] and capped["by_teacher"]
        more, table = asked(teacher=teacher, budget_usd=1.0)
        assert (more["left"], more["capped"]) == (0, False) and max(server.asked.values()) == 1
        assert more["spent_usd"] == pytest.approx(billed(server))
        assert table["Intent_answered_by"].notna().all()


def test_a_killed_command_buys_nothing_again(inside, home, tmp_path):
    answered = Counter()

    def script(call):
        answered.update(call.texts)
        return servers.steady(call)

    (tmp_path / "in.csv").write_text("text\n" + "".join(f"{text} {n}\n" for n in range(5) for text in STRANGE))
    with servers.Server(script, latency=0.05, keep_calls=False) as server:
        command = [sys.executable, "-m", "core", "score", "--client", "Northwind", "--text-columns", "text"]
        command += ["--input", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")]
        command += ["--teacher", connected(inside, server), "--teacher-budget", "9"]
        process = subprocess.Popen(command, cwd=ROOT)
        while sum(server.asked.values()) < 25 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -9
        subprocess.run(command, cwd=ROOT, check=True, timeout=400)
    assert read(tmp_path / "out.csv")["Topic_answered_by"].eq("teacher").all()
    assert len(answered) == 150 and sum(answered.values()) <= 150 + 4


def test_students_of_several_teachers_need_one_named(inside, asked):
    with pytest.raises(InputError, match="Connect a model first"):
        asked(budget_usd=1.0)
    with taught_by(inside, "'connection:' || id"), pytest.raises(InputError, match="learned from several teachers"):
        asked(budget_usd=1.0)


def test_what_facets_of_a_file_saved_counts_for_each_task(inside, tmp_path):
    (tmp_path / "in.csv").write_text("text\n" + "".join(f"{text}\n" for text in TEXTS))
    topic, intent = registry.named(inside, "Northwind", None)
    params = {"task_id": topic.id, "beside": [intent.id], "input": str(tmp_path / "in.csv"), "student": "live"}
    jobs.run_here(inside, "score", params | {"output": str(tmp_path / "out.csv")}, task=topic)
    filed = {one.task_id: sum(one.filed.values()) for one in house.money_of_tasks(inside)}
    served = dict(inside.execute("select task_id, total(texts) from served_answers group by 1").fetchall())
    assert {id: filed[id] - served.get(id, 0) for id in (topic.id, intent.id)} == {topic.id: 3, intent.id: 3}


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_excel(path) if path.suffix == ".xlsx" else pd.read_csv(path)


# --- taken along --------------------------------------------------------------------------------------------------


def test_an_export_of_all_facets_answers_them_as_the_students_do_and_holds_what_they_share_once(
    inside, tmp_path, monkeypatch
):
    monkeypatch.setattr(facets_export, "WORTH", 1_000)
    topic, intent = registry.named(inside, "Northwind", None)
    result = facets_export.export(inside, tasks=[topic, intent], to=tmp_path / "out")
    assert list(result["facets"]) == ["Topic", "Intent"]
    shared = [file for file in result["files"] if file.startswith("shared/")]
    assert [file.split("-")[1] for file in shared] == ["vocabulary.json"], "both learned from the same words"
    line = [sys.executable, "predict.py", *TEXTS]
    said = subprocess.run(line, cwd=tmp_path / "out", capture_output=True, text=True, check=True).stdout.splitlines()
    for name in ("Topic", "Intent"):
        labels, sure = alone(inside, name, TEXTS)
        answers = [json.loads(one)["facets"][name] for one in said]
        assert [one["label"] for one in answers] == labels
        assert [one["confidence"] for one in answers] == pytest.approx(sure, abs=1e-4)
    (tmp_path / "out" / shared[0]).write_text("{}")
    harmed = subprocess.run(line, cwd=tmp_path / "out", capture_output=True, text=True)
    assert harmed.returncode and "is damaged or missing" in harmed.stderr
