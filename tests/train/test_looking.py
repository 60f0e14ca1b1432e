"""Students that look: what is known of an image joins the blend where assets have images, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core import settings, tasks
from core.commands import classify
from core.deploy import export
from core.deploy.exported import runtime
from core.deploy.sent_images import SentImages
from core.errors import InputError
from core.evaluate.evaluation import evaluate, figures_of
from core.images import looking, reading, words
from core.images.seen import Seen, Sight, sight_of
from core.label.labelling import label
from core.label.runs import labelled
from core.train import data, ladder, members, registry, students
from core.train.data import Rows
from core.train.members.looking import facts
from tests import small
from tests.deploy.test_sent_images import taken
from tests.images import encoders, shown
from tests.images.pictures import drawn, saved


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
    (tmp_path / "out" / "table.csv").write_text(
        f"image,words\n{sight.source},{text}\nnowhere.png,{text}\n{sight.source},\n"
    )
    given = predict(tmp_path / "out", ["--table", "table.csv", "--text-column", "words", "--no-read"])
    first, second, third = map(json.loads, given.stdout.splitlines())
    assert first == {"image": str(sight.source), **answer[0]} and second["problem"].startswith("There is no such file")
    assert third["problem"] == "No words are given with it; give them in the table, or leave out --no-read."
    assert "facts of images" in (tmp_path / "out" / "MODEL_CARD.md").read_text()


def predict(folder, *runs: list[str], hidden: str = "") -> subprocess.CompletedProcess:
    """What the predict.py of an export says, run so often in one process, the package `hidden` not installed."""
    code = f"""import importlib.util as u, json, sys
find = u.find_spec
u.find_spec = lambda name, *more: None if name == {hidden!r} else find(name, *more)
sys.path.insert(0, ".")
import predict
for options in json.loads(sys.argv[1]):
    sys.argv[1:] = options
    predict.main()"""
    command = [sys.executable, "-c", code, json.dumps(runs)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_an_export_reads_the_words_on_images_as_the_product_does(db, trained, tmp_path, monkeypatch):
    pytest.importorskip("rapidocr")
    engine = words.Reader()
    answered = lambda self, data: {"words": words.to_json(engine.read(looking.upright(data)))}  # noqa: E731
    monkeypatch.setattr(reading.Readers, "ask", answered)
    task, row = trained
    out = tmp_path / "out"
    export.export(db, task=task, student=row["id"], to=out)
    (out / "in").mkdir()
    made = {"a.png": drawn("Half price\nnow", (300, 250)), "b.png": drawn("Visit us", (728, 90)), "c.png": drawn()}
    for name, image in made.items():
        (out / "in" / name).write_bytes(saved(image))
    (out / "t.csv").write_text("image,headline\nin/a.png,Typed\nin/c.png,\nt.csv,x\n")
    student = students.load(registry.folder_of(db, row["id"]))

    def product(name: str, typed: str = "") -> tuple[str, str, float]:
        """The words read, and what the student says, as in the service."""
        asked = taken(SentImages(task.client_id), typed, (out / "in" / name).read_bytes())
        answers = student.answer(asked.texts)
        return asked.words[0], student.labels[answers.best[0]], float(answers.confidence[0])

    ran = predict(out, ["--images", "in"], ["--table", "t.csv", "--text-column", "headline"])
    *told, first, second, third = map(json.loads, ran.stdout.splitlines())
    for one, name, typed in ((told[0], "a.png", ""), (told[1], "b.png", ""), (first, "a.png", "Typed")):
        read, label, sure = product(name, typed)
        assert (one["words"], one["label"]) == (read, label) and one["confidence"] == pytest.approx(sure, abs=1e-5)
    assert told[0]["words"] == "Half price\nnow" and told[2]["problem"] == "It has no words that can be read."
    assert "no words" in second["problem"] and third["problem"] == "It is no image that can be read."

    command = {
        "client": "Small",
        "task": None,
        "student": str(row["id"]),
        "text": "Typed",
        "image": out / "in" / "a.png",
    }
    answer, _ = classify.run(Namespace(**command))
    assert (answer["words"], answer["top"][0]["category"]) == product("a.png", "Typed")[:2]
    with pytest.raises(InputError, match="no image that can be read"):
        classify.run(Namespace(**command | {"image": out / "t.csv"}))
    with pytest.raises(InputError, match="no words that can be read"):
        classify.run(Namespace(**command | {"text": "", "image": out / "in" / "c.png"}))

    lacking = predict(out, ["--table", "t.csv", "--text-column", "headline"], ["--images", "in"], hidden="rapidocr")
    assert lacking.returncode == 1 and "requirements-images.txt" in lacking.stderr and "Traceback" not in lacking.stderr
    first, second, _ = map(json.loads, lacking.stdout.splitlines())
    assert "words" not in first and first["label"] and "requirements-images.txt" in second["problem"]
    assert "rapidocr==" in (out / "requirements-images.txt").read_text()


def test_a_student_of_texts_alone_is_as_ever(db, tmp_path):
    task = small.fill(db, tmp_path)
    (student,) = ladder.train(db, task, label(db, task, "recorded:label"), "linear")
    row, folder = registry.find(db, task, student), registry.folder_of(db, student)
    assert row["params"]["members"] == ["linear"] and "image_encoder" not in row["params"]
    assert sorted(json.loads((folder / "config.json").read_text())["stages"][0]) == [
        *("bar", "cut", "judge", "member", "weights")
    ]
    assert tasks.get(db, task.id) == task and labelled(db, row["label_run_id"]).text.dtype != object


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return encoders.save(tmp_path_factory.mktemp("clip"))


def test_an_image_encoder_joins_where_it_is_set_and_an_image_unlike_any_is_strange(clip, tmp_path):
    """The words are drawn without regard to the label, and all images are of one size: their grounds alone tell."""
    labels, dice = list(small.WORDS), np.random.default_rng(5)

    def asset(label: int) -> Seen:
        said = " ".join(dice.choice(small.COMMON, 5))
        return Seen(said, Sight(f"{said}{label}", looked(96, 96), saved(drawn(said, size=(96, 96), seed=label))))

    truth = dice.integers(0, 4, 120)
    texts = [asset(label) for label in truth]
    texts = [str(text) if at < 20 else text for at, text in enumerate(texts)]
    one = Rows(
        texts, np.eye(4, dtype=np.float32)[truth], "packaged", False, image_encoder=str(clip), names=tuple(labels)
    )
    assert members.blend("linear", one) == ("linear", "facts", "image")
    assert "image" not in members.blend("linear", one.take(np.arange(30))), "ten images are too few"
    noise = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)))
    for rows in (one, replace(one, said=one.targets > 0)):
        folder = tmp_path / ("several" if rows.several else "one")
        split = data.Split([1, 2, 3, 4], rows.take(np.arange(80)), rows.take(np.zeros(0, int)))
        students.fit("linear", split, labels, folder, quiet)
        student = students.load(folder)
        new, known = texts[80:], truth[80:]
        answers, blind = student.answer(new), student.answer([str(text) for text in new])
        assert (answers.probabilities.argmax(1) == known).mean() >= 0.6, (
            "chance is 25 %: 0.6 of 40 has odds of 1 to 100,000"
        )
        assert (blind.probabilities.argmax(1) == known).mean() < 0.5, "the words tell nothing"
        assert answers.strange.mean() <= 0.15, "of new images like those learned from 1 in 100 is meant to be"
        unlike = student.answer([Seen(new[0], Sight("noise", looked(64, 64), noise))])
        assert unlike.strange.all() and not student.answer([str(new[0])]).strange.any(), "none is no strange one"
        told = student.members["image"].read(texts)
        assert len(told.tables) == 3 and (np.isnan(told.nearness) == (np.arange(120) < 20)).all()
        assert all(np.ptp(table[:20]) == 0 for table in told.tables), "without an image it says nothing"


def test_an_export_looks_with_the_encoder_it_takes_along(clip, db, tmp_path):
    task = shown.fill(db, tmp_path, shown.rows(120))
    settings.put(db, "image_encoder", str(clip))
    (student,) = ladder.train(db, task, label(db, task, "recorded:label"), "linear")
    row = registry.find(db, task, student)
    assert row["params"]["members"] == ["linear", "facts", "image"] and row["params"]["image_encoder"] == str(clip)
    evaluate(db, student, target=0.8)
    made = export.export(db, task=task, student=student, to=tmp_path / "out")
    assert made["parity"]["fp32"] == 1 and made["parity"]["n"] > 20
    assert {"onnxruntime", "pillow", "scipy"} <= {
        line.partition("==")[0] for line in (tmp_path / "out" / "requirements.txt").read_text().splitlines()
    }
    assert (tmp_path / "out" / "image" / "fp32.onnx").exists() and (tmp_path / "out" / "sight" / "pixels.py").exists()
