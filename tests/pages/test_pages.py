"""Every page, empty and filled, without a browser."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import __main__ as cli
from core import jobs, review, settings, tasks, taxonomy
from core.escape import plain
from core.evaluate.comparison import comparison, judgement
from core.evaluate.disagreements import disagreements
from core.evaluate.evaluation import change_rules, evaluate
from core.evaluate.evidence import Rules
from core.evaluate.kept import rules_of
from core.jobs.kinds import KINDS, JobKind
from core.money import prices
from core.report.headline import for_100
from core.report.pairs import lead
from core.review import queue
from core.tasks import Task
from core.train.registry import all_students, looked_at, set_live
from core.ui.compare_first import TABS
from core.ui.frame import SYNTHETIC
from core.ui.menu import MENU
from core.weights import FILES, LARGE, source_folder
from core.words import stated_percent
from tests.pages.clients import bring_in, bring_in_many, second_student
from tests.pages.conftest import ROOT, ask

STEPS = ("assets", "teacher", "student", "compare", "try_one", "deploy")


def shown(app: AppTest) -> str:
    """Everything a page says in text."""
    kinds = ("title", "subheader", "markdown", "caption", "text", "error", "warning", "success", "info")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


TEST_GROUPS = """select count(distinct a.group_id) from predictions p join assets a on a.id = p.asset_id
                 where p.student_id = 1 and a.split = 'test'"""


def press(app: AppTest, label: str) -> AppTest:
    """Click the button of that name."""
    return next(button for button in app.button if button.label == label).click().run()


def links(app: AppTest) -> list[str]:
    """The page's links, but for the steps at its head."""
    found = [element.proto.label for element in app.main.get("page_link")]
    return [label for label in found if not re.match(r"\d · ", label)]


@pytest.mark.parametrize("key", MENU)
def test_an_empty_workspace_says_what_to_do(open_page, key):
    app = open_page(key)
    assert app.title[0].value == MENU[key].title
    if MENU[key].needs_client:
        assert links(app) == ["Run the sample client or add your own"]


@pytest.mark.parametrize("key", ("teacher", "student", "compare", "try_one", "deploy"))
def test_a_new_client_is_sent_to_the_step_before(open_page, db, key):
    tasks.of(db, "Northwind")
    assert len(links(open_page(key))) == 1


@pytest.mark.parametrize("key", MENU)
def test_every_page_renders_filled(open_page, filled, key):
    app = open_page(key)
    assert app.title[0].value == MENU[key].title
    assert not app.error
    assert "Northwind" in app.sidebar.selectbox[0].options


def test_every_page_of_a_synthetic_client_says_so(open_page, filled):
    filled.execute("update clients set synthetic = 1")
    filled.conn.commit()
    for key in (key for key, item in MENU.items() if item.needs_client):
        assert SYNTHETIC in shown(open_page(key)), key


@pytest.mark.parametrize("key", MENU)
def test_a_page_run_without_the_app_is_as_guarded(workspace, no_worker, key):
    app = AppTest.from_file(str(ROOT / "pages" / f"{key}.py"), default_timeout=120).run()
    assert not app.exception
    assert app.title[0].value == MENU[key].title


def test_compare_shows_the_verdict_and_every_figure_with_its_basis(open_page, filled):
    app = open_page("compare")
    student = all_students(filled, tasks.get(filled, 2))[0]
    result = comparison(filled, student["id"])
    text = shown(app)
    assert "**Next:**" in text
    assert f"n = {result.figures.agreement.n:,}" in text
    assert [metric.label.partition(",")[0] for metric in app.metric] == ["Agreement", "Saving", "Speed-up"]
    assert lead(result) == app.header[0].value.replace("\\", "") and len(app.get("plotly_chart")) == 4
    assert plain(for_100(result)) in text
    badges = [element.value for element in app.markdown if element.value.startswith(":") and "-badge[" in element.value]
    assert len(badges) >= len(app.metric)


def test_the_target_a_student_meets_today_is_one_click_away(judged_small, open_page, db):
    change_rules(db, tasks.get(db, 2), Rules(target=0.999))
    offered = judgement(db, 1).verdict.offers
    app = press(open_page("compare"), f"Aim at {stated_percent(offered)}")
    assert (
        judgement(db, 1).verdict.decision in ("replace", "fallback")
        and rules_of(db, tasks.get(db, 2)).target == offered
    )
    assert not [button for button in app.button if button.label.startswith("Aim at")]


def test_compare_puts_student_and_teacher_beside_what_people_decided(open_page, filled):
    assert "people's labels" not in shown(open_page("compare"))
    filled.execute(
        """insert into reviews (task_id, asset_id, reviewer, category_id, created)
           select 2, p.asset_id, 'ana', p.category_id, '' from predictions p where p.student_id = 1"""
    )
    filled.conn.commit()
    evaluate(filled, 1, target=0.9)
    app = open_page("compare")
    assert "Against people's labels" in shown(app) and "only the student on" in shown(app)
    table = next(frame.value for frame in app.dataframe if "accuracy" in frame.value.columns).set_index("who")
    assert table.loc["Student alone", "accuracy"] == 1 >= table.loc["Teacher alone", "accuracy"]


def test_compare_answers_each_question_with_charts_titled_by_the_answer(open_page, filled):
    app = open_page("compare")
    charts_of = {
        "How sure is this?": ("of the assets",),
        "What does it save?": (
            "within 24 months",
            "What moves the result most",
            "Upfront it took",
            "A month of 10,000",
        ),
        "How fast is it?": ("The student answers in", "assets a second"),
        "Where does it differ?": ("Too few test assets to say", "They differ on"),
        "For your analyst": ("sure it says it is", "Other measures"),
    }
    assert tuple(charts_of) == TABS
    for question, titles in charts_of.items():
        said = [element.value for element in ask(app, question).subheader]
        for title in titles:
            assert any(title in one.replace("\\", "") for one in said), (question, title, said)


def test_a_changed_rule_changes_the_verdict_for_this_client(open_page, filled):
    app = open_page("compare")
    before = judgement(filled, 1).figures.certificate
    next(one for one in app.number_input if one.label == "Target agreement (%)").set_value(99.9)
    next(one for one in app.button if one.label == "Judge by these").click().run()
    assert not app.exception
    after = comparison(filled, 1)
    assert after.rules.target == after.figures.target == 0.999
    assert after.figures.certificate.handled < before.handled or not before.certified


def test_figures_of_an_earlier_version_are_asked_for_anew_and_take_no_other_page_down(open_page, filled):
    filled.execute("update evaluations set figures = json_remove(figures, '$.taught')")
    filled.conn.commit()
    for name in ("overview", "student", "teacher"):
        app = open_page(name)
        assert not app.exception and not app.error, name
    assert "Train it again on the Student page" in open_page("compare").error[0].value


def test_what_is_truly_paid_goes_before_any_list_price_and_is_kept(open_page, filled):
    app = open_page("compare")
    how = next(one for one in app.selectbox if one.label == "Reckon with")
    how.set_value("invoice_usd_month").run()
    next(one for one in app.number_input if one.label == "US dollars a month").set_value(908.0).run()
    next(one for one in app.number_input if one.label == "Assets a month").set_value(20_000).run()
    assert not app.exception and "$908 a month" in app.header[0].value
    sheet = judgement(filled, 1).economics
    assert (sheet.monthly["teacher"], sheet.per_1000["teacher"]) == (908.0, 45.4)
    assert "$908 a month" in open_page("compare").header[0].value
    next(one for one in app.selectbox if one.label == "Reckon with").set_value("listed").run()
    assert "$908" not in app.header[0].value and judgement(filled, 1).economics.line("teacher").basis == "estimated"


def test_other_models_stand_beside_the_teacher_and_are_kept(open_page, filled):
    app = ask(open_page("compare"), "What does it save?")
    picker = next(one for one in app.multiselect if one.label.startswith("Compare with other models"))
    picker.set_value(
        ["anthropic:claude-haiku-4-5"] if "anthropic:claude-haiku-4-5" in picker.options else picker.options[:1]
    ).run()
    chosen = next(one for one in app.multiselect if one.label.startswith("Compare with other models")).value
    sheet = next(frame.value for frame in app.dataframe if "formula" in frame.value.columns and len(frame.value) > 15)
    assert sheet["what"].str.startswith(chosen[0].partition(":")[2]).any()
    again = ask(open_page("compare"), "What does it save?")
    assert next(one for one in again.multiselect if one.label.startswith("Compare with")).value == chosen


def test_disagreements_are_sent_to_review_once_and_come_first_there(open_page, filled):
    app = open_page("compare")
    ask(app, "Where does it differ?")
    send = next(button for button in app.button if button.label.startswith("Send "))
    count = int(send.label.split()[1])
    send.click().run()
    waiting = review.counts(filled, tasks.get(filled, 2), "ana", "queue")[1]
    assert 0 < waiting <= count and f"{waiting:,} are at the head" in app.success[-1].value
    student = all_students(filled, tasks.get(filled, 2))[0]["id"]
    surest = [int(one) for one in disagreements(filled, student)["asset_id"]]
    item = review.next_item(filled, tasks.get(filled, 2), "ana", "queue")
    assert item.asset_id in surest and item.reasons[0]["words"].startswith("Sent from Compare")
    assert any(any(by.startswith("recorded labels") for by in one["by"]) for one in item.suggestions)
    next(button for button in app.button if button.label.startswith("Send ")).click().run()
    assert review.counts(filled, tasks.get(filled, 2), "ana", "queue") == (waiting, waiting), "sent twice, listed once"
    queue.build(filled, tasks.get(filled, 2))
    assert review.next_item(filled, tasks.get(filled, 2), "ana", "queue").asset_id == item.asset_id, (
        "a new queue forgets nothing that was sent"
    )
    review.decide(filled, item.asset_id, "ana", item.suggestions[0]["category_id"], "queue")
    assert review.send(filled, tasks.get(filled, 2), student, [item.asset_id]) == 0


def test_disagreements_are_filtered_by_pair_words_and_confidence(open_page, filled):
    app = ask(open_page("compare"), "Where does it differ?")
    table = next(
        frame.value
        for frame in app.dataframe
        if "teacher says" in frame.value.columns and "asset" in frame.value.columns
    )
    first = table.iloc[0]
    pick = next(one for one in app.selectbox if one.label == "Teacher says")
    pick.select(pick.options[pick.options.index(first["teacher says"])]).run()
    assert not app.exception
    some = next(
        frame.value
        for frame in app.dataframe
        if "teacher says" in frame.value.columns and "asset" in frame.value.columns
    )
    assert set(some["teacher says"]) == {first["teacher says"]} and len(some) <= len(table)
    next(one for one in app.number_input if one.label == "Sure from (%)").set_value(100).run()
    none = next(
        frame.value
        for frame in app.dataframe
        if "teacher says" in frame.value.columns and "asset" in frame.value.columns
    )
    assert len(none) < len(some) or len(some) == 0


def test_text_from_files_never_becomes_markup(open_page, filled):
    """The hostile asset is on the page, but only as a table cell or as plain text; in labels its markup is escaped."""
    filled.execute(
        "update predictions set confidence = 0 where asset_id = (select id from assets where external_id = 'A-0000')"
    )
    filled.execute("update assets set split = 'test' where external_id = 'A-0000'")
    filled.conn.commit()
    seen = 0
    for key in STEPS:
        app = open_page(key)
        seen += sum("onerror" in str(table.value.to_dict()) for table in app.dataframe)
        for kind in ("markdown", "caption", "error", "warning", "success", "info", "title", "subheader"):
            for element in app.get(kind):
                assert not re.search(r"(?<!\\)<img", str(element.value)), (key, kind)
                assert "onerror" not in str(element.value), (key, kind)
        for label in [button.label for button in app.button]:
            assert "<img" not in label.replace("\\<img", "")
            assert "**" not in label
    assert seen


def test_the_labels_can_be_read_by_category(open_page, filled):
    app = open_page("teacher")
    app.selectbox(key="label-category").select_index(1).run()
    table = next(frame.value for frame in app.dataframe if "Text" in frame.value.columns)
    assert table["Category"].nunique() == 1


def test_two_clicks_start_one_job_and_the_button_is_off_while_it_runs(open_page, db, tmp_path, no_worker):
    bring_in(db, "Northwind", tmp_path / "files")
    app = open_page("teacher")
    button = next(button for button in app.button if button.label.startswith("Get "))
    button.click().run()
    button = next(button for button in app.button if button.label.startswith("Get "))
    assert button.disabled
    assert [job.state for job in jobs.recent(db)] == ["queued"]
    assert no_worker
    assert "worker is not running; starting it" in shown(app)


def test_the_overview_follows_a_client_that_is_judged_already_while_a_job_runs(open_page, filled):
    """Nothing else would ever draw the page again when the job ends."""
    jobs.start(filled, "distil", {"sample": True}, task=tasks.get(filled, 2))
    app = open_page("overview")
    assert "Cancel" in [button.label for button in app.button]
    assert "Read the verdict" not in [button.label for button in app.button]


def test_a_job_that_ends_while_its_page_is_drawn_leaves_no_dead_button(open_page, filled, monkeypatch):
    jobs.start(filled, "train", {"task_id": 2, "run_id": 1, "kind": "linear"}, task=tasks.get(filled, 2))
    app = open_page("student")
    assert next(button for button in app.button if button.label == "Train").disabled
    seen = iter(
        [jobs.active(filled, tasks.get(filled, 2))] * 3
    )  # the sidebar, twice, and the button still see it under way
    filled.execute("update jobs set state = 'done' where state = 'queued'")
    filled.conn.commit()
    monkeypatch.setattr(jobs, "active", lambda db, task=None: next(seen, []))
    app.run()
    assert not next(button for button in app.button if button.label == "Train").disabled


def test_a_job_that_ends_behind_the_sidebar_is_not_said_to_go_on(open_page, filled, monkeypatch):
    jobs.start(filled, "import_assets", {"task_id": 2, "path": "a.csv"}, task=tasks.get(filled, 2))
    app = open_page("assets")
    assert "Importing" in [text.value for text in app.sidebar.text]
    seen = iter([jobs.active(filled, tasks.get(filled, 2))])  # the frame still sees it under way, its lines do not
    filled.execute("update jobs set state = 'done' where state = 'queued'")
    filled.conn.commit()
    monkeypatch.setattr(jobs, "active", lambda db, task=None: next(seen, []))
    app.run()
    assert not app.exception and "Importing" not in [text.value for text in app.sidebar.text]


def test_a_step_that_is_done_gives_no_time_and_a_first_training_says_what_comes(open_page, filled):
    job = jobs.start(filled, "train", {"task_id": 2, "run_id": 1, "kind": "auto"}, task=tasks.get(filled, 2))
    filled.execute(
        """update jobs set state = 'running', message = 'fitting', done = 50, total = 100,
           phase_started = '2020-01-01T00:00:00+00:00' where id = ?""",
        [job.id],
    )
    filled.conn.commit()
    app = open_page("student")
    assert "left of this step" in app.get("progress")[0].proto.text
    assert "no forecast of the whole. It trains one student after the other" in shown(app)
    filled.execute("update jobs set done = 100 where id = ?", [job.id])
    filled.conn.commit()
    assert open_page("student").get("progress")[0].proto.text.endswith("100 of 100")


def test_a_click_on_cancel_counts_also_while_the_job_moves_on_to_another_phase(open_page, filled):
    job = jobs.start(filled, "train", {"task_id": 2, "run_id": 1, "kind": "linear"}, task=tasks.get(filled, 2))
    filled.execute("update jobs set message = 'reading' where id = ?", [job.id])
    filled.conn.commit()
    app = open_page("student")
    filled.execute("update jobs set message = 'fitting' where id = ?", [job.id])
    filled.conn.commit()
    press(app, "Cancel")
    assert jobs.get(filled, job.id).state == "cancelled" and not jobs.active(filled, tasks.get(filled, 2))


def test_a_failed_job_says_why_and_can_be_carried_on(open_page, filled):
    job = jobs.start(filled, "label", {"task_id": 2, "teacher": "recorded:nowhere"}, task=tasks.get(filled, 2))
    with pytest.raises(Exception, match="nowhere"):
        jobs.run_here(filled, "label", job.params, task=tasks.get(filled, 2))
    app = open_page("teacher")
    assert "nowhere" in app.error[0].value
    next(button for button in app.button if button.label == "Try again").click().run()
    assert jobs.get(filled, job.id).state == "queued"


def test_try_one_compares_student_and_recorded_teacher(open_page, filled):
    app = open_page("try_one")
    assert "then press the button" in shown(app)
    app.text_area[0].input("words that nobody ever asked about")
    press(app, "Ask student and teacher")
    assert not app.exception
    assert "old labels cannot answer anew" in shown(app)
    known = filled.execute("select text from assets where external_id = 'A-0007'").fetchone()[0]
    app.text_area[0].input(known)
    press(app, "Ask student and teacher")
    assert "As recorded when the label was bought." in shown(app)
    assert [metric.label for metric in app.metric] == ["Time", "Cost", "Time", "Cost"]


def test_deploy_makes_a_zip_to_take_along_and_hands_out_the_newest(open_page, filled):
    set_live(filled, all_students(filled, tasks.get(filled, 2))[0]["id"])
    filled.conn.commit()
    app = open_page("deploy")
    assert "Take it with you" in shown(app)
    assert not app.get("download_button")
    next(button for button in app.button if button.label == "Make the ZIP").click().run()
    (job,) = jobs.active(filled, tasks.get(filled, 2))
    assert (job.kind, job.state) == ("export", "queued")
    assert next(button for button in app.button if button.label == "Make the ZIP").disabled
    done = jobs.run_here(filled, "export", job.params, task=tasks.get(filled, 2))
    assert done.id == job.id
    app = open_page("deploy")
    (download,) = app.get("download_button")
    assert download.proto.label == "Download"
    assert "Linear 1, " in shown(app) and "Same label as here on 100.0 % of" in shown(app)
    assert not next(button for button in app.button if button.label == "Make the ZIP").disabled


def test_making_another_student_live(open_page, filled):
    first = all_students(filled, tasks.get(filled, 2))[0]
    filled.execute("update students set live = 0")
    filled.conn.commit()
    app = open_page("student")
    press(app, "Make live …")
    assert not any(row["live"] for row in all_students(filled, tasks.get(filled, 2))), "asked first"
    assert "No student is at work yet; linear 1 would be the first." in shown(app)
    press(app, "No, not yet")
    assert "would be the first" not in shown(app)
    press(press(app, "Make live …"), "Yes, make linear 1 live")
    assert [row["id"] for row in all_students(filled, tasks.get(filled, 2)) if row["live"]] == [first["id"]]


def test_two_students_are_compared_promoted_and_rolled_back(open_page, filled):
    set_live(filled, 1)
    second_student(filled)
    app = open_page("student")
    assert not [button for button in app.button if button.label.startswith("Roll back")]
    press(app, "Make live …")
    tested = filled.execute(TEST_GROUPS).fetchone()[0]
    assert f"40 of {tested} test assets would change category." in shown(app).replace("\\", "")
    press(app, "Yes, make linear 2 live")
    assert [row["id"] for row in all_students(filled, tasks.get(filled, 2)) if row["live"]] == [2]
    press(press(app, "Roll back to linear 1 …"), "Yes, make linear 1 live")
    assert [row["id"] for row in all_students(filled, tasks.get(filled, 2)) if row["live"]] == [1]
    assert "linear 2 since" in shown(app)
    assert "would change category:" not in shown(app)
    app.session_state["compare-two"] = True  # the expander, opened
    moves = next(table.value for table in app.run().dataframe if "linear 2 says" in table.value.columns)
    assert moves["assets"].sum() == 40 and "Assets that would change category:" in shown(app)


def test_a_student_still_being_judged_is_not_offered_for_work(open_page, filled):
    set_live(filled, 1)
    second_student(filled)
    filled.execute("delete from evaluations where student_id = 2")
    filled.conn.commit()
    app = open_page("student")
    table = next(table.value for table in app.dataframe if "Live" in table.value.columns)
    assert dict(zip(table["Student"], table["Live"])) == {"linear 2": "not judged yet", "linear 1": "live"}
    assert not [button for button in app.button if button.label.startswith("Make live")]


def test_a_student_without_files_is_said_in_words(open_page, filled, workspace):
    set_live(filled, 1)
    second_student(filled)
    (workspace / "students" / "1" / "config.json").unlink()
    filled.execute("update students set live = 0")
    filled.conn.commit()
    app = open_page("student")
    next(box for box in app.selectbox if box.label == "Put a student to work").select(1).run()
    press(press(app, "Make live …"), "Yes, make linear 1 live")
    assert "The files of linear 1 are missing" in app.error[0].value


def test_whether_more_labels_would_help_is_asked_and_drawn(open_page, filled):
    app = open_page("student")
    next(box for box in app.selectbox if box.label == "Measured with").select("linear").run()
    next(button for button in app.button if button.label == "Find out").click().run()
    (job,) = jobs.active(filled, tasks.get(filled, 2))
    assert (job.kind, job.params["kind"]) == ("curve", "linear")
    assert next(button for button in app.button if button.label == "Find out").disabled
    jobs.run_here(filled, "curve", job.params, task=tasks.get(filled, 2))
    app = open_page("student")
    assert any("ore labels will" in heading.value for heading in app.subheader)
    table = next(frame.value for frame in app.dataframe if "points" in frame.value.columns)
    assert set(table["basis"]) == {"estimated"} and len(table) >= 2
    assert "Measure again" in [button.label for button in app.button]


def test_settings_name_the_clients_they_do_not_apply_to(open_page, db):
    assert not [one for one in open_page("settings").caption if "of their own" in one.value]
    client = tasks.of(db, "Acme")
    settings.put(db, "target_agreement", 0.9, client)
    said = [one.value for one in open_page("settings").caption if "of their own" in one.value]
    assert len(said) == 1 and "Acme 90.0" in said[0]


def test_settings_keep_a_target_and_refuse_a_folder_that_is_no_encoder(open_page, db, tmp_path):
    app = open_page("settings")
    app.text_input[0].input(str(tmp_path))
    next(button for button in app.button if button.label == "Save").click().run()
    assert "config.json" in app.error[0].value
    app.text_input[0].input("")
    app.number_input[0].set_value(90.0)
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.error
    assert db.execute("select value from settings where key = 'target_agreement'").fetchone()[0] == "0.9"


def test_settings_say_that_no_image_encoder_is_set_and_refuse_what_is_none(open_page, db, tmp_path):
    app = open_page("settings")
    assert any("students read words and facts" in one.value for one in app.caption)
    next(one for one in app.text_input if one.label == "Image model").input(str(tmp_path))
    next(button for button in app.button if button.label == "Check and save").click().run()
    assert any("has no config.json" in one.value for one in app.error) and not settings.get(db, "image_encoder")


def test_settings_keep_both_encoders_once_they_can_be_read(open_page, db, tmp_path, monkeypatch):
    monkeypatch.setitem(settings.DEFAULTS, "large_encoder", LARGE)

    def save(small: str, large: str):
        app = open_page("settings")
        for field, value in zip(app.text_input, (small, large)):
            field.input(value)
        return next(button for button in app.button if button.label == "Save").click().run()

    folder = source_folder()
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes() if name != "tokenizer.json" else b"{}")
    assert "cannot be read" in save("", str(tmp_path)).error[0].value
    assert not save("", "").error
    assert settings.get(db, "large_encoder") == LARGE
    assert not save("", str(folder)).error
    assert (settings.get(db, "encoder"), settings.get(db, "large_encoder")) == ("packaged", str(folder))


def test_settings_find_a_model_keep_a_price_of_its_own_and_go_back_to_the_lists(open_page, db):
    def find(model: str):
        app = open_page("settings")
        listed = app.selectbox(key="price-model")
        (listed if model in listed.options else app.text_input(key="price-other")).set_value(model).run()
        assert not app.exception
        return app

    def price(app, **values: float):
        for label, value in values.items():
            next(one for one in app.number_input if one.label == label.replace("_", " ")).set_value(value)
        return press(app, "Keep my own price")

    app = find("openai:gpt-6.1-sol")
    said = shown(app).replace("\\", "")
    assert "On the list: $2 in, $10 out per million tokens" in said and "genai-prices" in said
    app = price(app, Tokens_in=1.5, Tokens_out=8.0)
    assert prices.price(db, "openai:gpt-6.1-sol").input_usd_mtok == 1.5
    (table,) = [one.value for one in app.dataframe]
    assert table.iloc[0]["Model"] == "openai:gpt-6.1-sol" and table.iloc[0]["Tokens in"] == 1.5
    app = press(find("openai:gpt-6.1-sol"), "Back to the list's price")
    assert prices.overrides(db) == [] and not app.dataframe
    app = price(find("ours:a <b>*model*"), Tokens_in=1.0)
    assert "of tokens out" in app.warning[0].value and prices.overrides(db) == []
    price(app, Tokens_in=0.0, Tokens_out=0.0)
    assert [one.model for one in prices.overrides(db)] == ["ours:a <b>*model*"]
    press(find("ours:a <b>*model*"), "Forget my own price")
    assert prices.overrides(db) == []


def test_pages_open_quickly_with_100_000_assets(open_page, db):
    client = bring_in_many(db, "Big", 100_000)
    jobs.run_here(db, "label", {"task_id": client.id, "teacher": "recorded:bought"}, task=client)
    for key in ("overview", "assets", "teacher", "student"):
        app = open_page(
            key
        )  # imports and caches are warm from here on, as they are for everybody but the first visitor
        started = time.process_time()
        app.run()
        assert time.process_time() - started < 2, key
        assert "100,000" in shown(app)


def test_the_deploy_page_shows_the_exact_line_that_serves_the_client(open_page, filled, workspace):
    filled.execute("update clients set name = ?", ["North & \"West\" '$(x)'"])
    filled.conn.commit()
    set_live(filled, all_students(filled, tasks.get(filled, 2))[0]["id"])
    line = shlex.split(open_page("deploy").code[0].value)
    assert line[0] == f"UNDERSTUDY_HOME={workspace}"
    assert line[1:3] == ["python3", "run.py"]
    args = cli.parser().parse_args(line[3:])
    assert (args.command, args.client, args.student) == ("serve", "North & \"West\" '$(x)'", "live")
    assert f":{args.port}/classify" in "".join(code.value for code in open_page("deploy").code[1:])


def test_a_file_to_score_is_read_at_once_and_its_columns_can_be_chosen(open_page, filled):
    set_live(filled, all_students(filled, tasks.get(filled, 2))[0]["id"])
    app = open_page("deploy")
    app.file_uploader[0].set_value(("empty.csv", b"", "text/csv")).run()
    assert [error.value.replace("\\", "") for error in app.error] == [
        "empty.csv: The file is empty. Export it again and check that it holds rows."
    ]
    app.file_uploader[0].set_value(("numbers.csv", b"a,b\n1,2\n3,4\n", "text/csv")).run()
    (columns,) = app.multiselect
    score = next(button for button in app.button if button.label == "Classify this file")
    assert not app.error and columns.value == [] and score.disabled
    columns.set_value(["a"]).run()
    score = next(button for button in app.button if button.label == "Classify this file")
    assert not score.disabled
    score.click().run()
    (job,) = (job for job in jobs.recent(filled) if job.kind == "score")
    assert job.params["text_columns"] == ["a"] and Path(job.params["input"]).name == "numbers.csv"


def another_taxonomy(db, client: Task | None = None) -> None:
    """A next version in use, which no label is under."""
    client = client or tasks.get(db, 2)
    categories = taxonomy.load(db, taxonomy.latest(db, client))
    taxonomy.save(db, client, [*categories, taxonomy.Category("Contest", "Contest")], "next.csv")


def test_a_new_taxonomy_is_to_be_labelled_and_the_students_before_it_stay(open_page, filled):
    another_taxonomy(filled)
    app = open_page("teacher")
    assert "Get 360 labels" in [one.label for one in app.button] and "Start the first round" in [
        b.label for b in app.button
    ]
    assert "version 1 of the taxonomy; version 2 is in use" in shown(app)
    states = [str(one.value) for one in app.sidebar.get("text")]
    assert "360" in states and "not yet" in states and any("linear" in state for state in states), states
    app = open_page("student")
    assert next(one for one in app.button if one.label == "Train").disabled
    assert "No asset has a label under the taxonomy in use" in shown(app)
    assert "earlier taxonomy" in app.main.selectbox[0].options[0]
    assert "linear" in shown(app).casefold()
    jobs.run_here(filled, "label", {"task_id": 2, "teacher": "recorded:recorded_label"}, task=tasks.get(filled, 2))
    app = open_page("student")
    assert not next(one for one in app.button if one.label == "Train").disabled
    assert "No asset has a label" not in shown(app)


def test_an_unjudged_student_never_stands_for_the_client_where_another_is_judged(open_page, filled):
    filled.execute("update students set live = 0")
    newest = all_students(filled, tasks.get(filled, 2))[0]
    filled.execute(
        """insert into students (task_id, kind, label_run_id, taxonomy_id, params, path, ready, live, summary, created)
           select task_id, 'large', label_run_id, taxonomy_id, params, path, 1, 0, summary, created from students where id = ?""",
        [newest["id"]],
    )
    filled.conn.commit()
    assert all_students(filled, tasks.get(filled, 2))[0]["id"] != newest["id"]
    assert looked_at(filled, tasks.get(filled, 2))["id"] == newest["id"]
    app = open_page("try_one")
    assert "large" not in " ".join(one.value for one in app.sidebar.text)


def test_where_all_is_labelled_the_next_step_brings_in_more(open_page, filled):
    labels = [button.label for button in open_page("compare").button]
    assert "Bring in more assets" in labels and "Get more labels" not in labels
    filled.execute("delete from labels where asset_id in (select id from assets where client_id = 1 limit 20)")
    filled.conn.commit()
    assert "Get more labels" in [button.label for button in open_page("compare").button]


def test_a_kind_of_job_in_one_row_is_run_named_and_paused_like_the_others(open_page, filled, tmp_path):
    from tests.jobs import job_bodies

    params = {"folder": str(tmp_path / "units"), "units": 3, "seconds": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            KINDS, "dummy", JobKind(job_bodies.KINDS["units"].body, "Doing nothing much", "use", "noughts", pauses=True)
        )
        job = jobs.start(filled, "dummy", params, task=tasks.get(filled, 2))
        app = open_page("overview")
        assert "Doing nothing much" in shown(app) and "Pause" in [button.label for button in app.button]
        assert jobs.run_here(filled, "dummy", params, task=tasks.get(filled, 2)).result == {"units": 3}
        assert jobs.get(filled, job.id).state == "done"
    with pytest.raises(KeyError, match="dummy"):
        jobs.start(filled, "dummy", params, task=tasks.get(filled, 2))
