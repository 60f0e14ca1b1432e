"""The drafts' desk: people approve, edit or reject drafts; what they keep is learned from, and how much they kept is counted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import audit, tasks
from core.assets.duplicates import normal_form
from core.database import now
from core.errors import InputError
from core.review import named
from core.tables.problems import Problems
from core.tasks import Task
from core.write import pairs

SOURCE = Path("Drafts' desk")  # what an import of pairs made here is called
MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?!\d)")
WORDS_COMPARED = 2_000  # of a text; the rest of longer ones is not counted


@dataclass(frozen=True)
class Waiting:
    """A draft that nobody has decided on."""

    id: int
    brief: str
    text: str
    who: str


@dataclass(frozen=True)
class Rate:
    """What became of a writer's texts in a month: approved as they were, edited, rejected; `kept`: the share of words that people
    left as they were in those approved or edited, None where there are none."""

    month: str
    writer: str
    approved: int
    edited: int
    rejected: int
    kept: float | None


# Once a person has taken one draft of a brief, the others made with it wait for nobody.
WAITS = """f.task_id = :task and f.passed = 1
    and not exists (select 1 from draft_decisions d where d.draft_id = f.id)
    and not exists (select 1 from draft_decisions d join drafts o on o.id = d.draft_id where o.task_id = f.task_id
                    and o.brief = f.brief and o.author = f.author and d.decision <> 'rejected')"""


def next_draft(db: Database, task: Task) -> Waiting | None:
    """The oldest draft that passes the gates and waits for a decision."""
    return next(waiting(db, task, 1), None)


def waiting(db: Database, task: Task, most: int = -1) -> Iterator[Waiting]:
    """The drafts that wait, the oldest first, at most so many (-1: all)."""
    query = f"""select f.id, f.brief, f.text, ifnull(w.kind || ' ' || w.id, f.author) as who
                from drafts f left join writers w on w.id = f.writer_id where {WAITS} order by f.id limit :most"""
    return (Waiting(**row) for row in db.query(query, {"task": task.id, "most": most}))


def counts(db: Database, task: Task) -> tuple[int, int]:
    """(left, done): drafts that wait, and those decided."""
    done = "select count(*) from draft_decisions d join drafts f on f.id = d.draft_id where f.task_id = :task"
    return db.execute(f"select count(*), ({done}) from drafts f where {WAITS}", {"task": task.id}).fetchone()


def decide(db: Database, draft_id: int, reviewer: str, text: str | None) -> None:
    """Keep what a person made of a draft: `text` is what it became, None rejects it. The first decision on a draft stands.

    InputError without a name, or for copy that is empty or longer than an approved one may be.
    """
    draft, task_id = db.execute("select text, task_id from drafts where id = ?", [draft_id]).fetchone()
    task = tasks.get(db, task_id)
    text = text if text is None else " ".join(text.split())
    if text is not None and not 0 < len(text) <= pairs.MOST_COPY:
        raise InputError(
            "The edited draft is empty." if not text else f"The edited draft has {len(text):,} characters.",
            "Reject it instead." if not text else f"Shorten it to {pairs.MOST_COPY:,}.",
        )
    same = text == " ".join(draft.split())
    row = {
        "draft_id": draft_id,
        "decision": "rejected" if text is None else "approved" if same else "edited",
        "text": text,
        "kept": None if text is None else words_kept(draft, text),
        "reviewer": named(reviewer),
        "created": now(),
    }
    with db.atomic():
        if not db.execute("select 1 from draft_decisions where draft_id = ?", [draft_id]).fetchone():
            db["draft_decisions"].insert(row)
            _told(db, task, draft_id, row["reviewer"], row["decision"])


def _told(db: Database, task: Task, draft_id: int, reviewer: str, did: str) -> None:
    """A line in the audit trail."""
    audit.record(db, "review", task=task, what=f"draft {draft_id}", detail={"as": reviewer, "did": did})


def undo(db: Database, task: Task, reviewer: str) -> bool:
    """Take back the reviewer's last decision that no student has been given to learn from; whether there was one."""
    mine = """select d.draft_id from draft_decisions d join drafts f on f.id = d.draft_id
              where f.task_id = ? and d.reviewer = ? and d.pair_id is null order by d.created desc limit 1"""
    last = db.execute(mine, [task.id, reviewer]).fetchone()
    if last:
        with db.atomic():
            db["draft_decisions"].delete(last[0])
            _told(db, task, last[0], reviewer, "took back")
    return bool(last)


@lru_cache(maxsize=20_000)
def words_kept(before: str, after: str) -> float:
    """The share of words that an edit left as they were, 0 to 1: one less the words put in, taken out or exchanged (Levenshtein
    1966) over the longer text's."""
    old, new = before.split()[:WORDS_COMPARED], after.split()[:WORDS_COMPARED]
    longer = max(len(old), len(new), 1)
    same = _alike(old, new)  # most of an edited text is as it was
    old, new = old[same:], new[same:]
    ends = _alike(old[::-1], new[::-1])
    old, new = old[: len(old) - ends], new[: len(new) - ends]
    row = list(range(len(new) + 1))
    for place, word in enumerate(old, 1):
        above, row[0] = row[0], place
        for other, there in enumerate(new, 1):
            above, row[other] = row[other], min(row[other] + 1, row[other - 1] + 1, above + (word != there))
    return 1 - row[-1] / longer


def _alike(first: list[str], second: list[str]) -> int:
    """How many words two texts begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(first, second)) if a != b), min(len(first), len(second)))


def rates(db: Database, task: Task) -> list[Rate]:
    """What became of texts by month and writer, the newest month first: drafts decided here, and pairs of files that say when they
    were written."""
    rows = db.execute(
        """select substr(d.created, 1, 7), ifnull('student: ' || w.kind || ' ' || w.id, f.author), d.decision, d.kept
           from draft_decisions d join drafts f on f.id = d.draft_id left join writers w on w.id = f.writer_id
           where f.task_id = ?""",
        [task.id],
    ).fetchall()
    for written, writer, status, first, copy in db.execute(
        """select p.written, p.writer, p.status, p.first_version, p.copy from pairs p where p.task_id = ? and p.written is not null
           and not exists (select 1 from draft_decisions d where d.pair_id = p.id)""",
        [task.id],
    ).fetchall():
        if month := MONTH.match(written):
            share = words_kept(first, copy) if first else 1.0 if status == "approved" else None
            rows.append((month[0], writer or "people", status, share))
    by_month: dict[tuple[str, str], list[tuple[str, float | None]]] = {}
    for month, writer, decision, share in rows:
        by_month.setdefault((month, writer), []).append((decision, share))
    return [
        _rate(month, writer, some)
        for (month, writer), some in sorted(by_month.items(), key=lambda one: (one[0][0], one[0][1]))
    ][::-1]


def _rate(month: str, writer: str, some: list[tuple[str, float | None]]) -> Rate:
    decisions = [decision for decision, _ in some]
    shares = [share for decision, share in some if share is not None and decision != "rejected"]
    counted = (decisions.count(name) for name in ("approved", "edited", "rejected"))
    return Rate(month, writer, *counted, sum(shares) / len(shares) if shares else None)


def to_learn(db: Database, task: Task) -> int:
    """How many approved or edited drafts the next training learns from, besides those that are pairs already."""
    return len(_approved(db, task))


def _approved(db: Database, task: Task) -> list[dict[str, Any]]:
    query = """select d.draft_id, d.decision, d.text, d.created, f.brief, f.text as first_version, f.author, d.reviewer
               from draft_decisions d join drafts f on f.id = d.draft_id
               where f.task_id = ? and d.decision <> 'rejected' and d.pair_id is null order by d.created"""
    return list(db.query(query, [task.id]))


FROM_FILES = "select 1 from pair_imports where task_id = ? and filename <> ? limit 1"


def into_pairs(db: Database, task: Task) -> int:
    """Make pairs of the drafts that people approved or edited; how many are new. They are learned from and never tested on, unless
    their brief or copy is one of those kept for the test: then they stay there with it. Where no file brought pairs, those that
    the teacher wrote are dealt as a file's are: else nothing would be left to test on."""
    drafts = _approved(db, task)
    if not drafts:
        return 0
    there = {hashed for (hashed,) in db.execute("select text_hash from pairs where task_id = ?", [task.id])}
    rows = {pairs.hash_of(draft["brief"], draft["text"]): draft for draft in drafts}
    new = {
        hashed: _pair(hashed, draft) for hashed, draft in rows.items() if hashed not in there and not _repeats(draft)
    }
    with db.atomic():
        if new:
            summary = pairs.Imported(len(drafts), len(new), len(drafts) - len(new), [])
            import_id = pairs.save(db, task, SOURCE, pairs.Columns(("brief",), "copy"), summary, new)
            pairs.deal(db, task, Problems())
            files = db.execute(FROM_FILES, [task.id, SOURCE.name]).fetchone()
            dealt = [] if files else [hashed for hashed in new if rows[hashed]["author"] != "student"]
            db.execute(
                """update pairs set split = 'train' where import_id = :i
                   and text_hash not in (select value from json_each(:dealt)) and group_id not in
                   (select group_id from pairs where task_id = :t and import_id <> :i and split <> 'train')""",
                {"i": import_id, "t": task.id, "dealt": json.dumps(dealt)},
            )
        for hashed, draft in ((pairs.hash_of(draft["brief"], draft["text"]), draft) for draft in drafts):
            db.execute(
                """update draft_decisions set pair_id = (select id from pairs where task_id = ? and text_hash = ?)
                   where draft_id = ?""",
                [task.id, hashed, draft["draft_id"]],
            )
    return len(new)


def _repeats(draft: dict[str, Any]) -> bool:
    """A draft that is its brief says nothing of how to write."""
    return normal_form(draft["brief"]) == normal_form(draft["text"])


def _pair(hashed: str, draft: dict[str, Any]) -> dict[str, Any]:
    fields = dict.fromkeys(("channel", "market"), None) | {
        "writer": draft["reviewer"],
        "written": draft["created"][:10],
    }
    edited = draft["decision"] == "edited"
    outcome = {"status": draft["decision"], "first_version": draft["first_version"] if edited else None, "split": ""}
    return {"text_hash": hashed, "brief": draft["brief"], "copy": draft["text"], **outcome, **fields}
