"""Labelling in rounds on the Teacher page and at the command line."""

from __future__ import annotations

import json

from core import __main__ as cli
from core import jobs, rounds
from core.tasks import Task
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests.pages.clients import bring_in
from tests.pages.test_pages import shown

TEACHER = "recorded:recorded_label"


def rounds_of(db, client: Task, until: int) -> int:
    params = {
        "task_id": client.id,
        "teacher": TEACHER,
        "per_round": 60,
        "until": until,
        "kind": "linear",
        "method": "random",
    }
    return jobs.run_here(db, "rounds", params, client).result["run_id"]


def test_rounds_are_asked_for_with_what_the_form_says(open_page, db, tmp_path):
    client = bring_in(db, "Northwind", tmp_path)
    app = open_page("teacher")
    next(one for one in app.number_input if one.label == "Labels a round").set_value(100)
    next(one for one in app.number_input if one.label == "Stop at agreement (%)").set_value(90.0)
    next(one for one in app.button if one.label == "Start the first round").click().run()
    job = jobs.active(db, client)[0]
    assert job.kind == "rounds" and job.params["target"] == 0.9
    assert (job.params["teacher"], job.params["per_round"], job.params["until"]) == (TEACHER, 100, 5)
    buttons = [one for one in app.button if one.label.startswith(("Start", "Get"))]
    assert buttons and all(one.disabled for one in buttons)


def test_the_curve_and_its_table_appear_and_more_rounds_can_follow(open_page, db, tmp_path):
    client = bring_in(db, "Northwind", tmp_path)
    rounds_of(db, client, 3)
    app = open_page("teacher")
    assert not app.error
    assert "Start round 4" in [one.label for one in app.button]
    table = next(one.value for one in app.dataframe if "labels in all" in one.value)
    assert table["labels in all"].tolist() == [60, 120, 180] and set(table.basis) == {"measured"}
    assert "agreement" in shown(app) and "180" in shown(app)


def test_nothing_to_ask_where_all_is_labelled(open_page, filled):
    app = open_page("teacher")
    assert "Label in rounds" not in [one.value for one in app.subheader]


def test_the_command_goes_on_and_shows_what_there_is(db, tmp_path, capsys):
    client = bring_in(db, "Northwind", tmp_path)
    rounds_of(db, client, 1)
    said = ["rounds", "--client", "Northwind", "--teacher", TEACHER, "--json"]
    assert cli.main([*said, "--labels", "60", "--rounds", "2", "--student", "linear", "--method", "random"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [one["labels"] for one in made["rounds"]] == [60, 120, 180] and made["student"]
    assert cli.main([*said, "--show"]) == 0
    assert json.loads(capsys.readouterr().out)["rounds"] == made["rounds"]
    assert len(rounds.measured(db, made["label_run"])) == 3


def test_a_command_without_rounds_says_so(db, tmp_path, capsys):
    bring_in(db, "Northwind", tmp_path)
    assert cli.main(["rounds", "--client", "Northwind", "--show"]) == 0
    assert capsys.readouterr().out.strip() == "There are no rounds yet."


def test_a_paid_teacher_is_asked_within_a_cap(open_page, db, tmp_path):
    client = bring_in(db, "Northwind", tmp_path)
    params = Params(price=OwnPrice(1.0, 4.0))
    connections.save(
        db, client.client_id, "Local", "openai", "model-of-mine", base_url="http://127.0.0.1:9/v1", params=params
    )
    app = open_page("teacher")
    next(one for one in app.radio if one.label == "Teacher").set_value("connection:Local").run()
    cap = next(one for one in app.number_input if (one.key or "").startswith("rounds-cap-"))
    assert cap.value > 0
    cap.set_value(0.5)
    next(one for one in app.button if one.label == "Start the first round").click().run()
    job = jobs.active(db, client)[0]
    assert (job.params["teacher"], job.params["budget_usd"]) == ("connection:Local", 0.5)
