"""Several tasks of a client on the pages: added on Overview, chosen beside the client, kept apart everywhere."""

from __future__ import annotations

from core import database, tasks
from tests.pages.test_pages import links, press, shown


def sidebar(app, label: str):
    return next((box for box in app.sidebar.selectbox if box.label == label), None)


def test_a_client_with_one_task_has_no_picker_and_no_word_more(open_page, filled):
    app = open_page("overview")
    assert sidebar(app, "Task") is None and "task" not in app.query_params
    assert "Northwind ·" not in shown(app)


def test_a_second_task_is_added_on_overview_and_chosen_beside_the_client(open_page, filled):
    app = open_page("overview")
    next(box for box in app.text_input if box.label == "Task name").input("Offer")
    press(app, "Add task")
    made = tasks.find(filled, 1, "Offer")
    assert app.query_params["task"] == "Offer" and sidebar(app, "Task").value == made.id
    app = open_page("assets", task=made)
    assert "Northwind · Offer" in shown(app) and "360" in shown(app), "the client's assets are there"
    assert "imported for another task" in shown(app) and "teacher's answers" not in shown(app)
    assert (app.sidebar.caption[-5].value, app.sidebar.text[0].value) == ("Categories", "none yet")
    app = open_page("student", task=made)
    assert links(app)
    sidebar(app, "Task").select(database.FIRST_TASK[0]).run()
    assert app.query_params["task"] == database.FIRST_TASK[0] and not app.exception
    assert "linear 1" in shown(app)


def test_a_name_taken_is_said_and_a_task_of_tags_is_added(open_page, filled):
    app = open_page("overview")
    next(box for box in app.text_input if box.label == "Task name").input("category")
    press(app, "Add task")
    assert "already" in app.error[0].value
    next(box for box in app.text_input if box.label == "Task name").input("Tags")
    next(box for box in app.selectbox if box.label == "What it does").select("choose_several")
    press(app, "Add task")
    assert [task.kind for task in tasks.of_client(filled, 1)] == ["choose_one", "choose_several"]


def test_a_task_is_renamed_and_deleted_after_it_was_said_what_goes(open_page, filled):
    offer = tasks.add(filled, 1, "Offer")
    app = open_page("overview", task=offer)
    app.text_input(key=f"rename-task-{offer.id}").input("Call to action")
    app.button(key="rename-task").click().run()
    assert tasks.get(filled, offer.id).name == "Call to action" == app.query_params["task"]
    app.button(key="delete-task").click().run()
    assert "Nothing hangs on the task Call to action" in shown(app)
    next(one for one in app.button if one.label.startswith("Yes, delete")).click().run()
    assert not app.exception and "task" not in app.query_params
    assert [task.id for task in tasks.of_client(filled, 1)] == [2] and filled["assets"].count == 360


def test_the_menu_lists_the_pages_of_the_tasks_kind_and_any_other_page_leads_there(open_page, filled):
    copy = tasks.add(filled, 1, "Copy", "write")
    names = [one.proto.label for one in open_page("overview", task=copy).sidebar.get("page_link")]
    assert (
        "Write" in names and not {"Assets", "Teacher"} & set(names) and {"Overview", "Compare", "Ledger"} <= set(names)
    )
    app = open_page("teacher", task=copy)
    assert "Copy is of the kind “Write”" in shown(app)
    assert [one.proto.label for one in app.main.get("page_link")][:1] == ["To the page Write"]
    names = [one.proto.label for one in open_page("overview", task=tasks.get(filled, 2)).sidebar.get("page_link")]
    assert "Write" not in names and {"Assets", "Teacher", "Compare"} <= set(names)
