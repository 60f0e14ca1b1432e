"""Students that look: what is known of an image joins the blend where assets have images, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from core import tasks
from core.deploy import export
from core.deploy.exported import runtime
from core.evaluate.evaluation import evaluate, figures_of
from core.images.seen import Seen, Sight, sight_of
from core.label.labelling import label
from core.label.runs import labelled
from core.train import data, ladder, members, registry, students
from core.train.data import Rows
from core.train.members.looking import facts
from tests import small
from tests.images import shown


def seen_rows(made: list[dict], without: int = 0) -> Rows:
    """Rows whose texts carry what is known of an image of their label's shape, but for the first `without`."""
    names = list(small.WORDS)
    at = [names.index(row["label"]) for row in made]
    known = lambda label: looked(*shown.SHAPES[label])  # noqa: E731
    texts = [
        row["text"] if number < without else Seen(row["text"], Sight(row["label"], known(row["label"]), b""))
        for number, row in enumerate(made)
    ]
    return Rows(texts, np.eye(4, dtype=np.float32)[at], "packaged", False)


def looked(width: int, height: int):
    from core.images.looking import Facts, placement

    return Facts(width, height, placement(width, height), ("white",), False)


def quiet(*_):
    pass


def test_facts_tell_apart_what_words_do_not_and_say_the_usual_where_there_is_no_image():
    rows = seen_rows(shown.rows(160), without=40)
    member = facts.learn(rows, quiet)
    told = member.read(rows.texts).tables[0]
    assert (told[40:].argmax(1) == rows.answers[40:]).mean() == 1
    assert np.allclose(told[:40], told[0]) and np.allclose(np.exp(told[0]).sum(), 1)
    assert np.exp(told[0]).max() < 0.6, "nothing is known of it"
    said = replace(rows, said=rows.targets > 0)
    assert ((facts.learn(said, quiet).read(rows.texts).tables[0] > 0) == said.said)[40:].mean() > 0.95


def test_who_looks_joins_every_kind_and_the_fingerprint_knows_the_images():
    plain = replace(rows := seen_rows(shown.rows(60)), texts=[str(text) for text in rows.texts])
    assert members.blend("embedding", plain) == members.blend("embedding") == ("linear", "embedding")
    assert members.blend("embedding", rows) == ("linear", "embedding", "facts")
    assert "facts" not in (*members.names(), *members.ladder(), *members.choices())
    split = lambda rows: data.Split([1, 2, 3, 4], rows, rows.take(np.zeros(0, int)))  # noqa: E731
    other = replace(rows, texts=[Seen(t, replace(sight_of(t), sha256="other")) for t in rows.texts])
    assert len({split(one).fingerprint() for one in (plain, rows, other)}) == 3


@pytest.fixture
def trained(db, tmp_path):
    """A linear student of the small client with images, three of which have none: its task and row."""
    task = shown.fill(db, tmp_path, without=3)
    (student,) = ladder.train(db, task, label(db, task, "recorded:label"), "linear")
    evaluate(db, student, target=0.8)
    return task, registry.find(db, task, student)


def test_a_student_with_images_is_better_than_its_words_and_its_export_answers_the_same(db, trained, tmp_path):
    task, row = trained
    assert row["params"]["members"] == ["linear", "facts"] and row["kind"] == "linear"
    frame = labelled(db, row["label_run_id"])
    assert sum(sight_of(text) is None for text in frame.text) == 3
    student = students.load(registry.folder_of(db, row["id"]))
    test = frame[frame.split == "test"].text.tolist()
    words = (student.answer([str(text) for text in test]).best == student.answer(test).best).mean()
    figures = figures_of(db, row["id"])
    assert figures.agreement.value > 0.85 > words and list(figures.asked) == ["linear", "facts"]
    rows, unseen = students.unseen(registry.folder_of(db, row["id"]), frame[frame.split == "train"].text)
    assert len(rows) == row["params"]["train"] == len(unseen.strange)

    made = export.export(db, task=task, student=row["id"], to=tmp_path / "out")
    assert made["parity"]["fp32"] == made["parity"]["served"] == 1
    assert "pillow==" in (tmp_path / "out" / "requirements.txt").read_text()
    text = next(text for text in test if sight_of(text))
    sight = sight_of(text)
    answer = runtime.Student(tmp_path / "out").predict(text, sight.source)
    assert answer == runtime.Student(tmp_path / "out").predict([str(text)], [sight.data()])
    code = "import sys; from predict import Student; print(Student().predict(sys.argv[1], sys.argv[2])[0]['label'])"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}", str(text), sight.source]
    ran = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == answer[0]["label"]
    assert "facts of images" in (tmp_path / "out" / "MODEL_CARD.md").read_text()


def test_a_student_of_texts_alone_is_as_ever(db, tmp_path):
    task = small.fill(db, tmp_path)
    (student,) = ladder.train(db, task, label(db, task, "recorded:label"), "linear")
    row, folder = registry.find(db, task, student), registry.folder_of(db, student)
    assert row["params"]["members"] == ["linear"] and "image_encoder" not in row["params"]
    assert sorted(json.loads((folder / "config.json").read_text())["stages"][0]) == [
        *("bar", "cut", "judge", "member", "weights")
    ]
    assert tasks.get(db, task.id) == task and labelled(db, row["label_run_id"]).text.dtype != object
