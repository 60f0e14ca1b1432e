"""The scorecard of a vendor test: vendor, students and teacher side by side on exactly the same assets.

A set holds every creative once; assets of one family (a concept in several languages) count as far as they differ. An asset counts
where the set, the teacher's labels and the predictions of every student shown have it. A missing or off-list answer of the vendor
is wrong in the main figures; the share among the answered assets stands beside them. Where the sides were given under different
versions of the taxonomy, all are brought to the newest of these wherever it is certain what became of a category.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import tasks, taxonomy, vendor
from core.errors import InputError
from core.evaluate import agreement as measures
from core.evaluate.agreement import Paired, Share
from core.evaluate.comparison import Comparison, judgement
from core.evaluate.evidence import FEWEST_TEST, Rules, Verdict
from core.evaluate.figures import TagFigures
from core.evaluate.kept import rules_of
from core.evaluate.latency import quantiles
from core.evaluate.phrases import p_words, percent, range_words
from core.evaluate.versions import name_of
from core.label import gold
from core.tasks import Task
from core.taxonomy import tagsets, versions
from core.train.registry import all_students
from core.vendor import rules as vendor_rules
from core.vendor import tag_card
from core.vendor.rules import VendorEvidence
from core.words import counted, milliseconds, money, ranged

CONFUSIONS = 20
NONE = "–"


@dataclass(frozen=True)
class Quantity:
    """A cost or a time with its basis (measured, estimated or assumed; "" without a value) and where it comes from."""

    value: float | None
    basis: str
    note: str


@dataclass(frozen=True)
class Row:
    """One side of the test. `agreement` is with the teacher's labels (None: the teacher's own), `accuracy` is by gold labels
    (None: no asset has one), `answered` its share of assets with a usable answer. The two figures after it are of the assets
    that the vendor answered, for every side. `usd` per 1,000 assets; `ms` and `ms_p95` for one asset. `usd_behind`: what a student
    costs with the teacher behind it, where that is the most it may be used for (None: it may replace the teacher). Where an asset
    may have several tags, agreement and accuracy are of whole sets, and `tags` has the figures of single ones."""

    who: str
    kind: str
    student_id: int | None
    agreement: Share | None
    accuracy: Share | None
    answered: float
    agreement_answered: Share | None
    accuracy_answered: Share | None
    usd: Quantity
    ms: Quantity
    ms_p95: float | None
    usd_behind: Quantity | None = None
    tags: TagFigures | None = None


@dataclass(frozen=True)
class Against:
    """The vendor (second) tested against `other` (first), `by` the teacher's labels or gold, on all assets or the answered ones."""

    other: str
    by: str
    answered_only: bool
    pair: Paired


@dataclass(frozen=True)
class Scorecard:
    """Everything the vendor test says. `judged` assets of those in the set (the others lack a teacher's label or a student's
    answer) by the labels of `run_id`, `gold` of them settled by people; `rows` vendor first, then students, then teacher; the
    verdict goes `by` "teacher" or "gold" labels; `categories`: category, n, vendor, student (shares agreeing; of a task that
    chooses several, F1, with each side's precision and recall); `confusions`: teacher, vendor, count. `answered_under` and
    `judged_under` are numbers of taxonomy versions; `uncertain` answers of the vendor name a category of which it is not
    certain what became in the second."""

    test: dict[str, Any]
    run_id: int
    teacher: str
    judged: int
    gold: int
    rows: list[Row]
    against: list[Against]
    by: str
    verdict: Verdict
    categories: list[dict]
    confusions: list[dict]
    answered_under: int
    judged_under: int
    uncertain: int


def scorecard(db: Database, test: dict[str, Any], student_ids: list[int] | None = None) -> Scorecard:
    """Judge a vendor test (as vendor.find gives it) beside students: the first of `student_ids` decides, the others are shown.

    None: the live student, else the newest judged one, then the newest of each other kind with the same teacher. Raises
    InputError without a judged student, or where the assets have nothing in common.
    """
    task = tasks.get(db, test["task_id"])
    students = _students(db, task, student_ids)
    if test["source"] == f"run:{students[0]['label_run_id']}":
        raise InputError(
            "These answers are the labels that the student learned from: the teacher would be judged by itself.",
            "Take another label run, or a student of another teacher.",
        )
    under = _taxonomies(db, test, students)
    table, single = _table(db, test, students, max(under)), _single(db, task, max(under))
    if table.empty:
        raise InputError(
            "No asset of this vendor's set has both a teacher's label and the students' answers.",
            "Train and judge a student on the labels of these assets, or hand out a new set.",
        )
    answered = table["vendor"].notna().to_numpy()
    compared = {student["id"]: judgement(db, student["id"]) for student in students}
    first = compared[students[0]["id"]]
    usd, ms, p95 = _of_vendor(db, test)
    rows = [Row(test["name"], "vendor", None, *_shares(table, "vendor", answered), usd, ms, p95)]
    for student in students:
        shares = _shares(table, f"student {student['id']}", answered)
        rows += [Row(name_of(student), "student", student["id"], *shares, *_of_student(compared[student["id"]]))]
    if single:
        columns = ["vendor", *(f"student {student['id']}" for student in students)]
        rows = [replace(row, tags=tag_card.figures(single, table, who)) for row, who in zip(rows, columns)]
    rows.append(_teacher_row(table, answered, first))
    against = _against(table, answered, students)
    evidence = _evidence(rows, against, answered, rules_of(db, task), first)
    decides = f"student {students[0]['id']}"
    return Scorecard(
        test,
        students[0]["label_run_id"],
        first.figures.taught.teacher,
        len(table),
        int(table["gold"].notna().sum()),
        rows,
        against,
        evidence.by,
        vendor_rules.decide(evidence),
        (tag_card.by_tag(single, table, decides) if single else _by_category(table, decides)),
        [] if single else _confusions(table),
        taxonomy.version_of(db, under[0]),
        taxonomy.version_of(db, max(under)),
        int((table["vendor"].notna() & ~table.pop("certain")).sum()),
    )


def table_of(card: Scorecard) -> pd.DataFrame:
    """The sides in columns, one measure a row, in words with interval or basis; measures that nobody has are left out."""
    gold = f" (n = {card.gold:,})" if card.gold else ""
    measures_of = [
        ("agrees with the teacher", lambda row: _share_words(row.agreement)),
        ("… on the answered assets", lambda row: _share_words(row.agreement_answered)),
        (f"right by people's labels{gold}", lambda row: _share_words(row.accuracy)),
        ("… on the answered of them", lambda row: _share_words(row.accuracy_answered)),
        ("of the tags it gives, the teacher's", lambda row: _share_words(row.tags and row.tags.right)),
        ("of the teacher's tags, given", lambda row: _share_words(row.tags and row.tags.found)),
        ("F1 of the tags", lambda row: f"{row.tags.micro_f1:.3f}" if row.tags else NONE),
        ("Jaccard index", lambda row: f"{row.tags.jaccard:.3f}" if row.tags else NONE),
        ("assets with a usable answer", lambda row: percent(row.answered)),
        ("1,000 assets cost", lambda row: _quantity_words(money, row.usd)),
        ("… with the teacher behind it", lambda row: _quantity_words(money, row.usd_behind)),
        ("one asset takes", lambda row: _quantity_words(milliseconds, row.ms)),
        ("95 of 100 take at most", lambda row: milliseconds(row.ms_p95)),
    ]
    table = pd.DataFrame(
        [[name, *map(words, card.rows)] for name, words in measures_of], columns=["measure", *_names(card.rows)]
    )
    return table[(table.iloc[:, 1:] != NONE).any(axis=1)].reset_index(drop=True)


def _names(rows: list[Row]) -> list[str]:
    """Each side's name; a vendor that calls itself like another side gets its kind behind it."""
    taken = [row.who for row in rows[1:]]
    return [f"{rows[0].who} (vendor)" if rows[0].who in [*taken, "measure"] else rows[0].who, *taken]


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _share_words(measured: Share | None) -> str:
    return NONE if measured is None else range_words(measured)


def _quantity_words(words: Callable[[float | None], str], quantity: Quantity | None) -> str:
    return f"{words(quantity.value)}, {quantity.basis}" if quantity is not None and quantity.value is not None else NONE


def sources_of(card: Scorecard) -> list[str]:
    """Where each side's cost and time come from, a sentence a side."""

    def behind(row: Row) -> str:
        priced = row.usd_behind is not None and row.usd_behind.value is not None
        return f", with the teacher behind it: {row.usd_behind.note}" if priced else ""

    return [f"{row.who}: cost: {row.usd.note or 'not known'}{behind(row)}; time: {row.ms.note}." for row in card.rows]


def versions_words(card: Scorecard) -> str:
    """Which version of the taxonomy the set was handed out under and which it is judged under; "" where they are one."""
    if card.answered_under == card.judged_under:
        return ""
    how = "It answered" if card.test["source"].startswith("run:") else "The set was handed out"
    text = (
        f"{how} under version {card.answered_under} of the taxonomy and is judged under version {card.judged_under}: answers and "
        "teacher's labels are carried over wherever it is certain what became of a category."
    )
    if not card.uncertain:
        return text
    many = counted(card.uncertain, "answer names a category", "answers name categories")
    return f"{text} {many} of which that is not certain, and {'is' if card.uncertain == 1 else 'are'} judged as given."


def tests_of(card: Scorecard) -> pd.DataFrame:
    """The paired tests, one a row, in words: the vendor against each other side, by whose labels, on which assets."""
    shown = {"first": "the other is better", "second": "it is better", None: "no difference"}
    return pd.DataFrame(
        [
            {
                f"{card.test['name']} against": against.other,
                "by": "teacher's labels" if against.by == "teacher" else "people's labels",
                "assets": f"{against.pair.n:,}{' answered' if against.answered_only else ''}",
                "only it is right": against.pair.only_second,
                "only the other": against.pair.only_first,
                "points": f"{_points(against.pair.difference)} ({ranged(against.pair.low, against.pair.high, _points)})",
                "test": p_words(against.pair.p),
                "shown": shown[against.pair.better],
            }
            for against in card.against
        ]
    )


def as_json(card: Scorecard) -> dict[str, Any]:
    """The scorecard as one JSON-able object, for the command line."""
    return asdict(card)


def judged_students(db: Database, task: Task) -> list[dict]:
    """The client's judged students, newest first. InputError where there is none."""
    judged = {row["student_id"] for row in db.query("select student_id from evaluations where split = 'test'")}
    rows = [row for row in all_students(db, task) if row["id"] in judged]
    if not rows:
        raise InputError(
            "There is no judged student to set the vendor against.", "Train one on the Student page, or with `distil`."
        )
    return rows


def default_students(judged: list[dict]) -> list[dict]:
    """The live one, else the newest, which decides; then the newest of each other kind that learned from the same labels."""
    first = next((row for row in judged if row["live"]), judged[0])
    chosen = {first["kind"]: first}
    for row in judged:
        if row["label_run_id"] == first["label_run_id"]:
            chosen.setdefault(row["kind"], row)
    return list(chosen.values())


def _students(db: Database, task: Task, wanted: list[int] | None) -> list[dict]:
    rows = judged_students(db, task)
    if not wanted:
        return default_students(rows)
    judged = {row["id"]: row for row in rows}
    missing = next((id for id in wanted if id not in judged), None)
    if missing is not None:
        raise InputError(f"There is no judged student {missing}.", f"Choose from: {', '.join(map(str, judged))}.")
    return [judged[id] for id in dict.fromkeys(wanted)]


def _taxonomies(db: Database, test: dict[str, Any], students: list[dict]) -> list[int]:
    """The taxonomy versions (ids, which grow) that the sides were given under: the vendor's first, then the students'."""
    kind, _, run_id = test["source"].partition(":")
    asked = test["taxonomy_id"]
    if kind == "run":  # its teacher answered under the run's version, whatever the set's
        (asked,) = db.execute("select taxonomy_id from label_runs where id = ?", [int(run_id)]).fetchone()
    learned = "select taxonomy_id from label_runs where id = ?"
    return [
        asked,
        *(one["taxonomy_id"] for one in students),
        db.execute(learned, [students[0]["label_run_id"]]).fetchone()[0],
    ]


def _table(db: Database, test: dict[str, Any], students: list[dict], taxonomy_id: int) -> pd.DataFrame:
    """One row an asset judged: asset_id, family, teacher, vendor (None: no usable answer), a column a student, gold (or None), all
    as labels of one taxonomy version wherever it is certain what became of a category, else as given; certain: of the vendor's."""
    labels, means = _labels(db, test["task_id"], taxonomy_id)
    table = vendor.of_run(db, students[0]["label_run_id"], test["set_id"])[["asset_id", "category_id"]]
    table["teacher"] = table.pop("category_id").map(labels)
    table = table.dropna(subset=["teacher"])
    query = "select asset_id, category_id from vendor_answers where test_id = ? and category_id is not null"
    answers = dict(db.execute(query, [test["id"]]).fetchall())
    table["vendor"] = table["asset_id"].map({asset: labels[id] for asset, id in answers.items()})
    table["certain"] = table["asset_id"].map({asset: id in means for asset, id in answers.items()}).eq(True)
    for student in students:
        rows = db.execute("select asset_id, category_id from predictions where student_id = ?", [student["id"]])
        predicted = {asset: labels[id] for asset, id in rows}
        table[f"student {student['id']}"] = table["asset_id"].map(predicted)
    table = table.dropna(subset=[f"student {student['id']}" for student in students]).reset_index(drop=True)
    task = tasks.get(db, test["task_id"])
    settled = gold.gold(db, task, tagsets.answers(db, task, taxonomy_id), gold.SAMPLED)
    table["gold"] = table["asset_id"].map({asset: labels[id] for asset, id in settled.items()})
    query = "select id, coalesce(family_id, group_id) from assets where client_id = ?"
    families = dict(db.execute(query, [task.client_id]).fetchall())
    return table.assign(family=table["asset_id"].map(families))


def _single(db: Database, task: Task, taxonomy_id: int) -> tag_card.Labels | None:
    """What takes answers apart into tags; None where an asset has one category."""
    if not task.several:
        return None
    labels, means = _labels(db, task.id, taxonomy_id)
    return tag_card.labels(db, taxonomy_id, task.id, labels, means)


def _labels(db: Database, task_id: int, taxonomy_id: int) -> tuple[dict[int, str], dict[int, int]]:
    """The label of every category (and set of tags) of a task's, in this version where it is certain what became of it, else as it
    was; and the ids that these are in it."""
    means = versions.carried(db, taxonomy_id)
    every = "select id, label from categories where taxonomy_id in (select id from taxonomies where task_id = ?)"
    names = dict(db.execute(every, [task_id]).fetchall())
    return {id: names[means.get(id, id)] for id in names}, means


def _shares(table: pd.DataFrame, who: str, answered: np.ndarray) -> tuple:
    """agreement, accuracy, answered, agreement_answered, accuracy_answered of one side; `answered`: by the vendor (bool [n])."""
    every = np.ones(len(table), bool)
    return (
        _share(table, who, "teacher", every),
        _share(table, who, "gold", every),
        float(table[who].notna().mean()),
        _share(table, who, "teacher", answered),
        _share(table, who, "gold", answered),
    )


def _share(table: pd.DataFrame, who: str, by: str, which: np.ndarray) -> Share | None:
    rows = table[which & table[by].notna().to_numpy()]
    if rows.empty or who == by:
        return None
    return measures.share((rows[who] == rows[by]).to_numpy(), rows["family"].to_numpy(), rows["asset_id"].to_numpy())


def _against(table: pd.DataFrame, answered: np.ndarray, students: list[dict]) -> list[Against]:
    """The paired tests: vendor against each student by teacher labels, against students and teacher by gold; all and answered."""
    sides = [(name_of(one), f"student {one['id']}") for one in students]
    asked = [("teacher", other) for other in sides]
    if table["gold"].notna().any():
        asked += [("gold", other) for other in [*sides, ("teacher", "teacher")]]
    against = []
    for by, (name, column) in asked:
        for only in (False, True):
            rows = table[by].notna().to_numpy() & (answered | (not only))
            right = [(table[side] == table[by]).to_numpy()[rows] for side in (column, "vendor")]
            against.append(Against(name, by, only, measures.paired(*right, families=table["family"].to_numpy()[rows])))
    return against


def _of_vendor(db: Database, test: dict[str, Any]) -> tuple[Quantity, Quantity, float | None]:
    """Cost and time as they stand in the vendor's file, which nobody here has checked, or as measured on a label run."""
    stored = pd.read_sql_query(
        "select usd, latency_ms from vendor_answers where test_id = ?", db.conn, params=[test["id"]]
    )
    basis, where = (
        ("measured", "on the label run") if test["source"].startswith("run:") else ("assumed", "the vendor's file")
    )
    prices, times = stored["usd"].dropna(), stored["latency_ms"].dropna()
    usd = Quantity(None, "", "no price was stated")
    if test["usd_per_1000"] is not None:
        usd = Quantity(test["usd_per_1000"], "assumed", "the price entered by hand")
    elif len(prices):
        usd = Quantity(1000 * float(prices.mean()), basis, f"mean of {counted(len(prices), 'answer')}, {where}")
    if not len(times):
        return usd, Quantity(None, "", "no time was stated"), None
    ms = quantiles(times.to_numpy())
    return usd, Quantity(ms["p50"], basis, f"median of {counted(len(times), 'answer')}, {where}"), ms["p95"]


def _proposed(compared: Comparison) -> str:
    """What a vendor would take the place of, by the verdict: "student" alone, "cascade" or "teacher".

    As Comparison.mode; but a student that is not ready does not stand alone.
    """
    if compared.verdict.decision == "replace":
        return "student"
    return "teacher" if compared.economics.line("cascade").value is None else "cascade"


def _of_student(compared: Comparison) -> tuple[Quantity, Quantity, float | None, Quantity | None]:
    behind = compared.economics.line("cascade") if compared.verdict.decision != "replace" else None
    line, latency = compared.economics.line("student"), compared.figures.latency
    return (
        Quantity(line.value, line.basis, line.note),
        Quantity(latency.p50, "measured", f"median of {counted(latency.n, 'single call')}, {latency.machine}"),
        latency.p95,
        Quantity(behind.value, behind.basis, behind.note) if behind else None,
    )


def _teacher_row(table: pd.DataFrame, answered: np.ndarray, compared: Comparison) -> Row:
    line, (times, measured) = compared.economics.line("teacher"), compared.teacher_time
    how = ("measured", f"median of {counted(times.n, 'label')}") if measured else ("assumed", "nobody timed it")
    usd = Quantity(line.value, line.basis if line.value is not None else "", line.note)
    shares = _shares(table, "teacher", answered)
    return Row("teacher", "teacher", None, *shares, usd, Quantity(times.p50, *how), times.p95)


def _evidence(
    rows: list[Row], against: list[Against], answered: np.ndarray, rules: Rules, compared: Comparison
) -> VendorEvidence:
    them, student, teacher = rows[0], rows[1], rows[-1]
    by = "gold" if them.accuracy and them.accuracy.n >= FEWEST_TEST else "teacher"
    proposed = _proposed(compared)
    pairs = {(one.other, one.by, one.answered_only): one.pair for one in against}
    return VendorEvidence(
        name=them.who,
        student_name=student.who,
        by=by,
        vendor=them.accuracy if by == "gold" else them.agreement,
        student=student.accuracy if by == "gold" else student.agreement,
        pair=pairs[student.who, by, False],
        pair_answered=pairs[student.who, by, True],
        teacher=pairs["teacher", "gold", False] if by == "gold" else None,
        answered=int(answered.sum()),
        asked=len(answered),
        target=rules.target,
        gold_drop=rules.gold_drop,
        vendor_usd=them.usd.value,
        proposed=proposed,
        proposed_usd=compared.economics.line(proposed).value,
        teacher_usd=teacher.usd.value,
    )


def _by_category(table: pd.DataFrame, student: str) -> list[dict]:
    """Per teacher's category, the vendor's weakest against the student first."""
    hits = table.assign(one=table["vendor"] == table["teacher"], two=table[student] == table["teacher"])
    categories = (
        hits.groupby("teacher").agg(n=("one", "size"), vendor=("one", "mean"), student=("two", "mean")).reset_index()
    )
    categories["gap"] = (categories["student"] - categories["vendor"]) * categories["n"]
    categories = categories.sort_values(["gap", "n"], ascending=False).drop(columns="gap")
    return categories.rename(columns={"teacher": "category"}).to_dict("records")


def _confusions(table: pd.DataFrame) -> list[dict]:
    """What the vendor says most often instead of the teacher's category; "" where it has no usable answer."""
    if (table["vendor"] == table["teacher"]).all():
        return []
    pairs = measures.confusions(table["teacher"], table["vendor"].fillna(""), CONFUSIONS)
    pairs = pairs.rename(columns={"student": "vendor"})
    return pairs[["teacher", "vendor", "count"]].to_dict("records")
