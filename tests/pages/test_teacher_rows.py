"""Deploy: the rows of a scored file that are for the teacher are sent from there, against a model server on a real port."""

import json
from collections import Counter
from pathlib import Path

import openpyxl

from core import jobs, settings, tasks
from core.deploy import scoring
from core.money import ledger
from core.train.registry import all_students, set_live
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests.pages.test_hosted import button, field
from tests.pages.test_pages import links, shown
from tests.wires import servers

STRANGE = ["zzqx plonk", "wibble qqf", "zzqx plonk"]


def scored(db) -> jobs.Job:
    """A file of three rows, two of them equal, that the student knows nothing like, scored as the page does it."""
    student = all_students(db, tasks.get(db, 2))[0]["id"]
    set_live(db, student)
    folder = settings.subfolder("output")
    (folder / "in.csv").write_text("id,headline\n" + "".join(f"{n},{text}\n" for n, text in enumerate(STRANGE)))
    params = {"task_id": 2, "student": student, "input": str(folder / "in.csv"), "text_columns": ["headline"]}
    return jobs.run_here(db, "score", params | {"output": str(folder / "in-scored.xlsx")}, task=tasks.get(db, 2))


def test_without_a_model_the_way_to_one_is_shown(open_page, filled):
    assert scored(filled).result["handled"] == 0
    app = open_page("deploy")
    assert "leaves 3 rows of 3 to the teacher" in shown(app) and "connect a model first" in shown(app)
    assert "Connect a model" in str(links(app)) and "Send them to the teacher" not in [one.label for one in app.button]


def test_what_could_not_be_used_stands_apart_from_what_to_do(open_page, filled):
    job = scored(filled)
    odd = {"row": None, "column": None, "what": "A row above was left out.", "todo": "Nothing, if that is right."}
    result = job.result | {"problems": 1, "problem_list": [odd], "left_out": 1, "certified": False}
    filled.execute("update jobs set result = ? where id = ?", [json.dumps(result), job.id])
    filled.conn.commit()
    text = shown(open_page("deploy"))
    assert "The whole file: A row above was left out.\nWhat to do: Nothing, if that is right." in text
    assert f"3 rows, 1 row left out. {scoring.UNCERTIFIED}" in text and "handled by the student itself" not in text


def test_the_rows_are_sent_from_the_page_and_come_back_completed(open_page, filled):
    job = scored(filled)
    with servers.Server(servers.steady) as server:
        params = Params(logprobs=False, price=OwnPrice(2.0, 10.0))
        connections.save(filled, 1, "Big", "openai", "big-1", base_url=server.url, params=params)
        app = open_page("deploy")
        cap = field(app, "Stop at").value
        assert cap > 0 and "leaves 3 rows of 3 to the teacher" in shown(app)
        button(app, "Send them to the teacher").click().run()
        assert not app.exception and not app.error
        (queued,) = jobs.active(filled, tasks.get(filled, 2))
        assert (queued.kind, queued.params["budget_usd"]) == ("send", cap)
        done = jobs.run_here(filled, "send", queued.params, task=tasks.get(filled, 2))
        assert done.state == "done" and server.asked == Counter(set(STRANGE)), done
    path = Path(done.result["output"])
    assert path.name == "in-scored-completed.xlsx" and Path(job.result["output"]).exists()
    head, *rows = openpyxl.load_workbook(path).active.values
    assert head[-1] == "answered_by" and [(row[1], row[-1]) for row in rows] == [(text, "teacher") for text in STRANGE]
    assert ledger.runs_table(filled, 1)[0]["spent_usd"] <= cap
    app = open_page("deploy")
    assert "3 answered by Big" in shown(app) and "is spent on this file" in shown(app)
