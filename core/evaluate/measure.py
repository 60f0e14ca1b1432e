"""What is measured of one student on its held-out assets: the parts of core/evaluate/figures.py.

`held` is one row an asset of the test split and of those that calibrate (the calibration split, or where there is none the training
assets, as answered by members that had not learnt from them): asset_id, external_id, text, split, group_id, family_id,
category_id (the teacher's), predicted (the student's), confidence_student, strange, correct. All but text is stored, so that
all but speed can be worked out again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core.evaluate import agreement as measures
from core.evaluate import cascade, latency, tags
from core.evaluate.agreement import Share
from core.evaluate.cascade import Certificate
from core.evaluate.figures import (
    Bin,
    CategoryFigures,
    Confusion,
    CurvePoint,
    GoldFigures,
    OfTeacher,
    Promise,
    Quality,
    Slice,
    Speed,
)
from core.evaluate.latency import TeacherLatency
from core.evaluate.tags import Sets
from core.evaluate.weak import Category
from core.images.seen import told_apart
from core.label.gold import SAMPLED
from core.label.gold import gold as gold_of
from core.money import prices
from core.money.economics import Taught
from core.tasks import Task
from core.taxonomy import StoredCategory
from core.train.students import Student

EXAMPLES = 3  # assets named for each confusion
CONFUSIONS = 20
JUDGED = ("category_id", "predicted", "family_id", "group_id")  # teacher, student, what belongs together, copies
TIMED_TEXTS = 1024  # different texts the student is timed on, at most
THROUGHPUT_SECONDS = 1.0


def quality(held: pd.DataFrame, categories: list[StoredCategory], sets: Sets | None = None) -> Quality:
    """Agreement and its relatives on test rows; `sets` reads answers that are sets of tags."""
    test = held[held["split"] == "test"]
    teacher, student, *together = (test[name].to_numpy() for name in JUDGED)
    sure, correct = test["confidence_student"].to_numpy(), test["correct"].to_numpy()
    labels = {category.id: category.label for category in categories}
    by_category = _rows(_per_category(test, sets))
    parents = {} if sets else {category.id: category.parent_id for category in categories if category.parent_id}
    calibration = held.loc[held["split"] != "test", ["correct", "family_id", "group_id"]]
    return Quality(
        agreement=measures.agreement(teacher, student, *together),
        agreement_calibration=measures.share(
            *(calibration[name].to_numpy() for name in ("correct", "family_id", "group_id"))
        ),
        parent_agreement=measures.parent_agreement(teacher, student, _roots(parents), *together) if parents else None,
        macro_f1=float(np.mean([row["f1"] for row in by_category])) if sets else measures.macro_f1(teacher, student),
        kappa=measures.cohen_kappa(teacher, student),
        ac1=measures.gwet_ac1(teacher, student, None if sets else sum(category.assignable for category in categories)),
        ece=measures.ece(sure, correct),
        reliability=tuple(Bin(**row) for row in _rows(measures.reliability(sure, correct))),
        per_category=tuple(CategoryFigures(label=labels[row["category"]], **row) for row in by_category),
        confusions=() if sets else tuple(_confusions(test, labels)),
        pairs=() if sets else _pairs(teacher, student),
        tags=tags.figures(sets, test) if sets else None,
    )


def _per_category(rows: pd.DataFrame, sets: Sets | None) -> pd.DataFrame:
    return tags.table(sets, rows) if sets else measures.per_category(*(rows[name].to_numpy() for name in JUDGED))


def _pairs(teacher: np.ndarray, student: np.ndarray) -> tuple[tuple[int, int, int], ...]:
    """(teacher's category, student's, assets) of every pair there is: the confusion matrix without its zeros."""
    pairs, counts = np.unique(np.stack([teacher, student]), axis=1, return_counts=True)
    return tuple((first, second, n) for first, second, n in np.vstack([pairs, counts]).T.tolist())


def slices(db: Database, held: pd.DataFrame) -> tuple[Slice, ...]:
    """Agreement on test rows by the values of the file's further columns (channel, market …): agreement.slices()."""
    test = held[held["split"] == "test"]
    extra = dict(
        db.execute(
            """select id, extra from assets where extra is not null and split = 'test'
               and client_id = (select client_id from assets where id = ?)""",
            [int(test["asset_id"].iloc[0])],
        ).fetchall()
    )
    values = pd.DataFrame([json.loads(extra.get(asset) or "{}") for asset in test["asset_id"]], dtype=object)
    hit, groups, families = (test[name].to_numpy() for name in ("correct", "group_id", "family_id"))
    return tuple(Slice(**row) for row in _rows(measures.slices(hit, groups, values, families=families)))


def _roots(parents: dict[int, int]) -> dict[int, int]:
    """Category id -> topmost ancestor's id (an import leaves no cycles)."""

    def root(category: int) -> int:
        while category in parents:
            category = parents[category]
        return category

    return {category: root(category) for category in parents}


def _confusions(test: pd.DataFrame, labels: dict[int, str]) -> Iterable[Confusion]:
    table = measures.confusions(test["category_id"], test["predicted"], CONFUSIONS)
    wrong = test[~test["correct"]].sort_values("confidence_student", ascending=False, kind="stable")
    first = wrong.groupby(["category_id", "predicted"]).head(EXAMPLES)
    named = first.groupby(["category_id", "predicted"])["external_id"].agg(tuple)
    for row in _rows(table):
        teacher, student = row["teacher"], row["student"]
        yield Confusion(
            teacher_label=labels[teacher], student_label=labels[student], examples=named[(teacher, student)], **row
        )


def certified(held: pd.DataFrame, target: float, confidence: float) -> tuple[Certificate, Share, Share | None]:
    """The certificate from calibration rows (one a duplicate group), and how test rows bear it out: the share handled, agreement on
    those."""
    calibration, test = _sure(held)
    certificate = cascade.certify(
        calibration["sure"].to_numpy(),
        calibration["correct"].to_numpy(),
        target,
        1 - confidence,
        families=calibration["family_id"].to_numpy(),
    )
    sure, correct = test["sure"].to_numpy(), test["correct"].to_numpy()
    families, groups = test["family_id"].to_numpy(), test["group_id"].to_numpy()
    return certificate, *cascade.confirm(certificate, sure, correct, families, groups)


def promise(
    held: pd.DataFrame,
    categories: list[StoredCategory],
    target: float,
    confidence: float,
    sets: Sets | None = None,
    promised: str = tags.SET,
) -> Promise:
    """certified(), with what it means for each category; where answers are sets of tags, of which of them is `promised`."""
    calibration, test = _sure(held)
    if sets and promised == tags.TAGS:
        certificate, handled, agreed = tags.certified(sets, calibration, test, target, confidence)
    else:
        certificate, handled, agreed = certified(held, target, confidence)
    taken = test[test["sure"] >= certificate.threshold] if certificate.threshold is not None else test.head(0)
    labels = {category.id: category.label for category in categories}
    return Promise(
        target=target,
        certificate=certificate,
        handled=handled,
        agreement_handled=agreed,
        per_category_handled=tuple(
            Category(labels[row["category"]], row["n"], row["agreed"], row["groups"])
            for row in _rows(_per_category(taken, sets))
            if row["n"]
        ),
        promised=promised if sets else tags.SET,
    )


def curve(held: pd.DataFrame) -> tuple[CurvePoint, ...]:
    """Handled share against agreement, on test rows."""
    _, test = _sure(held)
    return tuple(CurvePoint(**row) for row in _rows(cascade.curve(test["sure"], test["correct"])))


def _sure(held: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calibration rows, one a duplicate group, and test rows, with a column sure: what a threshold is held against."""
    held = held.assign(sure=cascade.effective(held["confidence_student"], held["strange"]))
    return held[held["split"] != "test"].drop_duplicates("group_id"), held[held["split"] == "test"]


def speed(student: Student, held: pd.DataFrame, cold_start_ms: float) -> Speed:
    """Latency of one asset at a time and throughput in batches, on distinct test texts in random order; and the share of those that
    each member is asked about."""
    texts = held.loc[held["split"] == "test", "text"]
    texts = texts[~pd.Series(told_apart(texts), index=texts.index, dtype=texts.dtype).duplicated()]
    texts = texts.sample(frac=1, random_state=0)
    texts = texts.head(TIMED_TEXTS).tolist()
    sizes = sorted({min(size, len(texts)) for size in latency.BATCHES})
    rates = {size: latency.throughput(student.answer, texts, size, THROUGHPUT_SECONDS) for size in sizes}
    return Speed(
        latency=latency.measure(lambda text: student.answer([text]), texts),
        throughput=rates,
        assets_per_second=rates[min(64, len(texts))],
        asked=student.consulted(texts),
        cold_start_ms=cold_start_ms,
    )


def teacher(db: Database, run_id: int, taxonomy_id: int, held: pd.DataFrame) -> OfTeacher:
    """What the label run tells of the teacher: name, labels and money spent, tokens and latency of one label."""
    run = next(
        db.query(
            """select r.teacher, r.spent_usd, r.seconds, c.synthetic from label_runs r join tasks t on t.id = r.task_id
               join clients c on c.id = t.client_id
               where r.id = ?""",
            [run_id],
        )
    )
    seen = "assumed" if run["synthetic"] else "measured"  # nobody measured what a generator made up
    totals = next(
        db.query(
            """select count(category_id) as labels, avg(tokens_in) as tokens_in, avg(tokens_out) as tokens_out
               from labels where run_id = ? and chance is null""",
            [run_id],
        )
    )
    settled = """select count(*) from reviews v join label_runs r on r.task_id = v.task_id where r.id = ?
                 and v.reviewer <> 'file'"""
    prompt = prices.prompt_tokens(db, taxonomy_id)
    text = float(held["text"].str.len().mean()) / prices.CHARACTERS_A_TOKEN
    measured = totals["tokens_in"] is not None
    times = db.execute("select latency_ms from labels where run_id = ? and latency_ms > 0", [run_id]).fetchall()
    times = np.array([t for (t,) in times])
    return OfTeacher(
        taught=Taught(
            teacher=run["teacher"],
            labels=totals["labels"],
            spent_usd=run["spent_usd"],
            seconds=run["seconds"],
            reviews=db.execute(settled, [run_id]).fetchone()[0],
            tokens_in=totals["tokens_in"] if measured else prompt + text,
            tokens_out=totals["tokens_out"],
            tokens_basis=seen if measured else "estimated",
        ),
        teacher_latency=TeacherLatency(
            **latency.quantiles(times), n=len(times), spread=latency.spread(times), basis=seen
        )
        if len(times)
        else None,
    )


def gold(
    db: Database, task: Task, held: pd.DataFrame, categories: list[StoredCategory], threshold: float | None
) -> GoldFigures | None:
    """Accuracy of student, teacher and cascade against what people decided, on test rows that have a gold label; None without any.

    Only assets count that were not put before people for being doubtful (core/label/gold.SAMPLED).
    """
    decided = gold_of(db, task, categories, SAMPLED)
    test = held[held["split"] == "test"].assign(gold=lambda frame: frame["asset_id"].map(decided))
    test = test.dropna(subset=["gold"])
    if test.empty:
        return None
    groups, families = test["group_id"].to_numpy(), test["family_id"].to_numpy()
    student, teacher = ((test[name] == test["gold"]).to_numpy() for name in ("predicted", "category_id"))
    alone = GoldFigures(
        n=len(test),
        student=measures.share(student, families, groups),
        teacher=measures.share(teacher, families, groups),
        paired=measures.paired(student, teacher, groups, families),
    )
    if threshold is None:
        return alone
    handled = cascade.effective(test["confidence_student"].to_numpy(), test["strange"].to_numpy()) >= threshold
    both, left = np.where(handled, student, teacher), ~handled
    return replace(
        alone,
        cascade=measures.share(both, families, groups),
        fallback=measures.paired(student[left], teacher[left], groups[left], families[left]),
        cascade_paired=measures.paired(both, teacher, groups, families),
    )


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as rows by column, missing numbers as None."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
