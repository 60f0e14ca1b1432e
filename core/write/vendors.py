"""Somebody else's texts for the briefs kept for the test: a vendor's, another tool's, or the teacher's drafts.

    Path("briefs.csv").write_bytes(pack(db, task))
    import_file(db, task, "Vendor X", Path("answers.csv"))

They go through the gates and measures of the task's students, and into the blind test beside its drafts. The same name again
replaces what was there. A brief without a text counts as one that no text passes for.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from sqlite_utils import Database

from core import jobs, tasks
from core.assets.duplicates import normal_form
from core.database import now
from core.errors import InputError, Problem
from core.escape import Cells, undefuse
from core.jobs.progress import NoProgress
from core.tables.files import AS_FOUND, Problems, ReadAs, open_table
from core.tables.problems import Doubt
from core.tasks import Task
from core.words import counted
from core.write import blind, judging, pairs, teacher
from core.write.blind_pairs import put_beside, vendor_beside_approved
from core.write.figures import TextFigures

TEACHER = teacher.TEACHER  # the source, and the name, of the teacher's drafts
LONGEST_NAME = 80
LISTED = 1_000  # briefs and problems that are kept
BRIEFS = ("brief", "source", "prompt", "input")
TEXTS = ("draft", "text", "copy", "answer", "output", "headline", "line", "target", "summary")


@dataclass(frozen=True)
class Look:
    """A file before it is taken in: its columns, those that look like brief and text (None: none does), its first rows, and what it
    leaves open."""

    columns: list[str]
    brief: str | None
    text: str | None
    head: list[list[str]]
    doubts: list[Doubt]


@dataclass(frozen=True)
class Counts:
    """What became of a file: rows, test briefs with a text, further texts for a brief (the first counts), `outside`: briefs of the
    file that are none of the test, `missing`: test briefs without a text, and problems of rows."""

    rows: int
    answered: int
    again: int
    outside: tuple[str, ...]
    missing: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Test:
    """Texts that were measured. `seconds`: what half of them took at most (None: not known)."""

    id: int
    name: str
    source: str
    usd_per_1000: float | None
    seconds: float | None
    counts: Counts
    figures: TextFigures
    created: str


def test_briefs(db: Database, task: Task) -> dict[str, list[str]]:
    """The briefs that students are judged on, each with its approved copies. InputError where none is kept for the test."""
    held = judging.held_out(pairs.approved(pairs.load(db, task), "test"))
    if not held:
        raise InputError("No brief is kept for the test yet.", "Bring in pairs on the Write page first.")
    return held


def pack(db: Database, task: Task) -> bytes:
    """The test briefs as CSV, with a column for drafts; no cell runs as a formula. InputError as test_briefs()."""
    out = io.StringIO(newline="")
    cells = Cells(out)
    cells.row("brief", "draft")
    cells.rows((brief, "") for brief in test_briefs(db, task))
    return out.getvalue().encode("utf-8-sig")


def look(path: Path, read_as: ReadAs = AS_FOUND) -> Look:
    """What a file of texts holds. InputError where it is no table."""
    table = open_table(path, read_as=read_as)
    named = {column.casefold().strip(): column for column in reversed(table.columns)}
    brief = next((named[name] for name in BRIEFS if name in named), None)
    text = next((named[name] for name in TEXTS if name in named and named[name] != brief), None)
    return Look(table.columns, brief, text, table.head[:3], table.doubts)


def read(
    path: Path, test: Sequence[str], brief: str | None = None, text: str | None = None, read_as: ReadAs = AS_FOUND
) -> tuple[dict[str, str], Counts]:
    """Texts by test brief out of a file, and what became of its rows. A brief is matched as it stands, else but for case and signs.

    InputError for a column that the file lacks, or where no brief of it is one of the test.
    """
    seen = look(path, read_as)
    chosen = {"brief": brief or seen.brief, "draft": text or seen.text}
    for role, column in chosen.items():
        if column not in seen.columns:
            what = f"The file has no column {column}." if column else f"No column of the file is called {role}."
            raise InputError(what, f"Choose from: {', '.join(seen.columns)[:500]}.", where=path.name)
    if len(set(chosen.values())) == 1:
        raise InputError("Briefs and drafts are in one column.", "Choose two columns.", where=path.name)
    table, problems, texts, outside = open_table(path, read_as=read_as), Problems(), {}, {}
    places = {" ".join(one.split()): [one] for one in test}
    like: dict[str, list[str]] = {}
    for one in test:
        like.setdefault(normal_form(one), []).append(one)
    rows = again = 0
    for row, cells in table.records(problems):
        rows += 1
        record = dict(zip(table.columns, cells))
        asked, written = (" ".join(undefuse(record[column]).split()) for column in chosen.values())
        meant = places.get(asked) or like.get(normal_form(asked)) if asked else None
        if not asked and written:
            problems.add(row, chosen["brief"], "The row has no brief; it was left out.", "Fill it in.")
        elif asked and not meant:
            outside[asked] = None
        elif meant and not written:
            problems.add(row, chosen["draft"], "The row has no draft; its brief counts as unanswered.", "Fill it in.")
        elif meant and len(written) > pairs.MOST_COPY:
            what = f"The draft is longer than {pairs.MOST_COPY:,} characters; its brief counts as unanswered."
            problems.add(row, chosen["draft"], what, "Shorten it.")
        elif meant:
            again += meant[0] in texts
            for place in meant:
                texts.setdefault(place, written)
    if not texts:
        raise InputError(
            f"None of the file's {counted(rows, 'row')} holds a draft for a test brief.",
            "Fill in the column draft of the test briefs that the Vendor page hands out.",
            where=path.name,
        )
    missing = tuple(one for one in test if one not in texts)
    kept = tuple(problems.listed[:LISTED])
    return texts, Counts(rows, len(texts), again, tuple(outside)[:LISTED], missing[:LISTED], kept)


def import_file(
    db: Database,
    task: Task,
    name: str,
    path: Path,
    *,
    brief: str | None = None,
    text: str | None = None,
    read_as: ReadAs = AS_FOUND,
    usd_per_1000: float | None = None,
) -> Test:
    """Take in a file of texts, measure and keep them. InputError as read(), for a name that is none, or a
    price below zero."""
    name = named(name)
    if usd_per_1000 is not None and not (isfinite(usd_per_1000) and usd_per_1000 >= 0):
        raise InputError(f"The price {usd_per_1000:g} is not zero or more.", "Give US dollars for 1,000 drafts.")
    test = test_briefs(db, task)
    texts, counts = read(path, list(test), brief, text, read_as)
    return keep(db, task, name, f"file:{path.name}", texts, counts, usd_per_1000=usd_per_1000)


def named(name: str) -> str:
    """A vendor's name with single spaces. InputError where it is none, or the teacher's."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InputError("A vendor needs a name.", f"Type one of at most {LONGEST_NAME} characters.")
    if name.casefold() == TEACHER:
        raise InputError("Teacher is the name of the client's own teacher.", "Choose another name.")
    return name


def keep(
    db: Database,
    task: Task,
    name: str,
    source: str,
    texts: dict[str, str],
    counts: Counts,
    *,
    usd_per_1000: float | None = None,
    seconds: float | None = None,
) -> Test:
    """Measure texts by test brief and keep them under a name."""
    figures, drafts = judging.judge_texts(teacher.rules_of(db, task), texts, test_briefs(db, task))
    row = {"task_id": task.id, "name": name, "source": source, "usd_per_1000": usd_per_1000, "seconds": seconds}
    row |= {"counts": json.dumps(asdict(counts)), "figures": figures.model_dump_json(), "created": now()}
    with db.atomic():
        _forget(db, task, name, texts)
        test_id = db["writing_tests"].insert(row).last_pk
        db.conn.executemany(
            "insert into writing_answers (test_id, brief, text, passed, gates) values (?, ?, ?, ?, ?)",
            [
                (test_id, brief, draft.text, int(draft.passed), json.dumps(draft.as_dict()["gates"]))
                for brief, draft in drafts.items()
            ],
        )
    return find(db, task, name)


def tests(db: Database, task: Task) -> list[Test]:
    """Every vendor's texts that were measured, and the teacher's first of all; then the newest first."""
    rows = db.query("select * from writing_tests where task_id = ? order by source != ?, id desc", [task.id, TEACHER])
    return [_read(row) for row in rows]


def find(db: Database, task: Task, name: str | None = None) -> Test:
    """The test of this name; without one the newest vendor's. InputError where there is none."""
    there = tests(db, task)
    for one in there:
        if one.name.casefold() == " ".join(name.split()).casefold() if name else one.source != TEACHER:
            return one
    known = ", ".join(one.name for one in there)
    raise InputError(
        f"There are no texts of {name}." if name else "No vendor's drafts are here yet.",
        f"Name one of: {known}." if known else "Take some in with `vendor import`, or on the Vendor page.",
    )


def _read(row: dict) -> Test:
    counts = json.loads(row["counts"])
    counts["problems"] = tuple(Problem(**one) for one in counts["problems"])
    counts |= {key: tuple(counts[key]) for key in ("outside", "missing")}
    rest = {key: row[key] for key in ("id", "name", "source", "usd_per_1000", "seconds", "created")}
    return Test(**rest, counts=Counts(**counts), figures=TextFigures.model_validate_json(row["figures"]))


def answers(db: Database, test: Test) -> list[dict]:
    """Its texts: brief, text, passed, gates."""
    rows = db.query("select brief, text, passed, gates from writing_answers where test_id = ?", [test.id])
    return [row | {"passed": bool(row["passed"]), "gates": json.loads(row["gates"])} for row in rows]


def remove(db: Database, task: Task, name: str) -> None:
    """Forget a vendor's texts, and the comparisons with them. InputError where there are none."""
    test = find(db, task, name)
    with db.atomic():
        _forget(db, task, test.name, {})


def _forget(db: Database, task: Task, name: str, texts: dict[str, str]) -> None:
    """Comparisons with a text that stays the same in `texts`, the new ones by brief, stay too."""
    for (test_id,) in db.execute(
        "select id from writing_tests where task_id = ? and name = ?", [task.id, name]
    ).fetchall():
        db.execute("delete from writing_answers where test_id = ?", [test_id])
        db.execute("delete from writing_tests where id = ?", [test_id])
    stays = {" ".join(brief.split()): " ".join(text.split()) for brief, text in texts.items()}
    compared = (
        "select id, brief, iif(writer_id is null, draft, other) from blind_pairs where task_id = ? and against = ?"
    )
    for pair, brief, other in db.execute(compared, [task.id, blind.vendor(name)]).fetchall():
        if stays.get(" ".join(brief.split())) != other:
            db.execute("delete from blind_answers where pair_id = ?", [pair])
            db.execute("delete from blind_pairs where id = ?", [pair])


def teachers_drafts(db: Database, task: Task) -> dict[str, str]:
    """The teacher's drafts of test briefs: of each the newest that passes, else the newest. Not those of connections judged
    as vendors."""
    query = """select brief, text from drafts d where task_id = :task and author = 'teacher' and not exists
                 (select 1 from teacher_drafts b join writing_tests t on t.source = 'connection:' || b.connection
                  where b.draft_id = d.id and t.task_id = :task) order by passed, id"""
    newest = dict(db.execute(query, {"task": task.id}).fetchall())
    return {brief: newest[brief] for brief in test_briefs(db, task) if brief in newest} if newest else {}


def unmeasured(db: Database, task: Task) -> int:
    """How many test briefs have a draft of the teacher, where they are others than were measured; 0 where all are."""
    texts = teachers_drafts(db, task)
    query = """select a.brief, a.text from writing_answers a join writing_tests t on t.id = a.test_id
               where t.task_id = ? and t.source = ?"""
    measured = dict(db.execute(query, [task.id, TEACHER]).fetchall())
    return 0 if measured == texts else len(texts)


def measure_teacher(db: Database, task: Task) -> Test | None:
    """Measure the teacher's drafts of test briefs, of which the others count as not answered; None where there are none."""
    texts = teachers_drafts(db, task)
    if not texts:
        return None
    missing = tuple(brief for brief in test_briefs(db, task) if brief not in texts)
    counts = Counts(len(texts), len(texts), 0, (), missing[:LISTED])
    return keep(db, task, TEACHER, TEACHER, texts, counts)


def ask(
    db: Database,
    task: Task,
    name: str,
    spec: str,
    cap_usd: float | None = None,
    progress: NoProgress | None = None,
) -> Test:
    """Have an endpoint (connection:NAME, openai:MODEL …) draft for every test brief, within the cap, and measure what it writes.
    Its drafts are kept as the teacher's are: none is bought twice. InputError as teacher.drafts() does, and where none came."""
    name, briefs, step = named(name), list(test_briefs(db, task)), progress or NoProgress()
    owner = teacher.owner_of(db, task, spec, briefs, 1)

    def report(done: int, total: int, usd: float) -> None:
        step(done, total, f"{name} drafts for the test briefs", usd)

    told = teacher.drafts(db, task, spec, briefs, cap_usd, owner, report)
    texts = {brief: told.drafts[brief.strip()][0]["text"] for brief in briefs if told.drafts.get(brief.strip())}
    if not texts:
        why = next(iter(told.failed.values()), "Nothing was written.")
        raise InputError(f"{name} wrote no draft. {why}", "Look at its connection, or raise what it may cost.")
    missing = tuple(brief for brief in briefs if brief not in texts)
    problems = tuple(Problem(None, None, why, "Ask it again.") for why in dict.fromkeys(told.failed.values()))
    each = {"usd_per_1000": 1000 * told.spent_usd / len(texts), "seconds": _seconds(db, task, spec)}
    return keep(db, task, name, spec, texts, Counts(len(briefs), len(texts), 0, (), missing, problems), **each)


def ask_job(db: Database, params: dict, progress: jobs.Progress) -> dict:
    """The job body: {"task_id", "name"} with {"teacher", "budget_usd"} for an endpoint to ask, {"file", "brief", "text", "read_as",
    "usd_per_1000"} for a file to take in, and neither for the teacher's drafts. A killed one carries on and buys nothing twice."""
    task, name = tasks.get(db, params["task_id"]), params["name"]
    if params.get("teacher"):
        test = ask(db, task, name, params["teacher"], params["budget_usd"], progress)
    elif params.get("file"):
        progress(0, 0, f"Measuring the drafts of {name}")
        chosen = {key: params[key] for key in ("brief", "text", "usd_per_1000")}
        how = ReadAs(**params.get("read_as") or {})
        test = import_file(db, task, name, Path(params["file"]), read_as=how, **chosen)
    else:
        progress(0, 0, "Measuring the teacher's drafts")
        test = measure_teacher(db, task)
    return {"name": name, "answered": test.counts.answered if test else 0}


def _seconds(db: Database, task: Task, spec: str) -> float | None:
    """What half of the drafts of a connection took at most."""
    query = """select b.latency_ms from teacher_drafts b join drafts d on d.id = b.draft_id
               where d.task_id = ? and 'connection:' || b.connection = ? and b.latency_ms is not null order by 1"""
    taken = [ms for (ms,) in db.execute(query, [task.id, spec]).fetchall()]
    return taken[len(taken) // 2] / 1000 if taken else None


def into_blind(db: Database, task: Task, test: Test, writer_id: int | None) -> int:
    """Put a vendor's texts that pass the gates beside approved copy, and beside the drafts that a student has in its blind test;
    how many pairs are new. InputError where no text passes."""
    texts = {" ".join(row["brief"].split()): row["text"] for row in answers(db, test) if row["passed"]}
    if not texts:
        raise InputError(f"No text of {test.name} passes the gates.", "Its card says what stops them.")
    query = "select brief, draft, min(seed) from blind_pairs where writer_id = ? group by brief"
    drafted = [(" ".join(brief.split()), brief, *rest) for brief, *rest in db.execute(query, [writer_id])]
    beside = [(brief, draft, texts[plain], seed) for plain, brief, draft, seed in drafted if plain in texts]
    ours = test.source == TEACHER
    with db.atomic():
        new = put_beside(db, task, writer_id, beside, TEACHER if ours else blind.vendor(test.name)) if beside else 0
        return new if ours else new + vendor_beside_approved(db, task, test.name, texts)
