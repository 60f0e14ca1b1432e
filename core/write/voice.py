"""Whose voice a line is in: a classifier of the client's approved copy against others' copy (pieces of two to four characters by
TF-IDF, logistic regression), with what it is worth. It tells how far drafts sound like the client, and never that they are good.

Others are the copy of other tasks in the workspace that write. Fewer than FEWEST lines on either side: refused, in words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from core.assets.duplicates import normal_form
from core.chance import chance
from core.evaluate.agreement import interval
from core.tasks import Task
from core.whole import write_whole
from core.write import slots
from core.write.figures import Range, VoiceFigures

FEWEST, MOST = 100, 3_000  # lines a side to learn from
PIECES = 20_000
STRENGTH = 10.0  # scikit-learn's C
BAR = 0.5  # from which a line counts as the client's
FILE = "voice.json"


@dataclass(frozen=True)
class Voice:
    """`weights` and inverse document frequencies (`idf`) by piece, as scikit-learn's; the pieces are the client's own, so that
    nothing of others' copy is kept with it."""

    pieces: list[str]
    idf: list[float]
    weights: list[float]
    bias: float

    @cached_property
    def _vectorizer(self):
        from sklearn.feature_extraction.text import TfidfVectorizer

        ready = TfidfVectorizer(**_how(), vocabulary={piece: place for place, piece in enumerate(self.pieces)})
        ready.idf_ = np.array(self.idf)
        return ready

    def likely(self, texts: Sequence[str]) -> np.ndarray:
        """How likely each text is the client's, 0 to 1; facts of its brief stand as slots."""
        if not len(texts):
            return np.zeros(0)
        told = self._vectorizer.transform(list(texts)) @ np.array(self.weights) + self.bias
        return 1 / (1 + np.exp(-told))

    def save(self, folder: Path) -> None:
        """Write it into a folder, as numbers alone."""
        write_whole(folder / FILE, json.dumps(asdict(self), ensure_ascii=False))


def load(folder: Path) -> Voice | None:
    """What a folder holds; None where there is none."""
    if not (folder / FILE).is_file():
        return None
    return Voice(**json.loads((folder / FILE).read_text(encoding="utf-8")))


def _how() -> dict:
    return {"analyzer": "char_wb", "ngram_range": (2, 4), "sublinear_tf": True, "min_df": 2, "max_features": PIECES}


def fit(own: Sequence[str], others: Sequence[str]) -> Voice:
    """Learn to tell `own` lines from `others`, both sides weighing the same."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(**_how())
    vectorizer.fit(own)
    rows = vectorizer.transform([*own, *others])
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=200)
    model.fit(rows, [1] * len(own) + [0] * len(others))
    pieces = vectorizer.get_feature_names_out().tolist()
    weights = model.coef_[0].tolist()
    return Voice(pieces, vectorizer.idf_.tolist(), weights, float(model.intercept_[0]))


def slotted(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Copies with their facts as slots, each once: a brand's name tells whose a line is, and nothing of its voice."""
    return list(dict.fromkeys(slots.put(copy, brief) for brief, copy in pairs))


def others(db: Database, task: Task) -> tuple[list[str], list[str]]:
    """Lines of the workspace's other tasks that write, those to learn from and those of their tests; none of a task of the same
    client's that has a line in common with this one."""
    rows = db.execute(
        """select p.task_id, p.brief, p.copy, p.split from pairs p where p.task_id <> ? and p.status <> 'rejected'
           order by p.id""",
        [task.id],
    ).fetchall()
    mine = {normal_form(copy) for (copy,) in db.execute("select copy from pairs where task_id = ?", [task.id])}
    shared = {owner for owner, _, copy, _ in rows if normal_form(copy) in mine}
    told = [(brief, copy, split) for owner, brief, copy, split in rows if owner not in shared]
    some = sorted(told, key=lambda one: chance(f"{one[0]} {one[1]}"))
    parts = ([(b, c) for b, c, s in some if (s == "test") == test] for test in (False, True))
    learned, kept = (slotted(part[:MOST]) for part in parts)
    return learned, kept


def refusal(own: int, there: int) -> str:
    """Why no voice can be told, in words; "" where it can."""
    if own < FEWEST:
        return f"The client has {own:,} approved lines to tell a voice from; {FEWEST} are needed."
    if there < FEWEST:
        return (
            f"A voice is told from others' copy, and other tasks of this workspace have {there:,} lines; {FEWEST} are needed. "
            "Bring in pairs of another client or brand."
        )
    return ""


def judged(
    told: Voice, mine: Sequence[tuple[str, str]], theirs: Sequence[str], drafts: Sequence[tuple[str, str]]
) -> VoiceFigures:
    """What the classifier is worth on the client's held-out pairs (`mine`) and others' held-out lines, and what it says of drafts,
    (brief, text) each."""
    own = told.likely(slotted(mine)) >= BAR
    other = told.likely(theirs) >= BAR
    hits = int(own.sum() + (~other).sum())
    low, high = interval(hits, len(own) + len(other))
    written = told.likely([slots.put(text, brief) for brief, text in drafts]) >= BAR
    human = float(own.mean()) if len(own) else 0.0
    student = float(written.mean()) if len(written) else 0.0
    accuracy = Range(hits / max(1, len(own) + len(other)), low, high, len(own) + len(other))
    return VoiceFigures(accuracy, human, float(other.mean()), student, student / human if human else None)


def hearer(
    db: Database, task: Task, train: Sequence[tuple[str, str]], test: dict[str, list[str]], folder: Path
) -> Callable[[Sequence[tuple[str, str]]], dict]:
    """Learns the task's voice, keeps it in a student's folder, and tells drafts' figures by WriteFigures' names: `voice`, or why
    there is none (`voice_refused`)."""
    own, (learned, kept) = slotted(train)[:MOST], others(db, task)
    if why := refusal(len(own), len(learned)):
        return lambda drafts: {"voice_refused": why}
    told = fit(own, learned)
    told.save(folder)
    human = [(brief, copies[0]) for brief, copies in test.items()]
    return lambda drafts: {"voice": judged(told, human, kept, drafts)}
