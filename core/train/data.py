"""What a student learns from and is tuned on: texts with target distributions, per split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import settings, taxonomy
from core.assets import splits
from core.errors import InputError
from core.images.seen import Seen, told_apart
from core.label.gold import gold
from core.label.licence import must_allow_training
from core.label.runs import labelled, summary
from core.tasks import Task
from core.taxonomy import tagsets
from core.train import folds
from core.weights import LARGE
from core.words import counted

# done, total, message; raises jobs.Cancelled when cancel was asked
Step = Callable[[int, int, str], None]

FEWEST_ROWS = 30


@dataclass(frozen=True)
class Rows:
    """`texts` (n; of assets with an image Seen), `targets` float32 (n, categories) with rows summing to 1, the name of the base
    encoder, whether the targets are the teacher's distributions (`soft`) or its single answers, the name of the `large_encoder`,
    and the family of each row, int (n): what belongs together, as one concept in all its sizes and languages (None: each row is
    its own). `dealt`, int (n) or (n, k), is what folds are dealt by instead of families, k groupings at once; `assets`, int (n),
    the ids of the assets whose texts these are. `worked`, bool (n): rows that came of work, which teach but judge nothing, since
    they are mostly the hard ones (None: there are none). Where an asset may have several tags, `said` is which of them the teacher
    gave, bool (n, categories), and the targets are how likely each is by itself, 0 to 1: rows need not sum to 1; `some`: a row has
    one tag at least. `image_encoder`: the name of what looks at images, "" for nothing; `names`: those of the categories."""

    texts: list[str]
    targets: np.ndarray
    encoder: str
    soft: bool
    large_encoder: str = LARGE
    families: np.ndarray | None = None
    dealt: np.ndarray | None = None
    assets: np.ndarray | None = None
    said: np.ndarray | None = None
    some: bool = False
    worked: np.ndarray | None = None
    image_encoder: str = ""
    names: tuple[str, ...] = ()

    @property
    def seen(self) -> bool:
        """Whether any of the texts has an image."""
        return any(isinstance(text, Seen) for text in self.texts)

    @property
    def several(self) -> bool:
        """Whether a row may have several tags, or none."""
        return self.said is not None

    @property
    def answers(self) -> np.ndarray:
        """The most probable category of each row, as a column number; of several tags the rarest, for none one after the last."""
        if self.said is None:
            return self.targets.argmax(1)
        rarity = np.where(self.said, self.said.sum(0), len(self.said) + 1)
        return np.where(self.said.any(1), rarity.argmin(1), self.said.shape[1])

    def take(self, chosen: np.ndarray) -> Rows:
        """The rows of these numbers."""
        parts = {name: getattr(self, name) for name in ("families", "dealt", "assets", "said", "worked")}
        cut = {name: None if part is None else part[chosen] for name, part in parts.items()}
        return replace(self, texts=[self.texts[i] for i in chosen], targets=self.targets[chosen], **cut)

    @property
    def judging(self) -> Rows:
        """The rows that did not come of work."""
        return self if self.worked is None else replace(self.take(np.flatnonzero(~self.worked)), worked=None)

    def spread(self, values: np.ndarray, fill: int) -> np.ndarray:
        """`values` of the rows of judging() as values of all rows, `fill` for the others."""
        if self.worked is None:
            return values
        every = np.full((len(self.texts), *values.shape[1:]), fill)
        every[~self.worked] = values
        return every

    @property
    def family_count(self) -> int:
        """How many families the rows are of."""
        return len(self.texts) if self.families is None else len(np.unique(self.families))

    def folds(self) -> np.ndarray:
        """Into which fold each row is dealt, int (n), or (n, k) where it is dealt by k groupings at once; those that came of work
        into none."""
        if self.worked is not None and self.worked.any():
            return self.spread(self.judging.folds(), folds.NONE)
        by = self.families if self.dealt is None else self.dealt
        return folds.deal(self.answers, by) if by is None or by.ndim == 1 else folds.cross(self.answers, *by.T)


@dataclass(frozen=True)
class Split:
    """Training and calibration rows of a label run over the same `categories` (ids, column order). Without calibration rows
    the training rows calibrate as well: students are cross-fitted (core/train/students/crossfit.py)."""

    categories: list[int]
    train: Rows
    calibration: Rows

    @property
    def crossfit(self) -> bool:
        """Whether training rows calibrate, each answered by a model that did not learn from it."""
        return not self.calibration.texts

    @property
    def judging(self) -> Rows:
        """The rows that calibrate."""
        if not self.crossfit:
            return self.calibration
        crossed = self.train.dealt is not None and self.train.dealt.ndim > 1
        some = crossed or self.train.worked is not None
        return self.train.take(folds.judged(self.train.folds())) if some else self.train

    def fingerprint(self) -> str:
        """A hash of everything a student learns from: the same fingerprint makes the same student."""
        parts = [str(self.categories), self.train.encoder]
        if self.train.seen and self.train.image_encoder:
            parts += [self.train.image_encoder, *self.train.names]  # names are read as well
        digest = hashlib.sha256()
        for rows in (self.train, self.calibration):
            parts += told_apart(rows.texts)
            digest.update(rows.targets.tobytes())
            if rows.said is not None:
                digest.update(rows.said.tobytes() + b"some" * rows.some)
            if rows.worked is not None:
                digest.update(rows.worked.tobytes())
            # Where each row is a family of its own, nothing is dealt otherwise than ever.
            for by in (rows.families, rows.dealt):
                if by is not None and len(np.unique(by)) < len(by):
                    digest.update(np.unique(by, return_inverse=True)[1].astype(np.int64).tobytes())
        digest.update("\x1e".join(parts).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]


def load(db: Database, task: Task, run_id: int) -> Split:
    """The rows of a label run, one a duplicate group, splits assigned where they are missing.

    Where people decided, training rows learn that instead of the teacher's answer; calibration rows keep the teacher's, since
    what is promised from them is agreement with it. Labels that came of work teach, and judge nothing (Rows.worked).
    Raises InputError when there are too few labels, or only one category, to learn anything, and where the teacher's answers may
    not train a model.
    """
    must_allow_training(db, run_id)
    splits.assign(db, task.client_id, run_id)
    frame = _alone(labelled(db, run_id, distributions=True))
    train = frame[frame.split == "train"]
    different = train.group_id.nunique()
    if different < FEWEST_ROWS:
        copies = f" (copies count once: {len(train)} are labelled)" if different < len(train) else ""
        raise InputError(
            f"There are {different} labelled assets to learn from{copies}; a student needs at least {FEWEST_ROWS}.",
            "Import and label more assets.",
        )
    if (families := train.family_id.nunique()) < folds.FOLDS:
        raise InputError(
            f"The labelled assets to learn from are of {counted(families, 'concept')}; at least "
            f"{folds.FOLDS} are needed, so that each is judged by what it did not teach.",
            "Choose another column for what belongs together, or import and label assets of other concepts.",
        )
    if train.category_id.nunique() < 2:
        raise InputError(
            f"All labelled assets {'have the same tags' if task.several else 'are in one category'}, so there is nothing to tell "
            "apart.",
            "Check the labels.",
        )
    soft = frame.distribution[~frame.worked].notna().all()
    taught = taxonomy.load(db, summary(db, run_id)["taxonomy_id"])
    assignable = [c.id for c in taught if c.assignable]
    taxonomy_id = summary(db, run_id)["taxonomy_id"]
    answers = tagsets.stored(db, taxonomy_id) if task.several else [c for c in taught if c.assignable]
    frame = _corrected(frame, gold(db, task, answers))
    members = tagsets.load(db, taxonomy_id) if task.several else None
    seen = set(frame.category_id[frame.split == "train"])
    if members is not None:
        seen = {tag for answer in seen for tag in members[answer]}
    categories = assignable if soft else [c.id for c in taught if c.id in seen]
    encoders = [settings.get(db, name, task) for name in ("encoder", "large_encoder")]
    parts = {
        name: _rows(frame[frame.split == name], categories, assignable, encoders, soft, members)
        for name in ("train", "calibration")
    }
    if any(rows.seen for rows in parts.values()):
        names = {c.id: c.label for c in taught}
        looks = {"image_encoder": settings.get(db, "image_encoder", task), "names": tuple(names[c] for c in categories)}
        parts = {name: replace(rows, **looks) for name, rows in parts.items()}
    if task.several and not settings.get(db, "may_be_none", task):
        parts = {name: replace(rows, some=True) for name, rows in parts.items()}
    return Split([int(c) for c in categories], parts["train"], parts["calibration"])


def further_columns(db: Database, task: Task, assets: np.ndarray) -> pd.DataFrame:
    """What the file says of these assets besides id, text and labels (channel, market …), one row an asset; missing: None."""
    query = "select id, extra from assets where client_id = ? and extra is not null"
    extra = dict(db.execute(query, [task.client_id]).fetchall())
    return pd.DataFrame([json.loads(extra.get(int(asset)) or "{}") for asset in assets], dtype=object)


def _alone(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` without what came of work and belongs to a family of other assets: a model that learned from it would be asked about
    those."""
    came = frame.worked
    others = frame[~came]
    tied = came & frame.family_id.isin(others.family_id) & ~frame.group_id.isin(others.group_id)
    return frame[~tied].reset_index(drop=True)


def _corrected(frame: pd.DataFrame, decided: dict[int, int]) -> pd.DataFrame:
    """`frame` with `gold`, whether a row's category is what people decided; of a group they decided on, only such rows are kept.

    A copy that nobody looked at would teach the very answer that was put right.
    """
    decided_category = frame.asset_id.map(decided).where(frame.split == "train")
    is_gold = decided_category.notna()
    usable = is_gold | ~frame.group_id.isin(frame.group_id[is_gold])
    frame = frame.assign(gold=is_gold, category_id=decided_category.fillna(frame.category_id).astype("int64"))
    return frame[usable].reset_index(drop=True)


def _rows(
    frame: pd.DataFrame,
    categories: list[int],
    assignable: list[int],
    encoders: list[str],
    soft: bool,
    members: dict[int, tagsets.Tags] | None = None,
) -> Rows:
    """One row a duplicate group: the first text, the mean of its members' targets. `encoders`: the names of both; `members`: those
    of each set of tags, where the labels are such."""
    column = {category: i for i, category in enumerate(categories)}
    known = frame if members is not None else frame[frame.category_id.isin(column)]
    said = None if members is None else tagsets.table(known.category_id, members, categories)
    if soft:
        targets = _distributions(
            known, len(assignable), {category: i for i, category in enumerate(assignable)}, members
        )
    if said is not None:
        targets = said.astype(np.float32) if not soft else np.where(known.gold.to_numpy()[:, None], said, targets)
    elif soft:
        targets /= targets.sum(axis=1, keepdims=True)
        decided = np.flatnonzero(known.gold)
        targets[decided] = 0
        targets[decided, known.category_id.iloc[decided].map(column).to_numpy()] = 1
    else:
        targets = np.zeros((len(known), len(categories)), np.float32)
        targets[np.arange(len(known)), known.category_id.map(column).to_numpy()] = 1
    group, first = pd.factorize(known.group_id)
    heads = known.drop_duplicates("group_id")
    worked = known.worked.groupby(known.group_id).all().reindex(first).to_numpy(bool)
    small, large = encoders
    return Rows(
        heads.text.tolist(),
        _mean(targets, group, len(first)),
        small,
        soft,
        large,
        families=heads.family_id.to_numpy(),
        assets=heads.asset_id.to_numpy(),
        said=None if said is None else _mean(said.astype(np.float32), group, len(first)) >= 0.5,
        worked=worked if worked.any() else None,
    )


def _distributions(
    frame: pd.DataFrame, width: int, column: dict[int, int], members: dict[int, tagsets.Tags] | None
) -> np.ndarray:
    """The teacher's distributions; of labels that have none, since they came of work, all on what it said."""
    blobs = []
    for category, kept in zip(frame.category_id, frame.distribution):
        if kept is None:
            row = np.zeros(width, np.float16)
            row[[column[tag] for tag in (members[category] if members else (category,)) if tag in column]] = 1
            kept = row.tobytes()
        blobs.append(kept)
    return np.frombuffer(b"".join(blobs), np.float16).reshape(len(frame), width).astype(np.float32)


def _mean(table: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """The mean row of each of `count` groups, float32."""
    sums = np.zeros((count, table.shape[1]), np.float32)
    np.add.at(sums, group, table)
    return sums / np.bincount(group, minlength=count)[:, None]
