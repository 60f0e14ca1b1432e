"""The Taxonomy page: nothing is saved before what changes and what it takes has been shown; a click makes a suggestion an edit."""

from __future__ import annotations

import json

import pytest

from core import jobs, tasks, taxonomy
from core.label import relabel
from core.taxonomy import versions
from tests.pages.test_pages import links, shown

EDITS = "edit-kind"


def button(app, label):
    return next(one for one in app.button if one.label == label)


def metrics(app) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def edit(app, kind, **fields):
    """Make one edit in the form as a person would."""
    app.radio(key=EDITS).set_value(kind).run()
    for key, value in fields.items():
        key = key.replace("_", "-")
        kinds = (app.text_input, app.text_area, app.selectbox, app.multiselect)
        widget = next(one for every in kinds for one in every if (one.key or "").startswith(key))
        widget.set_value(value).run()
    button(app, f"{kind} in the draft").click().run()
    assert not app.exception and not app.error, [error.value for error in app.error]
    return app


def test_a_client_without_a_taxonomy_is_sent_for_one(open_page, db):

    tasks.of(db, "Northwind")
    assert links(open_page("taxonomy")) == ["Bring one in first"]


def test_an_edit_shows_what_changes_and_what_it_takes_and_saves_nothing(open_page, filled):
    app = edit(open_page("taxonomy"), "Rename", rename_label="Brand film", rename_name="Brand story")
    assert "1 renamed" in shown(app) and "Version 1 is in use" in shown(app)
    table = next(one.value for one in app.dataframe if list(one.value.columns) == ["change", "categories"])
    assert table.values.tolist() == [["renamed", "Brand film → Brand story"]]
    assert metrics(app)["To ask again"] == "0" and metrics(app)["Labels that stay"] == "360"
    app = edit(app, "Remove", remove_label="Seasonal sale")
    lost = filled.execute(
        "select count(*) from labels l join categories c on c.id = l.category_id where c.label = 'Seasonal sale'"
    ).fetchone()[0]
    assert metrics(app)["To ask again"] == str(lost)
    assert "nobody can be asked again" in shown(app), "they are recorded labels"
    assert len(versions.versions(filled, tasks.get(filled, 2))) == 1
    assert "1 removed, 1 renamed" in shown(open_page("taxonomy")), "the draft survives a closed page"


def test_saving_is_a_job_after_which_the_page_tells_what_came_over(open_page, filled):
    filled.execute("update students set live = 1")
    filled.conn.commit()
    app = edit(open_page("taxonomy"), "Merge", merge_labels=["Seasonal sale", "Product launch"], merge_name="Offers")
    button(app, "Save as the next version").click().run()
    (job,) = (job for job in jobs.recent(filled) if job.kind == "taxonomy")
    assert button(app, "Save as the next version").disabled
    jobs.run_here(filled, "taxonomy", job.params, task=tasks.get(filled, 2))
    app = open_page("taxonomy")
    assert "Version 2 is in use: 3 categories" in shown(app)
    assert "360 labels (" in shown(app) and "came over to version 2" in shown(app)
    assert "still answers with the categories of version 1" in shown(app)
    for key in ("overview", "teacher", "student", "compare", "try_one", "deploy"):
        other = open_page(key)
        assert not other.error, key
        if key in ("try_one", "deploy"):
            assert "linear 1 answers in version 1 of the taxonomy; version 2 is in use since" in shown(other), key
    history = next(one.value for one in app.dataframe if "changes" in one.value.columns)
    assert history["changes"].tolist() == ["1 merged", ""]


def test_discarding_forgets_the_draft(open_page, filled):
    app = edit(open_page("taxonomy"), "Add", add_name="Winter")
    button(app, "Discard the draft").click().run()
    assert versions.kept_draft(filled, tasks.get(filled, 2)) is None and "The draft" not in shown(app)


def test_a_file_becomes_the_draft_and_guesses_are_taken_only_when_confirmed(open_page, filled):
    app = open_page("taxonomy")
    rows = [c for c in taxonomy.load(filled, 1) if not c.label.startswith("Loyalty")]
    lines = [f'{c.name.replace("Brand film", "Brand story")},"{c.description}"' for c in rows]
    text = "\n".join(["name,description", *lines, "Winter,"])
    app.file_uploader(key="version-file").set_value(("next.csv", text.encode(), "text/csv")).run()
    button(app, "Compare with the version in use").click().run()
    assert "2 added, 2 removed" in shown(app)
    assert "renamed: Brand film → Brand story" in shown(app)
    next(one for one in app.button if (one.key or "").startswith("guess-0-Brand film")).click().run()
    assert "1 added, 1 removed, 1 renamed" in shown(app)
    assert versions.kept_draft(filled, tasks.get(filled, 2)).source == "next.csv"


def test_a_category_described_anew_is_a_persons_to_decide(open_page, filled, monkeypatch):
    # Labels of a teacher that can be asked again; which one it is does not matter to the page.
    filled.execute("update label_runs set teacher = 'built-in'")
    filled.conn.commit()
    monkeypatch.setattr(relabel, "encoder", lambda name: None)
    app = edit(open_page("taxonomy"), "Describe", describe_label="Brand film", description="Films about the brand")
    assert metrics(app)["To ask again"] == "0"
    app.multiselect(key="again").set_value(["Brand film"]).run()
    assert int(metrics(app)["To ask again"]) > 50
    assert versions.kept_draft(filled, tasks.get(filled, 2)).again == ("Brand film",)


def test_suggestions_become_edits_of_the_draft_with_one_click(open_page, filled):
    ids = {c.label: c.id for c in taxonomy.load(filled, 1)}
    one, other = ids["Seasonal sale"], ids["Product launch"]
    for teacher, student in ((one, other), (other, one)):  # half of each goes to the other
        filled.execute(
            """update predictions set category_id = ? where teacher_category_id = ? and asset_id % 2 = 0""",
            [student, teacher],
        )
    part = {"name": "Brand film: a", "share": 0.6, "examples": ["x"]}
    double = {"label": "Brand film", "looked_at": 80, "p": 1e-5, "parts": [part, part | {"name": "Brand film: b"}]}
    filled.execute("insert into taxonomy_suggestions values (2, 1, ?, '')", [json.dumps([double])])
    filled.conn.commit()
    app = open_page("taxonomy")
    assert "Seasonal sale  +  Product launch: on " in shown(app)
    app.button(key="merge-0").click().run()
    assert "1 merged" in shown(app)
    app.button(key="split-0").click().run()
    assert "1 merged, 1 split" in shown(app)
    draft = versions.kept_draft(filled, tasks.get(filled, 2)).draft
    assert {"Seasonal sale and Product launch", "Brand film: a", "Brand film: b"} < {c.label for c in draft.categories}


@pytest.mark.parametrize("words", [" ", "Brand film"])
def test_an_edit_that_makes_no_sense_is_refused_in_a_sentence(open_page, filled, words):
    app = open_page("taxonomy")
    next(one for one in app.text_input if one.key.startswith("add-name")).set_value(words).run()
    button(app, "Add in the draft").click().run()
    assert len(app.error) == 1 and versions.kept_draft(filled, tasks.get(filled, 2)) is None
