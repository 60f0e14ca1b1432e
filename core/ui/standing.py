"""Where a client stands, in a few aggregate queries: what the sidebar and the overview show."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass

import streamlit as st
from sqlite_utils import Database

from core import database, jobs, settings, tasks
from core.errors import InputError
from core.evaluate.comparison import comparison
from core.evaluate.evidence import Verdict
from core.jobs.kinds import KINDS
from core.label.runs import newest_in_use
from core.task_kinds import KINDS as TASK_KINDS
from core.tasks import Task
from core.words import percent, task_title
from core.write import desk
from core.write import training as writing

VERDICTS = {
    "replace": "Replace",
    "fallback": "With fallback",
    "not_ready": "Not ready",
    "decision_model": "A decision model will do",
    "trial": "Trial only",
    "alone": "Writes alone",
    "drafts": "Drafts for a person",
    "not_yet": "Not yet",
}


@dataclass(frozen=True)
class Standing:
    """A task's state: counts, the share labelled under the taxonomy in use (0..1, None without), student, verdict in words.
    `client`: its client's name; `several`: whether that has other tasks as well."""

    task: Task
    client: str
    several: bool
    synthetic: bool
    categories: int
    assets: int
    labelled: float | None
    run_id: int | None
    students: int
    student: str
    verdict: str | None
    reason: str
    busy: str

    @property
    def name(self) -> str:
        """What the task is called among others."""
        return task_title(self.client, self.task.name, 1 + self.several)

    def lines(self) -> list[tuple[str, str]]:
        """The lines of the sidebar: name and state."""
        rows = [
            ("Categories", f"{self.categories:,}" if self.categories else "none yet"),
            ("Assets", f"{self.assets:,}" if self.assets else "none yet"),
            ("Labelled", percent(self.labelled, digits=0) if self.labelled is not None else "not yet"),
            ("Student", self.student),
            ("Verdict", VERDICTS.get(self.verdict or "", "not yet")),
        ]
        return rows + ([("Now", self.busy)] if self.busy else [])

    def steps(self) -> list[tuple[str, str, bool]]:
        """The way from files to a verdict: page, name, whether it is done."""
        return [
            ("assets", "Assets", bool(self.categories and self.assets)),
            ("teacher", "Labels", self.labelled is not None),
            ("student", "Train", self.verdict is not None),
            ("compare", "Verdict", self.verdict is not None),
        ]

    def next_step(self) -> tuple[str, str]:
        """The page to go to next, and what to do there."""
        if not self.categories or not self.assets:
            return "assets", "Bring in files"
        if self.labelled is None:
            return "teacher", "Get labels"
        if not self.verdict:
            return "student", "Train a student"
        return "compare", "Read the verdict"


@dataclass(frozen=True)
class WritingStanding(Standing):
    """The same of a task whose students write: approved `pairs` in the place of categories, assets and labels."""

    pairs: int = 0
    kept: int = 0  # drafts that people approved or edited, to learn from
    writer: dict | None = None  # the student that the verdict is about

    def lines(self) -> list[tuple[str, str]]:
        """The lines of the sidebar: name and state."""
        rows = [
            ("Its job", "writes copy"),
            ("Approved pairs", f"{self.pairs:,}" if self.pairs else "none yet"),
            *([("Approved drafts", f"{self.kept:,}")] if self.kept and not self.pairs else []),
            *super().lines()[3:],
        ]
        return rows

    def next_step(self) -> tuple[str, str]:
        """The page to go to next, and what to do there."""
        return ("compare", "Read the verdict") if self.verdict else ("write", "Bring in pairs")


def clients(db: Database) -> list[dict]:
    """Every client by name: id, name, synthetic."""
    return list(db.query("select id, name, synthetic from clients order by name collate nocase"))


def tasks_of(db: Database, clients: list[dict]) -> list[tuple[Task, str]]:
    """Every task with its client's name, in the clients' order, the oldest first."""
    return [(task, row["name"]) for row in clients for task in tasks.of_client(db, row["id"])]


def most_recent(db: Database, client_id: int) -> int:
    """The task of a client that something happened to last."""
    query = f"""select t.id, ifnull((select max(created) from jobs j where j.task_id = t.id), '') as latest, {USED} as used
                from tasks t where t.client_id = ? order by latest desc, used desc, t.id limit 1"""
    return db.execute(query, [client_id]).fetchone()[0]


USED = " or ".join(
    f"exists (select 1 from {table} where task_id = t.id)"
    for table in ("jobs", "taxonomies", "label_runs", "students", "pairs", "drafts", "writers")
)


def unused_firsts(db: Database) -> set[int]:
    """The tasks that clients started with, as long as nothing was ever done with them and the client has one that writes: it came
    for that."""
    query = f"""select t.id from tasks t where t.name = ? and t.kind = ? and not ({USED})
                and t.id = (select min(id) from tasks where client_id = t.client_id)
                and exists (select 1 from tasks o where o.client_id = t.client_id and o.kind = 'write')"""
    return {id for (id,) in db.execute(query, list(database.FIRST_TASK))}


def most_recent_client(db: Database, of: list[int]) -> int | None:
    """The client of these that something happened to last; the one a new session opens with."""
    row = next(
        db.query(
            f"""select c.id, max(c.created, ifnull((select max(created) from jobs j where j.client_id = c.id), '')) as latest
               from clients c where c.id in ({", ".join("?" * len(of))}) order by latest desc limit 1""",
            of,
        ),
        None,
    )
    return row["id"] if row else None


def labelled_share(db: Database, client_id: int, run_id: int, assets: int) -> float:
    """Share of the client's assets whose duplicate group has an answer in the run (a group's answer holds for every copy)."""
    row = next(
        db.query(
            """select count(*) as n from assets where client_id = :client and group_id in
               (select a.group_id from labels l join assets a on a.id = l.asset_id
                where l.run_id = :run and l.category_id is not null)""",
            {"client": client_id, "run": run_id},
        )
    )
    return row["n"] / max(assets, 1)


def of(db: Database, task: Task) -> Standing:
    """Where the task stands now. A few indexed counts; under 50 ms at 100,000 assets once the labelled share is cached."""
    client = next(
        db.query(
            "select name, synthetic, (select count(*) from tasks where client_id = c.id) as tasks from clients c where id = ?",
            [task.client_id],
        )
    )
    running = [KINDS[job.kind].doing for job in jobs.active(db, task)]
    if TASK_KINDS[task.kind].page == "write":
        return _of_writing(db, task, client, running[0] if running else "")
    counts = next(
        db.query(
            """select (select count(*) from assets where client_id = :c) as assets,
                      (select count(*) from categories where assignable = 1 and taxonomy_id =
                          (select id from taxonomies where task_id = :t order by version desc limit 1)) as categories,
                      (select count(*) from students where task_id = :t and ready = 1) as students""",
            {"c": task.client_id, "t": task.id},
        )
    )
    run_id = newest_in_use(db, task)
    share = None
    if run_id:
        labels = next(db.query("select count(*) as n from labels where run_id = ?", [run_id]))["n"]
        share = _cached_share(str(settings.home()), task.client_id, run_id, counts["assets"], labels)
    student = judged_student(db, task)
    verdict = verdict_of(db, student) if student else None
    return Standing(
        task,
        client["name"],
        client["tasks"] > 1,
        bool(client["synthetic"]),
        counts["categories"],
        counts["assets"],
        share,
        run_id,
        counts["students"],
        _student_words(student),
        verdict.decision if verdict else None,
        verdict.reason if verdict else "",
        running[0] if running else "",
    )


def _of_writing(db: Database, task: Task, client: dict, busy: str) -> WritingStanding:
    """The standing of a task that writes, by the student at work, else the newest."""
    rows = sorted(writing.all_writers(db, task), key=lambda row: not row["live"])
    verdict = writing.verdict_of(rows[0]) if rows else None
    count = "select count(*) from pairs where task_id = ? and status != 'rejected'"
    return WritingStanding(
        task,
        client["name"],
        client["tasks"] > 1,
        bool(client["synthetic"]),
        categories=0,
        assets=0,
        labelled=None,
        run_id=None,
        students=len(rows),
        student=_student_words(rows[0] if rows else None),
        verdict=verdict.decision if verdict else None,
        reason=verdict.reason if verdict else "",
        busy=busy,
        pairs=(pairs := db.execute(count, [task.id]).fetchone()[0]),
        kept=0 if pairs else desk.to_learn(db, task),
        writer=rows[0] if rows else None,
    )


def judged_student(db: Database, task: Task) -> dict | None:
    """The student the task's verdict is about: the live one, else the newest that is judged, else the newest there is."""
    return next(
        db.query(
            """select s.id, s.kind, s.live, e.created as judged from students s
               left join evaluations e on e.student_id = s.id and e.split = 'test'
               where s.task_id = ? and s.ready = 1 order by s.live desc, e.created is not null desc, s.id desc limit 1""",
            [task.id],
        ),
        None,
    )


def verdict_of(db: Database, student: dict) -> Verdict | None:
    """The verdict on a student under the client's assumptions; None before it was judged, by this version of the program."""
    with suppress(InputError):
        result = comparison(db, student["id"])
        return result.verdict if result else None
    return None


def _student_words(student: dict | None) -> str:
    if student is None:
        return "not yet"
    return f"{student['kind']} {student['id']}, {'live' if student['live'] else 'ready'}"


@st.cache_data(max_entries=64, show_spinner=False)
def _cached_share(home: str, client_id: int, run_id: int, assets: int, labels: int) -> float:
    """labelled_share(), which reads every asset; it changes only with the counts it is keyed by."""
    with closing(database.connect()) as db:
        return labelled_share(db, client_id, run_id, assets)
