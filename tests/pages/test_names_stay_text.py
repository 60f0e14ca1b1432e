"""Whatever people and files call things, no page shows it as markup, a link, a picture, a formula or an icon."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import database
from core.escape import plain
from core.ui.compare_first import TABS
from core.ui.menu import MENU
from tests.markdown import shown
from tests.pages import hostile
from tests.pages.conftest import ask

# What Streamlit reads as Markdown of each kind of element (its proto); the options of select boxes, st.text and st.code it shows
# as they are.
LABELS = ("label", "help")
MARKDOWN = {
    "Markdown": ("body", "help"),
    "Heading": ("body", "help"),
    "Alert": ("body",),
    "Toast": ("body",),
    "Progress": ("text",),
    "Spinner": ("text",),
    "Metric": ("label", "body", "delta", "help"),
    "Radio": ("label", "help", "options", "captions"),
    "ButtonGroup": ("label", "help", "options"),
}
PLAIN = {"Text", "Code", "Dataframe", "PlotlyChart"}


@pytest.fixture(scope="session")
def _hostile(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        db = database.connect()
        hostile.fill(db, home / "files")
        db.close()
    return home


@pytest.fixture
def opened(workspace, _hostile, open_page):
    shutil.copytree(_hostile, workspace, dirs_exist_ok=True)
    return open_page


def sources(app: AppTest) -> list[tuple[str, str, bool]]:
    """Every text of a page that is read as Markdown: the element's kind, the text, whether it is a label."""
    found = []

    def visit(node) -> None:
        proto = getattr(node, "proto", None)
        kind = type(proto).__name__
        for name in () if kind in PLAIN else MARKDOWN.get(kind, LABELS):
            value = getattr(proto, name, "")
            said = [value] if isinstance(value, str) else [getattr(one, "content", one) for one in value]
            found.extend((kind, one, name not in ("body", "help")) for one in said if one)
        for child in getattr(node, "children", {}).values():
            visit(child)

    visit(app._tree)
    return found


def check(app: AppTest) -> int:
    """No mark of any text holds a piece of a name, and no sign of an escape is left over; how many texts hold one."""
    assert not app.exception, [error.value for error in app.exception]
    seen = [one for one in sources(app) if hostile.WORD in one[1]]
    for kind, source, label in seen:
        assert not hostile.RAW.search(source), (kind, source)
        read = shown(source, label)
        assert not [mark for mark in read.marks if hostile.WORD in mark[1]], (kind, source)
        assert "\\" not in read.words, (kind, source)
    return len(seen)


def test_the_test_looks_at_every_kind_of_element(opened):
    app = opened("overview")
    assert {kind for kind, _, _ in sources(app)} >= {"Heading", "Markdown", "Button", "Selectbox", "Expandable"}


def test_no_name_is_markup_on_any_page(opened):
    app = opened("overview")
    found = {key: check(app.switch_page(f"pages/{key}.py").run()) for key in MENU}
    only_in_tables = {"overview", "taxonomy", "student", "ledger", "deploy", "people", "audit"}  # and in st.text
    assert all(many or key in only_in_tables for key, many in found.items()), found


def test_no_name_is_markup_whatever_is_asked_on_compare(opened):
    app = opened("compare")
    for tab in TABS:
        check(ask(app, tab))
        charts = " ".join(str(json.loads(chart.proto.spec)) for chart in app.get("plotly_chart"))
        assert charts and "<img" not in charts and "<a" not in charts


def test_no_name_is_markup_whichever_teacher_is_looked_at(opened):
    app = opened("teacher")
    (teachers,) = [radio for radio in app.radio if radio.label == "Teacher"]
    assert len(teachers.options) == 3
    for chosen in (f"connection:{hostile.CONNECTION}", "built-in", f"recorded:{hostile.COLUMNS['label']}"):
        app.radio(key="teacher-chosen").set_value(chosen).run()
        check(app)


def test_no_name_is_markup_at_the_review_desk(opened):
    app = opened("review")
    app.text_input[0].set_value(hostile.REVIEWERS[0]).run()
    for mode in app.radio[0].options:
        app.radio[0].set_value(mode).run()
        assert check(app), mode


def test_no_name_is_markup_in_a_file_brought_in(opened, tmp_path):
    taxonomy_file, assets_file = hostile.write(tmp_path, rows=30)
    app = opened("assets")
    app.file_uploader[0].set_value((taxonomy_file.name, taxonomy_file.read_bytes(), "text/csv"))
    app.file_uploader[1].set_value((assets_file.name, assets_file.read_bytes(), "text/csv")).run()
    check(app)
    for role, said in (("label", "label"), ("latency_ms", "latency")):
        box = next(one for one in app.selectbox if one.label == plain(hostile.COLUMNS[said]))
        box.set_value(role).run()
    assert "What does" in " ".join(box.label for box in app.selectbox)
    check(app)


def test_no_name_is_markup_where_two_students_are_compared(opened):
    app = opened("student")
    app.session_state["compare-two"] = True
    check(app.run())
