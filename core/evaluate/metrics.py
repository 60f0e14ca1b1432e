"""Further measures of the same agreement, as a table: a row here is a line on Compare, in the report, its workbook, the model card
and `compare --json`.

A row takes what it needs from the figures that are kept: `pairs` is the whole confusion matrix, so that most measures there are
can be worked out from it, also for students judged before the row was written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import pandas as pd

from core.evaluate.agreement import Share
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.phrases import FEW, share_words, span_words


@dataclass(frozen=True)
class Metric:
    """A measure by its key in JSON, what people call it, the hint that explains it, and what it is of some figures (None: it says
    nothing there)."""

    name: str
    label: str
    hint: str
    value: Callable[[ChooseOneFigures], float | Share | None]

    def words(self, figures: ChooseOneFigures) -> str:
        """0.914, as precise as the test assets allow; a share in per cent with its interval."""
        value = self.value(figures)
        if isinstance(value, Share):
            return f"{share_words(value.value, value.n)} ({span_words(value)})"
        return "–" if value is None else f"{value:.{2 if figures.agreement.independent < FEW else 3}f}"


METRICS = (
    Metric(
        "parent_agreement",
        "Agreement at the top level",
        "Agreement when only the topmost category counts.",
        lambda figures: figures.parent_agreement,
    ),
    Metric(
        "kappa",
        "Cohen's kappa",
        "Agreement beyond what chance would give (Cohen). 1 is perfect, 0 is chance.",
        lambda figures: figures.kappa,
    ),
    Metric(
        "ac1",
        "Gwet's AC1",
        "Agreement beyond chance by Gwet's formula, which holds up when a few categories dominate.",
        lambda figures: figures.ac1,
    ),
    Metric(
        "macro_f1",
        "Macro F1",
        "Agreement averaged over categories, so that a rare category counts as much as a frequent one. 1 is perfect.",
        lambda figures: figures.macro_f1,
    ),
    Metric(
        "micro_f1",
        "Micro F1",
        "Agreement over all tags pooled, so that a frequent tag counts more than a rare one. 1 is perfect.",
        lambda figures: figures.tags and figures.tags.micro_f1,
    ),
    Metric(
        "jaccard",
        "Jaccard index",
        "Of all tags that student or teacher gives an asset, the share that both give, on average. 1 is perfect.",
        lambda figures: figures.tags and figures.tags.jaccard,
    ),
    Metric(
        "tags_right",
        "Tags given that are the teacher's",
        "Of the tags that the student gives, the share that the teacher gives, too (precision).",
        lambda figures: figures.tags and figures.tags.right,
    ),
    Metric(
        "tags_found",
        "Tags of the teacher that are given",
        "Of the tags that the teacher gives, the share that the student gives, too (recall).",
        lambda figures: figures.tags and figures.tags.found,
    ),
    Metric(
        "ece",
        "Expected calibration error",
        "How far the stated confidence is from the share that proves right, on average. 0 is perfect.",
        lambda figures: figures.ece,
    ),
)


def applicable(figures: ChooseOneFigures) -> list[Metric]:
    """The metrics that say something of these figures."""
    return [one for one in METRICS if one.value(figures) is not None]


def table(figures: ChooseOneFigures) -> pd.DataFrame:
    """In words, one a row: measure, value, basis, meaning."""
    rows = [(one.label, one.words(figures), "measured", one.hint) for one in applicable(figures)]
    return pd.DataFrame(rows, columns=["measure", "value", "basis", "meaning"])


def as_json(figures: ChooseOneFigures) -> dict[str, object]:
    """By name, for the command line; shares with their interval."""
    values = {one.name: one.value(figures) for one in applicable(figures)}
    return {name: asdict(value) if isinstance(value, Share) else value for name, value in values.items()}
