"""Students that give several tags, at size: seconds, exact set, F1; and whether both promises hold over 500 draws.

    python -m tests.bench.several                      # linear and embedding beside a plain one-vs-rest logistic regression
    python -m tests.bench.several --promise            # and the table of promises
    python -m tests.bench.several --web                # 300 real ads through `distil`: too few for a promise

The set is made of pitt_image_ads: an asset is one to three ads one after the other, as in a carousel, its tags are their topics,
and the topic "Other services" is no tag, so that some assets have none. No text stands in two assets.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from core.encoders.encoder import encoder
from core.evaluate import agreement, cascade, tags
from core.train import students
from core.train.data import Rows, Split
from core.train.students.stages import TagAnswers, surest
from tests.conftest import SHARED

NO_TAG = "Other services"


def carousels(file: Path, labels: list[str], seed: int) -> tuple[list[str], np.ndarray]:
    """Texts and their tags, bool (texts, labels): the rows of a file in random order, one to three of them a text."""
    rows = pd.read_csv(file).sample(frac=1, random_state=seed)
    sizes = np.random.default_rng(seed).choice([1, 2, 3], len(rows), p=[0.4, 0.35, 0.25])
    asset = np.repeat(np.arange(len(sizes)), sizes)[: len(rows)]
    texts = rows.text.groupby(asset).agg("\n".join).tolist()
    said = np.zeros((len(texts), len(labels)), bool)
    known = rows.label.isin(labels).to_numpy()
    said[asset[known], rows.label[known].map({label: i for i, label in enumerate(labels)}).to_numpy()] = True
    return texts, said


def load() -> tuple[list[str], Rows, list[str], np.ndarray]:
    """The tags, the training rows, and texts and tags of the test."""
    folder = SHARED / "pitt_image_ads"
    labels = sorted(set(pd.read_csv(folder / "train.csv").label) - {NO_TAG})
    texts, said = carousels(folder / "train.csv", labels, 1)
    rows = Rows(texts, said.astype(np.float32), "packaged", False, said=said)
    return labels, rows, *carousels(folder / "test.csv", labels, 2)


def measured(given: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Exact set, Jaccard, micro and macro F1 of tags `given` against the teacher's, bool (rows, tags)."""
    every = np.arange(len(said))
    table = agreement.per_tag(said, given, np.arange(said.shape[1]), every, every)
    both, either = (given & said).sum(1), (given | said).sum(1)
    return {
        "exact set": float((given == said).all(1).mean()),
        "Jaccard": float(np.where(either, both / np.maximum(either, 1), 1).mean()),
        "micro F1": float(2 * both.sum() / (given.sum() + said.sum())),
        "macro F1": float(table["f1"].mean()),
    }


def control(rows: Rows, texts: list[str]) -> np.ndarray:
    """What a plain one-vs-rest logistic regression on words and word pairs gives."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = OneVsRestClassifier(LogisticRegression(C=20, max_iter=1000))
    return model.fit(words.fit_transform(rows.texts), rows.said).predict(words.transform(texts)).astype(bool)


def figures(kinds: list[str]) -> dict[str, tuple[TagAnswers, np.ndarray]]:
    """Print a row a student; returns what each said of the test, and the tags there."""
    labels, rows, texts, said = load()
    split = Split(list(range(len(labels))), rows, rows.take(np.zeros(0, int)))
    print(
        f"{len(rows.texts):,} assets to learn from, {len(texts):,} to test, {len(labels)} tags, {said.sum(1).mean():.2f} an asset"
    )
    started = time.perf_counter()
    given = control(rows, texts)
    _row("one-vs-rest LR (control)", time.perf_counter() - started, measured(given, said))
    encoder("packaged")  # made ready once, whoever reads with it
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        earlier, before = None, 0.0
        for kind in kinds:
            started = time.perf_counter()
            student, _ = students.fit(kind, split, labels, Path(folder) / kind, lambda *_: None, earlier)
            before += time.perf_counter() - started
            started = time.perf_counter()
            answers[kind] = student.answer(texts), said
            rate = len(texts) / (time.perf_counter() - started)
            earlier = Path(folder) / kind
            _row(kind, before, measured(answers[kind][0].given, said) | {"assets a second": rate})
    return answers


def _row(name: str, seconds: float, values: dict[str, float]) -> None:
    told = "  ".join(f"{key} {value:.3f}" if value <= 1 else f"{key} {value:,.0f}" for key, value in values.items())
    print(f"{name:<26} {seconds:6.1f} s  {told}", flush=True)


def synthetic(count: int, width: int = 20, seed: int = 7) -> tuple[TagAnswers, np.ndarray]:
    """Answers of a calibrated student about assets easy and hard, and the teacher's tags drawn from its own probabilities."""
    dice = np.random.default_rng(seed)
    hard = dice.random((count, 1)) < 0.4
    logits = np.where(dice.random((count, width)) < 0.1, 4.0, -5.0) + dice.normal(0, 1, (count, width))
    likely = 1 / (1 + np.exp(-np.where(hard, 0.55, 1.6) * logits))
    answers = TagAnswers(likely.astype(np.float32), np.zeros(count, bool), likely >= 0.5)
    return answers, dice.random((count, width)) < likely


def cover(
    answers: TagAnswers, said: np.ndarray, *, rows: int, target: float, promised: str, draws: int, seed: int = 1
) -> tuple[float, float, float]:
    """(mean handled share of the population, share of draws that certified, share whose promise was broken): calibration rows are
    drawn again and again, and what is certified is checked against all rows there are."""
    dice = np.random.default_rng(seed)
    sure = cascade.effective(surest(answers.probabilities, answers.given), answers.strange)
    right, given, agreed = (answers.given == said).all(1), answers.given.sum(1), (answers.given & said).sum(1)
    handled, certified, broken = np.zeros(draws), np.zeros(draws, bool), np.zeros(draws, bool)
    for draw in range(draws):
        picked = dice.integers(0, len(sure), rows)
        if promised == tags.SET:
            certificate = cascade.certify(sure[picked], right[picked], target)
        else:
            asset, tag = np.nonzero(answers.given[picked])
            certificate = cascade.certify(sure[picked][asset], said[picked][asset, tag], target, families=asset)
        if not certificate.certified:
            continue
        taken = sure >= certificate.threshold
        true = right[taken].mean() if promised == tags.SET else agreed[taken].sum() / max(given[taken].sum(), 1)
        handled[draw], certified[draw], broken[draw] = taken.mean(), True, true < target
    return float(handled.mean()), float(certified.mean()), float(broken.mean())


def promises(populations: dict[str, tuple[TagAnswers, np.ndarray]], draws: int) -> None:
    """The table: a promise is kept where at most one draw in twenty breaks it."""
    print(f"\n{'population':<12} {'promise':<7} {'rows':>5} {'target':>6}  handled  certified  broken ({draws} draws)")
    for name, (answers, said) in populations.items():
        for promised in (tags.SET, tags.TAGS):
            for rows in (300, 1000):
                for target in (0.8, 0.9):
                    how = {"rows": rows, "target": target, "promised": promised, "draws": draws}
                    handled, certified, broken = cover(answers, said, **how)
                    shares = f"{100 * handled:6.1f} %  {100 * certified:7.1f} %  {100 * broken:5.1f} %"
                    print(f"{name:<12} {promised:<7} {rows:>5} {100 * target:>4.0f} %  {shares}", flush=True)


def web() -> None:
    """The 300 ads: what people thought of each, learned from what is in it, with shares as soft labels; and the other way round."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        from core import database, distil

        file = SHARED / "web_ads" / "ads.csv"
        ads = list(csv.DictReader(file.open(encoding="utf-8")))
        db = database.connect()
        for facet, text in (("opinion", "content"), ("content", "opinion")):
            names = [name[6:] for name in ads[0] if name.startswith("share_")]
            if facet == "content":
                names = sorted({tag for ad in ads for tag in ad["content"].split(";") if tag})
            path = Path(folder) / f"{facet}.csv"
            path.write_text("facet,name,pick\n" + "".join(f"{facet},{name},several\n" for name in names), "utf-8")
            how = {"client": f"Web {facet}", "teacher": "recorded", "student": "linear", "text_columns": [text]}
            told = distil.distil(db, taxonomy=path, assets=file, id_column="id", **how)
            (task,) = told["tasks"].values()
            print(facet, task["labels"]["count"], task["students"][0]["agreement"], task["verdict"]["reason"])


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default="linear,embedding")
    parser.add_argument("--promise", action="store_true")
    parser.add_argument("--web", action="store_true")
    parser.add_argument("--draws", type=int, default=500)
    args = parser.parse_args()
    if args.web:
        return web()
    answers = figures(args.kinds.split(","))
    if args.promise:
        promises({"synthetic": synthetic(20_000)} | answers, args.draws)


if __name__ == "__main__":
    main()
