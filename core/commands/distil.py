"""`distil`: files to verdict in one command: import, label, train, compare."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from core import terminal
from core.asset_columns import ASSET_COLUMNS
from core.commands import label, pairs, reading
from core.errors import InputError, Problem
from core.train import members
from core.wires import providers
from core.words import counted, money, percent, ranged
from core.write import rungs

# The roles that have an option of their own: `latency_ms` is --latency-column, for the file may give seconds.
OPTIONS = {role: role.removesuffix("_ms") for role, column in ASSET_COLUMNS.items() if column.option}
SUMMARY = "teach a student from a taxonomy and assets, and say whether it is good enough"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--taxonomy", type=Path, metavar="FILE", help="categories: CSV, TSV, XLSX, JSON")
    command.add_argument(
        "--assets", type=Path, metavar="FILE", help="assets: CSV, TSV, XLSX, JSONL, or a folder or ZIP of images"
    )
    pairs.options(command)
    terminal.column_options(command)
    reading.options(command, what="the assets file")
    reading.name_option(command)
    for role, name in OPTIONS.items():
        what = f"column of {ASSET_COLUMNS[role].option} (default: guessed; none: there is none)"
        command.add_argument(f"--{name.replace('_', '-')}-column", metavar="NAME", help=what)
    command.add_argument(
        "--labels-are", choices=("names", "codes"), help="how labels are written (default: as more of them can be read)"
    )
    command.add_argument(
        "--label-columns",
        action="append",
        type=_pair,
        metavar="FACET=COLUMN",
        help="the column with the labels of a facet, where it is not called so (may be given several times)",
    )
    reading.label_options(command)
    reading.options(command, prefix="taxonomy-", what="the taxonomy file")
    reading.taxonomy_options(command)
    reading.problem_option(command)
    family = command.add_mutually_exclusive_group()
    family.add_argument(
        "--family-column",
        metavar="NAME",
        help="column of what belongs together: campaign, concept, parent creative (default: guessed; none: only copies do)",
    )
    family.add_argument(
        "--family-stem",
        metavar="NAME",
        help="column of file names or ids whose stem says it: X_Spring_UK_300x250.png goes with X_Spring_DE_728x90.jpg",
    )
    command.add_argument(
        "--latency-unit",
        choices=("s", "ms"),
        help="what the column of latencies is in, where its name does not say (seconds or milliseconds)",
    )
    command.add_argument(
        "--teacher",
        default="built-in",
        metavar="T",
        help="built-in (default), recorded (each task's own labels in the file), recorded:COLUMN, connection:NAME, "
        f"{providers.specs()}",
    )
    label.look_option(command)
    command.add_argument(
        "--base-url",
        metavar="U",
        help="where an OpenAI-compatible server answers, for example http://127.0.0.1:11434/v1",
    )
    command.add_argument(
        "--student",
        default=members.AUTO,
        choices=(members.AUTO, *members.names(), *rungs.names()),
        help="default: %(default)s, the cheapest good enough; of pairs, the best that no figure rules out",
    )
    command.add_argument(
        "--target", type=terminal.share, metavar="SHARE", help="agreement aimed at (default: the setting, 0.95)"
    )
    command.add_argument("--budget", type=terminal.usd, metavar="USD", help="the most that labels may cost")
    command.add_argument(
        "--go-live", action="store_true", help="put the student to work at the end (default: none goes live by itself)"
    )


def _pair(value: str) -> tuple[str, str]:
    facet, mark, column = value.partition("=")
    if not (facet.strip() and mark and column.strip()):
        raise argparse.ArgumentTypeError(f"{value} is not FACET=COLUMN")
    return facet.strip(), column.strip()


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Files to verdict: import, label, train, compare."""
    if args.pairs or args.from_desk:
        return pairs.teach(args)
    for name in ("taxonomy", "assets"):
        if getattr(args, name) is None:
            raise InputError(f"--{name} is missing.", "Name both files, or --pairs to teach a student to write.")
    from core.images import sources

    images = sources.holds_images(args.assets)
    for file in (args.taxonomy, *(() if images else (args.assets,))):
        terminal.must_exist(file)
    from core import database, taxonomy
    from core import distil as distillation
    from core.assets import imports, previews, profiles

    how, taxonomy_how = reading.read_as(args), reading.read_as(args, prefix="taxonomy_")
    reading.tell_doubts(taxonomy.look(args.taxonomy, taxonomy_how).doubts, prefix="taxonomy-")
    if not images:
        reading.tell_assets(previews.preview(args.assets, how, families=bool(how.names)))
    db = database.connect()
    label_columns = dict(args.label_columns or [])
    result = distillation.distil(
        db,
        taxonomy=args.taxonomy,
        assets=args.assets,
        client=args.client,
        text_columns=args.text_columns,
        id_column=args.id_column,
        family_column=args.family_column,
        family_stem=args.family_stem,
        latency_unit=args.latency_unit,
        teacher=args.teacher,
        base_url=args.base_url,
        look=args.look,
        student=args.student,
        target=args.target,
        budget=args.budget,
        read_as=how,
        taxonomy_read_as=taxonomy_how,
        taxonomy_columns=reading.taxonomy_columns(args),
        columns=_columns(args),
        labels_are=args.labels_are,
        accepted=reading.labels_map(args),
        accept_near=args.accept_near,
        go_live=args.go_live,
        task=args.task,
        label_columns=label_columns,
        on_progress=terminal.Log(),
    )
    problems = {
        "taxonomy": [Problem(**one) for one in result["assets"]["taxonomy_problems"]],
        "assets": profiles.problems_of(db, result["assets"]["import"]),
    }
    notes = list(filter(None, [result["assets"]["taxonomy_unused"]]))
    reading.write_problems(
        args.problems, [(args.taxonomy.name, problems["taxonomy"]), (args.assets.name, problems["assets"])]
    )
    unknown = imports.unknown_labels(db, result["assets"]["import"])
    notes += reading.problem_lines(problems["taxonomy"], of=f"{args.taxonomy.name} ")
    own = result["assets"]["problems"] - sum(not one.remark for one in problems["taxonomy"])
    notes += reading.problem_lines(problems["assets"], own, of=f"{args.assets.name} ")
    notes += reading.unknown_lines(unknown)
    result["assets"] |= {
        "problem_list": [one.as_dict() for one in problems["assets"]],
        "unknown_labels": [asdict(one) for one in unknown],
    }
    text = _distil_text if "labels" in result else _facets_text
    return result, "\n".join(text(result, notes, args.task))


def _columns(args: argparse.Namespace) -> dict[str, str | None]:
    """The columns of an assets file that were named, by role; None for those said to be none."""
    columns = {role: getattr(args, f"{name}_column") for role, name in OPTIONS.items()}
    return {role: None if column == "none" else column for role, column in columns.items() if column}


def _distil_text(result: dict, notes: list[str], task: str | None) -> list[str]:
    return [*_imported(result["assets"]), *notes, *_taught_text(result, result["client"], task)]


def _facets_text(result: dict, notes: list[str], _: str | None) -> list[str]:
    """Each facet's lines under its name, and what holds of all of them together."""
    lines = [*_imported(result["assets"]), *notes]
    for name, outcome in result["tasks"].items():
        lines += [f"{name}:", *(f"  {line}" for line in _taught_text(outcome, result["client"], name))]
    return [*lines, result["all_facets"]["sentence"]]


def _imported(imports: dict) -> list[str]:
    return [
        f"{imports['imported']:,} of {imports['rows'] - imports['aside']:,} assets imported, "
        + counted(imports["problems"], "problem")
        + (f", {counted(imports['remarks'], 'remark')}" if imports["remarks"] else "")
    ]


def _taught_text(result: dict, client: str, task: str | None) -> list[str]:
    labels, verdict = result["labels"], result["verdict"]
    lines = [
        f"{labels['count']:,} labels by {labels['teacher']}, {money(labels['spent_usd'], exact=True)} spent"
        + (", stopped at the cap" if labels["state"] == "capped" else ""),
    ]
    for student in result["students"]:
        share, latency = student["agreement"], student["latency_ms"]
        mark = "  <- chosen" if student["id"] == result["chosen"] else ""
        lines.append(
            f"student {student['id']} {student['kind']:<12} agreement {percent(share['value'])}"
            f" ({ranged(share['low'], share['high'])}, n = {share['n']:,}),"
            f" {latency['p50']:.1f} ms, trained in {student['train_seconds']:.0f} s{mark}"
        )
    lines += filter(None, [result["why"]])
    lines.append(f"Verdict: {verdict['decision'].replace('_', ' ')}. {verdict['reason']} {verdict['next']}")
    if "change" in result:
        lines += [f"Live: {result['change']['new']}.", *result["change"]["lines"], *result["change"]["warnings"]]
    if result["live"] != result["chosen"]:
        whose = f' --task "{task}"' if task else ""
        lines.append(f'Not live: `students --client "{client}"{whose} --go-live {result["chosen"]}` puts it to work.')
    return lines
