"""An exported student, run where Understudy is not, answers as it does here; one that does not is never written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from core import __main__ as cli
from core import database, jobs, tasks, weights
from core.deploy import export
from core.deploy.exported import runtime
from core.encoders import encoder
from core.errors import InputError
from core.escape import plain
from core.evaluate import latency, metrics
from core.evaluate.evaluation import evaluate, figures_of
from core.label.labelling import label
from core.label.runs import labelled
from core.train import ladder, members, registry, softmax, students
from core.train.members import transformer
from core.train.students import stages
from core.train.students.reading import Reading
from core.words import percent
from tests import small

KINDS = list(members.ladder())
BLOCKED = ("core", "torch", "transformers", "sklearn", "scipy", "pandas", "safetensors", "onnx")
ELSEWHERE = f"""
import json, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
from predict import Student
asked = json.load(sys.stdin)
print(json.dumps([[student.predict(texts) for texts in asked] for student in (Student(), Student(int8=False))]))
"""
ODD = [
    "",
    "  \t ",
    "a",
    "A b",
    "Ünïcode İ ẞ ﬁ",
    "5 % off!!! 5 % off",
    "line\nbreak\u00a0here",
    "x" * 300,
    "save discount " * 200,
]


@pytest.fixture(scope="module")
def trained(_exported, tmp_path_factory):
    """A workspace with one student of each kind, judged with a target low enough for the small client to certify."""
    home = tmp_path_factory.mktemp("trained")
    shutil.copytree(_exported, home / "encoders", copy_function=os.link)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        patch.setattr(transformer, "MOST_EPOCHS", 1)
        db = database.connect()
        task = small.fill(db, home / "files")
        run_id = label(db, task, "recorded:label")
        patch.setattr(latency, "WARM_UP", 1)
        patch.setattr(latency, "measure", partial(latency.measure, calls=20))
        made = ladder.train(db, task, run_id, "auto", target=2)
        assert sorted(made) == list(range(1, len(KINDS) + 1)), "no rung is good enough: all of them"
        for student_id in made:
            evaluate(db, student_id, target=0.8)
        registry.set_live(db, 1)
        db.close()
    return home


@pytest.fixture
def db(trained, workspace):
    """This test's own copy of the database; the files of the students are shared, and never written."""
    workspace.mkdir(exist_ok=True)
    shutil.copy(trained / "understudy.db", workspace)
    for folder in ("students", "encoders"):
        (workspace / folder).symlink_to(trained / folder)
    connection = database.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def folders(trained, tmp_path_factory):
    """kind -> (the exported folder, what export() returned)."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(trained))
        db = database.connect()
        for number, kind in enumerate(KINDS, 1):
            to = tmp_path_factory.mktemp("exports") / kind
            made[kind] = (to, export.export(db, task=tasks.get(db, 2), student=number, to=to))
        db.close()
    return made


def held_out(db) -> list[str]:
    frame = labelled(db, 1)
    return frame.text[frame.split == "test"].tolist()


def answers(folder: Path, asked: list[list[str]]) -> list[list[list[dict]]]:
    """What predict.py says, small graphs first, to each list of texts, in a process that can import nothing of Understudy."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-B", "-c", ELSEWHERE],
        cwd=folder,
        env=environment,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def exact_probabilities(student: students.Student, folder: Path, texts: list[str]) -> np.ndarray:
    """The student's answers computed anew in full precision: torch for the frozen encoder, the kept graph for the tuned one."""
    import torch

    readings = {"linear": student.members["linear"].read(texts)}
    for name in ("embedding", "large"):
        if name not in student.members:
            continue
        model = encoder.torch_encoder(weights.source_folder()).eval()
        sequences = [e.ids for e in encoder.tokenizer(folder / name).encode_batch(texts)]
        with torch.no_grad():
            vectors = encoder.pooled(model, *map(torch.from_numpy, encoder.pad(sequences))).numpy()
        member = student.members[name]
        readings[name] = member.look(vectors)
    if "transformer" in student.members:
        table = softmax.log_softmax(encoder.OnnxText(folder / "transformer", "fp32.onnx")(texts))
        readings["transformer"] = Reading([table], None)
    ask = lambda name, rows: readings[name].take(rows)  # noqa: E731
    return stages.walk(student.stages, len(texts), len(student.labels), ask).probabilities


def serves_exact(source: Path) -> bool:
    tuned = source / "transformer"
    return tuned.exists() and (tuned / "student.onnx").stat().st_size == (tuned / "fp32.onnx").stat().st_size


@pytest.mark.parametrize("number", range(len(KINDS)), ids=KINDS)
def test_it_answers_elsewhere_as_the_product_does_here(db, folders, number):
    folder, result = folders[KINDS[number]]
    source = registry.folder_of(db, number + 1)
    student, asked = students.load(source), [held_out(db), ODD]
    small_graphs, exact_graphs = answers(folder, asked)
    for texts, served, exact in zip(asked, small_graphs, exact_graphs):
        for told, table in (
            (served, student.answer(texts).probabilities),
            (exact, exact_probabilities(student, source, texts)),
        ):
            assert [one["label"] for one in told] == [student.labels[i] for i in table.argmax(1)]
            apart = np.abs([one["confidence"] for one in told] - table.max(1)).max()
            # Where training found int8 too coarse, the product serves the exact graph and the small one is new.
            assert apart < (1e-2 if told is served and serves_exact(source) else 1e-3)
        assert [one["strange"] for one in served] == student.answer(texts).strange.tolist()
    parity = result["parity"]
    assert parity["n"] == len(held_out(db)) and parity["fp32"] == parity["served"] == parity["handled"] == 1
    assert not parity["rounded"] and parity["small_teacher"] == figures_of(db, number + 1).agreement.value
    assert parity["int8"] >= 0.995 and parity["confidence"] < 1e-3


@pytest.mark.parametrize("kind", KINDS[1:])
def test_what_ends_early_here_ends_early_there(db, folders, workspace, tmp_path, kind):
    """Bars at the middle of what the stages say, so that at each of them some texts end and some go on."""
    number, texts = KINDS.index(kind) + 1, held_out(db)
    source = tmp_path / "student"
    shutil.copytree(registry.folder_of(db, number), source)
    there = shutil.copytree(folders[kind][0], tmp_path / "there")
    told, config = (json.loads((folder / "config.json").read_text()) for folder in (source, there))
    asked = {}
    for stage, place in enumerate(told["stages"][:-1]):
        (source / "config.json").write_text(json.dumps(students.summed(told)))
        student = students.load(source)
        only = stages.walk(
            [replace(one, bar=stages.NEVER) for one in student.stages[:stage]]
            + [replace(student.stages[stage], bar=0)],
            len(texts),
            len(student.labels),
            lambda name, rows, student=student: student.members[name].read([texts[row] for row in rows]),
        )
        place["bar"] = float(np.median(only.confidence)) + 1e-5
    (source / "config.json").write_text(json.dumps(students.summed(told)))
    (there / "config.json").write_text(json.dumps(config | {"stages": told["stages"]}))
    export._seal(there)
    student = students.load(source)
    given, asked = student.answer(texts), student.consulted(texts)
    assert list(asked) == [stage["member"] for stage in told["stages"]] and 0 < list(asked.values())[1] < 1
    for answer in (runtime.Student(there).predict, runtime.Student(there, int8=False).predict):
        said = answer(texts)
        assert np.mean([one["label"] == student.labels[i] for one, i in zip(said, given.best)]) >= 0.99
        assert np.mean([one["strange"] == odd for one, odd in zip(said, given.strange)]) >= 0.99
    assert [one["label"] for one in runtime.Student(there).predict(texts)] == [student.labels[i] for i in given.best]
    alone = [student.answer([text]).best[0] for text in texts]
    assert alone == given.best.tolist(), "who is asked beside a text changes nothing"


def test_it_answers_alone_where_the_certified_threshold_lets_it(db, folders, tmp_path):
    folder, texts = shutil.copytree(folders["linear"][0], tmp_path / "copy"), held_out(db)
    told, kept = runtime.Student(folder).predict(texts), json.loads((folder / "thresholds.json").read_text())
    certificate = figures_of(db, 1).certificate
    assert kept == {key: getattr(certificate, key) for key in ("target", "confidence", "certified", "threshold")}
    middle = float(np.median([one["confidence"] for one in told])) + 1e-4
    for threshold in (certificate.threshold, middle, None):
        (folder / "thresholds.json").write_text(json.dumps(kept | {"threshold": threshold}))
        export._seal(folder)
        sure = [threshold is not None and one["confidence"] >= threshold for one in told]
        wanted = [one and not said["strange"] for one, said in zip(sure, told)]
        assert [one["handled"] for one in runtime.Student(folder).predict(texts)] == wanted
        assert threshold != middle or len(set(wanted)) == 2
    (folder / "thresholds.json").write_text(json.dumps(kept | {"threshold": 0.0}))
    export._seal(folder)
    assert [one["handled"] for one in runtime.Student(folder).predict(["hotel", " "])] == [True, False]


def test_the_command_in_the_folder_reads_arguments_and_lines(folders):
    folder, _ = folders["embedding"]
    call = [sys.executable, "-B", "predict.py", "--fp32"]
    one = subprocess.run([*call, "flights to a sunny island hotel"], cwd=folder, capture_output=True, text=True)
    told = json.loads(one.stdout)
    assert set(told) == {"label", "confidence", "strange", "handled"} and told["label"] == "Travel"
    lines = subprocess.run(call, cwd=folder, input="join our team\nbeach escape\n", capture_output=True, text=True)
    assert [json.loads(line)["label"] for line in lines.stdout.splitlines()] == ["Hiring", "Travel"]


def test_the_command_answers_on_a_console_that_lacks_letters_or_that_nobody_reads(folders):
    folder, _ = folders["linear"]
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    call = {"cwd": folder, "env": env, "stderr": subprocess.PIPE}
    said = [sys.executable, "-B", "-c", "import predict; predict.say({'label': 'Żółw 👟'})"]
    assert json.loads(subprocess.run(said, stdout=subprocess.PIPE, **call).stdout) == {"label": "Żółw 👟"}
    lines = [sys.executable, "-B", "predict.py"]
    asked = subprocess.run(lines, input="\ufeffbeach escape – île\n".encode(), stdout=subprocess.PIPE, **call)
    assert json.loads(asked.stdout)["label"] == "Travel" and not asked.stderr
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([*lines, "beach", "hotel"], stdout=writer, **call)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


def without_exact(folder: Path, to: Path) -> Path:
    return shutil.copytree(folder, to, ignore=shutil.ignore_patterns("fp32.onnx"))


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("linear/tables.npz", "flip"),
        ("embedding/int8.onnx", "flip"),
        ("embedding/tokenizer.json", "cut"),
        ("labels.json", "cut"),
        ("embedding/head.npz", "lose"),
        ("checksums.json", "lose"),
        ("checksums.json", "cut"),
    ],
)
def test_a_damaged_export_says_so_in_a_sentence_and_answers_nothing(folders, tmp_path, file, harm):
    folder = without_exact(folders["embedding"][0], tmp_path / "copy")
    data = bytearray((folder / file).read_bytes())
    (folder / file).unlink()
    data[len(data) // 2] ^= 0x40
    if harm != "lose":
        (folder / file).write_bytes(data if harm == "flip" else data[: len(data) // 2])
    ran = subprocess.run([sys.executable, "-B", "predict.py", "a text"], cwd=folder, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.strip().endswith(f"{Path(file).name} is damaged or missing; export the student again.")
    assert len(ran.stderr.splitlines()) == 1


def test_graphs_that_are_not_asked_may_be_left_behind(folders, tmp_path):
    folder = without_exact(folders["embedding"][0], tmp_path / "copy")
    assert runtime.Student(folder).predict("beach hotel")[0]["label"] == "Travel"


@given(st.text(max_size=60))
def test_grams_are_those_of_scikit_learn(text):
    words = TfidfVectorizer(analyzer="word", ngram_range=(1, 2), token_pattern=r"(?u)\w+").build_analyzer()
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)).build_analyzer()
    assert sorted(runtime.words(text.lower())) == sorted(words(text))
    assert sorted(runtime.characters(text.lower())) == sorted(characters(text))


def test_no_text_and_one_text_are_fine(folders):
    student = runtime.Student(folders["linear"][0])
    assert student.predict([]) == []
    assert student.predict("beach hotel") == student.predict(["beach hotel"])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_the_folder_runs_when_it_is_loaded(folders, trained, kind):
    folder, result = folders[kind]
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert sorted(str(file.relative_to(folder)) for file in files) == result["files"]
    assert {file.suffix for file in files} <= {".py", ".json", ".npz", ".onnx", ".md", ".txt"}
    assert sorted(file.name for file in files if file.suffix == ".py") == ["predict.py", "runtime.py"]
    for file in (file for file in files if file.suffix == ".npz"):
        with np.load(file, allow_pickle=False) as tables:
            assert all(tables[name].dtype.kind in "fi" for name in tables)
    assert all(file.stat().st_nlink == 1 for file in files), "a change there must not change the student here"


def test_a_zip_holds_what_the_folder_holds(db, folders, tmp_path, capsys):
    folder, result = folders["linear"]
    assert cli.main(["export", "--client", "Small", "--to", str(tmp_path / "student"), "--zip", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == str(tmp_path / "student.zip") and told["parity"] == result["parity"]
    with zipfile.ZipFile(told["output"]) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert packed == {name: (folder / name).read_bytes() for name in result["files"]}
    assert os.listdir(tmp_path) == ["workspace", "student.zip"] or set(os.listdir(tmp_path)) == {
        "workspace",
        "student.zip",
    }


def test_an_empty_folder_may_be_given(db, tmp_path, capsys):
    (tmp_path / "here").mkdir()
    assert cli.main(["export", "--client", "Small", "--student", "1", "--to", str(tmp_path / "here")]) == 0
    assert "fp32 100.00 %" in capsys.readouterr().out
    assert (tmp_path / "here" / "predict.py").exists()


class Wrong(runtime.Student):
    """An export that gives its first text of each call another label, exactly or in the small graphs only."""

    everywhere = True

    def __init__(self, folder, int8=True):
        super().__init__(folder, int8)
        self.wrong = int8 or self.everywhere

    def predict(self, texts, images=None):
        told = super().predict(texts, images)
        if self.wrong:
            told[0]["label"] = next(name for name in self.labels if name != told[0]["label"])
        return told


@pytest.mark.parametrize(("everywhere", "said"), [(True, "fp32"), (False, "int8")])
@pytest.mark.parametrize("name", ["out", "out.zip", "empty"])
def test_an_export_that_answers_otherwise_is_refused_and_leaves_nothing(
    db, tmp_path, monkeypatch, everywhere, said, name
):
    (tmp_path / "empty").mkdir()
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(Wrong, "everywhere", everywhere)
    monkeypatch.setattr(runtime, "Student", Wrong)
    n = len(held_out(db))
    with pytest.raises(InputError, match=rf"{said}.* on {n - 1} of {n} test assets \(9\d\.\d\d %\)"):
        export.export(db, task=tasks.get(db, 2), to=tmp_path / name)
    assert set(tmp_path.iterdir()) == before and not any((tmp_path / "empty").iterdir())


def test_graphs_that_int8_arithmetic_makes_too_coarse_are_int8_in_their_weights_only(db, folders, workspace, tmp_path):
    import onnx

    source = registry.folder_of(db, 2).resolve()
    (workspace / "students").unlink()
    shutil.copytree(source, workspace / "students" / "2")
    config = workspace / "students" / "2" / "config.json"
    told = json.loads(config.read_text())
    told["stages"][0]["bar"] = stages.NEVER
    told["stages"][1]["weights"] = [0.0, 1.0, 0.5]  # so that the encoder decides
    served = workspace / "students" / "2" / "embedding" / "encoder.onnx"
    model = onnx.load(served)
    last = next(node for node in model.graph.node if "out" in node.output)
    last.output[0] = "turned"
    model.graph.node.append(
        onnx.helper.make_node("Neg", ["turned"], ["out"])
    )  # as coarse as can be: every vector opposite
    served.unlink()  # a link to the one encoder that all students share
    onnx.save(model, served)
    told["files"]["embedding/encoder.onnx"] = hashlib.sha256(served.read_bytes()).hexdigest()
    config.write_text(json.dumps(students.summed(told)))
    result = export.export(db, task=tasks.get(db, 2), student=2, to=tmp_path / "out")
    parity = result["parity"]
    assert parity["rounded"] and parity["int8"] >= 0.995 and parity["served"] < 0.995
    assert result["size_mb"] > 100
    small = tmp_path / "out" / "embedding" / "int8.onnx"
    assert small.stat().st_size < 0.3 * (tmp_path / "out" / "embedding" / "fp32.onnx").stat().st_size
    assert "int8 in their weights only" in (tmp_path / "out" / "MODEL_CARD.md").read_text()


def test_a_broken_vectoriser_is_noticed(db, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "words", lambda text: [])
    monkeypatch.setattr(runtime, "characters", lambda text: [])
    with pytest.raises(InputError, match="Nothing was exported"):
        export.export(db, task=tasks.get(db, 2), to=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_stands_in_the_way_is_said(db, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    (tmp_path / "old.zip").write_text("keep")
    for to, said in (("full", "empty folder"), ("old.zip", "already"), ("no/where", "no such folder")):
        with pytest.raises(InputError, match=said):
            export.export(db, task=tasks.get(db, 2), to=tmp_path / to)
    with pytest.raises(InputError, match="no student number 9"):
        export.export(db, task=tasks.get(db, 2), student=9, to=tmp_path / "out")
    db.execute("delete from evaluations")
    with pytest.raises(InputError, match="not been judged"):
        export.export(db, task=tasks.get(db, 2), to=tmp_path / "out")
    assert {file.name for file in tmp_path.iterdir()} == {"workspace", "full", "old.zip"}
    assert (tmp_path / "full" / "mine.txt").read_text() == (tmp_path / "old.zip").read_text() == "keep"


def test_a_cancelled_export_leaves_nothing(db, tmp_path):
    def progress(done, total, message="", spent_usd=0.0):
        if "Checking" in message:
            raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled):
        export.export(db, task=tasks.get(db, 2), to=tmp_path / "out", progress=progress)
    assert os.listdir(tmp_path) == ["workspace"]


def test_the_job_makes_a_zip_and_takes_the_place_of_the_one_before(db, workspace):
    for _ in range(2):
        job = jobs.run_here(db, "export", {"task_id": 2, "student": "live"}, task=tasks.get(db, 2))
    assert job.result["output"] == str(workspace / "output" / "understudy-student-1.zip")
    assert zipfile.ZipFile(job.result["output"]).testzip() is None
    assert os.listdir(workspace / "output") == ["understudy-student-1.zip"]


# --- the card -----------------------------------------------------------------------------------------------------


def row_of(text: str, name: str) -> list[str]:
    """The cells after `name` in the table row that begins with it."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


@pytest.mark.parametrize("number", range(len(KINDS)), ids=KINDS)
def test_every_figure_of_the_card_is_the_stored_one(db, folders, number):
    folder, result = folders[KINDS[number]]
    text, found = (folder / "MODEL_CARD.md").read_text(), figures_of(db, number + 1)
    for name, key in (
        ("Agreement with the teacher", "agreement"),
        ("Agreement on the assets that calibrated it", "agreement_calibration"),
        ("Handled by the student itself", "handled"),
        ("Agreement on what it handles", "agreement_handled"),
    ):
        share = getattr(found, key)
        value, low, high = (percent(getattr(share, part), 1) for part in ("value", "low", "high"))
        assert row_of(text, name) == [value, f"{low} to {high}", f"{share.n:,}"]
    strange = row_of(text, "Strange, left to the teacher however sure the student is")
    assert strange[0] == percent(found.strange, 1)
    assert row_of(text, "Agreement with the teacher behind it")[0] == percent(found.agreement_end_to_end, 1)
    for metric in metrics.applicable(found):
        assert row_of(text, metric.label)[0] == metric.words(found)
    for one in found.per_category:
        assert row_of(text, one.label)[0] == percent(one.recall, 1)
        assert row_of(text, one.label)[2] == str(one.n)
    latency = found.latency
    assert all(f"{key} {getattr(latency, key):.1f} ms" in text for key in ("p50", "p95"))
    assert latency.p99 is None and "p99" not in text, "20 calls do not say how long the slowest in a hundred take"
    assert plain(latency.machine.split(",")[0]) in text and plain(found.certificate.reason) in text
    counts = found.counts
    assert counts["calibration"] == 0
    assert row_of(text, "Assets") == [f"{counts['train']} train (and calibration), {counts['test']} test"]
    assert row_of(text, "Teacher") == ["recorded\\:label"]
    assert "version 1 from taxonomy.csv, 4 categories" in row_of(text, "Taxonomy")[0]
    assert percent(result["parity"]["int8"], 2) in text
    assert ("all-MiniLM-L6-v2, Apache License 2.0" in text) == (KINDS[number] != "linear")
    assert "terms of your teacher's provider allow its answers to train a model" in text


def test_the_card_lists_every_file_with_its_hash(folders):
    import hashlib

    folder, result = folders["embedding"]
    listed = dict(
        re.findall(r"^\| `(\S+)` \| [\d,]+ \| `([0-9a-f]{64})` \|$", (folder / "MODEL_CARD.md").read_text(), re.M)
    )
    wanted = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in result["files"]}
    assert listed == {name: digest for name, digest in wanted.items() if name != "MODEL_CARD.md"}


HOSTILE = (
    'x| <img src=x onerror="alert(1)">\n\n# **bold** [link](http://evil.invalid) '
    "www.evil.invalid a@evil.invalid `code` \u202e&lt;"
)


def test_names_from_files_never_become_markup_in_the_card(db, tmp_path):
    found = figures_of(db, 1)
    hostile = tuple(replace(one, label=HOSTILE + str(one.category)) for one in found.per_category)
    kept = found.model_copy(update={"per_category": hostile}).model_dump_json()
    db.execute("update evaluations set figures = ? where student_id = 1", [kept])
    db.execute("update clients set name = ?", [HOSTILE])
    db.execute("update categories set label = ? || id", [HOSTILE])
    db.execute("update taxonomies set source = ?", [HOSTILE])
    db.execute("update label_runs set teacher = ?", ["recorded:" + HOSTILE])
    db.conn.commit()
    export.export(db, task=tasks.get(db, 2), to=tmp_path / "out")
    text = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert text.count("evil") > 10
    for raw in ("<img", "**bold", "[link]", "http:", "www.", "a@", "`code`", "\u202e", "&lt;", "# \\*"):
        ours = "https:" if raw == "http:" else "\0"
        assert not re.search(rf"(?<!\\){re.escape(raw)}", text.replace(ours, "")), raw
    assert text.count("\n# ") == 0 and text.startswith("# Student 1 of x\\| \\<img")
    tables = [line for line in text.splitlines() if line.startswith("|") and "evil" in line]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} <= {3, 6}


def test_a_made_up_client_is_said_to_be_one(db, tmp_path):
    db.execute("update clients set synthetic = 1")
    db.conn.commit()
    export.export(db, task=tasks.get(db, 2), to=tmp_path / "out")
    assert "This client is made up" in (tmp_path / "out" / "MODEL_CARD.md").read_text()
