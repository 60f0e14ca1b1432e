"""Two label runs on the assets whose category people decided: is the new prompt better, before all assets are paid for?

Any two runs of a client can be compared: two wordings, two models, a model and recorded labels. A new wording needs to be asked
about the gold assets only (core/label/gold). An asset that a run was asked about and could not label counts as wrong. Where a
hosted model is in it, training assets are left out: its prompt may show some of them with their gold labels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from sqlite_utils import Database

from core.errors import InputError
from core.evaluate.agreement import Paired, paired
from core.evaluate.phrases import p_words
from core.label.gold import ORIGINS, SAMPLED, gold
from core.tasks import Task
from core.taxonomy import tagsets
from core.words import percent

JUDGED = ("right_first", "right_second", "group_id", "family_id")
UNPROMPTED = ("built-in", "recorded")  # kinds of teacher that no prompt with gold examples goes to


@dataclass(frozen=True)
class PromptTest:
    """`first` and `second`: {run_id, teacher, prompt, cost_usd (a label of the assets compared, None where unknown)}.

    `sampled` compares them on gold assets that were not chosen for being doubtful, `every` on all gold assets: those of the
    review queue were chosen where one teacher was in doubt, which favours any other.
    """

    first: dict[str, Any]
    second: dict[str, Any]
    sampled: Paired
    every: Paired

    @property
    def sentence(self) -> str:
        """The outcome in one sentence, with what it rests on."""
        pair = self.sampled
        if not pair.n:
            return "No asset that both answered has a gold label from the random sample or from a file, so nothing is shown."
        counts = (
            f"right {percent(pair.first)} and {percent(pair.second)} of {pair.n:,} gold assets, "
            f"only the first {pair.only_first:,}, only the second {pair.only_second:,}, {p_words(pair.p)}"
        )
        better = {"first": "The first is better", "second": "The second is better", None: "No difference is shown"}
        return f"{better[pair.better]}: {counts}."


def compare(db: Database, task: Task, first: int, second: int) -> PromptTest:
    """The runs `first` and `second` on the gold assets that both were asked about, copies counted once.

    InputError where a run is not the client's, both are the same, or no such asset exists.
    """
    if first == second:
        raise InputError("These are the same label run.", "Choose two.")
    runs = {run_id: _run(db, task, run_id) for run_id in (first, second)}
    judged = [_right(db, task, run) for run in runs.values()]
    shown = any(run["teacher"].partition(":")[0] not in UNPROMPTED for run in runs.values())
    judged = [table[table["split"] != "train"] if shown else table for table in judged]
    both = judged[0].merge(
        judged[1], on=["asset_id", "group_id", "family_id", "origin", "split"], suffixes=("_first", "_second")
    )
    if both.empty:
        raise InputError(
            "There is no asset that both runs were asked about and that people decided.",
            "Decide some on the Review page, in the random sample, and have both runs label those.",
        )
    sides = {
        name: {
            "run_id": run["id"],
            "teacher": run["teacher"],
            "prompt": (run["prompt_hash"] or "")[:8],
            "cost_usd": _mean(both[f"cost_usd_{name}"]),
        }
        for name, run in zip(("first", "second"), runs.values())
    }
    tests = [both[both["origin"].isin(origins)] for origins in (SAMPLED, ORIGINS)]
    return PromptTest(
        sides["first"],
        sides["second"],
        *(paired(*(t[name].to_numpy() for name in JUDGED)) for t in tests),
    )


def as_json(test: PromptTest) -> dict[str, Any]:
    """The same as one JSON-able object, with its sentence."""
    return asdict(test) | {"sentence": test.sentence}


def _run(db: Database, task: Task, run_id: int) -> dict:
    row = next(db.query("select * from label_runs where id = ? and task_id = ?", [run_id, task.id]), None)
    if row is None:
        raise InputError(f"This client has no label run {run_id}.", "Choose one of its own.")
    return row


def _right(db: Database, task: Task, run: dict) -> pd.DataFrame:
    """The gold assets a run was asked about, a copy as its group: asset_id, group_id, family_id, origin, split, cost_usd, right."""
    table = pd.read_sql_query(
        """select g.asset_id, g.group_id, coalesce(a.family_id, a.group_id) as family_id, g.origin, a.split,
                  l.category_id, l.cost_usd,
                  row_number() over (partition by g.asset_id order by l.asset_id <> g.asset_id, l.category_id is null, l.asset_id)
                  as choice
           from gold_labels g join assets a on a.client_id = ? and a.group_id = g.group_id
           join labels l on l.run_id = ? and l.asset_id = a.id where g.task_id = ?""",
        db.conn,
        params=[task.client_id, run["id"], task.id],
    )
    wanted = table["asset_id"].map(gold(db, task, tagsets.answers(db, task, run["taxonomy_id"])))
    table["right"] = (table["category_id"] == wanted) & wanted.notna()
    columns = ["asset_id", "group_id", "family_id", "origin", "split", "cost_usd", "right"]
    return table.loc[(table["choice"] == 1) & wanted.notna(), columns]


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if values.notna().any() else None
