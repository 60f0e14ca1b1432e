"""What is measured of one student on its held-out assets, as JSON-able figures that pages draw without recomputing.

`held` is one row an asset of the test split and of those that calibrate (the calibration split, or where there is none the training
assets, as answered by members that had not learnt from them): asset_id, external_id, text, split, group_id, family_id,
category_id (the teacher's), predicted (the student's), confidence_student, strange, correct. All but text is stored, so that
all but speed can be worked out again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core.evaluate import agreement as measures
from core.evaluate import cascade, latency
from core.label.gold import SAMPLED
from core.label.gold import gold as gold_of
from core.money import prices
from core.tasks import Task
from core.taxonomy import StoredCategory
from core.train.new import New, from_json
from core.train.students import Student

EXAMPLES = 3  # assets named for each confusion
CONFUSIONS = 20
JUDGED = ("category_id", "predicted", "family_id", "group_id")  # teacher, student, what belongs together, copies
TIMED_TEXTS = 1024  # different texts the student is timed on, at most
THROUGHPUT_SECONDS = 1.0


def quality(held: pd.DataFrame, categories: list[StoredCategory]) -> dict[str, Any]:
    """Agreement and its relatives on test rows, as JSON-able figures."""
    test = held[held["split"] == "test"]
    teacher, student, *together = (test[name].to_numpy() for name in JUDGED)
    sure, correct = test["confidence_student"].to_numpy(), test["correct"].to_numpy()
    labels = {category.id: category.label for category in categories}
    by_category = measures.per_category(teacher, student, *together)
    by_category.insert(1, "label", by_category["category"].map(labels))
    parents = {category.id: category.parent_id for category in categories if category.parent_id}
    calibration = held.loc[held["split"] != "test", ["correct", "family_id", "group_id"]]
    return {
        "agreement": asdict(measures.agreement(teacher, student, *together)),
        "agreement_calibration": asdict(
            measures.share(*(calibration[name].to_numpy() for name in ("correct", "family_id", "group_id")))
        ),
        "macro_f1": measures.macro_f1(teacher, student),
        "kappa": measures.cohen_kappa(teacher, student),
        "ac1": measures.gwet_ac1(teacher, student, sum(category.assignable for category in categories)),
        "ece": measures.ece(sure, correct),
        "reliability": _records(measures.reliability(sure, correct)),
        "per_category": _records(by_category),
        "confusions": _confusions(test, labels),
        "pairs": _pairs(teacher, student),
        "parent_agreement": asdict(measures.parent_agreement(teacher, student, _roots(parents), *together))
        if parents
        else None,
    }


def _pairs(teacher: np.ndarray, student: np.ndarray) -> list[list[int]]:
    """[teacher's category, student's, assets] of every pair there is: the confusion matrix without its zeros."""
    pairs, counts = np.unique(np.stack([teacher, student]), axis=1, return_counts=True)
    return np.vstack([pairs, counts]).T.tolist()


def slices(db: Database, held: pd.DataFrame) -> list[dict]:
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
    return _records(measures.slices(hit, groups, values, families=families))


def new_of(found: dict[str, Any]) -> New | None:
    """What was measured of what is new, from an evaluation's figures; None where nothing was."""
    kept = found["new"]
    return from_json({key: value for key, value in kept.items() if key != "of"}) if kept else None


def _roots(parents: dict[int, int]) -> dict[int, int]:
    """Category id -> topmost ancestor's id (an import leaves no cycles)."""

    def root(category: int) -> int:
        while category in parents:
            category = parents[category]
        return category

    return {category: root(category) for category in parents}


def _confusions(test: pd.DataFrame, labels: dict[int, str]) -> list[dict]:
    table = measures.confusions(test["category_id"], test["predicted"], CONFUSIONS)
    wrong = test[~test["correct"]].sort_values("confidence_student", ascending=False, kind="stable")
    first = wrong.groupby(["category_id", "predicted"]).head(EXAMPLES)
    named = first.groupby(["category_id", "predicted"])["external_id"].agg(list)
    return [
        row
        | {
            "teacher_label": labels[row["teacher"]],
            "student_label": labels[row["student"]],
            "examples": named[(row["teacher"], row["student"])],
        }
        for row in _records(table)
    ]


def promise(held: pd.DataFrame, target: float, confidence: float) -> dict[str, Any]:
    """The cascade: curves, the certificate from calibration rows (one a duplicate group), and how test bears it out."""
    held = held.assign(sure=cascade.effective(held["confidence_student"], held["strange"]))
    calibration = held[held["split"] != "test"].drop_duplicates("group_id")
    test = held[held["split"] == "test"]
    certificate = cascade.certify(
        calibration["sure"].to_numpy(),
        calibration["correct"].to_numpy(),
        target,
        1 - confidence,
        families=calibration["family_id"].to_numpy(),
    )
    sure, correct = test["sure"].to_numpy(), test["correct"].to_numpy()
    handled, agreed = cascade.confirm(
        certificate, sure, correct, test["family_id"].to_numpy(), test["group_id"].to_numpy()
    )
    taken = test[sure >= certificate.threshold] if certificate.threshold is not None else test.head(0)
    return {
        "target": target,
        "certificate": asdict(certificate),
        "handled": asdict(handled),
        "agreement_handled": asdict(agreed) if agreed else None,
        "per_category_handled": _records(measures.per_category(*(taken[name].to_numpy() for name in JUDGED))),
        "agreement_end_to_end": cascade.end_to_end(handled.value, agreed.value if agreed else 0.0),
        "strange": float(test["strange"].mean()),
        "curve": {
            "calibration": _records(cascade.curve(calibration["sure"], calibration["correct"])),
            "test": _records(cascade.curve(sure, correct)),
        },
    }


def promised(held: pd.DataFrame, target: float, confidence: float) -> dict[str, Any]:
    """Of promise() what a verdict at another target needs."""
    found = promise(held, target, confidence)
    kept = ("target", "certificate", "handled", "agreement_handled")
    counts = ("category", "n", "agreed", "groups")
    handled = [{name: row[name] for name in counts} for row in found["per_category_handled"]]
    return {name: found[name] for name in kept} | {"per_category_handled": handled}


def speed(student: Student, held: pd.DataFrame) -> dict[str, Any]:
    """Latency of one asset at a time and throughput in batches, on distinct test texts in random order; and the share of those that
    each member is asked about."""
    texts = held.loc[held["split"] == "test", "text"].drop_duplicates().sample(frac=1, random_state=0)
    texts = texts.head(TIMED_TEXTS).tolist()
    sizes = sorted({min(size, len(texts)) for size in latency.BATCHES})
    rates = {size: latency.throughput(student.answer, texts, size, THROUGHPUT_SECONDS) for size in sizes}
    return {
        "latency": asdict(latency.measure(lambda text: student.answer([text]), texts)),
        "throughput": {str(size): rate for size, rate in rates.items()},
        "assets_per_second": rates[min(64, len(texts))],
        "asked": student.consulted(texts),
    }


def teacher(db: Database, run_id: int, taxonomy_id: int, held: pd.DataFrame) -> dict[str, Any]:
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
    told = next(
        db.query(
            """select count(category_id) as labels, avg(tokens_in) as tokens_in, avg(tokens_out) as tokens_out,
                      count(tokens_in) as counted from labels where run_id = ?""",
            [run_id],
        )
    )
    settled = """select count(*) from reviews v join label_runs r on r.task_id = v.task_id where r.id = ?
                 and v.reviewer <> 'file'"""
    prompt = prices.prompt_tokens(db, taxonomy_id)
    text = float(held["text"].str.len().mean()) / prices.CHARACTERS_A_TOKEN
    measured = told["tokens_in"] is not None
    times = db.execute("select latency_ms from labels where run_id = ? and latency_ms > 0", [run_id]).fetchall()
    times = np.array([t for (t,) in times])
    return {
        "teacher": {
            "name": run["teacher"],
            "kind": run["teacher"].partition(":")[0],
            "labels": told["labels"],
            "spent_usd": run["spent_usd"],
            "seconds": run["seconds"],
            "reviews": db.execute(settled, [run_id]).fetchone()[0],
        },
        "tokens": {
            "in": told["tokens_in"] if measured else prompt + text,
            "out": told["tokens_out"],
            "n": told["counted"],
            "basis": seen if measured else "estimated",
            "formula": f"mean of {told['counted']:,} labels"
            if measured
            else f"{prompt:,.0f} for instructions and categories + {text:,.0f} for the asset "
            f"({prices.CHARACTERS_A_TOKEN:g} characters a token)",
        },
        "teacher_latency": {
            **latency.quantiles(times),
            "n": len(times),
            "basis": seen,
            "spread": latency.spread(times),
        }
        if len(times)
        else None,
    }


def gold(
    db: Database, task: Task, held: pd.DataFrame, categories: list[StoredCategory], threshold: float | None
) -> dict[str, Any] | None:
    """Accuracy of student, teacher and cascade against what people decided, on test rows that have a gold label; None without any.

    Only assets count that were not put before people for being doubtful (core/label/gold.SAMPLED).
    "paired" compares the teacher (second) with the student (first) on all of them, "fallback" on those that fall back at
    `threshold`, "cascade_paired" the teacher (second) with both together (first); "cascade", "fallback" and "cascade_paired" are
    None where no threshold is certified.
    """
    decided = gold_of(db, task, categories, SAMPLED)
    test = held[held["split"] == "test"].assign(gold=lambda frame: frame["asset_id"].map(decided))
    test = test.dropna(subset=["gold"])
    if test.empty:
        return None
    groups, families = test["group_id"].to_numpy(), test["family_id"].to_numpy()
    student, teacher = ((test[name] == test["gold"]).to_numpy() for name in ("predicted", "category_id"))
    found = {
        "n": len(test),
        "student": asdict(measures.share(student, families, groups)),
        "teacher": asdict(measures.share(teacher, families, groups)),
        "paired": asdict(measures.paired(student, teacher, groups, families)),
        "cascade": None,
        "fallback": None,
        "cascade_paired": None,
    }
    if threshold is not None:
        handled = cascade.effective(test["confidence_student"].to_numpy(), test["strange"].to_numpy()) >= threshold
        both = np.where(handled, student, teacher)
        found["cascade"] = asdict(measures.share(both, families, groups))
        found["cascade_paired"] = asdict(measures.paired(both, teacher, groups, families))
        left = ~handled
        found["fallback"] = asdict(measures.paired(student[left], teacher[left], groups[left], families[left]))
    return found


def _records(table: pd.DataFrame) -> list[dict]:
    """A table as JSON-able rows, missing numbers as None."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
