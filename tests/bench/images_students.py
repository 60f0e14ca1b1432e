"""Students that look: agreement of words, of words and facts, and of these with an image encoder, as Markdown.

    python -m tests.bench.images_students --scratch FOLDER                   # made-up creatives, and web_ads where at hand
    python -m tests.bench.images_students --scratch FOLDER --encoder MODEL   # and with an image encoder (a folder, or of the hub)

Cross-fitted: each asset is answered by members that did not learn from it. Weights and thresholds are fitted on these answers, as
those of a student are. The made-up creatives' words are those drawn; those of web_ads are read once and kept in FOLDER/words.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from core.assets import sample_pictured
from core.assets.sample_facets import STAGE, TOPIC
from core.evaluate import cascade
from core.evaluate.agreement import Share, share
from core.images.looking import look, upright
from core.images.seen import Seen, Sight
from core.images.words import Reader, text_of
from core.train import students
from core.train.data import Rows, Split
from core.train.students.stages import TagAnswers
from core.words import percent, ranged
from tests.conftest import SHARED

FORMATS = ("Native", "Image", "Google Responsive")
FEWEST = 10  # ads with a tag, at the least, for it to be one
TARGETS = (0.8, 0.9, 0.95)


def seen(text: str, file: Path) -> Seen:
    """A text with the image in a file."""
    return Seen(text, Sight(file.stem, look(file.read_bytes()).facts, file))


def creatives(folder: Path, count: int) -> Iterator[tuple[str, Rows, list[str]]]:
    """Made-up creatives, by the category and by the funnel stage of each."""
    _, made = sample_pictured.write(folder, count)
    table = pd.read_csv(made / "creatives.csv", dtype=str, keep_default_na=False)
    words = pd.read_csv(folder / "words.csv", dtype=str, keep_default_na=False).set_index("image").words
    texts = [seen(words[name], made / name) for name in table.image]
    for facet in (TOPIC, STAGE):
        labels = sorted(set(table[facet]))
        targets = np.eye(len(labels), dtype=np.float32)[table[facet].map(labels.index)]
        yield f"made-up creatives, {facet.lower()}", Rows(texts, targets, "packaged", False), labels


def read(files: list[Path], kept: Path) -> dict[str, str]:
    """The words on images by their names, read once and kept in a file as they come."""
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    reader = None
    for file in files:
        if file.name not in known:
            reader = reader or Reader()
            known[file.name] = text_of(reader.read(upright(file.read_bytes())))
            kept.write_text(json.dumps(known), encoding="utf-8")
    return known


def web_ads(scratch: Path) -> Iterator[tuple[str, Rows, list[str]]]:
    """Real ads: one of three formats, and the researchers' tags."""
    folder = SHARED / "web_ads"
    table = pd.read_csv(folder / "ads.csv", dtype=str, keep_default_na=False)
    files = [folder / "images" / name for name in table.image]
    words = read(files, scratch / "words.json")
    texts = [seen(words[file.name], file) for file in files]
    tags = [set(filter(None, cell.split(";"))) for cell in table.content]
    one = [next(iter(found)) if len(found := tag & set(FORMATS)) == 1 else None for tag in tags]
    chosen = [at for at, name in enumerate(one) if name]
    targets = np.eye(len(FORMATS), dtype=np.float32)[[FORMATS.index(one[at]) for at in chosen]]
    yield "web_ads, one of three formats", Rows([texts[at] for at in chosen], targets, "packaged", False), list(FORMATS)
    counts = pd.Series([tag for some in tags for tag in some]).value_counts()
    labels = sorted(counts.index[counts >= FEWEST])
    said = np.array([[label in some for label in labels] for some in tags])
    yield "web_ads, tags", Rows(texts, said.astype(np.float32), "packaged", False, said=said), labels


def answered(rows: Rows, labels: list[str], kind: str) -> tuple[students.Answers, float]:
    """What a student of these rows says of each without having learned from it, and the seconds it took to train."""
    split = Split(list(range(1, len(labels) + 1)), rows, rows.take(np.zeros(0, int)))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        _, held = students.fit(kind, split, labels, Path(folder) / kind, lambda *_: None)
        return held, time.perf_counter() - started


def tags_agreed(answers: TagAnswers, rows: Rows) -> str:
    """Micro F1 of the tags given."""
    both = (answers.given & rows.said).sum()
    return f"{2 * both / (answers.given.sum() + rows.said.sum()):.3f}"


def row(of: str, kind: str, what: str, rows: Rows, labels: list[str]) -> str:
    """A line of the table."""
    answers, seconds = answered(rows, labels, kind)
    right = answers.agree(rows)
    agreed: Share = share(right, np.arange(len(right)), np.arange(len(right)))
    promises = []
    for target in TARGETS:
        made = cascade.certify(cascade.effective(answers.confidence, answers.strange), right, target, 0.05)
        promises.append(percent(made.handled) if made.certified else "refused")
    f1 = tags_agreed(answers, rows) if rows.several else ""
    cells = [
        of,
        kind,
        what,
        len(right),
        percent(agreed.value),
        ranged(agreed.low, agreed.high),
        f1,
        *promises,
        f"{seconds:.0f}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--kinds", default="linear,embedding")
    parser.add_argument("--encoder", default="")
    args = parser.parse_args()
    args.scratch.mkdir(parents=True, exist_ok=True)
    real = web_ads(args.scratch) if (SHARED / "web_ads").is_dir() else ()
    handled = " | ".join(f"handled at {percent(target)}" for target in TARGETS)
    print(f"| assets | student | reads | n | agreement | 95 % interval | micro F1 | {handled} | training, s |")
    print("|---" * (8 + len(TARGETS)) + "|")
    for of, rows, labels in chain(creatives(args.scratch / "sample", args.rows), real):
        ways = {"words": replace(rows, texts=[str(text) for text in rows.texts]), "words and facts": rows}
        if args.encoder:
            ways["words, facts and image"] = replace(rows, image_encoder=args.encoder)
        for kind in args.kinds.split(","):
            for what, some in ways.items():
                print(row(of, kind, what, some, labels), flush=True)


if __name__ == "__main__":
    main()
