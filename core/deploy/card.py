"""The model card of an exported student: what it is for, what it learned from, how good it is, and where it ends.

Names come from files of strangers: whatever Markdown or HTML would read as markup in them is escaped.
"""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import taxonomy
from core.deploy.exported import runtime
from core.escape import plain
from core.evaluate import metrics
from core.evaluate.cascade import METHOD
from core.evaluate.comparison import judgement
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.latency import SHARES
from core.evaluate.phrases import asked_words
from core.evaluate.versions import provenance
from core.train import members
from core.train.disk import EXACT
from core.weights import LARGE, PACKAGED
from core.words import percent, ranged, split_words, task_title

WORST = 5
LIKE_HERE = 0.995  # same labels as the student here; below, what is certified here is not said of an export
APACHE = "Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0)"
RUNS, TRAINS = ("numpy", "onnxruntime", "tokenizers"), ("scikit-learn", "torch", "transformers", "onnx")

USE = """## Use

    pip install -r requirements.txt
    python predict.py "Winter tyres fitted while you wait."

```python
from predict import Student
Student(folder).predict(["one text", "another"])   # [{"label": ..., "confidence": ..., "strange": ..., "handled": ...}, ...]
```

`handled` says whether the student may answer by itself: it is sure enough, and the text is not `strange`, unlike anything it
learned from. Send the other texts to the teacher. An asset of several
text fields is one text: its fields, a line break between them."""

IMAGES = """It looks at images as well:

    pip install -r requirements-images.txt
    python predict.py --images FOLDER
    python predict.py --table creatives.csv --image-column image --text-column headline

The words on an image are read as Understudy reads them and follow what is typed; requirements-images.txt is for that. Without those
packages, and with `--no-read`, the words that the table gives are taken alone."""

TAGS = """An answer has `tags` as well: how likely each tag is that it gives. `label` has them all, or is `No tag`; `confidence` is
that of the tag it is least sure of, whether given or left out. How likely a tag must be to be given was chosen on the assets that
calibrated the student:"""

GRAPHS = "The small graphs (int8) answer unless `--fp32`, or `int8=False` in Python, asks for the exact ones."

LIMITS = """## Limits

- It knows these categories and no other{names}. A text unlike anything it learned from, such as one in
  another language, it reports as strange and leaves to the teacher (1 % of ordinary assets or fewer are mistaken for such); what is
  new but looks familiar can pass.
- It copies its teacher, mistakes included: agreement says how well it stands in for the teacher, not how often the teacher is
  right.
- The figures hold for assets like the test assets. Campaigns, products and wording change; have the teacher label a fresh sample
  now and then, and train again when agreement has fallen.
- It reads {what}, {cut}.
- {kept} in this folder: treat it as you treat the client's assets."""


def write(db: Database, row: dict, figures: ChooseOneFigures, parity: dict[str, Any], folder: Path) -> str:
    """The card, in Markdown, of the student `row` (as train.run.find gives it) exported to `folder`.

    `figures` are its stored figures, `parity` the fields of export.Parity.
    """
    facts = provenance(db, row["id"])
    labels = [category.label for category in taxonomy.load(db, row["taxonomy_id"]) if category.assignable]
    verdict = judgement(db, row["id"]).verdict
    parts = [
        f"# Student {row['id']} of {plain(task_title(facts['client'], facts['task'], facts['tasks']))}",
        f"A small model that stands in for a large one on one narrow job: it reads the text of a creative asset and says which of "
        f"{len(labels):,} categories {'it has, several or none' if figures.tags else 'it belongs to'}.",
        "**This client is made up: a program wrote its texts, and its recorded labels stand in for a large model's. "
        "The figures below show the path and prove nothing about real assets.**"
        if facts["synthetic"]
        else "",
        USE,
        IMAGES if (folder / runtime.SIGHT).is_dir() else "",
        _tags(folder) if figures.tags else "",
        GRAPHS if any(folder.glob(f"*/{EXACT}")) else "",
        _origin(row, figures, facts, labels, set(json.loads((folder / "labels.json").read_text(encoding="utf-8")))),
        _quality(figures),
        f"Certificate: {plain(figures.certificate.reason)}. {METHOD}",
        f"Verdict when this was written: **{verdict.decision.replace('_', ' ')}**. {plain(verdict.reason)}",
        _worst(figures),
        _speed(figures),
        _parity(parity, figures),
        LIMITS.format(
            what=_reads(row),
            cut=_cut(row),
            kept=_keeps(row),
            names="" if figures.tags else ", and always names one of them",
        ),
        _licences(row),
        _versions(row),
        files_table(folder),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def needs(*names: str) -> tuple[str, ...]:
    """The packages predict.py needs for a student of these members."""
    readers = (runtime.READERS[members.of(name).export.reader] for name in names)
    return tuple(dict.fromkeys(["numpy", *(package for reader in readers for package in reader.needs)]))


def version(package: str) -> str:
    """The installed version of a package."""
    return metadata.version(package)


def table(head: tuple[str, ...], rows: list[tuple]) -> str:
    """A table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _tags(folder: Path) -> str:
    """How a student that gives several tags answers, and how likely each tag must be."""
    config, labels = (
        json.loads((folder / name).read_text(encoding="utf-8")) for name in ("config.json", "labels.json")
    )
    rows = [(plain(label), percent(least)) for label, least in zip(labels, config["stages"][-1]["least"])]
    return f"{TAGS}\n\n{table(('tag', 'is given from'), rows)}"


def _origin(row: dict, figures: ChooseOneFigures, facts: dict, labels: list[str], known: set[str]) -> str:
    source = f" from {plain(facts['source'])}" if facts["source"] else ""
    rows = [
        ("Teacher", plain(facts["teacher"])),
        (
            "Labels",
            f"{figures.taught.labels:,}, brought in from {_day(facts['started'])} to {_day(facts['finished'])}",
        ),
        ("Assets", split_words(figures.counts)),
        ("Taxonomy", f"version {facts['version']}{source}, {len(labels):,} categories"),
        ("Kind", f"{row['kind']}, {row['size_mb']:.1f} MB here"),
        ("Made of", "; ".join(plain(members.of(name).made_of) for name in row["params"]["members"])),
        ("Trained", f"{_day(row['created'])}, in {row['train_seconds']:,.0f} s"),
        ("Judged", _day(figures.created)),
    ]
    unseen = " (not among the labels it learned from: it never says this)"
    listed = "\n".join(f"- {plain(label)}{'' if label in known else unseen}" for label in labels)
    return f"## What it learned from\n\n{table(('', ''), rows)}\n\nCategories of the taxonomy:\n\n{listed}"


def _day(moment: str | None) -> str:
    return moment[:10] if moment else "an unknown day"


def _quality(figures: ChooseOneFigures) -> str:
    n, certified, gold = figures.agreement.n, figures.certificate.certified, figures.gold
    shares = [
        ("Agreement with the teacher", figures.agreement),
        ("Agreement on the assets that calibrated it", figures.agreement_calibration),
        ("Handled by the student itself", figures.handled if certified else None),
        ("Agreement on what it handles", figures.agreement_handled),
        ("The student's accuracy against what people decided", gold and gold.student),
        ("The teacher's accuracy against what people decided", gold and gold.teacher),
    ]
    rows = [(name, percent(one.value), ranged(one.low, one.high), f"{one.n:,}") for name, one in shares if one]
    if certified:
        rows.append(("Agreement with the teacher behind it", percent(figures.agreement_end_to_end), "", f"{n:,}"))
    rows.append(("Strange, left to the teacher however sure the student is", percent(figures.strange), "", f"{n:,}"))
    rows += [(one.label, one.words(figures), "", f"{n:,}") for one in metrics.applicable(figures)]
    words = (
        "Measured on the test assets, which it never saw in training, unless said otherwise. Intervals are exact (Clopper-Pearson, "
        "95 %) and count copies of one creative once. Macro F1, kappa and AC1 are 1 when perfect, ECE 0."
    )
    return f"## How good it is\n\n{words}\n\n{table(('figure', 'value', '95 % interval', 'assets'), rows)}"


def _worst(figures: ChooseOneFigures) -> str:
    rows = [
        (
            plain(category.label),
            percent(category.share),
            ranged(category.low, category.high),
            f"{category.n:,}",
            f"{category.f1:.3f}",
        )
        for category in sorted(figures.categories, key=lambda category: (category.share, -category.n))[:WORST]
    ]
    head = ("category", "agreement", "95 % interval", "the teacher's assets", "F1")
    return f"### Where it is weakest\n\n{table(head, rows)}"


def _speed(figures: ChooseOneFigures) -> str:
    latency = figures.latency
    times = ", ".join(f"{key} {ms:.1f} ms" for key in SHARES if (ms := getattr(latency, key)) is not None)
    return (
        f"## How fast it is\n\nOne asset at a time, tokenising included: {times} over {latency.n:,} calls; in batches "
        f"{figures.assets_per_second:,.0f} assets a second. Measured in Understudy on {plain(latency.machine)}. "
        f"{asked_words(figures.asked)}"
    ).rstrip()


ROUNDED = """The student in Understudy computes in int8 as well, which gave the label of the exact graphs on fewer than 99.5 % of
the test assets. So the small graphs here are int8 in their weights only: nearer to the trained student, and no faster than
the exact ones."""

NOT_CERTIFIED = """The certificate above is of the student as it answers in Understudy. This folder's labels differ from those too
often to take it over unseen: check the handled assets on a fresh sample before relying on it here."""


def _parity(parity: dict, figures: ChooseOneFigures) -> str:
    rows = [
        ("exact graphs (fp32)", "the student with those graphs", percent(parity["fp32"], digits=2)),
        ("small graphs (int8)", "exact graphs (fp32)", percent(parity["int8"], digits=2)),
        ("small graphs (int8)", "the student as it answers in Understudy", percent(parity["served"], digits=2)),
        ("exact graphs (fp32)", "the teacher", percent(parity["exact_teacher"], digits=2)),
        ("small graphs (int8)", "the teacher", percent(parity["small_teacher"], digits=2)),
        ("the student as it answers in Understudy", "the teacher", percent(figures.agreement.value, digits=2)),
    ]
    parts = [
        "## This folder against the original",
        f"How often two give the same label, on the {parity['n']:,} test assets:",
        table(("one", "other", "same label"), rows),
        f"Confidences of the exact graphs and of the student with those graphs differ by {parity['confidence']:.6f} at most. The "
        "small graphs answer alone, or leave to the teacher, as the student in Understudy on "
        f"{percent(parity['handled'], digits=2)}.",
        ROUNDED if parity["rounded"] else "",
        NOT_CERTIFIED if parity["served"] < LIKE_HERE and figures.certificate.certified else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _reads(row: dict) -> str:
    looks = any(members.of(name).joins for name in row["params"]["members"])
    return "text, that on images too" if looks else "text only"


def _cut(row: dict) -> str:
    return (
        "all of it"
        if not members.bases_of([name for name in row["params"]["members"] if not members.of(name).joins])
        else "the sentence encoder no more than its first 128 tokens (about 90 words)"
    )


def _keeps(row: dict) -> str:
    notes = list(dict.fromkeys(filter(None, (members.of(name).keeps for name in row["params"]["members"]))))
    if not notes:
        return "Nothing of the client's assets is"
    words = ", and ".join(notes) + ("," if len(notes) > 1 else "")
    return f"{words[0].upper()}{words[1:]} are"


def _licences(row: dict) -> str:
    notes = [
        "The teacher: check whether the terms of your teacher's provider allow its answers to train a model, and what that model "
        "may be used for.",
        "The assets and their labels are the client's; the student is made from them.",
    ]
    notes += [_encoder_note(row["params"][base]) for base in members.bases_of(row["params"]["members"])]
    return "## Licence notes\n\n" + "\n".join(f"- {note}" for note in notes)


def _encoder_note(base: str) -> str:
    if base == PACKAGED:
        return (
            f"The base encoder is sentence-transformers/all-MiniLM-L6-v2, {APACHE}, here exported to ONNX, quantised and, in a "
            "transformer, trained further. It was trained on English text."
        )
    if base == LARGE:
        return (
            f"The large encoder is sentence-transformers/all-mpnet-base-v2, {APACHE}, here exported to ONNX and quantised. It was "
            "trained on English text."
        )
    return f"An encoder is the folder {plain(Path(base).name)} chosen in Settings: check its licence and languages."


def _versions(row: dict) -> str:
    needed = needs(*row["params"]["members"])
    rows = [("Python", platform.python_version())]
    rows += [(name, version(name)) for name in RUNS + TRAINS]
    words = f"predict.py needs {', '.join(needed)}; the others were there when it was exported."
    return f"## Versions\n\n{words}\n\n{table(('library', 'version'), rows)}"


def files_table(folder: Path) -> str:
    """Every file of an export but the card, with its size and checksum."""
    rows = [
        (f"`{file.relative_to(folder).as_posix()}`", f"{file.stat().st_size:,}", f"`{_sha256(file)}`")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "MODEL_CARD.md"
    ]
    return f"## Files\n\n{table(('file', 'bytes', 'SHA-256'), rows)}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
