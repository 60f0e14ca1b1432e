"""After a taxonomy change, labels that hold are carried to the run the same teacher goes on with; only the rest is asked for."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import database, jobs, taxonomy
from core.deploy.live import load
from core.errors import InputError
from core.evaluate.evaluation import evaluate, figures_of
from core.evaluate.versions import behind_words, compare
from core.label import gold
from core.label.labelling import label
from core.label.relabel import LABELLING, Plan, carry_over, plan
from core.label.runs import pending_count, runs
from core.label.teachers import make
from core.money import prices
from core.tasks import Task
from core.taxonomy import diff, versions
from core.taxonomy.diff import begin
from core.taxonomy.versions import KeptDraft
from core.train.ladder import train
from core.train.registry import all_students, set_live
from tests import small

RECORDED = "recorded:label"


def drafted(db, client, *edits, again=()) -> KeptDraft:
    """Keep a draft of the version in use after `edits`, each (function of taxonomy_diff, arguments)."""
    base = taxonomy.latest(db, client)
    draft = begin(taxonomy.load(db, base))
    for edit, *arguments in edits:
        draft = edit(draft, *arguments)
    kept = KeptDraft(base, "by hand", draft, again)
    versions.keep(db, client, kept)
    return kept


def by_label(db, run_id) -> dict[str, int]:
    rows = db.execute(
        "select c.label, count(*) from labels l join categories c on c.id = l.category_id where run_id = ? group by 1",
        [run_id],
    )
    return dict(rows.fetchall())


@pytest.fixture
def client(db, tmp_path):
    client = small.fill(db, tmp_path)
    label(db, client, RECORDED)
    return client


def test_a_rename_and_a_merge_ask_nobody_anything(db, client):
    before = by_label(db, 1)
    kept = drafted(db, client, (diff.rename, "Sale", "Promotions"), (diff.merge, ["Opening", "Hiring"], "News"))
    found = plan(db, client, kept)
    assert (found.labels, found.ask, found.keep, found.basis) == (240, 0, 240, "measured")
    result = carry_over(db, client)
    assert result["version"] == 2
    (run,) = result["runs"]
    assert (run["carried"], run["asked"]) == (240, 0)
    assert by_label(db, run["run_id"]) == {
        "Promotions": before["Sale"], "News": before["Opening"] + before["Hiring"], "Travel": before["Travel"],
    }  # fmt: skip
    assert label(db, client, RECORDED) == run["run_id"], "the same teacher goes on with the run that holds the labels"
    assert by_label(db, run["run_id"])["Promotions"] == before["Sale"]
    assert versions.kept_draft(db, client) is None


def test_labels_of_removed_and_split_categories_are_what_is_asked_for(db, client):
    before = by_label(db, 1)
    kept = drafted(db, client, (diff.split, "Sale", ["Clearance", "Deals"]), (diff.remove, "Travel"))
    found = plan(db, client, kept)
    assert {(row.why, row.category, row.assets) for row in found.rows} == {
        ("split", "Sale", before["Sale"]), ("removed", "Travel", before["Travel"]),
    }  # fmt: skip
    assert found.lost, "recorded labels cannot be asked for again"
    assert (found.ask, found.ask_low, found.ask_high) == (before["Sale"] + before["Travel"],) * 3
    run = carry_over(db, client)["runs"][0]
    assert run["asked"] == found.ask and run["carried"] == found.keep
    assert set(by_label(db, run["run_id"])) == {"Opening", "Hiring"}


@pytest.fixture
def built_in(db, tmp_path, encoders):
    client = small.fill(db, tmp_path)
    label(db, client, "built-in")
    return client


def test_the_plan_is_what_is_pending_and_labels_come_over_with_their_distributions(db, built_in):
    sums = {}
    for category, blob in db.execute("select category_id, distribution from labels where run_id = 1"):
        sums.setdefault(category, []).append(np.frombuffer(blob, np.float16).astype(float))
    kept = drafted(
        db,
        built_in,
        (diff.merge, ["Opening", "Hiring"], "News"),
        (diff.add, "Beach holidays", None, "beach island sunny escape", ("sunny island beach",)),
    )
    found = plan(db, built_in, kept)
    assert {row.why for row in found.rows} <= {"nearest", "unsure", "merged", "unclear"} and found.ask > 0
    assert found.basis == "estimated" and found.sampled == 240 and found.ask_low == found.ask == found.ask_high
    assert found.usd(prices.Price("m", "p", 1.0, 1.0, None, None, None, "yours", None)) > 0
    run = carry_over(db, built_in)["runs"][0]
    assert (run["asked"], run["carried"]) == (found.ask, found.keep), "240 labels, all looked at: the estimate is exact"
    categories = taxonomy.load(db, taxonomy.latest(db, built_in))
    teacher = make(db, built_in, "built-in", categories)
    assert pending_count(db, teacher, run["run_id"], built_in) == run["asked"]
    assert sum(map(len, teacher.pending(db, run["run_id"]))) == run["asked"]
    old = {c.label: i for i, c in enumerate(taxonomy.load(db, kept.base_id))}
    new = {c.label: i for i, c in enumerate(categories)}
    pairs = db.execute(
        """select o.distribution, n.distribution, n.category_id, n.confidence, o.created = n.created from labels o
           join labels n on n.asset_id = o.asset_id where o.run_id = 1 and n.run_id = ?""",
        [run["run_id"]],
    ).fetchall()
    assert len(pairs) == run["carried"]
    for before, after, category, confidence, same_day in pairs:
        before, after = (np.frombuffer(blob, np.float16).astype(float) for blob in (before, after))
        assert after[new["News"]] == pytest.approx(before[old["Opening"]] + before[old["Hiring"]], abs=2e-3)
        assert after[new["Beach holidays"]] == 0 and after.sum() == pytest.approx(1, abs=5e-3)
        best = next(c for c in categories if c.id == category).label
        assert after.argmax() == new[best] and confidence == pytest.approx(after.max(), abs=2e-3)
        assert same_day, "a label keeps the day on which the teacher said it"
    assert label(db, built_in, "built-in") == run["run_id"]
    assert sum(by_label(db, run["run_id"]).values()) == 240


def test_a_category_described_anew_is_asked_about_only_if_a_person_says_so(db, built_in):
    (count,) = db.execute(
        "select count(*) from labels l join categories c on c.id = l.category_id where run_id = 1 and c.label = 'Sale'"
    ).fetchone()
    edit = (diff.describe, "Sale", "Money off, for a while only", [])
    found = plan(db, built_in, drafted(db, built_in, edit))
    assert (found.ask, found.described) == (0, (("Sale", count),))
    found = plan(db, built_in, drafted(db, built_in, edit, again=("Sale",)))
    assert (found.ask, found.rows[0].why) == (count, "described")
    assert carry_over(db, built_in)["runs"][0]["asked"] == count


def test_the_old_student_works_on_until_another_is_promoted(db, client):
    (old,) = train(db, client, 1, "linear")
    evaluate(db, old)
    set_live(db, old)
    db.execute(
        """insert into reviews (task_id, asset_id, reviewer, category_id, created)
           select 2, asset_id, 'ana', teacher_category_id, ''
           from predictions where student_id = ?""",
        [old],
    )
    gold = evaluate(db, old).gold.n
    drafted(db, client, (diff.rename, "Sale", "Promotions"), (diff.merge, ["Opening", "Hiring"], "News"))
    run_id = carry_over(db, client)["runs"][0]["run_id"]
    assert [row["id"] for row in all_students(db, client) if row["live"]] == [old]
    assert evaluate(db, old).gold.n == gold, "measured again on its own categories"
    assert "Sale" in load(db, client, "live").student.labels
    (row,) = all_students(db, client)
    assert behind_words(db, row) == f"linear {old} answers in version 1 of the taxonomy; version 2 is in use since."
    (new,) = train(db, client, run_id, "linear")
    assert evaluate(db, new).gold.n == gold, "decisions made under the old version count under the new one"
    assert {"Promotions", "News", "Travel"} == {
        row[0] for row in db.execute("select label from categories where taxonomy_id = 2").fetchall()
    }
    both = compare(db, old, new)
    assert both.apart == 0, "what was renamed or merged is the same category in both"
    assert figures_of(db, old).agreement.n == figures_of(db, new).agreement.n
    set_live(db, new)
    assert "Promotions" in load(db, client, "live").student.labels


def test_gold_is_mapped_where_it_is_certain_in_both_directions(db, client):
    ids = {c.label: c.id for c in taxonomy.load(db, 1)}
    drafted(
        db,
        client,
        (diff.merge, ["Opening", "Hiring"], "News"),
        (diff.split, "Sale", ["A", "B"]),
        (diff.rename, "Travel", "Trips"),
    )
    carry_over(db, client)
    new = {c.label: c.id for c in taxonomy.load(db, 2)}
    assert versions.carried(db, 2) == {ids["Opening"]: new["News"], ids["Hiring"]: new["News"],
                                                ids["Travel"]: new["Trips"], **{id: id for id in new.values()}}  # fmt: skip
    # Backward: each part of a split was Sale before; what News was before nobody knows.
    assert versions.carried(db, 1) == {new["A"]: ids["Sale"], new["B"]: ids["Sale"], new["Trips"]: ids["Travel"],
                                                **{id: id for id in ids.values()}}  # fmt: skip
    db["reviews"].insert_all(
        {"task_id": 2, "asset_id": asset, "reviewer": "ana", "category_id": ids[name], "created": ""}
        for asset, name in ((1, "Hiring"), (2, "Sale"), (3, "Travel"))
    )
    assert gold.gold(db, client, taxonomy.load(db, 2)) == {1: new["News"], 3: new["Trips"]}


def test_every_teachers_labels_come_over_and_the_plan_is_about_the_most(db, client):
    db.execute("update recordings set source = 'second' where asset_id <= 40")
    label(db, client, "recorded:second")
    found = plan(db, client, drafted(db, client, (diff.rename, "Sale", "Promotions")))
    assert (found.run_id, found.labels) == (1, 240)
    assert [(run["teacher"], run["carried"]) for run in carry_over(db, client)["runs"]] == [
        (RECORDED, 240), ("recorded:second", 40),
    ]  # fmt: skip
    assert [run["teacher"] for run in runs(db, client)][:2] == ["recorded:second", RECORDED], (
        "the newest stays the newest"
    )


def test_what_cannot_be_saved_is_said_and_changes_nothing(db, client):
    with pytest.raises(InputError, match="no draft to save"):
        carry_over(db, client)
    drafted(db, client)
    with pytest.raises(InputError, match="nothing has changed"):
        carry_over(db, client)
    drafted(db, client, (diff.remove, "Sale"))
    for kind in LABELLING:
        job = jobs.start(db, kind, {"task_id": client.id, "teacher": RECORDED}, task=client)
        with pytest.raises(InputError, match="Labels are coming in"):
            carry_over(db, client)
        jobs.cancel(db, job.id)
    taxonomy.save(db, client, [taxonomy.Category("Other", "Other")], "other.csv")
    with pytest.raises(InputError, match="Another version was saved"):
        carry_over(db, client)
    assert versions.kept_draft(db, client) is not None
    assert [row["version"] for row in versions.versions(db, client)] == [2, 1] and len(runs(db, client)) == 1


def test_without_labels_there_is_nothing_to_plan(db, tmp_path):
    client = small.fill(db, tmp_path)
    assert plan(db, client, drafted(db, client, (diff.remove, "Sale"))) == Plan(None, None)
    assert carry_over(db, client)["runs"] == []


def killed_at(moment: int, client: Task) -> bool:
    """Carry over in a process of its own that kills itself at the given moment (in thousands of SQLite's steps)."""
    child = os.fork()
    if child == 0:
        db, left = database.connect(), [moment]

        def step():
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        db.conn.set_progress_handler(step, 1000)
        carry_over(db, client)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_killed_at_any_moment_it_is_done_or_not_begun(db, client, workspace):
    for copy in range(40):  # so that the transaction is not over in an instant
        db.execute(
            """insert into assets (client_id, external_id, text, text_hash, group_id, import_id)
               select client_id, external_id || ?, text, text_hash, null, import_id from assets where id <= 240""",
            [f"-{copy}"],
        )
    db.execute("update assets set group_id = id")
    db.execute(
        """insert or ignore into labels (run_id, asset_id, category_id, created)
           select 1, a.id, (select category_id from labels where run_id = 1 limit 1), '' from assets a"""
    )
    drafted(db, client, (diff.rename, "Sale", "Promotions"), (diff.remove, "Travel"))
    held, killed = plan(db, client, versions.kept_draft(db, client)).keep, 0
    for moment in (1, 10, 30, 100, 200, 300, 500, 800, 1200, 1600, 2000):
        if not killed_at(moment, client):
            break
        killed += 1
        assert (len(runs(db, client)), taxonomy.latest(db, client)) == (1, 1)
        assert db.execute("select count(*) from category_links").fetchone()[0] == 0
    assert killed >= 5
    if taxonomy.latest(db, client) == 1:
        carry_over(db, client)
    assert runs(db, client)[0]["count"] == held


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["remove", "rename", "merge", "split", "add"]), st.integers(0, 9), st.integers(0, 9)),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_is_edited_carried_and_asked_are_all(db, client, steps):
    base = taxonomy.latest(db, client)
    newest = next((run for run in runs(db, client) if run["taxonomy_id"] == base), None)
    draft = begin(taxonomy.load(db, base))
    for number, (kind, one, other) in enumerate(steps):
        labels = [c.label for c in draft.categories]
        first, second, name = labels[one % len(labels)], labels[other % len(labels)], f"{base}-{number}"
        try:
            if kind == "remove":
                draft = diff.remove(draft, first)
            elif kind == "rename":
                draft = diff.rename(draft, first, name)
            elif kind == "merge":
                draft = diff.merge(draft, [first, second], name)
            elif kind == "split":
                draft = diff.split(draft, first, [name, name + "b"])
            else:
                draft = diff.add(draft, name)
        except InputError:
            continue
    kept = KeptDraft(base, "by hand", draft)
    versions.keep(db, client, kept)
    assert json.loads(db.execute("select draft from taxonomy_drafts").fetchone()[0])
    assert versions.kept_draft(db, client) == kept
    if not diff.diff(draft):
        return
    found = plan(db, client, kept)
    result = carry_over(db, client)
    if newest is None or not newest["count"]:
        return
    (run,) = result["runs"]
    assert run["carried"] + run["asked"] == newest["count"] == found.ask + found.keep
    assert (run["carried"], run["asked"]) == (found.keep, found.ask)
    foreign = """select count(*) from labels l join categories c on c.id = l.category_id
                 where l.run_id = ? and c.taxonomy_id <> ?"""
    assert db.execute(foreign, [run["run_id"], result["taxonomy_id"]]).fetchone()[0] == 0


def test_a_hundred_thousand_labels_are_planned_and_carried_while_a_page_waits(db, tmp_path):
    from tests.pages.clients import bring_in_many

    client = bring_in_many(db, "Big", 100_000)
    label(db, client, "recorded:bought")
    kept = drafted(db, client, (diff.remove, "Brand film"), (diff.rename, "Seasonal sale", "Sale"))
    started = time.process_time()
    assert plan(db, client, kept).ask == 25_000
    assert time.process_time() - started < 2
    started = time.process_time()
    assert carry_over(db, client)["runs"][0]["carried"] == 75_000
    assert time.process_time() - started < 30
    assert database.connect().execute("select count(*) from labels where run_id = 2").fetchone()[0] == 75_000
