"""Whatever texts and labels a file holds, training ends with a student that answers, or with one sentence."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core import database, tasks, taxonomy
from core.assets import imports
from core.deploy import export
from core.errors import InputError
from core.evaluate.evaluation import evaluate
from core.label.labelling import label
from core.tables.columns import Mapping
from core.tasks import Task
from core.train import students
from core.train.ladder import train
from core.train.registry import folder_of
from tests import small

EMOJI, MARKS = "😀🔥🎉🚗🏠🍕👢👜", "!?.-;:#*"
texts = st.one_of(
    st.text(alphabet=EMOJI, min_size=1, max_size=4),
    st.text(alphabet=MARKS, min_size=1, max_size=4),
    st.text(alphabet="0123456789 ", min_size=1, max_size=6),
    st.sampled_from(["same", "\u200b", "\u0301", "ไทย", "x" * 300, "\U000e0041", "a b"]),
    st.text(min_size=1, max_size=8),
)
rows = st.tuples(texts, st.sampled_from("ABCDE"), st.sampled_from(["", "", "", "train", "test", "calibration"]))


def fill(db, folder, table: list[tuple[str, str, str]], client: str) -> tuple[Task, int]:
    """A client with these texts, labels and splits; its id and its label run."""
    task = tasks.of(db, client)
    names = dict.fromkeys(label for _, label, _ in table)
    given = [
        {"id": f"A{at}", "text": text, "label": label, "split": split} for at, (text, label, split) in enumerate(table)
    ]
    _, file = small.files(folder, given)
    (folder / "taxonomy.csv").write_text("name\n" + "\n".join(names) + "\n")
    taxonomy.save(db, task, taxonomy.read(folder / "taxonomy.csv").categories, "taxonomy.csv")
    mapping = Mapping(text=("text",), id="id", label="label", split="split")
    imports.import_assets(db, task, file, mapping)
    return task, label(db, task, "recorded:label")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=60), st.integers(1, 3))
@example([(EMOJI[at % 8] * (1 + at // 8), "AB"[at % 2], "") for at in range(60)], 1)
@example([("same", "AB"[at % 2], "") for at in range(60)], 1)
@example([(f"word {at}", "A" if at else "B", "") for at in range(60)], 1)
@example([(f"{at}", "ABCDE"[at % 5], "train" if at % 5 else "test") for at in range(60)], 1)
@example([(f"w{at}", "AB"[at % 2], ("train", "test", "calibration")[at % 3]) for at in range(60)], 2)
def test_training_answers_or_says_in_a_sentence_why_not(tmp_path_factory, workspace, table, times):
    table = [
        (f"{text}{MARKS[copy]}" if copy else text, label, split)
        for copy in range(times)
        for text, label, split in table
    ]
    folder = tmp_path_factory.mktemp("odd")
    with closing(database.connect()) as db:
        try:
            task, run_id = fill(db, folder, table, folder.name)
            trained = train(db, task, run_id, "linear")
        except InputError as error:
            assert str(error)
            return
        for student_id in trained:
            student = students.load(folder_of(db, student_id))
            said = student.answer([text for text, _, _ in table] + ["", "never seen"])
            assert np.isfinite(said.probabilities).all()
            assert np.allclose(said.probabilities.sum(1), 1, atol=1e-4)


@pytest.mark.parametrize("kind", ["linear", "embedding"])
def test_emoji_alone_are_learnt_judged_and_exported(db, tmp_path, encoders, kind):
    shoes, bags = "👢👟👞🩴", "👜🎒👝🧳"
    table = [
        ("".join(side[(at // 4**n) % 4] for n in range(4)), name, "")
        for side, name in ((shoes, "Shoes"), (bags, "Bags"))
        for at in range(0, 256, 5)
    ]
    task, run_id = fill(db, tmp_path / "files", table, "Emoji")
    [student_id] = train(db, task, run_id, kind)
    assert evaluate(db, student_id, target=0.9).agreement.value == 1
    export.export(db, task=task, student=student_id, to=tmp_path / "there")
    assert (tmp_path / "there" / "predict.py").exists()
