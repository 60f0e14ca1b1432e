"""python3 run.py compare: the verdict on a student with its money and rules, as the Compare page shows them; changes both."""

from __future__ import annotations

import argparse
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError
from core.words import money, percent, ranged

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.evaluate.beside import Beside
    from core.tasks import Task

SUMMARY = "the verdict on a student, its money and its rules"


def options(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    terminal.student_option(command)
    command.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a rule for this client, e.g. target=0.9 or new=campaigns (what will be new in its work)",
    )
    command.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change an assumption, e.g. volume_per_month=50000",
    )
    command.add_argument(
        "--ask",
        metavar="CONNECTION",
        help="ask a decision model about the student's own test assets, to stand beside it and its teacher",
    )
    command.add_argument(
        "--rows",
        type=terminal.count,
        metavar="N",
        help="with --ask: about so many of them, and as many that calibrate (200)",
    )
    command.add_argument(
        "--budget", type=terminal.usd, metavar="USD", help="with --ask: the most that this model may cost here in all"
    )
    command.add_argument(
        "--other-models", type=terminal.names, metavar="A,B", help="models whose list prices stand beside the teacher's"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Keep what is changed, then tell verdict, figures, two years of money and what moves them most."""
    from core import database, tasks
    from core.evaluate import joint, metrics, rivals, sources
    from core.evaluate.comparison import judgement
    from core.evaluate.evaluation import change_rules
    from core.evaluate.kept import assumptions_of, keep_assumptions, keep_other_models
    from core.evaluate.phrases import across_words, new_words
    from core.money import outlook
    from core.report.headline import headlines
    from core.train.registry import looked_at

    db = database.connect()
    client = tasks.client_named(db, args.client)
    if (
        args.task is None
        and not (args.rule or args.assume or args.ask)
        and len(facets := joint.looked_at(db, client)) > 1
    ):
        return _all_facets(db, args.client, client, facets)
    task = tasks.named(db, args.client, args.task)
    if task.kind == "write":
        return _writing(db, task, args)
    row = looked_at(db, task, args.student)
    before = judgement(db, row["id"])
    if args.rule:
        change_rules(db, task, _changed(before.rules, args.rule, "--rule"))
    if args.assume:
        keep_assumptions(db, task, _changed(assumptions_of(db, task), args.assume, "--assume"))
    if args.other_models is not None:
        keep_other_models(db, task, args.other_models)
    asked = _ask(db, task, row, args) if args.ask else None
    result = judgement(db, row["id"])
    by, pairs = sources.judged(db, row), sources.between(db, task)
    verdict, seen, three = result.verdict, result.figures.new, headlines(result)
    answer = {
        "student": str(row["id"]),
        "sources": {"judged": [asdict(one) for one in by], "between": [asdict(pair) for pair in pairs]},
        "verdict": asdict(verdict),
        "rules": asdict(result.rules),
        "assumptions": asdict(result.assumptions),
        "headlines": [asdict(one) for one in three],
        "formulas": [asdict(line) for line in result.formulas],
        "tornado": [asdict(one) for one in result.swings],
        "new": seen and asdict(seen),
        "metrics": metrics.as_json(result.figures),
        "decision_models": [_beside(one) for one in result.beside],
        "asked": asked,
    }
    wide = max(len(one.label) for one in three)
    lines = [f"{one.label:<{wide}} {one.value:>9}  {one.span or ''} ({one.basis})" for one in three]
    lines += [
        f"{course.label:<40} {money(course.after(outlook.MONTHS)):>12} in {outlook.MONTHS} months"
        for course in result.courses
    ]
    told_of = [words for words in (new_words(seen), across_words(seen)) if words] if seen else []
    text = [f"{verdict.decision.replace('_', ' ')}: {verdict.reason}", f"Next: {verdict.next}", *told_of, *lines]
    if len(by) > 1 or pairs:
        text += [*map(sources.by_words, by), *map(sources.between_words, pairs)]
    for one in result.beside:
        text += [f"{one.rival.name}: {one.words}", *([one.middle_words] if one.middle_words else [])]
    if asked:
        text.append(rivals.in_words(asked))
    if changed := [*args.rule, *args.assume]:
        text.append(f"Kept for {args.client} from now on: {', '.join(changed)}.")
    if any(one.startswith("new=") for one in args.rule):
        text.append("What is new counts from the next training on.")
    return answer, "\n".join(text)


def _ask(db: Database, task: Task, row: dict, args: argparse.Namespace) -> dict:
    """Ask a decision model about the student's assets; what came of that."""
    from core import jobs
    from core.evaluate import rivals

    spec = args.ask if ":" in args.ask else f"connection:{args.ask}"
    params = rivals.params(task, row["id"], spec, args.budget, args.rows or rivals.ROWS)
    return jobs.run_here(db, "rival", params, task, terminal.Log()).result


def _beside(one: Beside) -> dict:
    """A decision model beside student and teacher as JSON: figures, the certificate, money, what they come to."""
    told = asdict(one)
    told["rival"]["times"].pop("spread")
    return told | {"name": one.rival.name}


def _writing(db, task, args: argparse.Namespace) -> tuple[dict, str]:
    """The same of a task that writes."""
    from core.evaluate.kept import assumptions_of, keep_assumptions, keep_other_models
    from core.money import outlook
    from core.report import writing as answers
    from core.write import blind, comparison, desk, measures, vendors

    if args.ask:
        raise InputError("A decision model writes nothing.", "Ask it about a task that chooses one category.")
    if args.rule:
        raise InputError(
            "A task that writes has no such rules.", "Set the margin of its blind test with `blind --margin`."
        )
    if args.assume:
        keep_assumptions(db, task, _changed(assumptions_of(db, task), args.assume, "--assume"))
    if args.other_models is not None:
        keep_other_models(db, task, args.other_models)
    row = comparison.looked_at(db, task, args.student)
    if vendors.unmeasured(db, task):
        vendors.measure_teacher(db, task)
    result = comparison.comparison(db, task, row)
    judged, figures = result.verdict, result.figures
    answer = {
        "student": str(row["id"]),
        "kind": row["kind"],
        "verdict": asdict(judged) | {"step": asdict(result.step)},
        "assumptions": asdict(result.assumptions),
        "measures": measures.as_json(result.sides),
        "gates": {"student": figures.stops, "people": figures.human_stops},
        "blind": [asdict(one) | {"words": blind.sentence(one)} for one in result.blind],
        "months": [asdict(one) for one in desk.rates(db, task)],
        "formulas": [asdict(line) for line in result.formulas],
        "tornado": [asdict(one) for one in result.swings],
        "drafts": [asdict(one) for one in figures.examples],
        "licence": figures.licence,
    }
    text = [f"{judged.decision.replace('_', ' ')}: {judged.reason}", f"Next: {judged.next} {result.step.words}"]
    text += [answers.lead(result), answers.passes_on(result)]
    for one in measures.applicable(result.sides):
        told = ", ".join(f"{side.who} {one.told(side)}" for side in result.sides if one.value(side) is not None)
        text.append(f"{one.words}: {told}")
    text += [blind.sentence(one) for one in result.blind]
    text += [f"{c.label:<40} {money(c.after(outlook.MONTHS)):>12} in {outlook.MONTHS} months" for c in result.courses]
    if args.assume:
        text.append(f"Kept for {args.client} from now on: {', '.join(args.assume)}.")
    return answer, "\n".join(text)


def _all_facets(db: Database, client: str, client_id: int, facets: dict[Task, int]) -> tuple[dict, str]:
    """Each facet's agreement, handled share and verdict, and what holds of all of them."""
    from core.evaluate import joint, joint_money
    from core.evaluate.comparison import judgement

    told, lines = {}, []
    for task, student_id in facets.items():
        result = judgement(db, student_id)
        share, verdict = result.figures.agreement, result.verdict
        told[task.name] = {
            "student": str(student_id),
            "agreement": {"value": share.value, "low": share.low, "high": share.high, "n": share.n},
            "handled": result.figures.handled.value,
            "verdict": {"decision": verdict.decision, "reason": verdict.reason, "next": verdict.next},
        }
        within = f"{percent(share.value)} ({ranged(share.low, share.high)}, n = {share.n:,})"
        lines.append(f"{task.name}: agreement {within}, {verdict.decision.replace('_', ' ')}. {verdict.next}")
    together = joint.of_client(db, client_id)
    economics, words = joint_money.as_json(db, facets)
    lines += filter(None, [joint.sentence(together), words, "For one of them in full: --task NAME."])
    whole = joint.as_json(together) | {"economics": economics}
    return {"client": client, "facets": told, "all_facets": whole}, "\n".join(lines)


def _changed(values, pairs: list[str], where: str):
    """The dataclass with NAME=VALUE pairs taken over, each read as the kind of its field."""
    kinds = {f.name: str(f.type) for f in fields(values)}
    changes = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in kinds:
            raise InputError(
                f"“{pair}” changes nothing.", f"Give NAME=VALUE with one of: {', '.join(kinds)}.", where=where
            )
        changes[name] = _read(text.strip(), kinds[name], name, where)
    return replace(values, **changes)


def _read(text: str, kind: str, name: str, where: str) -> object:
    if text.lower() == "none" and "None" in kind:
        return None
    if kind.startswith("str"):
        return text
    if kind == "bool":
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise InputError(f"{name} is “{text}”.", "Give true or false.", where=where)
    try:
        return int(text) if kind.startswith("int") else float(text)
    except ValueError as error:
        raise InputError(f"{name} is “{text}”.", "Give a number.", where=where) from error
