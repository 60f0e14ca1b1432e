"""Drawing up a blind test: the student's draft of each held-out brief beside its approved copy, and the teacher's where one is."""

from __future__ import annotations

from typing import Any

from sqlite_utils import Database

from core import jobs, tasks
from core.chance import chance
from core.database import now
from core.errors import InputError
from core.jobs.progress import NoProgress
from core.tasks import Task
from core.write import pairs, scorer, use
from core.write.blind import AGAINST, vendor

USUAL = 100  # comparisons of a test
AT_ONCE = 10  # briefs


def draw_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body: {"task_id", "writer_id", "count"}. A killed one carries on after the briefs it has drawn up."""
    return draw(db, tasks.get(db, params["task_id"]), params["writer_id"], params["count"], progress)


def draw(
    db: Database,
    task: Task,
    writer_id: int | str,
    count: int = USUAL,
    progress: NoProgress | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Have a student draft `count` more held-out briefs and put each draft beside its approved copy, sides and order by chance.

    Briefs of which no draft passes the gates are left out: the student leaves these to others. Returns the number of `pairs` and
    of briefs `left_out`. InputError where no held-out brief is left, or the student may not write.
    """
    row = use.may_write(db, task, writer_id)
    there = db.execute("select seed from blind_pairs where writer_id = ? limit 1", [row["id"]]).fetchone()
    seed = there[0] if there else seed
    asked = _briefs(db, task, row["id"], seed)[:count]
    if not asked:
        raise InputError("Every brief kept for the test is in it already.", "Bring more pairs, and train again.")
    writer, left_out = use.writer_of(row, db), 0
    for start in range(0, len(asked), AT_ONCE):
        (progress or NoProgress())(start, len(asked), "Drafting for the blind test")
        some = asked[start : start + AT_ONCE]
        drafted = writer.drafts([pair.brief for pair in some], 1, seed)
        passed = [(pair, drafts[0].text) for pair, drafts in zip(some, drafted) if drafts and drafts[0].passed]
        left_out += len(some) - len(passed)
        for pair, drafts in zip(some, drafted):
            scorer.remember(db, row, pair.brief, [(draft.text, draft.features) for draft in drafts])
        with db.atomic():
            put(db, task, row["id"], passed, seed)
    total = db.execute("select count(*) from blind_pairs where writer_id = ?", [row["id"]]).fetchone()[0]
    return {"pairs": total, "left_out": left_out}


def _briefs(db: Database, task: Task, writer_id: int, seed: int) -> list[pairs.Pair]:
    """Approved pairs of the test that no comparison is about yet, one a group, in the order drawn by the seed."""
    seen = {brief for (brief,) in db.execute("select brief from blind_pairs where writer_id = ?", [writer_id])}
    return _open(db, task, seen, str(seed))


def _open(db: Database, task: Task, seen: set[str], seed: str) -> list[pairs.Pair]:
    """Approved pairs of the test of which no brief was `seen`, nor one of its group, one a group, in an order drawn by the seed."""
    approved = [one for one in pairs.load(db, task) if one.split == "test" and one.status != "rejected"]
    known = {one.group_id for one in approved if one.brief in seen}
    first = {one.group_id: one for one in reversed(approved) if one.group_id not in known}
    return sorted(first.values(), key=lambda one: chance(f"{seed} order {one.brief}"))


def put(db: Database, task: Task, writer_id: int, drafted: list[tuple[pairs.Pair, str]], seed: int) -> None:
    """Comparisons of drafts with the approved copy of their pairs, after those that are there, and with the teacher's drafts."""
    for pair, draft in drafted:
        for against, other in zip(AGAINST, (pair.copy, _by_teacher(db, task, pair.brief))):
            if other:
                put_beside(db, task, writer_id, [(pair.brief, draft, other, seed)], against)


def vendor_beside_approved(db: Database, task: Task, name: str, texts: dict[str, str], count: int = USUAL) -> int:
    """Put a vendor's texts, by test brief with single spaces, beside the approved copy of `count` more of these; how many pairs
    are new."""
    whose = "task_id = ? and writer_id is null and against = ?"
    there = [brief for (brief,) in db.execute(f"select brief from blind_pairs where {whose}", [task.id, vendor(name)])]
    asked = [(one, texts.get(" ".join(one.brief.split()))) for one in _open(db, task, set(there), f"{name} 0")]
    chosen = [(one.brief, text, one.copy, 0) for one, text in asked if text][:count]
    return put_beside(db, task, None, chosen, vendor(name))


def put_beside(
    db: Database, task: Task, writer_id: int | None, texts: list[tuple[str, str, str, int]], against: str
) -> int:
    """Comparisons of a student's drafts (no student: a vendor's, named by `against`) with other texts, (brief, draft, other, seed)
    each, after those that are there; sides by chance. A brief compared so already is left out. Returns how many are new."""
    whose = "task_id = ? and writer_id is ?"
    briefs = db.execute(
        f"select brief from blind_pairs where {whose} and against = ?", [task.id, writer_id, against]
    ).fetchall()
    there = {brief for (brief,) in briefs}
    query = f"select ifnull(max(place) + 1, 0) from blind_pairs where {whose}"
    place = db.execute(query, [task.id, writer_id]).fetchone()[0]
    new = [one for one in texts if one[0] not in there]
    db["blind_pairs"].insert_all(
        {
            "task_id": task.id,
            "writer_id": writer_id,
            "place": place + more,
            "seed": seed,
            "brief": brief,
            "draft": " ".join(draft.split()),  # no new lines tell whose it is
            "other": " ".join(other.split()),
            "against": against,
            "draft_left": int(chance(f"{seed} {against} {brief}") < 0.5),
            "created": now(),
        }
        for more, (brief, draft, other, seed) in enumerate(new)
    )
    return len(new)


def _by_teacher(db: Database, task: Task, brief: str) -> str:
    """The teacher's newest draft of a brief that passes the gates, "" where there is none."""
    query = "select text from drafts where task_id = ? and author = 'teacher' and brief = ? and passed = 1 order by id desc limit 1"
    row = db.execute(query, [task.id, brief]).fetchone()
    return row[0] if row else ""
