"""What the labels say of the taxonomy itself: two categories that are one, and one category that is two, with examples to judge by.

pairs() reads the stored predictions; parts() encodes a sample of each category's assets, so it runs as a job that keeps what it
finds for doubles().
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import settings, tasks, taxonomy
from core.chance import scattered
from core.database import now
from core.encoders.encoder import encoder
from core.errors import InputError
from core.evaluate.agreement import share, sign_test, worth
from core.jobs import Progress
from core.label.relabel import runs_under
from core.tasks import Task
from core.taxonomy import versions

CONFUSED = (
    0.10  # of a pair's assets, at the least (lower bound of the 95 % interval), are on the other side for the student
)
EXAMPLES = 4
FEWEST, MOST = 40, 200  # assets of a category looked at
SMALLER = 0.15  # share of the smaller part, at the least
DRAWS = 20_000
ALPHA = 0.05  # over all categories together
# The most that a cut in two may leave of the variance on the line between the parts. Wording alone makes groups within a category,
# so being more than one is not enough; tests/bench/taxonomy_suggestions.py shows how many single categories pass, and merged pairs.
GAP = 0.10


@dataclass(frozen=True)
class Pair:
    """Labels `first` and `second` that student and teacher exchange either way: `swapped` of the `assets` that the teacher put in
    one of them, `share` with its 95 % bounds; examples are (text, teacher's label, student's label)."""

    first: str
    second: str
    swapped: int
    assets: int
    share: float
    low: float
    high: float
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Part:
    """One of two parts of a category: a proposed name from the words that set it apart, its share, and its most typical texts."""

    name: str
    share: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Double:
    """A category whose assets fall in two groups: of `looked_at` assets; `p` of the test that they are one."""

    label: str
    looked_at: int
    p: float
    parts: tuple[Part, Part]


# --- these two are one --------------------------------------------------------------------------------------------


def pairs(db: Database, task: Task, most: int = 10) -> list[Pair]:
    """Pairs of categories that the newest judged student and its teacher confuse either way, the most confused first.

    From held-out assets only, counted by families. Either way: an exact test does not show that one direction is the more frequent
    (p >= 0.05). A student that is merely weak on one of them errs in one direction.
    """
    row = db.execute(
        """select s.id from students s join evaluations e on e.student_id = s.id where s.task_id = ? and s.ready = 1
           order by s.id desc limit 1""",
        [task.id],
    ).fetchone()
    if row is None:
        return []
    labelled = pd.read_sql_query(
        """select p.teacher_category_id as teacher, p.category_id as student, a.group_id,
                  coalesce(a.family_id, a.group_id) as family
           from predictions p join assets a on a.id = p.asset_id where p.student_id = ?""",
        db.conn,
        params=row,
    )
    counts = labelled.groupby(["teacher", "student"]).size().to_dict()
    version = versions.in_use(db, task)
    means, names = versions.carried(db, version), {c.id: c.label for c in taxonomy.load(db, version)}
    swaps = []
    for (first, second), there in counts.items():
        back = counts.get((second, first), 0)
        if first >= second or not back:
            continue
        rows = labelled[labelled["teacher"].isin((first, second))]
        swapped = rows["student"].isin((first, second)) & (rows["student"] != rows["teacher"])
        forth, back_ = worth((rows["teacher"][swapped] == first).to_numpy(), rows["family"][swapped].to_numpy())
        if sign_test(forth, back_) < 0.05:
            continue
        seen = share(swapped.to_numpy(), rows["family"].to_numpy(), rows["group_id"].to_numpy())
        labels = [names.get(means.get(id)) for id in (first, second)]
        if seen.low >= CONFUSED and None not in labels and labels[0] != labels[1]:
            swaps.append((seen.value, seen.low, seen.high, first, second, labels, there + back, seen.n))
    swaps.sort(key=lambda first: -first[0])
    return [
        Pair(
            *labels,
            swapped,
            assets,
            share,
            low,
            high,
            _swapped(db, row[0], first, second, dict(zip((first, second), labels))),
        )
        for share, low, high, first, second, labels, swapped, assets in swaps[:most]
    ]


def _swapped(db: Database, student_id: int, first: int, second: int, names: dict[int, str]) -> tuple:
    rows = db.execute(
        """select a.text, p.teacher_category_id, p.category_id from predictions p join assets a on a.id = p.asset_id
           where p.student_id = ? and ((p.teacher_category_id = ? and p.category_id = ?)
           or (p.teacher_category_id = ? and p.category_id = ?)) 
           group by coalesce(a.family_id, a.group_id) order by p.confidence desc limit ?""",
        [student_id, first, second, second, first, EXAMPLES],
    )
    return tuple((text, names[teacher], names[student]) for text, teacher, student in rows.fetchall())


# --- this one is two ----------------------------------------------------------------------------------------------


def doubles(db: Database, task: Task) -> tuple[list[Double], str] | None:
    """What the last look for categories in two parts found, and when it was; None before the first, or where another version of
    the taxonomy is in use since."""
    row = next(
        db.query(
            """select s.figures, s.created from taxonomy_suggestions s join label_runs r on r.id = s.run_id
               where s.task_id = ? and r.taxonomy_id = ?""",
            [task.id, versions.in_use(db, task)],
        ),
        None,
    )
    if row is None:
        return None
    listed = []
    for double in json.loads(row["figures"]):
        parts = tuple(Part(part["name"], part["share"], tuple(part["examples"])) for part in double["parts"])
        listed.append(Double(double["label"], double["looked_at"], double["p"], parts))
    return listed, row["created"]


def look_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id"} -> {"looked_at" (categories), "found"}; keeps what parts() finds."""
    task = tasks.get(db, params["task_id"])
    run = next(iter(runs_under(db, versions.in_use(db, task))), None)
    if run is None:
        raise InputError("Nothing is labelled under this taxonomy yet.", "Get labels from a teacher first.")
    looked_at, doubled = parts(db, task, run["id"], progress)
    text = json.dumps([asdict(double) for double in doubled], ensure_ascii=False)
    db.execute("insert or replace into taxonomy_suggestions values (?, ?, ?, ?)", [task.id, run["id"], text, now()])
    return {"looked_at": looked_at, "found": len(doubled)}


def parts(db: Database, task: Task, run_id: int, progress: Progress | None = None) -> tuple[int, list[Double]]:
    """(categories looked at, those of them whose assets fall in two groups, the clearest first).

    A category with FEWEST labelled families or more is looked at by up to MOST of them, one asset each, for many versions of two
    concepts would look like two groups. The level ALPHA holds for all categories together (Bonferroni).
    """
    encode = encoder(settings.get(db, "encoder", task))
    sizes = db.execute(
        """select c.id, c.label, c.name, count(distinct coalesce(a.family_id, a.group_id)) as n
           from labels l join assets a on a.id = l.asset_id
           join categories c on c.id = l.category_id where l.run_id = ? group by c.id having n >= ? order by c.position""",
        [run_id, FEWEST],
    ).fetchall()
    doubled = []
    for place, (category, label, name, _) in enumerate(sizes):
        if progress:
            progress(place, len(sizes), "Looking for categories that are two")
        rows = db.execute(
            f"""select min(a.text) from labels l join assets a on a.id = l.asset_id where l.run_id = ? and l.category_id = ?
               group by coalesce(a.family_id, a.group_id)
               order by {scattered("coalesce(a.family_id, a.group_id)")} limit ?""",
            [run_id, category, MOST],
        )
        texts = [row[0] for row in rows.fetchall()]
        vectors = encode(texts)
        p, left = two_groups(vectors)
        if left < GAP and p < ALPHA / len(sizes):
            doubled.append(Double(label, len(texts), p, _parts(name, texts, vectors)))
    return len(sizes), sorted(doubled, key=lambda one: one.p)


def two_groups(vectors: np.ndarray) -> tuple[float, float]:
    """(p of the test that `vectors` (n, dimensions) form one group, the share of variance left by a cut in two), by cross-fitting.

    Two means are fitted on one half; the other half is projected on the line between them, where it is cut in two (neither part
    smaller than SMALLER) so that the variance within the parts is least; and the other way round. One group leaves at least the
    share of the variance that a uniform distribution leaves: the least favourable distribution with one mode, as in the dip test
    (Hartigan & Hartigan 1985). The mean of both halves is compared with DRAWS draws of that.
    """
    from sklearn.cluster import KMeans  # a second to import, as below: only the job that looks for parts need pay it

    order = np.random.default_rng(0).permutation(len(vectors))
    halves = vectors[order[::2]], vectors[order[1::2]]
    size = min(len(half) for half in halves)
    left = []
    for fitted, judged in (halves, halves[::-1]):
        centres = KMeans(2, n_init=4, random_state=0).fit(fitted).cluster_centers_
        left.append(float(_within(np.sort(judged[:size] @ (centres[1] - centres[0])))[0]))
    share = float(np.mean(left))
    return float((1 + (_uniform(size) <= share).sum()) / (1 + DRAWS)), share


def _within(rows: np.ndarray) -> np.ndarray:
    """The least share of the variance that a cut in two leaves within the parts, for sorted values (n) or rows of them (k, n)."""
    rows = np.atleast_2d(rows).astype(float)
    n = rows.shape[1]
    rows = rows - rows.mean(axis=1, keepdims=True)
    total = np.maximum((rows**2).sum(axis=1), 1e-12)
    first = max(int(np.ceil(SMALLER * n)), 1)
    cut = np.arange(first, n - first + 1)
    sums = np.cumsum(rows, axis=1)[:, cut - 1]
    between = sums**2 / cut + sums**2 / (n - cut)  # the sums of the two parts differ in sign only
    return 1 - between.max(axis=1) / total


@cache
def _uniform(size: int) -> np.ndarray:
    draw = np.random.default_rng(1)
    blocks = []
    for _ in range(DRAWS // 2000):
        pair = [_within(np.sort(draw.random((2000, size)), axis=1)) for _ in range(2)]
        blocks.append((pair[0] + pair[1]) / 2)
    return np.concatenate(blocks)


def _parts(name: str, texts: Sequence[str], vectors: np.ndarray) -> tuple[Part, Part]:
    from sklearn.cluster import KMeans

    fitted = KMeans(2, n_init=10, random_state=0).fit(vectors)
    near = fitted.transform(vectors)
    sides = []
    for side in (0, 1):
        typical = [i for i in near[:, side].argsort() if fitted.labels_[i] == side][:EXAMPLES]
        words = _telling(texts, fitted.labels_ == side)
        title = f"{name}: {', '.join(words)}" if words else f"{name} {side + 1}"
        sides.append(Part(title, float((fitted.labels_ == side).mean()), tuple(texts[i] for i in typical)))
    sides.sort(key=lambda part: -part.share)
    return sides[0], sides[1]


def _telling(texts: Sequence[str], here: np.ndarray, most: int = 2) -> list[str]:
    """The words that are most oftener in the texts here than in the others."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = [set(re.findall(r"[^\W\d_]{3,}", text.lower())) - ENGLISH_STOP_WORDS for text in texts]
    table = pd.DataFrame(
        [(word, there) for distinct, there in zip(words, here) for word in distinct], columns=["word", "here"]
    )
    if table.empty:
        return []
    shares = table.groupby(["word", "here"]).size().unstack(fill_value=0).reindex(columns=[False, True], fill_value=0)
    lead = shares[True] / max(here.sum(), 1) - shares[False] / max((~here).sum(), 1)
    return [word for word in lead.sort_values(ascending=False, kind="stable").index[:most] if lead[word] > 0.1]


def as_json(db: Database, task: Task) -> dict[str, Any]:
    """Both kinds as one JSON-able object, for the command line."""
    last = doubles(db, task)
    return {
        "one": [asdict(pair) for pair in pairs(db, task)],
        "two": None if last is None else [asdict(one) for one in last[0]],
    }
