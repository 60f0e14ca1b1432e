"""The Watch page: what work has taught, champion and challenger, and what is new."""

from __future__ import annotations

from core import jobs
from core.taxonomy import versions
from core.train import registry
from core.watch import rules
from tests.pages.clients import HOSTILE
from tests.watch.conftest import home, serve, traffic

__all__ = ["home"]


def shown(app) -> str:
    blocks = (app.markdown, app.caption, app.info, app.success, app.warning, app.subheader, app.error)
    return "\n".join(element.value for block in blocks for element in block) + "\n".join(e.label for e in app.expander)


def button(app, start: str):
    return next(one for one in app.button if one.label.startswith(start))


def test_the_page_says_what_there_is_to_learn_and_starts_it_only_on_a_click(home, open_page):
    db, task = home
    assert "not asked about any answer yet" in shown(open_page("watch", task))
    serve(db, task, traffic(150), threshold=0.9)
    app = open_page("watch", task)
    assert "Agreement over all answers" in "".join(one.label for one in app.metric)
    assert "drawn alike" in shown(app) and "paid for already" in shown(app) and not jobs.active(db, task)
    button(app, "Train on ").click().run()
    (job,) = jobs.active(db, task)
    assert (job.kind, job.params) == ("learn", {"task_id": task.id, "kind": "linear"})


def test_champion_and_challenger_are_shown_and_a_person_confirms_and_rolls_back(home, open_page):
    db, task = home
    serve(db, task, traffic(200), threshold=0.9)
    jobs.run_here(db, "learn", {"task_id": task.id, "kind": "linear"}, task=task)
    app = open_page("watch", task)
    assert "neither learned from: challenger right where champion is not on" in shown(app)
    button(app, "Make linear 2 live").click().run()
    assert registry.find(db, task)["id"] == 1
    button(app, "Yes, make linear 2 live").click().run()
    assert not app.exception and registry.find(db, task)["id"] == 2
    button(app, "Roll back to linear 1").click().run()
    button(app, "Yes, make linear 1 live").click().run()
    assert registry.find(db, task)["id"] == 1


def test_strange_texts_are_grouped_and_hostile_ones_are_shown_as_they_are(home, open_page):
    db, task = home
    asked = [(f"{HOSTILE} bitcoin wallet number {place}", "Sale") for place in range(8)]
    serve(db, task, asked, strange=True)
    app = open_page("watch", task)
    said = shown(app)
    assert "8 answers were about texts unlike any" in said
    next(one for one in app.text_input if one.label.startswith("A new theme")).set_value("Coins <b>").run()
    button(app, "Make it a category").click().run()
    assert versions.kept_draft(db, task).draft.categories[-1].name == "Coins <b>"
    assert "bitcoin" in said and r"\<img" in said and "**bold**" not in said


def test_without_texts_it_says_which_setting_changes_it(home, open_page):
    db, task = home
    rules.put_keeping(db, task.client_id, rules.Keeping(texts="none"))
    serve(db, task, traffic(20), strange=True, text=lambda text: None)
    said = shown(open_page("watch", task))
    assert "no texts are kept" in said and "cannot be grouped" in said


def test_one_strange_text_makes_no_group_and_that_is_said(home, open_page):
    db, task = home
    serve(db, task, [("zzqx plonk", "Sale")], strange=True)
    said = shown(open_page("watch", task))
    assert "1 answer was about texts unlike any" in said and "to make groups yet" in said and "0 groups" not in said
