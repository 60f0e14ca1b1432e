"""`watch`: how the promise of the student at work stands, what a shadow run says, what is to be watched, and what work has taught:
labels to train on, a challenger to meet, themes that are new."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError
from core.words import counted, money, percent, stated_percent

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task

SUMMARY = "whether the promise still holds after the switch"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--audit",
        type=terminal.part,
        metavar="SHARE",
        help="of handled answers to put to the teacher too, e.g. 0.02; 0: none",
    )
    command.add_argument(
        "--audit-budget", type=terminal.usd, metavar="USD", help="what audits may cost the client in a calendar month"
    )
    command.add_argument(
        "--when-broken",
        choices=("warn", "teacher"),
        help="warn only, or send everything to the teacher until somebody decides",
    )
    command.add_argument("--keep-texts", choices=("all", "asked", "none"), help="texts kept with what was served")
    command.add_argument("--days", type=terminal.count, metavar="N", help="how long these texts are kept")
    command.add_argument(
        "--shadow-file",
        type=Path,
        metavar="F",
        help="recent assets with the teacher's answers: the student answers them silently",
    )
    terminal.student_option(command)
    command.add_argument("--text-columns", type=terminal.names, metavar="A,B", help="of that file; default: found out")
    command.add_argument("--label-column", metavar="C", help="that holds the teacher's answers; default: found out")
    command.add_argument("--decide", metavar="WORDS", help="a broken promise is seen to, in so many words: watch anew")
    command.add_argument(
        "--learn",
        action="store_true",
        help="have the labels that work has paid for join the others, and train a challenger on all of them; nothing goes live",
    )
    command.add_argument(
        "--meet",
        type=terminal.count,
        metavar="STUDENT",
        help="have this student meet the one at work on the newest answers that neither learned from",
    )
    command.add_argument(
        "--erase", action="store_true", help="remove all that was written down of the client's answers"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Keep what is said, do what is asked, then tell how the promise stands."""
    from core import database, jobs, tasks
    from core.watch import rules, served, standing

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    if not task.sorts:
        raise InputError("A task that writes has no such promise.", "The blind test and the desk say how it does.")
    said = {"share": args.audit, "broken": args.when_broken}
    if changed := {name: value for name, value in said.items() if value is not None}:
        rules.put_watching(db, task, rules.watching(db, task).model_copy(update=changed))
    kept = {"texts": args.keep_texts, "days": args.days, "audit_usd": args.audit_budget}
    if changed := {name: value for name, value in kept.items() if value is not None}:
        rules.put_keeping(db, task.client_id, rules.keeping(db, task.client_id).model_copy(update=changed))
    if args.decide:
        standing.decide(db, task, args.decide)
    if args.erase:
        served.erase(task.client_id)
    told, lines = {}, "What was written down of the client's answers is removed.\n" if args.erase else ""
    if args.learn:
        told["learned"] = jobs.run_here(db, "learn", {"task_id": task.id}, task, terminal.Log()).result
        n, student = told["learned"]["taken"]["labels"], told["learned"]["student"]
        lines += f"{n:,} labels from work joined the others; student {student} is trained. It is not at work.\n"
    if args.meet is not None:
        told["met"] = jobs.run_here(db, "meet", {"task_id": task.id, "student": args.meet}, task, terminal.Log()).result
    if args.shadow_file:
        told["file"], words = _silent(db, task, args)
        lines += f"{words}\n"
    state, words = _told(db, task)
    return told | state, lines + words


def _silent(db: Database, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.watch import shadow_file

    named = {"text_columns": args.text_columns, "label_column": args.label_column}
    found = shadow_file.run(db, task, args.student, args.shadow_file, **named, progress=terminal.Log())
    counts = {name: getattr(found, name) for name in ("student_id", "rows", "compared", "before", "empty", "left_out")}
    lines = [
        f"{found.rows:,} rows: {found.compared:,} compared, {found.before:,} compared before, {found.empty:,} without text or "
        f"label, {found.left_out:,} left out"
    ]
    lines += [str(one) for one in found.problems.listed[:20]]
    return counts | {"problems": [asdict(one) for one in found.problems.listed]}, "\n".join(lines)


def _told(db: Database, task: Task) -> tuple[dict, str]:
    from core.watch import explaining, rules, shadow, standing, telling

    now, silent = standing.standing(db, task), shadow.shadows(db, task)
    step, said, kept = telling.next_step(db, task, now), rules.watching(db, task), rules.keeping(db, task.client_id)
    told = {
        "standing": asdict(now) | {"sentence": telling.sentence(now)},
        "next": asdict(step),
        "shadow": [asdict(one) | {"share": one.share, "sentence": telling.of_shadow(one)} for one in silent],
        "watching": said.model_dump(),
        "keeping": kept.model_dump(),
    }
    work = explaining.change(db, task, time.time())
    told["work"] = work and asdict(work)
    cost = f" About {money(step.usd)} a month." if step.usd else ""
    lines = [telling.sentence(now), f"Next: {step.words}{cost}"]
    if now.moved:
        lines += [
            f"{m.category}: {m.agreed} of {m.audits} agree, {percent(m.tested)} in the test." for m in now.moved[:5]
        ]
    lines += [work.words] if work else []
    lines += [f"Shadow run of student {one.student_id}: {telling.of_shadow(one)}" for one in silent]
    ahead, more = _ahead(db, task)
    told, lines = told | ahead, lines + more
    budget = "no budget" if kept.audit_usd is None else f"at most {money(kept.audit_usd, exact=True)} a month"
    lines.append(f"Audited: {stated_percent(said.share)} of handled answers, {budget}; texts kept: {kept.texts}.")
    return told, "\n".join(lines)


def _ahead(db: Database, task: Task) -> tuple[dict, list[str]]:
    """What work has taught: agreement over all answers, labels to train on, how the challenger did, what is new."""
    from core.watch import learning, meeting, themes, weighted

    over, found, row, strange = (
        weighted.of_live(db, task),
        learning.found(db, task),
        meeting.challenger(db, task),
        themes.themes(task),
    )
    met = row and meeting.stored(db, task, found.champion_id, row["id"])
    told = {
        "overall": over and asdict(over),
        "learning": asdict(found) | {"sentence": found.sentence()},
        "meeting": met and meeting.as_json(met),
        "themes": asdict(strange),
    }
    lines = [over.sentence()] if over else []
    lines.append(found.sentence())
    if found.new:
        lines.append(f"{found.button}: `watch --learn`.")
    if met:
        lines.append(f"Student {row['id']} met the one at work. {met.sentence()}")
    lines += [
        f"Unlike anything seen, a new theme? {', '.join(one.words)}: {counted(one.texts, 'text')} in "
        f"{counted(one.answers, 'answer')}."
        for one in strange.groups[:5]
    ]
    return told, lines
