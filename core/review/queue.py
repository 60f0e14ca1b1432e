"""What is most worth a person's minute: a job that ranks a client's labelled assets, and draws the random sample beside them.

An asset's worth is the chance that its label is wrong, as far as these signs tell, taken as independent (noisy or):

| sign | its chance |
|---|---|
| student | the student's confidence in another category than the teacher's (held-out assets; strange ones say nothing) |
| quality | 1 - the label's quality (cleanlab) where confident learning (Northcutt et al. 2021) calls it an issue |
| votes | the share of the teacher's own votes that went to other categories |
| copies | one half where a copy or near copy is labelled otherwise: one of the two is wrong |
| rare | up to 0.3, the fewer labels a category has: there each mistake weighs more and is seen less |

Where an asset may have several tags, the signs of the student are about the whole set, those of quality and rarity about one tag
(core/review/tag_queue.py).

Of the first two the larger counts, since one model says both.

Probabilities are out of sample: the student's on held-out assets, elsewhere those of a small linear model that learned from the
other folds. Copies count once, by the first of their group. Nothing here grows with the square of the assets.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sqlite_utils import Database

from core import tasks, taxonomy
from core.assets import duplicates, splits
from core.chance import chance
from core.evaluate import learning_curve
from core.jobs import NoProgress
from core.label.gold import gold
from core.label.runs import labelled, summary
from core.label.teachers import recorded
from core.review import tag_queue
from core.review.tag_queue import Tagged
from core.tasks import Task
from core.taxonomy import tagsets
from core.train import odds, softmax
from core.train.folds import deal
from core.train.students import crossfit, tfidf
from core.train.students.reading import Reading
from core.words import percent, teacher_words

QUEUE, SAMPLE = 2000, 1000  # assets listed at most
LEAST_WORTH = 0.05
CONFIDENT = 0.5  # of a student that disagrees, at least
RARE, RARE_WORTH = 20, 0.3
NEAR_COPY = 0.7  # Jaccard of 5-letter pieces; from 0.9 on they are one group
STRENGTH, ITERATIONS = 20.0, 15
MOST_WORDS, MOST_COEFFICIENTS = 20_000, 4_000_000
NEIGHBOURS, SUGGESTIONS = 5, 9
BLOCK = 128
ASKING = "Asking a model that has not seen them"


@dataclass(frozen=True)
class Predicted:
    """What the student said of a held-out asset: the likeliest categories [(id, probability), …], its answer (a category, or a set
    of tags) with how sure it is of that, and whether the asset is strange to it."""

    top: list
    category: int
    confidence: float
    strange: bool


NOBODY = Predicted([], 0, 0.0, False)


@dataclass(frozen=True)
class Rows:
    """One row a labelled duplicate group: `frame` (labelled()'s columns), `label` int [n], a column of `categories` (ids),
    `names` their labels by id, `probabilities` float32 (n, categories) out of sample; `teacher` and `student`: whose labels and
    whose doubts these are, by name. Of a task that chooses several the categories are sets, and `tagged` has what is known of their
    tags."""

    frame: pd.DataFrame
    label: np.ndarray
    categories: np.ndarray
    names: dict[int, str]
    probabilities: np.ndarray
    teacher: str
    student: str
    tagged: Tagged | None = None


def build_job(db: Database, params: dict, progress: NoProgress) -> dict:
    """The job body: {"task_id"} -> what build() returns."""
    return build(db, tasks.get(db, params["task_id"]), progress)


def build(db: Database, task: Task, progress: NoProgress | None = None) -> dict[str, Any]:
    """Rank the newest student's labels (else the newest labels) and list queue and random sample in review_items.

    Returns run_id, student_id (None without a judged one), assets (distinct), queue, sample (listed), reasons (how many by kind).
    Raises InputError without labels.
    """
    progress = progress or NoProgress()
    run_id = learning_curve.run_of(db, task)
    progress(0, 4, "Reading the labels")
    splits.assign(db, task.client_id, run_id)
    every = labelled(db, run_id)
    frame = every.drop_duplicates("group_id").reset_index(drop=True)
    categories, label = np.unique(frame.category_id.to_numpy(), return_inverse=True)
    run = summary(db, run_id)
    known = taxonomy.load(db, run["taxonomy_id"])
    names = {category.id: category.label for category in known} | tagsets.labels(db, run["taxonomy_id"])
    tagged = tag_queue.read(db, run["taxonomy_id"], frame) if task.several else None
    progress(1, 4, "Counting words")
    features = _words(frame.text.tolist(), len(categories if tagged is None else tagged.tags))
    progress(2, 4, ASKING)
    families, student_id = frame.family_id.to_numpy(), _student(db, run_id)
    predicted = _predictions(db, student_id)
    if tagged is None:
        linear = _out_of_fold(features, label, len(categories), progress, families)
        probabilities = _with_student(linear, frame, categories, predicted)
    else:
        said = tagged.said.astype(np.float32)
        scores = _scores(features, said, tagged.rarest, families, progress, odds.loss)
        tagged = tagged.judged(scores).with_student(frame.asset_id.tolist(), {a: p.top for a, p in predicted.items()})
        linear = probabilities = tagged.likely
    who = teacher_words(run["teacher"]), _named(db, student_id)
    rows = Rows(frame, label, categories, names, probabilities, *who, tagged)
    progress(3, 4, "Weighing the doubts")
    reasons, worth = _reasons(db, run_id, every, rows, predicted)
    decided = gold(db, task, tagsets.answers(db, task, run["taxonomy_id"]))
    touched = frame.group_id.isin(set(every.group_id[every.asset_id.isin(_touched(db, task))])).to_numpy()
    ranked = np.argsort(-np.where(touched, 0, worth), kind="stable")[:QUEUE]
    queue = ranked[(worth[ranked] >= LEAST_WORTH) & ~touched[ranked]]
    sample = _sample(frame)
    listed = np.unique(np.concatenate([queue, sample]))
    near = _nearest(features, listed)
    label_ids = np.array([decided.get(asset, category) for asset, category in zip(frame.asset_id, frame.category_id)])
    entries = {
        row: _as_json(rows, row, reasons[row], near[row], label_ids, linear, predicted) for row in listed.tolist()
    }
    _write(db, task, rows, worth, {"queue": queue, "random": sample}, entries)
    kinds = pd.Series([reason["kind"] for row in queue.tolist() for reason in reasons[row]]).value_counts()
    return {
        "run_id": run_id,
        "student_id": student_id,
        "assets": len(frame),
        "queue": len(queue),
        "sample": len(sample),
        "reasons": {str(kind): int(count) for kind, count in kinds.items()},
    }


def _touched(db: Database, task: Task) -> set[int]:
    """Assets that people have said anything of already."""
    return {row[0] for row in db.execute("select distinct asset_id from reviews where task_id = ?", [task.id])}


def _words(texts: list[str], categories: int) -> sp.csr_matrix:
    """TF-IDF of words and pairs of words, rows of length 1."""
    learned = tfidf.learn(texts, min(MOST_WORDS, MOST_COEFFICIENTS // max(categories, 1)))
    return learned(texts)[:, : len(learned.features[tfidf.WORD])].tocsr()


def _out_of_fold(
    features: sp.csr_matrix,
    label: np.ndarray,
    categories: int,
    progress: NoProgress,
    families: np.ndarray | None = None,
) -> np.ndarray:
    """Each row's probabilities, float32 (n, categories), by a model that learned from the other folds."""
    targets = np.eye(categories, dtype=np.float32)[label]
    scores = _scores(features, targets, label, families, progress, softmax.cross_entropy)
    return np.exp(softmax.log_softmax(scores))


def _scores(
    features: sp.csr_matrix,
    targets: np.ndarray,
    by: np.ndarray,
    families: np.ndarray | None,
    progress: NoProgress,
    loss: softmax.Loss,
) -> np.ndarray:
    """Each row's logits, float32 (n, categories), by a model that learned the `targets` (n, categories) of the other folds, which
    are dealt within each of the answers `by`, int (n)."""
    stage = crossfit.stages(progress, crossfit.FOLDS)

    def ask(learn: np.ndarray, held: np.ndarray) -> Reading:
        report = next(stage)
        coefficients, bias = softmax.fit(
            features[learn],
            targets[learn],
            strength=STRENGTH,
            iterations=ITERATIONS,
            step=lambda done, total: report(done, total, ASKING),
            loss=loss,
        )
        return Reading([features[held] @ coefficients + bias], None)

    return crossfit.unseen(deal(by, families), ask).tables[0]


def _student(db: Database, run_id: int) -> int | None:
    """The judged student of the run: the live one, else the newest."""
    row = db.execute(
        """select s.id from students s join evaluations e on e.student_id = s.id and e.split = 'test'
           where s.label_run_id = ? and s.ready = 1 order by s.live desc, s.id desc limit 1""",
        [run_id],
    ).fetchone()
    return row[0] if row else None


def _named(db: Database, student_id: int | None) -> str:
    """What people call the student; empty without one."""
    student = db.execute("select kind || ' ' || id from students where id = ?", [student_id]).fetchone()
    return student[0] if student else ""


def _predictions(db: Database, student_id: int | None) -> dict[int, Predicted]:
    """What the student said of held-out assets, by their ids."""
    columns = "asset_id, top, category_id, confidence, strange"
    rows = db.execute(f"select {columns} from predictions where student_id = ?", [student_id])
    return {asset: Predicted(json.loads(top), *said, bool(strange)) for asset, top, *said, strange in rows}


def _with_student(linear: np.ndarray, frame: pd.DataFrame, categories: np.ndarray, predicted: dict) -> np.ndarray:
    """The probabilities with the student's in the held-out rows; what it kept to itself is spread evenly over the rest."""
    table = linear.copy()
    column = {category: place for place, category in enumerate(categories.tolist())}
    for row, asset in enumerate(frame.asset_id.tolist()):
        top = [(column[c], p) for c, p in predicted.get(asset, NOBODY).top if c in column]
        if not top:
            continue
        rest = max(1 - sum(p for _, p in top), 0.0) / max(len(categories) - len(top), 1)
        table[row] = rest
        for place, probability in top:
            table[row, place] = probability
        table[row] /= max(table[row].sum(), 1e-9)
    return table


def _reasons(
    db: Database, run_id: int, every: pd.DataFrame, rows: Rows, predicted: dict
) -> tuple[list[list[dict]], np.ndarray]:
    """Why each row might be wrong, in words, and what looking at it is worth (0..1)."""
    count = len(rows.frame)
    reasons: list[list[dict]] = [[] for _ in range(count)]
    by_kind = {kind: np.zeros(count) for kind in ("student", "quality", "votes", "copies", "rare")}

    def add(row: int, kind: str, chance: float, words: str) -> None:
        by_kind[kind][row] = max(by_kind[kind][row], chance)
        reasons[row].append({"kind": kind, "words": words})

    labels = [rows.names[c] for c in rows.frame.category_id]
    for row, asset in enumerate(rows.frame.asset_id.tolist()):
        said = predicted.get(asset, NOBODY)
        if not said.strange and said.confidence >= CONFIDENT and said.category != rows.categories[rows.label[row]]:
            sure, other = percent(said.confidence, digits=0), rows.names.get(said.category, "another category")
            words = f"{rows.student} is {sure} sure of {other}; {rows.teacher} said {labels[row]}."
            add(row, "student", said.confidence, words)
    if rows.tagged is None:
        _add_quality(rows, labels, add)
    else:
        tag_queue.add_doubts(rows.tagged, add)
        tag_queue.add_rare(rows.tagged, RARE, RARE_WORTH, add)
    places = {asset: row for row, asset in enumerate(rows.frame.asset_id.tolist())}
    votes = db.execute(
        "select asset_id, confidence from labels where run_id = ? and confidence_kind = 'votes' and confidence < 1",
        [run_id],
    )
    for asset, share in votes:
        if asset in places:
            words = f"{rows.teacher} was of two minds: {percent(share, digits=0)} of its votes went to {labels[places[asset]]}."
            add(places[asset], "votes", 1 - share, words)
    for row, words in _differing_copies(db, every, rows, recorded.differing(db, run_id)):
        add(row, "copies", 0.5, words)
    sizes = np.bincount(rows.label, minlength=len(rows.categories))
    for row in [] if rows.tagged else np.flatnonzero(sizes[rows.label] < RARE).tolist():
        n = int(sizes[rows.label[row]])
        add(row, "rare", RARE_WORTH * (1 - n / RARE), f"{labels[row]} has only {n} label{'s' * (n != 1)}.")
    model = np.maximum(by_kind["student"], by_kind["quality"])
    right = (1 - model) * (1 - by_kind["votes"]) * (1 - by_kind["copies"]) * (1 - by_kind["rare"])
    return reasons, 1 - right


def _add_quality(rows: Rows, labels: list[str], add) -> None:
    """Labels that confident learning calls issues; needs two categories and a few rows."""
    if len(rows.categories) < 2:
        return
    from cleanlab.filter import find_label_issues  # seconds to import
    from cleanlab.rank import get_label_quality_scores

    quality = get_label_quality_scores(rows.label, rows.probabilities)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # categories of few labels are told of by themselves
        issues = find_label_issues(rows.label, rows.probabilities, n_jobs=1)
    best, own = rows.probabilities.argmax(1), rows.probabilities[np.arange(len(rows.label)), rows.label]
    for row in np.flatnonzero(issues & (best != rows.label)).tolist():
        other, sure = rows.names[int(rows.categories[best[row]])], float(rows.probabilities[row, best[row]])
        here = percent(own[row], digits=0)
        words = f"A model of the other labels says {other} ({percent(sure, digits=0)}) and gives this label {here}."
        add(row, "quality", 1 - float(quality[row]), words)


def _differing_copies(db: Database, every: pd.DataFrame, rows: Rows, differing: pd.DataFrame) -> list[tuple[int, str]]:
    """(row, words) of groups whose copies are, or came (`differing`), labelled differently, and of near copies that differ."""
    differing_copies = []
    place = {group: row for row, group in enumerate(rows.frame.group_id.tolist())}
    labels = every.groupby(["group_id", "category_id"], as_index=False).agg(
        copies=("asset_id", "size"), first=("asset_id", "min")
    )
    several = pd.concat([labels[labels.groupby("group_id").category_id.transform("size") > 1], differing])
    for group, members in several[several.group_id.isin(place)].groupby("group_id"):
        ranked = members.sort_values(["copies", "first"], ascending=[False, True])
        words = ", ".join(f"{rows.names[c]} ({n})" for c, n in zip(ranked.category_id, ranked.copies))
        differing_copies.append((place[group], f"Copies of it are labelled differently: {words}."))
    for row, other in _near_pairs(db, rows):
        name = rows.names[int(rows.categories[rows.label[other]])]
        words = f"A near copy ({rows.frame.external_id[other]}) is labelled {name}."
        differing_copies.append((row, words))
    return differing_copies


def _near_pairs(db: Database, rows: Rows) -> list[tuple[int, int]]:
    """Pairs of rows whose texts nearly agree and whose labels do not.

    Candidates share a band of the MinHash kept from import; of each such bunch a row is checked, exactly, against the ones with the
    lowest and the highest label, so that the checks grow with the rows.
    """
    first, last = int(rows.frame.asset_id.min()), int(rows.frame.asset_id.max())
    place = {asset: row for row, asset in enumerate(rows.frame.asset_id.tolist())}
    banded = [
        (place[asset], packed)
        for asset, packed in db.execute(
            "select asset_id, bands from asset_bands where asset_id between ? and ?", [first, last]
        )
        if asset in place
    ]
    if not banded:
        return []
    row = np.array([r for r, _ in banded])
    bands = np.frombuffer(b"".join(packed for _, packed in banded), np.uint32).reshape(len(banded), -1)
    label = rows.label[row]
    pairs: set[tuple[int, int]] = set()
    for band in bands.T:
        order = np.lexsort((label, band))
        value, its_label, its_row = band[order], label[order], row[order]
        begins = np.flatnonzero(np.append(True, value[1:] != value[:-1]))
        starts = np.repeat(
            begins, np.diff(np.append(begins, len(value)))
        )  # sorted by label: a bunch's first has its lowest
        ends = np.repeat(np.append(begins[1:], len(value)) - 1, np.diff(np.append(begins, len(value))))
        for other in (starts, ends):
            differ = np.flatnonzero(its_label != its_label[other])
            pairs.update(zip(its_row[differ].tolist(), its_row[other[differ]].tolist()))
    texts = rows.frame.text
    return [(a, b) for a, b in sorted(pairs) if _overlap(texts[a], texts[b]) >= NEAR_COPY]


def _overlap(first_text: str, second_text: str) -> float:
    """Jaccard overlap of the 5-letter pieces of two texts' normal forms."""
    first, second = (_pieces(duplicates.normal_form(text)) for text in (first_text, second_text))
    return len(first & second) / max(len(first | second), 1)


def _pieces(form: str) -> set[str]:
    return {form[i : i + duplicates.PIECE] for i in range(max(len(form) - duplicates.PIECE + 1, 1))}


def _sample(frame: pd.DataFrame) -> np.ndarray:
    """Rows of the test split in an order that depends on nothing but their ids: its beginning is a random sample."""
    test = np.flatnonzero((frame.split == "test").to_numpy())
    order = [chance(f"sample {frame.external_id[row]}") for row in test]
    return test[sorted(range(len(test)), key=order.__getitem__)][:SAMPLE].astype(int)


def _nearest(features: sp.csr_matrix, asked: np.ndarray) -> dict[int, list[tuple[int, float]]]:
    """For each asked row, the NEIGHBOURS other rows with the largest cosine: [(row, cosine), …]."""
    nearest: dict[int, list[tuple[int, float]]] = {}
    columns = features.T.tocsr()
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        cosine = (features[block] @ columns).tocsr()
        for row, begin, end in zip(block.tolist(), cosine.indptr[:-1], cosine.indptr[1:]):
            others, values = cosine.indices[begin:end], cosine.data[begin:end]
            some = np.argpartition(-values, min(NEIGHBOURS, len(values) - 1))[: NEIGHBOURS + 1] if len(values) else []
            ranked = sorted(((float(values[i]), int(others[i])) for i in some), reverse=True)
            nearest[row] = [(other, value) for value, other in ranked if other != row][:NEIGHBOURS]
    return nearest


def _as_json(
    rows: Rows, row: int, reasons: list[dict], near: list, label_ids: np.ndarray, linear: np.ndarray, predicted: dict
) -> dict[str, str]:
    """Reasons, suggestions and neighbours of one listed row, as JSON."""
    top = predicted.get(int(rows.frame.asset_id[row]), NOBODY).top
    if rows.tagged is None:
        suggestions = _suggestions(rows, row, near, label_ids, linear, top)
    else:
        who = rows.teacher, rows.student
        suggestions = tag_queue.suggestions(rows.tagged, row, *who, top, near, label_ids, SUGGESTIONS)
    neighbours = [
        {
            "asset_id": int(rows.frame.asset_id[other]),
            "category_id": int(label_ids[other]),
            "likeness": round(likeness, 3),
        }
        for other, likeness in near
    ]
    return {
        "reasons": json.dumps(reasons),
        "suggestions": json.dumps(suggestions),
        "neighbours": json.dumps(neighbours),
    }


def _suggestions(
    rows: Rows, row: int, near: list, label_ids: np.ndarray, linear: np.ndarray, top: list
) -> list[dict[str, Any]]:
    """The categories a person is offered for a row, the likeliest first, each with who says so."""
    by: dict[int, list[str]] = {}

    def suggest(category: int, who: str | None) -> None:
        by.setdefault(int(category), []).extend([who] if who else [])

    for category, probability in top[:1]:
        suggest(category, f"{rows.student}: {percent(probability, digits=0)}")
    suggest(rows.categories[rows.label[row]], rows.teacher)
    for category, probability in top[1:]:
        suggest(category, f"{rows.student}: {percent(probability, digits=0)}")
    around = pd.Series([int(label_ids[other]) for other, _ in near]).value_counts()
    for category, count in around.items():
        suggest(category, f"{count} of {len(near)} neighbours")
    for column in np.argsort(-linear[row], kind="stable")[:SUGGESTIONS]:
        suggest(rows.categories[column], None)
    return [{"category_id": c, "by": who} for c, who in list(by.items())[:SUGGESTIONS]]


def _write(
    db: Database, task: Task, rows: Rows, worth: np.ndarray, lists: dict[str, np.ndarray], entries: dict[int, dict]
) -> None:
    with db.atomic():
        # What somebody has sent from Compare stands before place 0 and waits until it is decided.
        sent = "mode = 'queue' and place < 0 and asset_id not in (select asset_id from reviews where task_id = :task)"
        db.execute(f"delete from review_items where task_id = :task and not ({sent})", {"task": task.id})
        for mode, chosen in lists.items():
            db.conn.executemany(
                "insert into review_items (task_id, mode, place, asset_id, worth, reasons, suggestions, neighbours)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (task.id, mode, place, int(rows.frame.asset_id[row]), float(worth[row]), *entries[row].values())
                    for place, row in enumerate(chosen.tolist())
                ],
            )


def latest(db: Database, task: Task) -> dict[str, Any] | None:
    """What the last build came to, as build() returned it, and when (created); None before the first."""
    row = db.execute(
        """select result, finished from jobs where task_id = ? and kind = 'review_queue' and state = 'done'
           order by id desc limit 1""",
        [task.id],
    ).fetchone()
    return json.loads(row[0]) | {"created": row[1]} if row else None
