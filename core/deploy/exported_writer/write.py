"""Write drafts with this exported student, each with what every gate says.

    pip install -r requirements.txt
    python write.py --brief "Kerrygold, Irish butter"
    python write.py --input briefs.csv --output drafts.csv

The brief is the column `brief` of the input, else --brief-columns A,B. In drafts.csv write approved, edited or rejected under
`status`, and the text as you want it under `final`: Understudy learns from the file as it is (distil --pairs drafts.csv).
"""

import argparse
import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rules.deploy_carried import load
from rules.errors import InputError
from rules.escape import defuse

COLUMNS = ("brief", "draft", "passed", "why", "status", "final")


def main():
    command = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    command.add_argument("--brief", metavar="TEXT", help="what the copy is for")
    command.add_argument("--input", type=Path, metavar="FILE.csv", help="a table of briefs instead")
    command.add_argument(
        "--brief-columns", default="brief", metavar="A,B", help="its columns of the brief (default: brief)"
    )
    command.add_argument("--output", type=Path, metavar="FILE.csv", help="where the drafts go")
    command.add_argument("--drafts", type=int, default=3, metavar="N", help="how many of each brief (default: 3)")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="another one draws other drafts")
    args = command.parse_args()
    if (args.brief is None) == (args.input is None) or (args.input and not args.output):
        command.error("give --brief, or --input and --output")
    try:
        briefs = [args.brief] if args.brief is not None else read(args.input, args.brief_columns.split(","))
        student = load(Path(__file__).parent)
        rows = []
        for brief in briefs:
            [drafts] = student.drafts([brief], args.drafts, args.seed)
            if not args.output:
                say(
                    {
                        "brief": brief,
                        "handled": any(one.passed for one in drafts),
                        "drafts": [one.as_dict() for one in drafts],
                    }
                )
            rows += [row(brief, one) for one in drafts]
        if args.output:
            table(args.output, rows)
    except (InputError, OSError) as error:
        sys.exit(str(error))


def read(file, columns):
    """The briefs of a CSV file: its columns, each after its name where there are several."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    if missing := [name for name in columns if rows and name not in rows[0]]:
        raise InputError(
            f"The file has no column {missing[0]}.", f"Choose from: {', '.join(rows[0])}.", where=file.name
        )
    briefs = (
        "\n".join(f"{name}: {one[name]}" if columns[1:] else one[name] for name in columns if one[name]) for one in rows
    )
    return [brief.strip() for brief in briefs if brief.strip()]


def row(brief, draft):
    why = " ".join(f"{gate['name']}: {gate['why']}" for gate in map(asdict, draft.findings) if not gate["passed"])
    return brief, draft.text, "yes" if draft.passed else "no", why, "", ""


def table(file, rows):
    """A CSV that appears once it is whole; no spreadsheet runs any cell of it."""
    aside = file.with_name(f".{file.name}.part")
    with aside.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows([[defuse(cell) for cell in one] for one in [COLUMNS, *rows]])
    aside.replace(file)


def say(answer):
    """One line of JSON, in escapes where the console lacks a letter."""
    line = json.dumps(answer, ensure_ascii=False)
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(answer)
    print(line, flush=True)


if __name__ == "__main__":
    main()
