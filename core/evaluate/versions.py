"""Students as versions: what each was made from, and how two of them differ on the test assets both were judged on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core.errors import InputError
from core.evaluate.agreement import Paired, Share, paired, share
from core.evaluate.comparison import judgement
from core.evaluate.evaluation import judged
from core.evaluate.phrases import p_words, percent, range_words, version_words
from core.tasks import Task
from core.taxonomy import versions as taxonomy_versions
from core.train.registry import all_students, is_whole
from core.words import money, ranged, teacher_words


@dataclass(frozen=True)
class Version:
    """A student's name, the labels it learned from (its teacher in words), the share it handles (None: none certified), MB, ms an
    asset (median), USD per 1,000 assets alone and with the teacher behind it (None: not known)."""

    name: str
    teacher: str
    handled: float | None
    size_mb: float
    ms: float
    usd_alone: float | None
    usd_cascade: float | None


@dataclass(frozen=True)
class ByLabels:
    """Two versions held against the same labels, those of `teacher`: how often each agrees with them, and the difference."""

    teacher: str
    first: Share
    second: Share
    paired: Paired


@dataclass(frozen=True)
class VersionComparison:
    """Two versions on all `n` test assets that both answered, copies counted once (`alone`: those that only one of them did).

    `by` holds them against the labels that each learned from: once where these are the same on every asset, else twice, and `apart`
    is on how many they differ. `changed` would change category; `changes`: columns first, second (categories), assets, the most
    frequent first.
    """

    first: Version
    second: Version
    by: tuple[ByLabels, ...]
    n: int
    alone: int
    apart: int
    changed: int
    changes: pd.DataFrame

    @property
    def sentence(self) -> str:
        """What the two differ in, in one paragraph."""
        several = len(self.by) > 1
        clauses = [
            (f"Against {by.teacher}: " if several else "") + _difference(self.first.name, self.second.name, by)
            for by in self.by
        ]
        return f"{'. '.join(clauses)}{'.' if several else ';'} {self.changing}"

    @property
    def changing(self) -> str:
        """How many assets would change category, out of all."""
        text = f"{self.changed:,} of {self.n:,} test assets would change category."
        return text + (f" {self.alone:,} more were answered by one of the two only." if self.alone else "")


def name_of(row: dict) -> str:
    """What people call a student: its kind and number."""
    return f"{row['kind']} {row['id']}"


def behind_words(db: Database, row: dict) -> str | None:
    """That a student answers in another version of the taxonomy than the one in use; None where it does not."""
    behind = taxonomy_versions.behind(db, row["taxonomy_id"])
    return version_words(name_of(row), *behind) if behind else None


def made_from(db: Database, student_id: int) -> dict[str, Any]:
    """What a student was made from: teacher, labels (train, calibration; crossfitted: whether these are the same), data
    (fingerprint), taxonomy (version), encoder, large_encoder (None: it has none), created, parent (the student before it, by
    name, or None)."""
    row = next(
        db.query(
            """select s.*, r.teacher, t.version, p.kind as parent_kind from students s
               join label_runs r on r.id = s.label_run_id join taxonomies t on t.id = s.taxonomy_id
               left join students p on p.id = s.parent_id where s.id = ?""",
            [student_id],
        )
    )
    params = json.loads(row["params"])
    return {
        "teacher": row["teacher"],
        "train": params.get("train", 0),
        "calibration": params.get("calibration", 0),
        "crossfitted": "folds" in params,
        "data": params.get("data"),
        "taxonomy": row["version"],
        "encoder": params.get("encoder"),
        "large_encoder": params.get("large_encoder"),
        "created": row["created"],
        "parent": f"{row['parent_kind']} {row['parent_id']}" if row["parent_id"] else None,
    }


def provenance(db: Database, student_id: int) -> dict[str, Any]:
    """What a card or a report says a student comes from: client, synthetic, task and how many tasks, taxonomy version and source,
    teacher, prompt_hash, when its labels were started and finished."""
    return next(
        db.query(
            """select c.name as client, c.synthetic, k.name as task,
                      (select count(*) from tasks where client_id = c.id) as tasks,
                      t.version, t.source, r.teacher, r.prompt_hash, r.started, r.finished
               from students s join tasks k on k.id = s.task_id join clients c on c.id = k.client_id
               join taxonomies t on t.id = s.taxonomy_id
               join label_runs r on r.id = s.label_run_id where s.id = ?""",
            [student_id],
        )
    )


def listed(db: Database, task: Task) -> list[dict[str, Any]]:
    """The client's students, newest first: id, name, kind, live, agreement (None before it was judged), size_mb, whole (whether
    its files are there), made_from."""
    return [
        {
            "id": row["id"],
            "name": name_of(row),
            "kind": row["kind"],
            "live": bool(row["live"]),
            "agreement": (figures := judged(db, row["id"])) and asdict(figures.agreement),
            "size_mb": row["size_mb"],
            "whole": is_whole(db, row["id"]),
            "made_from": made_from(db, row["id"]),
        }
        for row in all_students(db, task)
    ]


def compare(db: Database, first: int, second: int) -> VersionComparison:
    """Two students of one task on all the test assets that both were judged on, held against the labels of each one's teacher.

    Raises InputError where they are one, of two tasks, or have no such assets.
    """
    rows = {row["id"]: row for row in db.query("select * from students where id in (?, ?)", [first, second])}
    if len(rows) != 2 or len({row["task_id"] for row in rows.values()}) != 1:
        raise InputError("These are not two students of one task.", "Choose two different ones.")
    table = _both(db, first, second)
    if table.empty:
        raise InputError(
            f"{name_of(rows[first])} and {name_of(rows[second])} share no test assets.",
            "Train and judge both on the same labels.",
        )
    apart = int((table["truth_1"] != table["truth_2"]).sum())
    teachers = _teachers(db, first, second)
    by = [_by(table, i, teachers[i - 1]) for i in ((1, 2) if apart else (1,))]
    moved = table[table["predicted_1"] != table["predicted_2"]]
    changes = (
        moved.groupby(["predicted_1", "predicted_2"])
        .size()
        .reset_index(name="assets")
        .set_axis(["first", "second", "assets"], axis=1)
    )
    changes = changes.sort_values(["assets", "first", "second"], ascending=[False, True, True], ignore_index=True)
    versions = [_version(db, rows[id], teacher) for id, teacher in zip((first, second), teachers)]
    return VersionComparison(*versions, tuple(by), len(table), _alone(db, first, second), apart, len(moved), changes)


def _teachers(db: Database, first: int, second: int) -> list[str]:
    """Whose labels each of two students learned from, in words; told apart by the taxonomy version where the teacher is one."""
    origins = [made_from(db, id) for id in (first, second)]
    names = [teacher_words(origin["teacher"]) for origin in origins]
    if names[0] != names[1] or origins[0]["taxonomy"] == origins[1]["taxonomy"]:
        return names
    return [f"{name} under version {origin['taxonomy']} of the taxonomy" for name, origin in zip(names, origins)]


def _by(table: pd.DataFrame, of: int, teacher: str) -> ByLabels:
    """Both held against the labels that student `of` (1 or 2) learned from."""
    first, second = ((table[f"predicted_{i}"] == table[f"truth_{of}"]).to_numpy() for i in (1, 2))
    families, groups = table["family"].to_numpy(), np.arange(len(table))
    shares = [share(right, families, groups) for right in (first, second)]
    return ByLabels(teacher, *shares, paired(first, second, families=families))


def _alone(db: Database, first: int, second: int) -> int:
    """Test assets, copies counted once, that one of two students has answered and the other has not."""
    query = """select count(*) from (select a.group_id from predictions p join assets a on a.id = p.asset_id and a.split = 'test'
               where p.student_id in (?, ?) group by a.group_id having count(distinct p.student_id) = 1)"""
    return db.execute(query, [first, second]).fetchone()[0]


def _both(db: Database, first: int, second: int) -> pd.DataFrame:
    """One row a duplicate group of the test assets both predicted: family, predicted_1, truth_1, predicted_2, truth_2 as labels,
    those of the newer of the two taxonomy versions wherever it is certain what became of a category."""
    table = pd.read_sql_query(
        """select min(a.id) as asset, min(coalesce(a.family_id, a.group_id)) as family, p1.category_id as predicted_1,
                  p1.teacher_category_id as truth_1,
                  p2.category_id as predicted_2, p2.teacher_category_id as truth_2
           from predictions p1 join predictions p2 on p2.asset_id = p1.asset_id and p2.student_id = ?
           join assets a on a.id = p1.asset_id and a.split = 'test' where p1.student_id = ? group by a.group_id order by asset""",
        db.conn,
        params=[second, first],
    )
    (newer,) = db.execute("select max(taxonomy_id) from students where id in (?, ?)", [first, second]).fetchone()
    means = taxonomy_versions.carried(db, newer)
    names = dict(
        db.execute(
            "select id, label from categories where taxonomy_id in (select taxonomy_id from students where id in (?, ?))",
            [first, second],
        ).fetchall()
    )
    for column in ("predicted_1", "truth_1", "predicted_2", "truth_2"):
        table[column] = [names[means.get(id, id)] for id in table[column]]
    return table


def _version(db: Database, row: dict, teacher: str) -> Version:
    result = judgement(db, row["id"])
    seen, costs = result.figures, result.economics.per_1000
    handled = seen.handled.value if seen.certificate.certified else None
    return Version(name_of(row), teacher, handled, row["size_mb"], seen.latency.p50, costs["student"], costs["cascade"])


def _difference(first: str, second: str, by: ByLabels) -> str:
    """Who agrees more with these labels and by how much, with both agreements."""
    paired, shares = by.paired, (by.first, by.second)
    p = p_words(paired.p)
    gap, low, high = 100 * paired.difference, 100 * paired.low, 100 * paired.high
    if paired.better == "first":
        first, second, gap, low, high = second, first, -gap, -high, -low
        shares = shares[::-1]
    ends = ranged(low, high, "{:+.1f}".format)
    both = f"{percent(shares[1].value, shares[0].value)} against {percent(shares[0].value, shares[1].value)}"
    if paired.better:
        return f"{second} agrees on {gap:.1f} points more than {first} ({both}; difference {ends}, {p})"
    seen = f"{both}; {gap:+.1f} points, {ends}, {p}"
    return f"No difference in agreement is shown between {first} and {second} ({seen})"


def as_json(comparison: VersionComparison) -> dict[str, Any]:
    """A comparison as one JSON-able object, for the command line."""
    return {
        **{key: asdict(getattr(comparison, key)) for key in ("first", "second")},
        "by": [asdict(one) for one in comparison.by],
        **{key: getattr(comparison, key) for key in ("n", "alone", "apart", "changed", "sentence")},
        "changes": comparison.changes.to_dict("records"),
    }


def table_of(comparison: VersionComparison) -> pd.DataFrame:
    """Both versions side by side, one measure a row: measure, the two names, basis."""
    agreed = [(f"agreement with {one.teacher}", one.first, one.second) for one in comparison.by]
    pairs = [
        ("handles by itself", lambda v: "nothing proven yet" if v.handled is None else percent(v.handled), "measured"),
        ("milliseconds an asset", lambda v: f"{v.ms:.2f}", "measured"),
        ("size in MB", lambda v: f"{v.size_mb:.1f}", "measured"),
        ("1,000 assets, student alone", lambda v: money(v.usd_alone), "estimated"),
        ("1,000 assets, with the teacher behind it", lambda v: money(v.usd_cascade), "estimated"),
    ]
    rows = [("learned from", comparison.first.teacher, comparison.second.teacher, "")]
    rows += [(name, *(range_words(share) for share in both), "measured") for name, *both in agreed]
    rows += [(name, words(comparison.first), words(comparison.second), basis) for name, words, basis in pairs]
    return pd.DataFrame(rows, columns=["measure", comparison.first.name, comparison.second.name, "basis"])
