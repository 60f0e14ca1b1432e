"""Labels that work has paid for already: what a student handed to its teacher (fallbacks) and what was checked beside it (audits)
join the label run as assets of the client.

found(db, task)          # how many there are to learn from, what training on them takes, or why there are none
take_in(db, task)        # has them join; run twice it adds nothing

Each keeps the chance with which its teacher was asked (labels.chance). Fallbacks are the hard ones, and a checked answer stands for
many, so these labels teach and never enter calibration or test, which are of assets drawn alike (core/train/data.py,
core/label/runs.py). A fifth, drawn as test assets are, is kept aside for champion and challenger to meet on (meeting.py).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from core import settings, taxonomy
from core.assets import imports, splits
from core.assets.ids import SERVED
from core.assets.rows import join_text
from core.database import now
from core.errors import InputError
from core.evaluate.kept import assumptions_of
from core.jobs import NoProgress
from core.label import runs
from core.tables.columns import Mapping
from core.tasks import Task
from core.taxonomy import tagsets
from core.watch import rules, served
from core.words import counted, duration, money

AT_ONCE = 20_000  # taken in by one import


@dataclass(frozen=True)
class Found:
    """`new` labels that may join run `run_id`, `audits` of them checks of handled answers, the rest fallbacks; `taken` are in it
    already. What cannot join: `untold`, whose text is not there, and `unknown`, whose category the run's taxonomy does not have.
    `paid_usd`: what the teacher took for the new ones. `kind` of student a challenger would be, like the one at work; `seconds`
    and `usd` of its training on this machine, estimated from that one's (None: not known). `why` nothing can be learned, and what
    to do ("": something can)."""

    new: int = 0
    audits: int = 0
    taken: int = 0
    untold: int = 0
    unknown: int = 0
    paid_usd: float = 0.0
    run_id: int | None = None
    champion_id: int | None = None
    kind: str = ""
    seconds: float | None = None
    usd: float | None = None
    why: str = ""

    @property
    def button(self) -> str:
        """What somebody would press."""
        return f"Train on {counted(self.new, 'new label')}"

    def sentence(self) -> str:
        """What there is to learn from, and what it takes; or why there is nothing."""
        if self.why:
            return self.why
        fallbacks = self.new - self.audits
        parts = [
            words
            for n, words in (
                (fallbacks, counted(fallbacks, "answer that fell back", "answers that fell back")),
                (self.audits, counted(self.audits, "check")),
            )
            if n
        ]
        paid = f"paid for already ({money(self.paid_usd)})" if self.paid_usd else "there already, nothing is bought"
        said = f"{counted(self.new, 'new label')} from work: {' and '.join(parts)}, {paid}."
        if self.seconds is not None:
            price = f", {money(self.usd)} of machine time" if self.usd is not None else ""
            said += f" A challenger takes about {duration(self.seconds)} to train{price} (estimated)."
        return said + self.left_out()

    def left_out(self) -> str:
        """What cannot join, in a sentence of its own with a space before it; "" where all can."""
        left = ""
        if self.untold:
            left += f" {counted(self.untold, 'label has', 'labels have')} no text any more or never had it."
        if self.unknown:
            left += (
                f" {counted(self.unknown, 'label names', 'labels name')} a category that the taxonomy no longer has."
            )
        return left


@dataclass(frozen=True)
class Taken:
    """What take_in() did: `labels` joined run `run_id` with `assets` new assets; `copies` of them resemble assets there already."""

    run_id: int
    labels: int
    assets: int
    copies: int


@dataclass(frozen=True)
class _Label:
    """What the teacher said of a text, and how it came to be asked."""

    id: str
    text: str
    category: str
    chance: float
    handled: bool
    at: float
    usd: float


def asset_id(hash: bytes) -> str:
    """The external id of the asset that a served text becomes."""
    return SERVED + hash.hex()


def found(db: Database, task: Task) -> Found:
    """What there is to learn from."""
    live = next(db.query("select * from students where task_id = ? and live = 1 and ready = 1", [task.id]), None)
    if live is None:
        return Found(why="No student of this task is at work, so work has left no labels.")
    run_id = runs.newest_in_use(db, task)
    if run_id is None:
        return Found(champion_id=live["id"], why="The labels the student learned from are gone; get labels first.")
    fresh, taken, untold, unknown = _fresh(db, task, run_id)
    said = {"taken": taken, "untold": untold, "unknown": unknown, "run_id": run_id, "champion_id": live["id"]}
    if not fresh:
        return Found(**said, why=_why(db, task, taken, untold, unknown))
    seconds = _seconds(db, live, run_id, len(fresh))
    usd = None if seconds is None else seconds / 3600 * assumptions_of(db, task).machine_usd_hour
    return Found(
        new=len(fresh),
        audits=sum(one.handled for one in fresh),
        paid_usd=sum(one.usd for one in fresh),
        kind=live["kind"],
        seconds=seconds,
        usd=usd,
        **said,
    )


def take_in(db: Database, task: Task, progress: NoProgress | None = None) -> Taken:
    """Have what was asked in work join the label run in use: the texts as assets of the client, the answers as labels with their
    chance. Carried on where it was cut off. InputError where there is no run to join."""
    report = progress or NoProgress()
    run_id = runs.newest_in_use(db, task)
    if run_id is None:
        raise InputError("This task has no labels that new ones could join.", "Get labels first.")
    fresh = _fresh(db, task, run_id)[0]
    assets = copies = 0
    for start in range(0, len(fresh), AT_ONCE):
        part = fresh[start : start + AT_ONCE]
        summary = _import(db, task, part, report)
        assets += summary.imported
        copies += summary.duplicates
        _label(db, task, run_id, part)
    if fresh:
        splits.assign(db, task.client_id, run_id)
    return Taken(run_id, len(fresh), assets, copies)


def _fresh(db: Database, task: Task, run_id: int) -> tuple[list[_Label], int, int, int]:
    """The labels that may join the run, and how many are in it, have no text, or name no category of its taxonomy."""
    query = """select a.external_id from labels l join assets a on a.id = l.asset_id
               where l.run_id = ? and l.chance is not null"""
    there = {id for (id,) in db.execute(query, [run_id]).fetchall()}
    file = served.there(task.client_id)
    if file is None:
        return [], len(there), 0, 0
    with closing(file):
        # Of a text that several students were checked on, the newest answer; its text may have been kept with another one.
        rows = file.execute(
            """select hash, text, teacher, chance, handled, at, usd from audits where task_id = ? order by at, id""",
            [task.id],
        ).fetchall()
    newest: dict[bytes, tuple] = {}
    for hash, text, *rest in rows:
        newest[hash] = (text or newest.get(hash, (None,))[0], *rest)
    meanings = _Meanings(db, task, run_id)
    fresh, untold, unknown = [], 0, 0
    for hash, (text, teacher, chance, handled, at, usd) in newest.items():
        id = asset_id(hash)
        if id in there:
            continue
        whole = join_text(
            [(text or "").replace("\0", " ")]
        )  # as a file would bring it in; of blanks alone nothing is left
        if not whole:
            untold += 1
        elif meanings.id(teacher) is None:
            unknown += 1
        else:
            fresh.append(_Label(id, whole, teacher, chance, bool(handled), at, usd))
    return fresh, len(there), untold, unknown


class _Meanings:
    """What the teacher's words mean under the taxonomy of a run."""

    def __init__(self, db: Database, task: Task, run_id: int):
        self.db, self.taxonomy_id = db, runs.summary(db, run_id)["taxonomy_id"]
        self.single = {one.label: one.id for one in taxonomy.load(db, self.taxonomy_id) if one.assignable}
        self.known: dict[str, int] = dict(self.single)
        self.several = task.several
        if task.several:
            self.known |= {label: id for id, label in tagsets.labels(db, self.taxonomy_id).items()}

    def id(self, words: str) -> int | None:
        """The category, or the set of tags, made where it is new; None where the taxonomy lacks one of them."""
        if words in self.known or not self.several:
            return self.known.get(words)
        parts = [] if words == tagsets.NONE else words.split(tagsets.JOINED)
        if any(part not in self.single for part in parts):
            return None
        (self.known[words],) = tagsets.ids(self.db, self.taxonomy_id, [[self.single[part] for part in parts]])
        return self.known[words]


def _import(db: Database, task: Task, labels: Iterable[_Label], report: NoProgress) -> imports.ImportSummary:
    """The texts as assets, by the way every file takes: near copies found, listed among the imports, to be taken back there."""
    with tempfile.TemporaryDirectory(dir=settings.subfolder("tmp")) as folder:
        path = Path(folder) / "answers.jsonl"
        with path.open("w", encoding="utf-8") as out:
            for one in labels:
                came = "a check of an answer" if one.handled else "an answer that fell back"
                day = datetime.fromtimestamp(one.at, UTC).date().isoformat()
                row = {"id": one.id, "text": one.text, "origin": came, "answered": day}
                out.write(json.dumps(row) + "\n")
        mapping = Mapping(text=("text",), id="id")
        return imports.import_assets(db, task, path, mapping, report, filename="Answers of the student at work")


def _label(db: Database, task: Task, run_id: int, labels: Iterable[_Label]) -> None:
    meanings = _Meanings(db, task, run_id)
    at = now()
    rows = [(run_id, meanings.id(one.category), one.chance, at, task.client_id, one.id) for one in labels]
    with db.atomic():
        db.conn.executemany(
            """insert or ignore into labels (run_id, asset_id, category_id, chance, created)
               select ?1, id, ?2, ?3, ?4 from assets where client_id = ?5 and external_id = ?6""",
            rows,
        )


def _seconds(db: Database, live: dict, run_id: int, more: int) -> float | None:
    """How long training a student like the live one takes with so many labels more: as long as that one's, by its rows."""
    rows = json.loads(live["params"]).get("train")
    if not live["train_seconds"] or not rows:
        return None
    whole = db.execute("select count(category_id) from labels where run_id = ?", [run_id]).fetchone()[0]
    return live["train_seconds"] * max(1.0, (whole + more) * (1 - splits.TEST) / rows)


def _why(db: Database, task: Task, taken: int, untold: int, unknown: int) -> str:
    keeping, share = rules.keeping(db, task.client_id), rules.watching(db, task).share
    if untold and keeping.texts == rules.NONE:
        return (
            f"The teacher was asked about {counted(untold, 'answer')}, but no texts are kept, so nothing can be learned from them. "
            "Under “What is written down of answers”, keep those the teacher was asked about: from then on they teach."
        )
    if untold:
        return (
            f"The texts of {counted(untold, 'answer')} that the teacher was asked about are not there: they came before texts were "
            f"kept, or are older than {counted(keeping.days, 'day')}. What comes from now on can be learned from."
        )
    if taken:
        return f"All {counted(taken, 'label')} from work are with the others already."
    if unknown:
        return (
            f"{counted(unknown, 'label names', 'labels name')} a category that the taxonomy does not have, so nothing can be "
            "learned from them. Add the category, or wait for other answers."
        )
    more = "" if share else " Have a share of the handled answers checked, or give the service a budget for fallbacks."
    return f"The teacher was not asked about any answer yet, so there is nothing new to learn.{more}"
