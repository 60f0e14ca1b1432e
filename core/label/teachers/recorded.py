"""The recorded teacher: labels bought before, out of a column of the assets file.

Copies of one creative have one label: the one that most of its labelled copies carry, of as many the one that comes first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import tasks, taxonomy
from core.assets import tag_columns
from core.assets.duplicates import form_hash, normal_form
from core.errors import InputError
from core.label.teachers import Answer, Asset, batches
from core.tables.columns import fold
from core.tasks import Task
from core.taxonomy import Matcher, StoredCategory, tagsets

NONE_YET = "Name the label column when importing, and check that its labels are names of the taxonomy."


class Recorded:
    """Answers from the recordings table; nothing is bought, and copies are all answered as most of them are."""

    def __init__(self, db: Database, source: str, categories: list[StoredCategory], task: Task):
        self.db, self.source, self.task = db, source, task
        self.name = f"recorded:{source}"
        self.fingerprint = hashlib.sha256(self.name.encode()).hexdigest()
        self.labels = {c.label: c.id for c in categories if c.assignable}
        self.match = self._column(Matcher(categories))

    def pending(self, db: Database, run_id: int) -> Iterator[list[Asset]]:
        yield from self._outvoted(db, run_id)
        yield from batches(
            db,
            """select a.id, a.text from label_runs run join tasks t on t.id = run.task_id
               join assets a on a.client_id = t.client_id
               join recordings r on r.task_id = run.task_id and r.source = ? and r.asset_id = a.id
               left join labels l on l.run_id = run.id and l.asset_id = a.id and l.error is null
               where run.id = ? and l.asset_id is null""",
            [self.source, run_id],
            size=2000,
        )

    def _outvoted(self, db: Database, run_id: int) -> Iterator[list[Asset]]:
        """The copies answered before, which more labels of their group mean otherwise by now."""
        query = """select a.id, a.text, a.group_id, l.category_id from labels l join assets a on a.id = l.asset_id
                   join recordings r on r.task_id = :task and r.source = :source and r.asset_id = a.id
                   where l.run_id = :run and l.category_id is not null and a.group_id in (
                       select b.group_id from recordings c join assets b on b.id = c.asset_id
                       where c.task_id = :task and c.source = :source group by 1 having count(*) > 1)"""
        rows = db.execute(query, {"task": self.task.id, "source": self.source, "run": run_id}).fetchall()
        stale = (Asset(id, text) for id, text, group, had in rows if self._of_group.get(group, had) != had)
        while page := list(islice(stale, 2000)):
            yield page

    def votes(self) -> pd.DataFrame:
        """What the copies of each duplicate group are labelled: group_id, category_id, copies, first (the asset's id)."""
        rows = self.db.execute(
            """select a.group_id, r.label, r.category, count(*), min(a.id) from recordings r
               join assets a on a.id = r.asset_id where r.task_id = ? and r.source = ? group by 1, 2, 3""",
            [self.task.id, self.source],
        )
        meant: dict[tuple, int | None] = {}
        read = []
        for group, label, known, copies, first in rows:
            if (label, known) not in meant:
                meant[label, known] = self._category(label, known)
            read.append((group, meant[label, known], copies, first))
        table = pd.DataFrame(read, columns=["group_id", "category_id", "copies", "first"]).dropna()
        table = table.astype({"category_id": "int64"})
        return table.groupby(["group_id", "category_id"], as_index=False).agg({"copies": "sum", "first": "min"})

    @cached_property
    def _of_group(self) -> dict[int, int]:
        """The category of each duplicate group that has one."""
        ranked = self.votes().sort_values(["copies", "first"], ascending=[False, True]).drop_duplicates("group_id")
        return dict(zip(ranked.group_id.tolist(), ranked.category_id.tolist()))

    def _category(self, label: str, known: str | None) -> int | None:
        return self.labels.get(known) or self.match(label)

    def _column(self, match: Matcher) -> Matcher:
        """For labels that are categories' own, or were read before there was a taxonomy: the whole column is read one way."""
        counts = self.db.execute(
            """select label, count(*) from recordings where task_id = ? and source = ? and category is null group by label""",
            [self.task.id, self.source],
        )
        return match.for_column(dict(counts.fetchall()), tie="names")

    def answer(self, assets: Sequence[Asset]) -> list[Answer]:
        rows = self.db.execute(
            f"""select r.asset_id, a.group_id, r.label, r.category, r.confidence, r.tokens_in, r.tokens_out, r.tokens_cached,
                       r.latency_ms
                from recordings r join assets a on a.id = r.asset_id
                where r.task_id = ? and r.source = ? and r.asset_id in ({",".join("?" * len(assets))})""",
            [self.task.id, self.source, *(a.id for a in assets)],
        )
        recorded = {row[0]: row[1:] for row in rows}
        return [self._answer(asset.id, *recorded[asset.id]) for asset in assets]

    def known(self, text: str) -> Asset | None:
        """An asset with this text whose answer is recorded: the only texts that this teacher can answer."""
        row = self.db.execute(
            """select a.id from assets a join recordings r on r.task_id = ? and r.source = ? and r.asset_id = a.id
               where a.client_id = ? and a.text_hash = ? limit 1""",
            [self.task.id, self.source, self.task.client_id, form_hash(normal_form(text))],
        ).fetchone()
        return Asset(row[0], text) if row else None

    def _answer(
        self, asset_id, group, label, known, confidence, tokens_in, tokens_out, tokens_cached, latency_ms
    ) -> Answer:
        own = self._category(label, known)
        category = self._of_group.get(group, own)
        confidence = confidence if category == own else None  # it was given to another answer
        return Answer(
            asset_id,
            category,
            confidence=confidence,
            confidence_kind="given" if confidence is not None else None,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_cached=tokens_cached,
            latency_ms=latency_ms,
            error=None if category else f"The recorded answer '{label[:80]}' is not in the taxonomy.",
        )


class RecordedTags(Recorded):
    """The same of a task that chooses several: an answer is a set of tags (core/taxonomy/tagsets.py). Where the file has a column
    of shares for each category (share_funny, share_warm …), these are the distribution: how many of those asked said each tag."""

    def _column(self, match: Matcher) -> Matcher:
        """Reads every cell of the column at once; what is left of it when this is done is a look-up."""
        (taxonomy_id,) = self.db.execute(
            "select taxonomy_id from categories where id = ?", [next(iter(self.labels.values()))]
        ).fetchone()
        rows = self.db.execute(
            "select label, category, count(*) from recordings where task_id = ? and source = ? group by 1, 2",
            [self.task.id, self.source],
        ).fetchall()
        cells = tag_columns.reader({label: n for label, known, n in rows if known is None}, match, tie="names")
        known = self._known([known for _, known, _ in rows if known is not None])
        said = {
            (label, meant): cells.read(label).categories if meant is None else known.get(meant)
            for label, meant, _ in rows
        }
        sets = [tags for tags in said.values() if tags is not None]
        ids = dict(zip(sets, tagsets.ids(self.db, taxonomy_id, sets)))
        self._said = {cell: ids.get(tags) for cell, tags in said.items()}
        self._shares = _share_columns(self.db, self.task, self.source, list(self.labels))
        return match

    def _known(self, labels: list[str]) -> dict[str, tuple[int, ...]]:
        """The categories of sets that were read before, whatever version of the taxonomy they are of."""
        rows = self.db.execute(
            """select c.label, c.id, c.tags, t.id from categories c join taxonomies t on t.id = c.taxonomy_id
               where t.task_id = ? and c.label in (select value from json_each(?)) order by t.version""",
            [self.task.id, json.dumps(labels)],
        ).fetchall()
        names = dict(
            self.db.execute(
                "select c.id, c.label from categories c join taxonomies t on t.id = c.taxonomy_id where t.task_id = ?",
                [self.task.id],
            ).fetchall()
        )
        known = {}
        for label, id, tags, _ in rows:
            members = [names[tag] for tag in ([id] if tags is None else json.loads(tags))]
            left = tuple(sorted(self.labels[name] for name in members if name in self.labels))
            known[label] = left if left or not members else None
        return known

    def _category(self, label: str, known: str | None) -> int | None:
        return self._said.get((label, known))

    def answer(self, assets: Sequence[Asset]) -> list[Answer]:
        answers = super().answer(assets)
        if not self._shares:
            return answers
        marks = ",".join("?" * len(assets))
        query = f"select id, extra from assets where id in ({marks})"
        extra = dict(self.db.execute(query, [asset.id for asset in assets]).fetchall())
        return [replace(one, distribution=_shares(extra[one.asset_id], self._shares)) for one in answers]


def _share_columns(db: Database, task: Task, source: str, labels: list[str]) -> list[str]:
    """The further columns of the file that hold a share for each of the categories, in their order: those whose names end as the
    categories are called and begin alike; none where not every category has one."""
    row = db.execute(
        """select a.extra from recordings r join assets a on a.id = r.asset_id
           where r.task_id = ? and r.source = ? and a.extra is not null limit 1""",
        [task.id, source],
    ).fetchone()
    columns = list(json.loads(row[0])) if row else []
    starts: dict[str, dict[str, str]] = {}
    for label in labels:
        for column in columns:
            if (name := fold(column)).endswith(fold(label)):
                starts.setdefault(name.removesuffix(fold(label)), {})[label] = column
    whole = [found for start, found in starts.items() if start and len(found) == len(labels)]
    return [whole[0][label] for label in labels] if whole else []


def _shares(extra: str | None, columns: list[str]) -> np.ndarray | None:
    """The shares in these columns, float (categories); None where one is missing or no share."""
    cells = json.loads(extra or "{}")
    try:
        shares = np.array([float(cells[column]) for column in columns])
    except (KeyError, ValueError):
        return None
    return shares if ((shares >= 0) & (shares <= 1)).all() else None


def make(db: Database, task: Task, spec: str, categories: list[StoredCategory]) -> Recorded:
    """The teacher "recorded:COLUMN". InputError when the task has no labels from that column."""
    detail = spec.partition(":")[2]
    sources = [row[0] for row in db.execute("select distinct source from recordings where task_id = ?", [task.id])]
    if detail not in sources:
        known = f"Columns with recorded labels: {', '.join(sources)}." if sources else NONE_YET
        raise InputError(f"No recorded labels from a column '{detail}'.", known)
    return _kind(task)(db, detail, categories, task)


def _kind(task: Task) -> type[Recorded]:
    return RecordedTags if task.several else Recorded


def differing(db: Database, run_id: int) -> pd.DataFrame:
    """Of a recorded teacher's run, the groups whose copies came with different labels: group_id, category_id, copies, first;
    no rows where another teacher made the run, or where its column is gone."""
    row = db.execute("select task_id, teacher, taxonomy_id from label_runs where id = ?", [run_id]).fetchone()
    task_id, teacher, taxonomy_id = row
    kind, _, source = teacher.partition(":")
    categories = taxonomy.load(db, taxonomy_id) if kind == "recorded" else []
    if not categories:
        return pd.DataFrame(columns=["group_id", "category_id", "copies", "first"])
    task = tasks.get(db, task_id)
    table = _kind(task)(db, source, categories, task).votes()
    return table[table.groupby("group_id").category_id.transform("size") > 1]
