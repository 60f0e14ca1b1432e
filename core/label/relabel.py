"""After a change of taxonomy: which labels still hold, which assets the teacher must be asked about again, and what that costs.

plan(db, task) -> Plan          before anything is saved; counts are exact but for assets an added category may claim
carry_over(db, task) -> dict    saves the draft and copies every label that holds to the run of the same teacher under the
                                     new version, in one transaction: what is then pending is what the teacher is asked about
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import jobs, settings, tasks, taxonomy
from core.chance import scattered
from core.encoders.encoder import encoder
from core.errors import InputError
from core.jobs import Progress
from core.label.runs import run_for
from core.label.teachers import for_labels
from core.label.teachers.builtin import category_vectors
from core.label.teachers.hosted import Hosted
from core.money import prices
from core.tasks import Task
from core.taxonomy import StoredCategory, tagsets, versions
from core.taxonomy.diff import diff, forward
from core.taxonomy.versions import KeptDraft
from core.words import stated_percent

SAMPLE = 500  # labelled assets that an estimate looks at
AT_ONCE = 2000  # labels read, weighed and written at a time
UNSURE = 0.5  # a teacher less confident than this may have lacked the category that is now there
NEAREST = 3  # an unsure one is asked again where an added category is among this many nearest
LEFT = 0.5  # share of a distribution that must go on; with less the teacher thought mostly of what is gone
LABELLING = ("label", "distil", "rounds", "vendor")  # jobs that write labels
BUILT_IN_SECONDS = 0.004  # a label, until this client's own run was timed; assumed

WHY = {
    "removed": "its category is removed",
    "split": "its category is split: which part?",
    "described": "its category is described anew, and you asked for it",
    "merged": "the merged category now outweighs it in the teacher's own distribution",
    "unclear": "the teacher thought mostly of categories that are gone",
    "nearest": "its words are nearest to an added category",
    "unsure": f"the teacher was unsure (below {stated_percent(UNSURE)}) and an added category is near",
}
ESTIMATED = ("merged", "unclear", "nearest", "unsure")


@dataclass(frozen=True)
class Row:
    """`assets` to be asked about again because of `why` (a key of WHY), all in `category` (a label before; "" for any)."""

    why: str
    category: str
    assets: int


@dataclass(frozen=True)
class Plan:
    """What the draft means for the run of `teacher`, which holds the most labels (None: nothing is labelled yet).

    `labels` it holds; `rows` by reason; `ask` assets in all, between `ask_low` and `ask_high` where some are estimated from
    `sampled` assets (95 %); `keep` = labels - ask. `described`: (label after, labels it has) of categories described anew, to be
    decided; tokens and seconds of the `ask` labels with their bases. `lost`: recorded labels cannot be asked for again.
    """

    run_id: int | None
    teacher: str | None
    labels: int = 0
    rows: tuple[Row, ...] = ()
    ask: int = 0
    ask_low: int = 0
    ask_high: int = 0
    sampled: int = 0
    described: tuple[tuple[str, int], ...] = ()
    seconds: float = 0.0
    seconds_basis: str = "assumed"
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    tokens_basis: str = "estimated"
    lost: bool = False
    price: prices.Price | None = None  # of a hosted teacher's own model

    @property
    def keep(self) -> int:
        return self.labels - self.ask

    @property
    def basis(self) -> str:
        return "estimated" if any(row.why in ESTIMATED for row in self.rows) else "measured"

    def usd(self, price: prices.Price | None) -> float | None:
        """What the labels to ask for cost at that price (a hosted teacher's at its own, where it has one); None without one."""
        price = self.price or price
        return None if price is None else prices.cost(price, self.tokens_in, self.tokens_out)


# --- which labels hold --------------------------------------------------------------------------------------------


class _Rules:
    """What a draft means for single labels; `encode` is asked only where a category was added."""

    def __init__(self, before: Sequence[StoredCategory], kept_draft: KeptDraft, encode: Callable | None):
        after = {c.label: c for c in kept_draft.draft.categories}
        to = forward(kept_draft.draft.links)
        self.labels = {c.id: c.label for c in before}
        self.columns = [c.label for c in kept_draft.draft.categories if c.assignable]
        place = {label: i for i, label in enumerate(self.columns)}
        self.target: dict[int, int] = {}  # old category id -> column of the new distribution
        self.why: dict[int, str] = {}
        for old in before:
            onward = to[old.label]
            usable = [label for label in onward if after[label].assignable]
            if len(onward) == 1 and usable and usable[0] not in kept_draft.again:
                self.target[old.id] = place[usable[0]]
            else:
                self.why[old.id] = "split" if len(onward) > 1 else "described" if usable else "removed"
        old_columns = [c for c in before if c.assignable]
        self.spread = np.zeros((len(old_columns), len(self.columns)), np.float32)  # old distribution @ spread = new
        for i, old in enumerate(old_columns):
            onward = [label for label in to[old.label] if after[label].assignable]
            if len(onward) == 1:
                self.spread[i, place[onward[0]]] = 1
        linked = {label for labels in to.values() for label in labels}
        was_heading = {label for old in before if not old.assignable for label in to[old.label]}
        added = [label for label in self.columns if label not in linked or label in was_heading]
        self.added = np.array([place[label] for label in added if label not in kept_draft.again], int)
        self.several = False
        self.vectors = None
        if len(self.added) and encode:
            self.encode = encode
            self.vectors = category_vectors([after[label] for label in self.columns], encode)

    def add_sets(self, sets: Mapping[int, tagsets.Tags], labels: Mapping[int, str]) -> None:
        """Sets of tags of the version before: one holds where each of its tags does. How likely tags were is not carried."""
        self.several = True
        self.sets = {id: tags for id, tags in sets.items() if id not in self.labels}
        for id, tags in self.sets.items():
            self.labels[id] = labels[id]
            if why := next((self.why[tag] for tag in tags if tag in self.why), ""):
                self.why[id] = why

    def verdicts(self, rows: pd.DataFrame) -> tuple[np.ndarray, list[np.ndarray | None]]:
        """For labels (category_id, confidence, distribution, text): why the teacher is asked again ("" where the label holds),
        and the distribution over the new categories where there is one."""
        why = rows["category_id"].map(self.why).fillna("").to_numpy(object, copy=True)
        column = rows["category_id"].map(self.target).fillna(-1).to_numpy(int)
        spread: list[np.ndarray | None] = [None] * len(rows)
        size = 2 * self.spread.shape[0]  # float16; of another length it is of no use and is dropped
        has_distribution = [
            not self.several and blob is not None and len(blob) == size for blob in rows["distribution"]
        ]
        known = np.flatnonzero(np.array(has_distribution, bool) & (why == ""))
        if len(known):
            blobs = b"".join(rows["distribution"].iloc[i] for i in known)
            old = np.frombuffer(blobs, np.float16).reshape(len(known), -1).astype(np.float32)
            new = old @ self.spread
            own = new[np.arange(len(known)), column[known]]
            left = new.sum(axis=1) / np.maximum(old.sum(axis=1), 1e-9)
            # A label that was not its teacher's likeliest to begin with is not outweighed by the change.
            outweighed = (own < new.max(axis=1) - 1e-3) & (own >= old.max(axis=1) - 1e-3)
            why[known[outweighed]] = "merged"
            why[known[left < LEFT]] = "unclear"
            for i, row in zip(known, new / np.maximum(new.sum(axis=1, keepdims=True), 1e-9)):
                spread[i] = row
        if self.vectors is not None:
            self._claimed(rows, why, column)
        return why, spread

    def _claimed(self, rows: pd.DataFrame, why: np.ndarray, column: np.ndarray) -> None:
        """Mark labels that hold so far but that an added category may claim."""
        places = np.flatnonzero(why == "")
        if not len(places):
            return
        near = self.encode(rows["text"].iloc[places].tolist()) @ self.vectors.T
        order = np.argsort(-near, axis=1, kind="stable")[:, :NEAREST]
        is_added = np.isin(order, self.added)
        nearest = is_added[:, 0] & (order[:, 0] != column[places])
        confidence = rows["confidence"].iloc[places].to_numpy(float)
        unsure = ~nearest & is_added.any(1) & (confidence < UNSURE)  # False where the confidence is not known
        why[places[nearest]] = "nearest"
        why[places[unsure]] = "unsure"


def _rules(db: Database, kept_draft: KeptDraft, teacher: str) -> _Rules:
    # Recorded labels say the same however often they are asked for, so there is no point in asking where they may still hold.
    asks = not teacher.startswith("recorded:")
    encode = encoder(settings.get(db, "encoder")) if asks else None
    rules = _Rules(taxonomy.load(db, kept_draft.base_id), kept_draft if asks else replace(kept_draft, again=()), encode)
    if (sets := tagsets.load(db, kept_draft.base_id)).keys() - rules.labels.keys():
        rules.add_sets(sets, tagsets.labels(db, kept_draft.base_id))
    return rules


def runs_under(db: Database, base_id: int) -> list[dict[str, Any]]:
    """The newest run with labels of each teacher under a version, the one with most labels first: id, teacher, seconds, started."""
    return list(
        db.query(
            """select id, teacher, seconds, started from label_runs r where taxonomy_id = :t and id =
               (select max(id) from label_runs n where n.taxonomy_id = :t and n.teacher = r.teacher
                and exists (select 1 from labels where run_id = n.id and category_id is not null))
               order by (select count(category_id) from labels where run_id = r.id) desc, id desc""",
            {"t": base_id},
        )
    )


# --- the plan -----------------------------------------------------------------------------------------------------


def plan(db: Database, task: Task, kept_draft: KeptDraft) -> Plan:
    """What the draft means for the labels of the teacher that labelled most. Looks at SAMPLE assets where a category was added
    or categories with distributions were merged or removed; all other counts are exact."""
    run = next(iter(runs_under(db, kept_draft.base_id)), None)
    if run is None or not diff(kept_draft.draft):
        return Plan(run and run["id"], run and run["teacher"])
    rules = _rules(db, kept_draft, run["teacher"])
    counts = dict(
        db.execute(
            "select category_id, count(*) from labels where run_id = ? and category_id is not null group by category_id",
            [run["id"]],
        ).fetchall()
    )
    rows = [Row(rules.why[id], rules.labels[id], n) for id, n in counts.items() if id in rules.why]
    certain, labels = sum(row.assets for row in rows), sum(counts.values())
    low = high = certain
    sampled = _sampled(db, run["id"], rules, labels)
    holds = sampled[~np.isin(sampled, list(rules.why.values()))]
    for why, count in Counter(holds[holds != ""]).items():
        rows.append(Row(why, "", round(count / len(holds) * (labels - certain))))
    if len(holds):
        from scipy.stats import binomtest  # a second to import: most looks at a taxonomy sample nothing

        share = binomtest(int((holds != "").sum()), len(holds)).proportion_ci(0.95)
        low, high = (certain + round(edge * (labels - certain)) for edge in (share.low, share.high))
        if len(holds) == labels - certain:  # all were looked at
            low = high = sum(row.assets for row in rows)
    ask = sum(row.assets for row in rows)
    described = _described(kept_draft, counts, rules)
    plan = Plan(
        run["id"], run["teacher"], labels, tuple(sorted(rows, key=_order)), ask, low, high, len(holds), described
    )
    return _priced(db, task, plan, run, kept_draft)


def _order(row: Row) -> tuple[int, int]:
    return list(WHY).index(row.why), -row.assets


def _described(kept_draft: KeptDraft, counts: dict[int, int], rules: _Rules) -> tuple[tuple[str, int], ...]:
    ids = {label: id for id, label in rules.labels.items()}
    changes = (
        c for c in diff(kept_draft.draft) if c.kind == "described" and {"description", "examples"} & set(c.fields)
    )
    described = ((c.after[0].label, counts.get(ids[c.before[0].label], 0)) for c in changes if c.after[0].assignable)
    return tuple(one for one in described if one[1])


def _sampled(db: Database, run_id: int, rules: _Rules, labels: int) -> np.ndarray:
    """Why, for a sample of the run's labels; empty where no label needs to be looked at one by one."""
    partial = (rules.spread.sum(axis=0) > 1).any() or (rules.spread.sum(axis=1) == 0).any()
    distributed = db.execute(
        "select 1 from labels where run_id = ? and distribution is not null limit 1", [run_id]
    ).fetchone()
    if rules.vectors is None and not (partial and distributed):
        return np.array([], object)
    # Any SAMPLE of them, the same ones at each look.
    some = f"""and l.asset_id in (select asset_id from labels where run_id = ? and category_id is not null
               order by {scattered("asset_id")} limit {SAMPLE})"""
    rows = _read(db, run_id, some, [run_id])
    return rules.verdicts(rows)[0]


def _read(db: Database, run_id: int, rest: str, values: list) -> pd.DataFrame:
    return pd.read_sql_query(
        f"""select l.asset_id, l.category_id, l.confidence, l.distribution, a.text from labels l
            join assets a on a.id = l.asset_id where l.run_id = ? and l.category_id is not null {rest}""",
        db.conn,
        params=[run_id, *values],
    )


def _priced(db: Database, task: Task, plan: Plan, run: dict[str, Any], kept_draft: KeptDraft) -> Plan:
    """The plan with tokens and seconds of the labels to ask for."""
    own = next(
        db.query(
            """select avg(l.tokens_in) as tokens_in, avg(l.tokens_out) as tokens_out, avg(length(a.text)) as characters,
                      sum(l.created >= ?) as asked from labels l join assets a on a.id = l.asset_id
               where l.run_id = ? and l.category_id is not null""",
            [run["started"], run["id"]],
        )
    )
    counted = own["tokens_in"] is not None
    prompt = prices.prompt_tokens(db, kept_draft.base_id)
    tokens_in = own["tokens_in"] if counted else prompt + own["characters"] / prices.CHARACTERS_A_TOKEN
    timed = run["seconds"] > 0 and own["asked"] >= 100  # labels carried over were not asked for in this run's time
    assumed = BUILT_IN_SECONDS if run["teacher"] == "built-in" else prices.SECONDS
    recorded = run["teacher"].startswith("recorded:")
    return replace(
        plan,
        seconds=0.0 if recorded else plan.ask * (run["seconds"] / own["asked"] if timed else assumed),
        seconds_basis="estimated" if timed or recorded else "assumed",
        tokens_in=plan.ask * tokens_in,
        tokens_out=plan.ask * (own["tokens_out"] or prices.TOKENS_OUT),
        lost=recorded,
        price=_own_price(db, task, run["teacher"], kept_draft.base_id),
    )


def _own_price(db: Database, task: Task, teacher: str, base_id: int) -> prices.Price | None:
    """What the model behind a hosted teacher costs; None for others, and where its connection is gone."""
    try:
        asked_teacher = for_labels(db, task, teacher, taxonomy.load(db, base_id))
    except InputError:
        return None
    return asked_teacher.price if isinstance(asked_teacher, Hosted) else None


# --- carrying over ------------------------------------------------------------------------------------------------


def carry_over(db: Database, task: Task, progress: Progress | None = None) -> dict[str, Any]:
    """Save the client's draft as its next version and copy the labels that hold: {"taxonomy_id", "version", "runs"}.

    Each teacher's newest run is carried into the run that the same teacher has under the new version; a run's entry tells run_id,
    teacher, carried, asked (assets it will be asked about), or why it was left behind. Everything is written in one transaction:
    stopped before its end, nothing has changed. Raises InputError without a draft, without a change, or while labels are coming
    in.
    """
    kept_draft = versions.kept_draft(db, task)
    if kept_draft is None:
        raise InputError("There is no draft to save.", "Change the taxonomy or upload a file first.")
    _nobody_labels(db, task)
    weighed = []
    for run in sorted(runs_under(db, kept_draft.base_id), key=lambda run: run["id"]):  # the newest stays the newest
        rules = _rules(db, kept_draft, run["teacher"])
        asked = set().union(*_asked(db, run["id"], rules, progress)) if rules.vectors is not None else set()
        weighed.append((run, rules, asked))
    if progress:
        progress(0, 1, "Saving the version and its labels")
    with db.atomic():
        taxonomy_id = versions.save(db, task, kept_draft)
        _nobody_labels(db, task)  # the write lock is ours from here on
        categories = taxonomy.load(db, taxonomy_id)
        runs = [_carry(db, task, taxonomy_id, categories, *one) for one in weighed]
    version = taxonomy.version_of(db, taxonomy_id)
    return {"taxonomy_id": taxonomy_id, "version": version, "runs": runs}


def carry_over_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id"} -> the result of carry_over(). Run again after it was killed, it starts from the beginning."""
    return carry_over(db, tasks.get(db, params["task_id"]), progress)


def _nobody_labels(db: Database, task: Task) -> None:
    if any(job.kind in LABELLING for job in jobs.active(db, task)):
        raise InputError("Labels are coming in under the version in use.", "Wait until that ends, or cancel it.")


def _chunks(db: Database, run_id: int) -> Iterator[pd.DataFrame]:
    last = 0
    while True:
        rows = _read(db, run_id, "and l.asset_id > ? order by l.asset_id limit ?", [last, AT_ONCE])
        if rows.empty:
            return
        last = int(rows["asset_id"].iloc[-1])
        yield rows


def _asked(db: Database, run_id: int, rules: _Rules, progress: Progress | None) -> Iterator[set[int]]:
    """The assets whose label may not hold, by reading all of them: the slow part, so it comes before the transaction."""
    total = db.execute("select count(category_id) from labels where run_id = ?", [run_id]).fetchone()[0]
    done = 0
    for rows in _chunks(db, run_id):
        if progress:
            progress(done, total, "Weighing labels against the added categories")
        why, _ = rules.verdicts(rows)
        yield set(rows["asset_id"][why != ""])
        done += len(rows)


def _carry(
    db: Database,
    task: Task,
    taxonomy_id: int,
    categories: list[StoredCategory],
    run: dict[str, Any],
    rules: _Rules,
    asked: set[int],
) -> dict[str, Any]:
    outcome = {"teacher": run["teacher"], "run_id": None, "carried": 0, "asked": 0}
    try:
        teacher = for_labels(db, task, run["teacher"], categories)
    except InputError as error:  # a connection or a column that is gone: its labels stay with the old version
        return outcome | {"left": str(error)}
    run_id = run_for(db, task, taxonomy_id, teacher, None)
    ids = [c.id for c in categories if c.assignable]
    if rules.several:
        sets = {id: [ids[rules.target[tag]] for tag in tags] for id, tags in rules.sets.items() if id not in rules.why}
        rules.target |= {id: len(ids) + place for place, id in enumerate(sets)}
        ids += tagsets.ids(db, taxonomy_id, sets.values())
    rules.vectors = None  # weighed already
    same = [c for c in db["labels"].columns_dict if c not in ("run_id", "category_id", "confidence", "distribution")]
    copy = f"""insert or ignore into labels (run_id, category_id, confidence, distribution, {", ".join(same)})
               select ?, ?, ?, ?, {", ".join(same)} from labels where run_id = ? and asset_id = ?"""
    carried = total = 0
    for rows in _chunks(db, run["id"]):
        why, spread = rules.verdicts(rows)
        column = rows["category_id"].map(rules.target)
        holds = (why == "") & ~rows["asset_id"].isin(asked).to_numpy()
        values = []
        for i in np.flatnonzero(holds):
            place, distribution = int(column.iloc[i]), spread[i]
            confidence = rows["confidence"].iloc[i] if distribution is None else distribution[place]
            blob = None if distribution is None else distribution.astype(np.float16).tobytes()
            known = None if pd.isna(confidence) else float(confidence)
            values.append((run_id, ids[place], known, blob, run["id"], int(rows["asset_id"].iloc[i])))
        db.conn.executemany(copy, values)
        carried += len(values)
        total += len(rows)
    return outcome | {"run_id": run_id, "carried": carried, "asked": total - carried}
