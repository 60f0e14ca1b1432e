import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core import weights
from core.errors import InputError
from core.train import members, students
from core.train.data import Rows, Split
from core.train.members import transformer
from core.train.students import stages
from tests import small


@pytest.fixture(scope="module")
def split():
    made = small.rows(300)
    names = list(small.WORDS)
    targets = np.eye(4, dtype=np.float32)[[names.index(row["label"]) for row in made]]
    texts = [row["text"] for row in made]
    cut = lambda rows: Rows(texts[rows], targets[rows], "packaged", False, "packaged")  # noqa: E731
    return Split([11, 12, 13, 14], cut(slice(0, 200)), cut(slice(200, 300)))


def quiet(done, total, message):
    assert 0 <= done <= total and message


CHANCE = np.arange(200) >= 160  # of the rows to learn from


@pytest.fixture(scope="module")
def crossed(split):
    """The same rows, none set aside for calibration, CHANCE of them with a label of chance."""
    targets = split.train.targets.copy()
    targets[CHANCE] = np.eye(4, dtype=np.float32)[np.random.default_rng(3).integers(0, 4, CHANCE.sum())]
    return replace(split, train=replace(split.train, targets=targets), calibration=split.train.take(np.zeros(0, int)))


def fit(kind, split, folder, step=quiet, earlier=None):
    return students.fit(kind, split, list(small.WORDS), folder, step, earlier)[0]


@pytest.fixture(scope="module")
def trained(split, crossed, tmp_path_factory, _exported):
    """trained("whole" or "crossed", kind): a student of these rows, its folder, and what it said of the rows that calibrate; each
    is trained once for all tests, and takes over what a cheaper one has."""
    made = {}

    def get(rows: str, kind: str):
        if (rows, kind) not in made:
            kinds = list(members.ladder())
            before = get(rows, kinds[kinds.index(kind) - 1])[1] if kind != kinds[0] else None
            folder = tmp_path_factory.mktemp("students") / kind
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("UNDERSTUDY_HOME", str(_exported.parent))
                learn_from = {"whole": split, "crossed": crossed}[rows]
                student, held = students.fit(kind, learn_from, list(small.WORDS), folder, quiet, before)
            made[rows, kind] = student, folder, held
        return made[rows, kind]

    return get


@pytest.mark.parametrize("kind", list(members.ladder()))
def test_a_student_learns_and_is_the_same_after_loading(kind, split, trained):
    made, folder, _ = trained("whole", kind)
    texts = split.calibration.texts
    probabilities = made.answer(texts).probabilities
    assert probabilities.shape == (100, 4) and np.allclose(probabilities.sum(1), 1, atol=1e-4)
    assert (probabilities.argmax(1) == split.calibration.targets.argmax(1)).mean() > 0.8
    again = students.load(folder)
    assert np.array_equal(again.answer(texts).probabilities, probabilities)
    assert again.categories == [11, 12, 13, 14] and again.labels == list(small.WORDS)


def test_a_student_folder_holds_nothing_that_runs_when_loaded(trained):
    _, folder, _ = trained("whole", "transformer")
    kinds = {file.suffix for file in folder.rglob("*") if file.is_file() and file.name != "done"}
    assert kinds == {".json", ".safetensors", ".onnx"}


def test_a_dearer_student_takes_over_the_members_of_a_cheaper_one(split, tmp_path, encoders):
    fit("linear", split, tmp_path / "linear")
    messages = []
    fit("embedding", split, tmp_path / "embedding", lambda d, t, m: messages.append(m), tmp_path / "linear")
    assert not any("linear" in message for message in messages)
    theirs = (tmp_path / "linear/linear/linear.safetensors").read_bytes()
    assert (tmp_path / "embedding/linear/linear.safetensors").read_bytes() == theirs


def test_a_training_stopped_at_any_step_ends_as_if_it_had_not_been(split, tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(transformer, "MOST_EPOCHS", 2)
    monkeypatch.setattr(transformer, "CHECKPOINT_SECONDS", 0)
    rows = replace(split.train.take(np.arange(64)), encoder=tiny_encoder, large_encoder=tiny_encoder)  # four steps
    split, cheaper = replace(split, train=rows), tmp_path / "cheaper"
    fit("large", split, cheaper)
    whole = fit("transformer", split, tmp_path / "whole", earlier=cheaper).answer(split.calibration.texts).probabilities

    class Stop(Exception):
        pass

    for stop_at in (1, 3):

        def step(done, total, message, stop_at=stop_at):
            if "training" in message and done >= stop_at:
                raise Stop

        with pytest.raises(Stop):
            fit("transformer", split, tmp_path / "halved", step, cheaper)
        with pytest.raises(InputError, match="incomplete"):
            students.load(tmp_path / "halved")
    resumed = []
    halved = fit("transformer", split, tmp_path / "halved", lambda d, t, m: resumed.append((d, m)), cheaper)
    first = next(done for done, message in resumed if "training" in message)
    assert first >= 3, "it began again instead of carrying on"
    assert np.allclose(halved.answer(split.calibration.texts).probabilities, whole, atol=1e-4)


def test_blend_weights_are_no_worse_than_any_member_alone(split, tmp_path, encoders):
    made = fit("embedding", split, tmp_path / "student")
    answers = split.calibration.targets.argmax(1)
    tables = [table for m in made.members.values() for table in m.read(split.calibration.texts).tables]

    def loss(weights):
        return -np.log(stages.blend(tables, weights)[np.arange(len(answers)), answers] + 1e-12).mean()

    weights = made.stages[-1].weights
    assert len(tables) == len(weights) == 3
    assert loss(weights) <= min(loss([1, 0, 0]), loss([0, 1, 0]), loss([0, 0, 1]), loss([0.3, 0.3, 0.4])) + 1e-6


def test_one_example_in_a_category_is_no_reason_to_fail(split, tmp_path):
    targets = split.train.targets.copy()
    targets[:, 3] = 0
    targets[targets.sum(1) == 0, 0] = 1
    targets[0] = [0, 0, 0, 1]
    rare = Split(split.categories, Rows(split.train.texts, targets, "packaged", False), split.calibration)
    assert fit("linear", rare, tmp_path / "student").answer(["hotel"]).probabilities.shape == (1, 4)


def test_soft_targets_are_learnt_as_distributions(split, tmp_path):
    half = 0.5 * split.train.targets + 0.125
    soft = Split(split.categories, Rows(split.train.texts, half, "packaged", True), split.calibration)
    made = fit("linear", soft, tmp_path / "soft")
    confident = fit("linear", split, tmp_path / "hard")
    texts = split.train.texts
    soft, hard = (student.members["linear"].read(texts).tables[0] for student in (made, confident))
    assert np.exp(soft).max(1).mean() < np.exp(hard).max(1).mean()


def test_a_missing_folder_is_said_in_words(tmp_path):
    with pytest.raises(InputError, match="Train the student again"):
        students.load(tmp_path / "nowhere")


def test_the_config_names_labels_as_people_know_them(split, tmp_path):
    fit("linear", split, tmp_path / "student")
    config = json.loads((tmp_path / "student/config.json").read_text())
    assert config["labels"] == list(small.WORDS) and config["members"] == ["linear"]


@pytest.mark.parametrize("kind", ["linear", "embedding"])
def test_what_is_unlike_the_training_assets_is_strange_and_never_handled(kind, split, tmp_path, encoders):
    made = fit(kind, split, tmp_path / "student")
    usual = made.answer(split.calibration.texts)
    assert usual.strange.mean() <= stages.STRANGE + 1e-9
    odd = made.answer(["Der Vertrag endet mit Ablauf des Monats.", "qwx zzkj 77", "", "これは日本語の文章です。"])
    assert odd.strange.all()
    assert not odd.handled(0.0).any() and usual.handled(0.0).mean() >= 0.99
    assert not usual.handled(None).any()


def test_a_student_of_an_earlier_format_asks_to_be_trained_again(split, tmp_path):
    fit("linear", split, tmp_path / "student")
    config = json.loads((tmp_path / "student/config.json").read_text())
    (tmp_path / "student/config.json").write_text(json.dumps(config | {"format": 1}))
    with pytest.raises(InputError, match="Train it again"):
        students.load(tmp_path / "student")


@pytest.mark.parametrize("kind", list(members.ladder()))
def test_without_calibration_rows_every_training_row_calibrates_unseen(kind, split, crossed, trained):
    made, folder, held = trained("crossed", kind)
    assert held.probabilities.shape == (200, 4) and held.strange.mean() <= stages.STRANGE + 1e-9
    unseen, seen = held.best == crossed.train.answers, made.answer(crossed.train.texts).best == crossed.train.answers
    others = made.answer(split.calibration.texts).best == split.calibration.answers
    assert seen.mean() > unseen.mean() and unseen[~CHANCE].mean() > others.mean() - 0.08
    # Were a row answered by a member that had learnt from it, labels of chance would be told back.
    assert seen[CHANCE].mean() > 0.6 and unseen[CHANCE].mean() < 0.4
    for name in made.members:
        for table in students.crossfit.load(folder / name).tables:
            assert (table.argmax(1) == crossed.train.answers)[CHANCE].mean() < 0.4
    rows, again = students.unseen(folder, ["never seen", *crossed.train.texts[50:60]])
    assert rows.tolist() == list(range(1, 11))
    assert np.array_equal(again.probabilities, held.probabilities[50:60]) and np.array_equal(
        again.strange, held.strange[50:60]
    )


def test_a_cross_fitted_training_stopped_in_any_fold_ends_as_if_it_had_not_been(
    crossed, split, tiny_encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr(transformer, "CHECKPOINT_SECONDS", 0)
    crossed, cheaper = (
        replace(crossed, train=replace(crossed.train, encoder=tiny_encoder, large_encoder=tiny_encoder)),
        tmp_path / "one",
    )
    names = list(small.WORDS)
    fit("large", crossed, cheaper)
    whole, held = students.fit("transformer", crossed, names, tmp_path / "whole", quiet, cheaper)

    class Stop(Exception):
        pass

    for part in ("part 1", "part 3"):

        def step(done, total, message, part=part):
            if "training" in message and part in message and done % 5 == 3:
                raise Stop

        with pytest.raises(Stop):
            fit("transformer", crossed, tmp_path / "halved", step, cheaper)
    told = []
    listen = lambda done, total, message: told.append(message)  # noqa: E731
    halved, again = students.fit("transformer", crossed, names, tmp_path / "halved", listen, cheaper)
    assert not any("part 1" in message or "part 2" in message for message in told), "finished folds were trained again"
    assert np.allclose(again.probabilities, held.probabilities, atol=1e-4)
    texts = split.calibration.texts
    assert np.allclose(halved.answer(texts).probabilities, whole.answer(texts).probabilities, atol=1e-4)
    assert not list((tmp_path / "halved").rglob("*.pt"))


def test_the_packaged_large_encoder_is_learnt_on(split, tmp_path, encoders, large_encoder):
    rows = replace(split.train.take(np.arange(60)), large_encoder=weights.LARGE)
    made = fit("large", replace(split, train=rows), tmp_path / "student")
    assert (made.answer(split.calibration.texts).best == split.calibration.answers).mean() > 0.7
    assert made.members["large"].coefficients.shape == (1536, 4)


@pytest.mark.parametrize(
    ("kind", "file", "table"),
    [
        ("linear", "linear/linear.safetensors", "coefficients"),
        ("linear", "linear/linear.safetensors", "idf.word"),
        ("embedding", "embedding/head.safetensors", "neighbours"),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(kind, file, table, value, trained, tmp_path):
    """Also where the checksums were made of damaged weights."""
    folder = shutil.copytree(trained("whole", kind)[1], tmp_path / "student")
    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / file)
    tensors[table].flat[-1] = value
    (folder / file).unlink()
    save_file(tensors, folder / file)
    (folder / "config.json").write_text(json.dumps(students.summed(config | {"files": {}})))
    with pytest.raises(InputError, match=rf"{file} is damaged"):
        students.load(folder)


def test_a_graph_that_gives_no_numbers_is_refused(trained, tmp_path):
    import onnx

    folder = shutil.copytree(trained("whole", "embedding")[1], tmp_path / "student")
    config, file = json.loads((folder / "config.json").read_text()), folder / "embedding/encoder.onnx"
    model = onnx.load(file)
    last = next(node for node in model.graph.node if "out" in node.output)
    last.output[0] = "before"
    model.graph.node.append(onnx.helper.make_node("Sub", ["before", "before"], ["zero"]))
    model.graph.node.append(onnx.helper.make_node("Div", ["zero", "zero"], ["out"]))
    file.unlink()
    onnx.save(model, file)
    (folder / "config.json").write_text(json.dumps(students.summed(config | {"files": {}})))
    with pytest.raises(InputError, match="embedding gives no numbers"):
        students.load(folder)


@pytest.mark.parametrize("harm", ["flip", "cut", "lose"])
def test_a_damaged_file_is_a_sentence_and_never_an_answer(harm, split, tmp_path):
    fit("linear", split, tmp_path / "student")
    file = tmp_path / "student/linear/linear.safetensors"
    data = bytearray(file.read_bytes())
    file.unlink()
    data[-100] ^= 0x40  # a weight, so that the file can still be read
    if harm != "lose":
        file.write_bytes(data if harm == "flip" else data[:1000])
    with pytest.raises(InputError, match=r"linear/linear\.safetensors is damaged or missing"):
        students.load(tmp_path / "student")
    (tmp_path / "student/config.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        students.load(tmp_path / "student")
