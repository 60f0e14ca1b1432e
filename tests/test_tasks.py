"""Tasks: several jobs of a client over the same assets, each with its own taxonomy, labels and live student."""

from __future__ import annotations

import json

import pytest

from core import database, distil, jobs, removal, review, settings, tasks, taxonomy
from core.__main__ import main
from core.assets import imports, previews
from core.errors import InputError
from core.evaluate.comparison import judgement
from core.evaluate.evaluation import change_rules
from core.evaluate.evidence import Rules
from core.label import gold
from core.tables.files import AS_FOUND
from core.train import registry
from tests import small


@pytest.fixture
def three(db, tmp_path):
    """A client with three tasks over 240 assets: the file's label, the first letter of its text, and one without labels yet."""
    rows = [row | {"offer": "Yes" if number % 2 else "No"} for number, row in enumerate(small.rows(240))]
    first = small.fill(db, tmp_path / "files", rows, "Northwind")
    second, third = tasks.add(db, first.client_id, "Offer"), tasks.add(db, first.client_id, "Funnel stage")
    kinds = tmp_path / "offer.csv"
    kinds.write_text("name\nYes\nNo\n", encoding="utf-8")
    taxonomy.save(db, second, taxonomy.read(kinds).categories, kinds.name)
    return first, second, third


def test_a_second_task_learns_from_a_column_of_the_same_assets_which_are_on_disk_once(db, three, tmp_path):
    first, second, _ = three
    count = db["assets"].count
    file = tmp_path / "files" / "assets.csv"
    mapping = previews.preview(file, AS_FOUND, imports.label_forms(db, second)).guess
    assert mapping.label == "offer", "its own taxonomy says which column holds its labels"
    found = imports.import_assets(db, second, file, mapping)
    assert (found.imported, found.unchanged, db["assets"].count) == (0, 240, count)
    for task, column in ((first, "label"), (second, "offer")):
        run = jobs.run_here(db, "label", {"task_id": task.id, "teacher": f"recorded:{column}"}, task).result
        jobs.run_here(db, "train", {"task_id": task.id, "run_id": run["run_id"], "kind": "linear", "target": 0.6}, task)
    (one,), (two,) = registry.all_students(db, first), registry.all_students(db, second)
    assert judgement(db, one["id"]).figures.target == 0.6
    registry.set_live(db, one["id"])
    registry.set_live(db, two["id"])
    assert [registry.find(db, task)["id"] for task in (first, second)] == [one["id"], two["id"]], (
        "one live student a task"
    )
    change_rules(db, second, Rules(target=0.8))
    assert settings.get(db, "target_agreement", second) == 0.8 != settings.get(db, "target_agreement", first)
    assert [judgement(db, row["id"]).figures.target for row in (one, two)] == [0.6, 0.8]


def test_what_a_person_decides_in_one_task_is_nothing_in_another(db, three):
    first, second, _ = three
    yes = next(c.id for c in taxonomy.load(db, taxonomy.latest(db, second)) if c.label == "Yes")
    asset = db.execute("select min(id) from assets").fetchone()[0]
    review.decide(db, asset, "Ada", yes, "queue")
    assert gold.labels(db, second) == {asset: "Yes"} and not gold.labels(db, first)
    assert review.reviewers(db, first) == [] and review.reviewers(db, second) == ["Ada"]


def test_a_task_is_named_where_there_are_several_and_not_needed_where_there_is_one(db, three):
    first, second, _ = three
    with pytest.raises(InputError, match="3 tasks"):
        tasks.find(db, first.client_id)
    assert tasks.find(db, first.client_id, " offer ") == second
    with pytest.raises(InputError, match="no task Tone"):
        tasks.find(db, first.client_id, "Tone")
    with pytest.raises(InputError, match="already"):
        tasks.add(db, first.client_id, "OFFER")
    assert tasks.of(db, "Other").name == database.FIRST_TASK[0]


def test_a_deleted_task_leaves_assets_other_tasks_and_the_ledger(db, three):
    first, second, _ = three
    taxonomies, kept = db["taxonomies"].count, db["assets"].count
    found = removal.remove_task(db, second)
    assert "1 version of the taxonomy" in " ".join(found.sentences())
    assert (db["assets"].count, db["taxonomies"].count) == (kept, taxonomies - 1)
    with pytest.raises(InputError, match="not there any more"):
        tasks.get(db, second.id)
    again = tasks.add(db, first.client_id, "Offer")
    assert again.id != second.id, "a number is not given twice"
    removal.remove_client(db, first.client_id)
    assert not db["tasks"].count and not db["taxonomies"].count


def test_commands_take_the_task_by_its_name(db, tmp_path, capsys):
    def command(*words: str) -> tuple[str, str]:
        main([*words, "--json"])
        return capsys.readouterr()

    taxonomy_file, assets_file = small.files(tmp_path / "files", small.rows(240))
    known = {
        "taxonomy": taxonomy_file,
        "assets": assets_file,
        "client": "Acme",
        "teacher": "recorded:label",
        "student": "linear",
    }
    distil.distil(db, **known)
    distil.distil(db, **known, task="Second", target=0.7)
    capsys.readouterr()
    said = command("students", "--client", "Acme", "--task", "second").out
    assert [row["id"] for row in json.loads(said)["students"]] == [2]
    assert "Name one with --task: Category, Second" in command("students", "--client", "Acme").err
    listed = json.loads(command("tasks", "--client", "Acme", "--task", "Second", "--rename", "Offer").out)["tasks"]
    assert [(row["name"], row["students"]) for row in listed] == [("Category", 1), ("Offer", 1)]


def test_a_workspace_from_before_tasks_could_write_is_opened_as_it_is(workspace):
    db = database.connect()
    tasks.of(db, "Acme")
    for table in ("blind_answers", "blind_pairs", "draft_decisions", "drafts", "writers", "pairs", "pair_imports"):
        db[table].drop()
    db["_sqlite_migrations"].delete_where("name = 's002_writing'")
    db.close()
    database._migrated.clear()
    db = database.connect()
    copy = tasks.add(db, database.client_id(db, "Acme"), "Copy", "write")
    assert db["pairs"].count == 0 and tasks.get(db, copy.id).kind == "write"
