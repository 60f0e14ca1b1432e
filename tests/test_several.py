"""A task that chooses several categories, from two files to a verdict."""

from __future__ import annotations

import argparse
import csv

import numpy as np
import pytest

from core import distil, tasks, taxonomy
from core.commands import classify
from core.deploy import live, scoring, service
from core.errors import InputError
from core.evaluate import evaluation
from core.evaluate.comparison import judgement
from core.evaluate.evidence import Rules
from core.label import labelling, relabel, runs
from core.review import files
from core.taxonomy import diff, tagsets, versions
from core.train import data, registry, students
from core.train.registry import set_live
from core.ui import label_list
from tests import small


@pytest.fixture
def task(tagged):
    return tasks.named(tagged, "Northwind")


def test_from_two_files_to_a_verdict(db, tmp_path):
    file, assets = small.tag_files(tmp_path)
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    result = distil.distil(db, taxonomy=file, assets=assets, **how)
    (told,) = result["tasks"].values()
    assert tasks.named(db, "Northwind").several and told["labels"]["count"] == 400
    assert told["students"][0]["agreement"]["value"] > 0.6 and told["cascade"]["certified"]
    assert result["all_facets"]["agreement"]["value"] == told["students"][0]["agreement"]["value"]


def test_right_is_exactly_the_teachers_set_and_every_tag_has_its_figures(tagged, task):
    figures = evaluation.figures_of(tagged, 1)
    held = evaluation.predictions(tagged, figures.student.id)
    test = held[held["split"] == "test"]
    members = tagsets.load(tagged, taxonomy.latest(tagged, task))
    teacher, student = ([set(members[id]) for id in test[name]] for name in ("category_id", "predicted"))
    assert figures.agreement.value == sum(map(set.__eq__, teacher, student)) / len(test)
    both = sum(len(one & other) for one, other in zip(teacher, student))
    said, given = (sum(map(len, sets)) for sets in (teacher, student))
    assert figures.tags.right.value == both / given and figures.tags.found.value == both / said
    assert figures.tags.micro_f1 == pytest.approx(2 * both / (said + given))
    unions = [len(one | other) for one, other in zip(teacher, student)]
    jaccard = [len(one & other) / union if union else 1.0 for one, other, union in zip(teacher, student, unions)]
    assert figures.tags.jaccard == pytest.approx(sum(jaccard) / len(jaccard))
    for row in figures.per_category:
        n = sum(row.category in one for one in teacher)
        agreed = sum(row.category in one & other for one, other in zip(teacher, student))
        assert (row.n, row.agreed) == (n, agreed) and row.f1 == pytest.approx(2 * agreed / (n + row.predicted))
    assert figures.macro_f1 == pytest.approx(sum(row.f1 for row in figures.per_category) / len(figures.per_category))


def test_the_student_comes_back_from_its_folder_as_it_was(tagged, task):
    student = students.load(registry.folder_of(tagged, registry.looked_at(tagged, task)["id"]))
    answers = student.answer(["discount off save flights beach hotel", "careers join hiring", "today now your best"])
    assert student.several and students.said(answers, student.labels) == ["Sale; Travel", "Hiring", "No tag"]
    with pytest.raises(TypeError):
        _ = answers.best


def test_classify_gives_the_tags(tagged, task):
    args = argparse.Namespace(
        text="discount off save flights beach hotel", image=None, client="Northwind", task=None, student="1"
    )
    answer, text = classify.run(args)
    assert sorted(answer["tags"]) == ["Sale", "Travel"] and text.startswith("Tags: ")


def test_a_promise_of_tags_is_another_promise_on_the_same_predictions(tagged, task):
    chosen = 1
    of_sets = evaluation.figures_of(tagged, chosen)
    evaluation.change_rules(tagged, task, Rules(target=0.6, promise="tags"))
    of_tags = evaluation.figures_of(tagged, chosen)
    evaluation.change_rules(tagged, task, Rules(target=0.6))
    assert of_tags.promised == "tags" and of_tags.certificate.certified and "of the tags" in of_tags.certificate.reason
    assert of_tags.agreement_handled.value >= of_sets.agreement_handled.value
    assert of_tags.agreement == of_sets.agreement and of_tags.handled.value >= of_sets.handled.value
    assert judgement(tagged, chosen).figures.promised == "set"


def test_too_few_rows_for_a_promise_are_said_to_be_too_few(db, tmp_path):
    file, assets = small.tag_files(tmp_path, small.tag_rows(90))
    told = distil.distil(db, taxonomy=file, assets=assets, client="Few", teacher="recorded", student="linear")
    (task,) = told["tasks"].values()
    assert task["verdict"]["decision"] == "not_ready" and "too few to say" in task["verdict"]["reason"]


def test_the_built_in_teacher_cannot_be_asked_and_the_sentence_says_what_to_do(tagged, task):
    with pytest.raises(
        InputError, match="Asking the built-in teacher is not there yet for a task that chooses several"
    ):
        labelling.label(tagged, task, "built-in")


def test_a_task_of_another_kind_is_not_taken_for_the_facet(db, tmp_path):
    file, assets = small.tag_files(tmp_path)
    tasks.of(db, "Other", "Mood")
    with pytest.raises(
        InputError, match="Mood is of the kind “Choose one category”, the file asks for “Choose several"
    ):
        distil.distil(db, taxonomy=file, assets=assets, client="Other", teacher="recorded")


def test_a_file_is_scored_and_a_server_answers_with_tags(tagged, task, tmp_path):
    set_live(tagged, 1)
    file, output = tmp_path / "new.csv", tmp_path / "scored.csv"
    file.write_text("id,text\n1,discount off save flights beach hotel\n2,today now your best\n", encoding="utf-8")
    scoring.score(tagged, task=task, input=file, output=output)
    rows = list(csv.DictReader(output.open(encoding="utf-8-sig")))
    assert [row["category"] for row in rows] == ["Sale; Travel", "No tag"]
    served = live.load(tagged, task, "live")
    first, second = service.answer(served, ["discount off save flights beach hotel", "today now your best"])
    assert (first.category, second.category) == ("Sale; Travel", "No tag") and first.confidence == float(
        rows[0]["confidence"]
    )
    assert first.handled == (rows[0]["handled"].lower() == "true")


def test_labels_are_counted_by_tag_and_carried_to_another_version_of_the_taxonomy(tagged, task):
    run = labelling.label(tagged, task, "recorded:mood")
    old = taxonomy.latest(tagged, task)
    said = runs.labelled(tagged, run).category_id.map(tagsets.load(tagged, old))
    sizes = label_list.class_sizes(tagged, run)
    counts = {row.Category: row.Labels for row in sizes.itertuples()}
    names = {category.id: category.label for category in taxonomy.load(tagged, old)}
    assert counts == {name: sum(id in tags for tags in said) for id, name in names.items()}

    draft = diff.rename(diff.begin(taxonomy.load(tagged, old)), "Hiring", "Jobs")
    versions.keep(tagged, task, versions.KeptDraft(old, "by hand", draft))
    assert relabel.plan(tagged, task, versions.kept_draft(tagged, task)).ask == 0
    result = relabel.carry_over(tagged, task)
    assert result["runs"][0]["carried"] == 700
    before, after = (runs.labelled(tagged, one) for one in (run, result["runs"][0]["run_id"]))
    old_words, new_words = (tagsets.labels(tagged, one) for one in (old, result["taxonomy_id"]))
    assert [old_words[id].replace("Hiring", "Jobs") for id in before.category_id] == [
        new_words[id] for id in after.category_id
    ]


def test_gold_tags_of_a_file_teach_and_are_what_both_are_measured_against(db, tmp_path):
    rows = [row | {"gold": row["mood"] if number % 2 else ""} for number, row in enumerate(small.tag_rows(400))]
    for row in rows[1:200:2]:
        row["mood"] = "Sale"  # what people decided goes before it
    file, assets = small.tag_files(tmp_path, rows)
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "columns": {"gold": "gold"}}
    told = distil.distil(db, taxonomy=file, assets=assets, **how)
    task = tasks.named(db, "Northwind")
    run = db.execute("select max(id) from label_runs").fetchone()[0]
    split = data.load(db, task, run)
    labels = [category.label for category in taxonomy.load(db, taxonomy.latest(db, task))]
    learned = {
        text: {labels[i] for i in np.flatnonzero(said)} for text, said in zip(split.train.texts, split.train.said)
    }
    decided = {row["text"]: set(row["gold"].strip("[]").split(";")) - {""} for row in rows if row["gold"]}
    both = learned.keys() & decided.keys()
    assert len(both) > 100 and all(learned[text] == decided[text] for text in both)
    figures = evaluation.figures_of(db, int(told["tasks"]["Mood"]["chosen"]))
    assert figures.gold.n > 20 and figures.gold.student.value > figures.gold.teacher.value


def test_decisions_on_tags_come_from_a_file_whole_or_not_at_all(tagged, task, tmp_path):
    file = tmp_path / "decided.csv"
    rows = ["A1,Sale; Travel", "A2,no tag", "A3,Sale; Funny", "A4,Hiring", "A1,Sale;Travel"]
    file.write_text("asset,category\n" + "\n".join(rows) + "\n", encoding="utf-8")
    read = files.read(tagged, task, file, "Ada")
    assert read.new == 3 and [one.value for one in read.unknown] == ["Funny"]
    assert [problem.what for problem in read.problems if not problem.remark] == [
        "“Sale; Funny” is not in the taxonomy."
    ]
    decided = tagged.execute(
        "select a.external_id, g.label from gold_labels g join assets a on a.id = g.asset_id"
    ).fetchall()
    assert dict(decided) == {"A1": "Sale; Travel", "A2": "No tag", "A4": "Hiring"}
