"""Vendor tests: a vendor's answers to a held-out set, out of a file it sent or out of a label run of its endpoint, and kept.

    test_id = import_file(db, task, "Vendor X", Path("answers.csv"), usd_per_1000=1.50)
    core.vendor.scorecard.scorecard(db, test_id)

The same name again replaces what was there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
from sqlite_utils import Database

from core import tasks, taxonomy
from core.assets import tag_columns
from core.assets.label_columns import Unknown, check_map, unknown_of
from core.database import now
from core.errors import InputError, Problem
from core.jobs import Progress
from core.label.labelling import label
from core.tables.files import AS_FOUND, ReadAs
from core.tasks import Task
from core.taxonomy import tagsets, versions
from core.taxonomy.matching import Matcher
from core.vendor import files, sets
from core.vendor.files import Columns, VendorAnswer, VendorFile
from core.words import counted

KEPT_PROBLEMS = 1_000
MAX_NAME = 80


def version_words(db: Database, task: Task) -> str:
    """Which version of the taxonomy a pack handed out now holds, in a sentence, and why not the newest where it is not.

    It is the version of the labels that the answers will be judged by: those of the live student. A student of another version
    could only be set beside them where it is certain what became of a category.
    """
    holds = taxonomy.version_of(db, sets.reference(db, task)["taxonomy_id"])
    newest = taxonomy.version_of(db, versions.in_use(db, task))
    if holds == newest:
        return f"The pack holds version {holds} of the taxonomy."
    return (
        f"The pack holds version {holds} of the taxonomy, that of the student and the teacher's labels the answers are judged by. "
        f"Version {newest} goes out once a student of version {newest} is live."
    )


def import_file(
    db: Database,
    task: Task,
    name: str,
    path: Path,
    *,
    set_id: int | None = None,
    columns: Columns | None = None,
    usd_per_1000: float | None = None,
    filename: str | None = None,
    read_as: ReadAs = AS_FOUND,
    reader: Callable[..., VendorFile] = files.read,
) -> int:
    """Keep a vendor's answers from a file (CSV, TSV, XLSX, JSON lines, Parquet); returns the test's id.

    `set_id` None is the newest set handed out, or all held-out assets; `columns` None is guessed; `usd_per_1000` goes before
    prices in the file; `reader` reads it. Raises InputError for a file that cannot be used (see vendor_files.read), a price below
    zero, no name.
    """
    chosen = sets.find(db, task, set_id)
    assets = db.execute(
        "select a.id, a.external_id from vendor_set_assets s join assets a on a.id = s.asset_id where s.set_id = ?",
        [chosen["id"]],
    ).fetchall()
    categories = taxonomy.load(db, chosen["taxonomy_id"])
    file = reader(Path(path), assets, categories, columns, _others(db, task, assets), read_as, task.several)
    counts = {"rows": file.rows, "outside": file.outside, "again": file.again, "problems": file.problem_count}
    source = f"file:{filename or Path(path).name}"
    answers = _as_sets(db, chosen["taxonomy_id"], file.answers)
    return _keep(db, task, name, chosen, source, usd_per_1000, answers, counts, file.problems)


def _as_sets(db: Database, taxonomy_id: int, answers: list[VendorAnswer]) -> list[VendorAnswer]:
    """Answers that name tags, with the ids of the sets these are (core/taxonomy/tagsets.py)."""
    said = [answer.tags for answer in answers if answer.tags is not None]
    ids = dict(zip(said, tagsets.ids(db, taxonomy_id, said))) if said else {}
    return [replace(one, category_id=ids[one.tags]) if one.tags is not None else one for one in answers]


def ask(
    db: Database,
    task: Task,
    name: str,
    teacher: str,
    *,
    set_id: int | None = None,
    budget_usd: float | None = None,
    progress: Progress | None = None,
) -> int:
    """Have an endpoint (a teacher: connection:NAME, openai:MODEL …) answer the held-out set, and no other asset, as a vendor.

    It is a label run: within the budget, resumable, in the ledger, nothing bought twice. Returns the test's id; raises
    InputError as core.label.labelling.label does.
    """
    chosen = sets.find(db, task, set_id)
    groups = "select distinct a.group_id from vendor_set_assets s join assets a on a.id = s.asset_id where s.set_id = ?"
    only = {row[0] for row in db.execute(groups, [chosen["id"]])}
    run_id = label(db, task, teacher, budget_usd=budget_usd, only=only, progress=progress)
    return import_run(db, task, name, run_id, set_id=chosen["id"])


def ask_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: ask()'s arguments -> {"name", "counts"}."""
    options = {key: params.get(key) for key in ("set_id", "budget_usd")}
    ask(db, tasks.get(db, params["task_id"]), params["name"], params["teacher"], **options, progress=progress)
    test = find(db, tasks.get(db, params["task_id"]), params["name"])
    return {"name": test["name"], "counts": test["counts"]}


def import_run(
    db: Database,
    task: Task,
    name: str,
    run_id: int,
    *,
    set_id: int | None = None,
    usd_per_1000: float | None = None,
) -> int:
    """Keep what a label run's teacher said of the held-out set as a vendor's answers; returns the test's id.

    Time and money are those measured on the run. Raises InputError where the run is not the client's or has none of the assets.
    """
    chosen = sets.find(db, task, set_id)
    run = next(db.query("select teacher from label_runs where id = ? and task_id = ?", [run_id, task.id]), None)
    if run is None:
        raise InputError(f"This client has no label run {run_id}.", "Choose one that the Teacher page lists.")
    labels = of_run(db, run_id, chosen["id"])
    labels = labels[labels["category_id"].notna() | labels["error"].notna()]
    if labels["category_id"].isna().all():
        raise InputError(
            f"{run['teacher']} has answered none of the test assets in this run.", "Have it label them first."
        )
    answers = [_answer_of(row) for row in labels.itertuples()]
    counts = {"rows": len(answers), "outside": 0, "again": 0, "problems": 0}
    return _keep(db, task, name or run["teacher"], chosen, f"run:{run_id}", usd_per_1000, answers, counts, [])


def _answer_of(row) -> VendorAnswer:
    """One row of of_run() as an answer; a failed one was off list, its error is what was said."""
    numbers = (None if pd.isna(value) else float(value) for value in (row.confidence, row.latency_ms, row.cost_usd))
    if pd.isna(row.category_id):
        return VendorAnswer(row.asset_id, row.error[:200], None, "off list", *numbers)
    how = "mapped" if row.mapped == 1 else "exact"
    return VendorAnswer(row.asset_id, row.label, int(row.category_id), how, *numbers)


def of_run(db: Database, run_id: int, set_id: int) -> pd.DataFrame:
    """What a label run says of each asset of a set: its own answer, or else its duplicate group's.

    Columns asset_id, category_id and label (None: no answer), confidence, latency_ms, cost_usd, mapped and error (its own only).
    """
    return pd.read_sql_query(
        """with said as (
             select a.id as asset_id, l.confidence, l.latency_ms, l.cost_usd, l.error, l.mapped,
                    coalesce(l.category_id, (select other.category_id from assets b
                       join labels other on other.run_id = ? and other.asset_id = b.id and other.category_id is not null
                       where b.client_id = a.client_id and b.group_id = a.group_id order by b.id limit 1)) as category_id
             from vendor_set_assets s join assets a on a.id = s.asset_id
             left join labels l on l.run_id = ? and l.asset_id = a.id where s.set_id = ?)
           select said.*, c.label from said left join categories c on c.id = said.category_id order by asset_id""",
        db.conn,
        params=[run_id, run_id, set_id],
    )


def tests(db: Database, task: Task) -> list[dict[str, Any]]:
    """The client's vendor tests, newest first: id, name, set_id, size (of the set), source, usd_per_1000, created,
    counts (rows, outside, again, problems, exact, mapped, off list, empty, absent) and problems (the first 1,000 as dicts)."""
    rows = db.query(
        """select t.*, s.size, s.taxonomy_id from vendor_tests t join vendor_sets s on s.id = t.set_id
           where t.task_id = ? order by t.created desc, t.id desc""",
        [task.id],
    )
    return [row | {"counts": json.loads(row["counts"]), "problems": json.loads(row["problems"])} for row in rows]


def find(db: Database, task: Task, name: str | None = None) -> dict[str, Any]:
    """The client's test of this vendor (None: the newest). InputError where there is none."""
    kept_tests = tests(db, task)
    for row in kept_tests:
        if name is None or row["name"].casefold() == _name(name).casefold():
            return row
    known = ", ".join(row["name"] for row in kept_tests)
    raise InputError(
        f"There are no answers of a vendor {name}." if name else "No vendor's answers are here yet.",
        f"Judged so far: {known}." if known else "Hand out a blind pack, and import what comes back.",
    )


def read_words(test: dict[str, Any]) -> str:
    """How a vendor's answers were read, in a sentence: what of the set it answered how, and what was left out."""
    counts = test["counts"]
    parts = [f"{counts['exact']:,} exact"]
    for kind, single, many in (
        ("mapped", "mapped to the one category it nearly names", "mapped to the one category they nearly name"),
        ("accepted", "taken for a category as accepted", "taken for categories as accepted"),
        ("off list", "off the list", "off the list"),
        ("empty", "empty", "empty"),
        ("absent", "missing", "missing"),
        ("again", "answered again (the first answer stands)", "answered again (the first answer stands)"),
        ("outside", "row for no asset of this set", "rows for no asset of this set"),
    ):
        parts += [counted(counts[kind], single, many)] if counts.get(kind) else []
    return f"{test['name']}, {counted(test['size'], 'asset')} asked: {', '.join(parts)}."


def unknown(db: Database, test: dict[str, Any]) -> list[Unknown]:
    """The answers of a file that are no category, the commonest first, with what each is near to: for a person to accept."""
    off_list, matcher = _off_list(db, test), Matcher(taxonomy.load(db, test["taxonomy_id"]))
    if off_list and tasks.get(db, test["task_id"]).several:
        cells = tag_columns.reader(off_list, matcher, tie="names")
        pieces: Counter[str] = Counter()
        for cell, n in off_list.items():
            pieces.update(dict.fromkeys(cells.read(cell).unknown, n))
        off_list = pieces
    return unknown_of(off_list, "answer", matcher) if off_list else []


def accept(db: Database, test: dict[str, Any], accepted: Mapping[str, str]) -> int:
    """Take the answers of a file that are no category for the categories a person says they mean (answer to label); returns how
    many. They are counted as accepted. Raises InputError for a label that is no category."""
    categories = taxonomy.load(db, test["taxonomy_id"])
    match = Matcher(categories, accepted=check_map(accepted, Matcher(categories)))
    answers = _off_list(db, test)
    if tasks.get(db, test["task_id"]).several:
        sets_, _ = tag_columns.whole(db, test["taxonomy_id"], answers, match)
        meant = [(sets_.get(answer), test["id"], answer) for answer in answers]
    else:
        meant = [(match(answer), test["id"], answer) for answer in answers]
    taken = 0
    with db.atomic():
        for change in meant:
            if change[0] is not None:
                how = "category_id = ?, how = 'accepted' where test_id = ? and said = ? and how = 'off list'"
                taken += db.execute(f"update vendor_answers set {how}", change).rowcount
        counts = test["counts"] | {"off list": test["counts"]["off list"] - taken}
        counts["accepted"] = counts.get("accepted", 0) + taken
        db.execute("update vendor_tests set counts = ? where id = ?", [json.dumps(counts), test["id"]])
    return taken


def _off_list(db: Database, test: dict[str, Any]) -> Counter[str]:
    """What a vendor's file says that is no category, and how often; of a label run that would be errors."""
    if not test["source"].startswith("file:"):
        return Counter()
    query = "select said, count(*) from vendor_answers where test_id = ? and how = 'off list' group by said"
    return Counter(dict(db.execute(query, [test["id"]]).fetchall()))


def set_price(db: Database, test_id: int, usd_per_1000: float | None) -> None:
    """Keep what the vendor asks for 1,000 assets; None: what its file states. InputError for less than nothing."""
    _check_price(usd_per_1000)
    with db.atomic():
        db.execute("update vendor_tests set usd_per_1000 = ? where id = ?", [usd_per_1000, test_id])


def remove(db: Database, test_id: int) -> None:
    """Forget a vendor's answers; the set stays."""
    with db.atomic():
        _forget(db, "id = ?", [test_id])


def _forget(db: Database, which: str, values: list) -> None:
    db.execute(f"delete from vendor_answers where test_id in (select id from vendor_tests where {which})", values)
    db.execute(f"delete from vendor_tests where {which}", values)


def _others(db: Database, task: Task, assets: list[tuple[int, str]]) -> frozenset[str]:
    """The external ids of the client's assets that are not among these."""
    known = db.execute("select external_id from assets where client_id = ?", [task.client_id])
    return frozenset(row[0] for row in known) - {external for _, external in assets}


def _name(name: str) -> str:
    return " ".join(name.split())


def _check_price(usd_per_1000: float | None) -> None:
    if usd_per_1000 is not None and not (isfinite(usd_per_1000) and usd_per_1000 >= 0):
        raise InputError(f"The price is {usd_per_1000}.", "Give US dollars for 1,000 assets, zero or more.")


def _keep(
    db: Database,
    task: Task,
    name: str,
    chosen: dict,
    source: str,
    usd_per_1000: float | None,
    answers: list[VendorAnswer],
    counts: dict[str, int],
    problems: Iterable[Problem],
) -> int:
    name = _name(name)
    if not name or len(name) > MAX_NAME:
        raise InputError("The vendor needs a name.", f"Give it one of at most {MAX_NAME} characters.")
    _check_price(usd_per_1000)
    how = Counter(answer.how for answer in answers)
    counts |= {kind: how[kind] for kind in ("exact", "mapped", "off list", "empty")}
    counts["absent"] = chosen["size"] - len(answers)
    noted = [problem.as_dict() for problem in list(problems)[:KEPT_PROBLEMS]]
    with db.atomic():
        _forget(db, "task_id = ? and name = ?", [task.id, name])
        test_id = db.execute(
            """insert into vendor_tests (task_id, name, set_id, source, usd_per_1000, counts, problems, created)
               values (?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                task.id,
                name,
                chosen["id"],
                source,
                usd_per_1000,
                json.dumps(counts),
                json.dumps(noted, ensure_ascii=False),
                now(),
            ],
        ).lastrowid
        db.conn.executemany(
            "insert into vendor_answers (test_id, asset_id, said, category_id, how, confidence, latency_ms, usd)"
            " values (:test_id, :asset_id, :said, :category_id, :how, :confidence, :latency_ms, :usd)",
            [{"test_id": test_id, **asdict(answer)} for answer in answers],
        )
    return test_id
