"""A file of pairs to students that write: what training takes, and what is measured of each student beside people's copy.

    python -m tests.bench.writing_training slogans.csv --brief-columns source --copy-column target [--student auto] [--drafts 20]
    python -m tests.bench.writing_training --sample
    python -m tests.bench.writing_training --dialogues FOLDER --student write

In a workspace of its own, thrown away. `--dialogues`: a folder with DialogSum's dev.csv and test.csv; repeats are dropped, 200
dialogues with three summaries each are for the test, 60 to choose by, the rest to learn from. `--rows N` draws so many by chance.
Prints tables in Markdown: figures, the passes over the pairs, and the first test briefs' best drafts as they came.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import pandas as pd

from core import database, settings
from core.tables.headers import squash
from core.write import figures, training
from core.write.figures import Measured, WriteFigures
from core.write.rungs import write

SEED = 5


def main() -> None:
    """Train, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--brief-columns", default="brief")
    parser.add_argument("--copy-column", default="copy")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--dialogues", type=Path)
    parser.add_argument("--student", default="auto")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--drafts", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["UNDERSTUDY_HOME"] = home
        db = database.connect()
        brief, copy, path = args.brief_columns.split(","), args.copy_column, args.file
        if args.sample:
            from core.distil import sample_pairs

            task, path = sample_pairs(db), None
        else:
            task = training.task_of(db, "Measured")
            if args.dialogues:
                brief, copy, path = ["dialogue"], "summary", dialogues(args.dialogues, Path(home) / "dialogues.csv")
            elif args.rows:
                path = Path(home) / "drawn.csv"
                pd.read_csv(args.file).sample(args.rows, random_state=SEED).to_csv(path, index=False)
        print(f"{os.getloadavg()[0]:.1f} processes at work on {os.cpu_count()} processors", flush=True)
        started, busy = time.perf_counter(), time.process_time()
        training.import_and_train(db, task, path, brief, copy, student=args.student)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(f"all of it: {seconds:.0f} s, {busy:.0f} processor seconds, {memory:.1f} GB at the most\n")
        rows = list(db.query("select * from writers where ready = 1 order by id"))
        read = {row["kind"]: figures.read(row["figures"]) for row in rows}
        table(rows, read)
        for row in rows:
            passes = settings.home() / row["path"] / write.EPOCHS
            if passes.is_file():
                print(f"\npasses of {row['kind']}: {passes.read_text()}")
        drafts(list(read.values())[-1], args.drafts)


def dialogues(folder: Path, to: Path) -> Path:
    """DialogSum as pairs with a split column."""
    there = pd.concat([pd.read_csv(folder / f"{name}.csv") for name in ("dev", "test")], ignore_index=True)
    there["key"] = [hashlib.sha1(squash(text).encode()).hexdigest() for text in there["source"]]
    there = there.drop_duplicates("key").sort_values("key")
    test = there[there["target2"].notna()].head(200)
    rest = there.drop(test.index)
    parts = [test.assign(split="test", target=test[column]) for column in ("target", "target2", "target3")]
    parts += [rest.head(60).assign(split="calibration"), rest.iloc[60:].assign(split="train")]
    pairs = pd.concat(parts).rename(columns={"source": "dialogue", "target": "summary"})
    pairs[["dialogue", "summary", "split"]].to_csv(to, index=False)
    return to


def table(rows: list[dict], read: dict[str, WriteFigures]) -> None:
    """A row a student, and people's copy."""
    print(
        "| who | training, s | handled | near copies | about the brief | distinct pairs of words | distinct | ", end=""
    )
    print("a brief, s p50 / p95 | memory, GB | nats a character |\n|" + "---|" * 10)
    first = next(iter(read.values()))
    for who, measured in (("people, for these briefs", first.human), ("people, for other briefs", first.shuffled)):
        print(f"| {who} | – | {measured.passed:.1%} | {_shares(measured)} | – | – | – |")
    for row in rows:
        one = read[row["kind"]]
        spent, loss = one.seconds_per_brief, f"{one.loss.student:.3f}" if one.loss else "–"
        shares = _shares(one.after_gates) if one.after_gates else "– | – | – | –"
        print(f"| {row['kind']} | {row['train_seconds']:.0f} | {one.handled.value:.1%} | {shares} | ", end="")
        print(f"{spent.p50:.2f} / {spent.p95:.2f} | {one.peak_gb:.1f} | {loss} |")
        if one.rouge:
            print(f"\nROUGE of {row['kind']}: {json.dumps(vars(one.rouge))}\n")


def _shares(measured: Measured) -> str:
    near, about, two, unique = measured.near_copies, measured.recall_at_10, measured.distinct_2, measured.unique
    return f"{near:.1%} | {about:.1%} | {two:.1%} | {unique:.1%}"


def drafts(one: WriteFigures, count: int) -> None:
    """The first test briefs with what was written of them, and what stops it."""
    print("\n| brief | draft | stopped by |\n|---|---|---|")
    for example in one.examples[:count]:
        brief = " / ".join(example.brief.replace("|", "/").splitlines())
        print(f"| {brief[:160]}{' …' if len(brief) > 160 else ''} | {example.text.replace('|', '/')} | {example.why} |")


if __name__ == "__main__":
    main()
