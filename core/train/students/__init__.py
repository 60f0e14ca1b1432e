"""Students: small models that answer like the teacher.

A student is a blend of members (core/train/members), asked from the cheapest on, a dearer one only about what those before it are
not sure of (stages.py). Each makes one table or more of a text, log probabilities over the categories; the weights by which tables
are pooled are fitted on calibration rows. Where no rows are set aside for it, the training rows calibrate, each answered by members
that did not learn from it (crossfit.py). A text is strange where one member, the judge, finds it less near to the training assets
than all but the farthest of the calibration rows.
A student folder holds config.json and a folder for each member, and nothing in it runs when it is loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from core.errors import InputError
from core.images.seen import blank, told_apart
from core.taxonomy.tagsets import JOINED, NONE
from core.train import members
from core.train.disk import UNSEEN, digests, link, tables_of, verify
from core.train.members import Model
from core.train.students import crossfit
from core.train.students.reading import Reading
from core.train.students.stages import Answers, Stage, TagAnswers, TagStage, from_json, walk
from core.train.students.stages import answers as said_in
from core.train.students.stages import fit as fit_stages
from core.train.students.together import Readings
from core.train.vectors import keys
from core.whole import write_whole

if TYPE_CHECKING:
    from core.train.data import Split, Step

FORMAT = 3  # of a student folder: raised when folders of before can no longer be read
RECIPE = 4  # raised when students made of the same rows would come out different


class Student:
    """A trained blend: `categories` are category ids in column order, `labels` their names; `members`, by name, are asked in
    `stages`."""

    def __init__(
        self, kind: str, categories: list[int], labels: list[str], members: dict[str, Model], stages: list[Stage]
    ):
        self.kind, self.categories, self.labels = kind, categories, labels
        self.members, self.stages = members, stages

    @property
    def several(self) -> bool:
        """Whether it gives a text several tags, or none: its answers are TagAnswers."""
        return isinstance(self.stages[-1], TagStage)

    def answer(self, texts: Sequence[str]) -> Answers:
        """Calibrated probabilities of each text, and whether it is unlike anything the student learned from."""
        return self._answer(texts, {})

    def consulted(self, texts: Sequence[str]) -> dict[str, float]:
        """The share of `texts` (0..1) that each member is asked about, in the order they are asked."""
        counts = {stage.member: 0 for stage in self.stages}
        self._answer(texts, counts)
        return {name: count / max(len(texts), 1) for name, count in counts.items()}

    def _answer(self, texts: Sequence[str], counts: dict[str, int]) -> Answers:
        def ask(name: str, rows: np.ndarray) -> Reading:
            counts[name] = len(rows)
            return self.members[name].read(texts if len(rows) == len(texts) else [texts[row] for row in rows])

        return walk(self.stages, len(texts), len(self.categories), ask)

    def warm_up(self, company: int = 1) -> None:
        """Have every member read, also those that few texts reach, a text alone and so many together: first calls pay for memory
        that later ones find ready."""
        warm = _probe("warming up " * 20, self.members)
        for texts in [[warm]] * 5 + [[warm] * company]:
            for member in self.members.values():
                member.read(texts)


def said(answers: Answers, labels: Sequence[str]) -> list[str]:
    """What a student answers, in words, by its `labels` in column order: each text's category, or its tags where a task chooses
    several (core/taxonomy/tagsets.py)."""
    if isinstance(answers, TagAnswers):
        return [JOINED.join(labels[i] for i in np.flatnonzero(given)) or NONE for given in answers.given]
    return [labels[best] for best in answers.best.tolist()]


def fit(
    kind: str, split: Split, labels: list[str], folder: Path, step: Step, earlier: Path | None = None
) -> tuple[Student, Answers]:
    """Train a student of `kind` into `folder`; returns it, and its answers to the rows that calibrate (split.judging): where those
    are training rows, answers of members that did not learn from them, which unseen() finds again. ValueError or TypeError,
    before anything is trained, for a kind whose members do not say all there is to say.

    Members found complete in `folder` (an interrupted training) or in `earlier`, the folder of a cheaper student trained on the
    same rows, are taken over. config.json is written last: a folder without it is not a student yet.
    """
    blend = members.blend(kind, split.train)
    if earlier and not _whole(earlier):
        earlier = None
    models: dict[str, Model] = {}
    folds = split.train.folds() if split.crossfit else None
    for name in blend:
        models[name] = _member(name, split, folds, folder / name, step, models, earlier and earlier / name)
    step(0, 1, f"{kind}: calibrating")
    if split.crossfit:
        readings = {name: crossfit.load(folder / name) for name in models}
    else:
        readings = {name: model.read(split.calibration.texts) for name, model in models.items()}
    judging = split.judging
    stages = fit_stages(readings, judging.answers if judging.said is None else judging.said, judging.some)
    held = walk(stages, len(judging.texts), len(split.categories), lambda name, rows: readings[name].take(rows))
    student = Student(kind, split.categories, labels, models, stages)
    if split.crossfit:
        save_file(held.tables() | {"keys": keys(told_apart(judging.texts))}, folder / UNSEEN)
    config = {
        "format": FORMAT,
        "kind": kind,
        "categories": split.categories,
        "labels": labels,
        "members": list(models),
        "stages": [stage.as_json() for stage in stages],
        "files": digests(folder),
    }
    write_whole(folder / "config.json", json.dumps(summed(config), ensure_ascii=False, indent=1))
    return student, held


def unseen(folder: Path, texts: Sequence[str]) -> tuple[np.ndarray, Answers]:
    """Which of `texts` the student in `folder` was calibrated on by cross-fitting, as row numbers, and what members said of them
    that had not learnt from them. None of them where rows were set aside for calibration."""
    if not (folder / UNSEEN).exists():
        return np.zeros(0, int), Answers(np.zeros((0, 1), np.float32), np.zeros(0, bool))
    tables = tables_of(folder / UNSEEN)
    place = {key: row for row, key in enumerate(tables.pop("keys").tolist())}
    row_of = np.array([place.get(key, -1) for key in keys(told_apart(texts)).tolist()], int)
    rows = np.flatnonzero(row_of >= 0)
    return rows, said_in({name: table[row_of[rows]] for name, table in tables.items()})


def load(folder: Path) -> Student:
    """The student saved in `folder`. InputError when the folder is gone, not whole, of an earlier format, or
    holds weights that are no numbers."""
    config = config_of(folder)
    models = {name: members.of(name).load(folder / name) for name in config["members"]}
    for name, model in models.items():  # weights of graphs are not looked through: what comes of them is
        read = model.read([_probe("a text like any other", models)])
        if not all(np.isfinite(table).all() for table in read.tables):
            raise InputError(
                f"The student's part {name} gives no numbers, so it cannot answer.",
                "Train it again.",
                where=str(folder),
            )
    stages = [from_json(stage) for stage in config["stages"]]
    return Student(config["kind"], config["categories"], config["labels"], models, stages)


def _probe(text: str, models: dict[str, Model]) -> str:
    """A text to see that members answer, with an image where one of them looks at it."""
    return blank(text) if any(members.of(name).joins for name in models) else text


def share(student: Student, folder: Path, readings: Readings) -> Student:
    """The student, loaded from `folder`, which from now on reads together with all others that share these `readings`."""
    for name, model in student.members.items():
        if join := members.of(name).share:
            join(model, folder / name, readings)
    return student


class Together:
    """The students saved in several folders, which read each text once for all of them. For one thread at a time."""

    def __init__(self, folders: Sequence[Path]):
        """InputError as load()."""
        self.students, self._readings = [load(folder) for folder in folders], Readings()
        if len(folders) > 1:  # one alone has nobody to read with
            for student, folder in zip(self.students, folders):
                share(student, folder, self._readings)

    def answer(self, texts: Sequence[str]) -> list[Answers]:
        """What each student says of `texts`, in the order of the folders."""
        with self._readings.once():
            return [student.answer(texts) for student in self.students]

    def warm_up(self) -> None:
        """As Student.warm_up()."""
        for student in self.students:
            with self._readings.once():
                student.warm_up()


def config_of(folder: Path) -> dict[str, Any]:
    """What config.json says of the student in `folder`, whose files are those it was saved with. InputError where they are not, or
    are of an earlier format."""
    retrain = "Train the student again, or restore its folder from a copy."
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"The student's folder {folder} is missing or incomplete.", retrain) from None
    except ValueError:
        config = None
    if isinstance(config, dict) and config.get("format", FORMAT) != FORMAT:
        raise InputError(
            "This student was made by an earlier version of Understudy.", "Train it again: labels are kept."
        )
    whole = isinstance(config, dict) and config.keys() >= {
        "format",
        "kind",
        "categories",
        "labels",
        "members",
        "stages",
        "files",
        "sha256",
    }
    if not whole or config != summed(config):
        raise InputError(f"The student's file {folder / 'config.json'} is damaged.", retrain)
    verify(folder, config["files"])
    return config


def _whole(folder: Path) -> bool:
    """Whether the student in `folder` is as it was saved, so that others may take over its members."""
    try:
        return bool(config_of(folder))
    except InputError:
        return False


def summed(config: dict[str, Any]) -> dict[str, Any]:
    """A config with the SHA-256 of all else that it says."""
    text = json.dumps({key: value for key, value in config.items() if key != "sha256"}, sort_keys=True)
    return config | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def _member(
    name: str,
    split: Split,
    folds: np.ndarray | None,
    folder: Path,
    step: Step,
    before: dict[str, Model],
    earlier: Path | None,
) -> Model:
    """The member `name`: loaded if `folder` holds it whole (marked by `done`), copied from `earlier`, or trained."""
    member = members.of(name)
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if not (earlier and (earlier / "done").exists()):
            model = member.fit(split.train, folder, step, before, folds)
            (folder / "done").touch()
            return model
        for file in sorted(earlier.iterdir(), key=lambda file: file.name == "done"):
            link(file, folder / file.name)
    return member.load(folder)
