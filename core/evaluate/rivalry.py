"""What a decision model is worth beside a student, on the assets that both were asked about: agreement, certificate, a place in the
middle, time and cost.

Its confidences are calibrated on the assets that calibrate the student: one temperature for all (Guo et al. 2017), so that the
teacher's categories are likeliest. A certificate is drawn for it as for a student (core/evaluate/cascade.py), for all assets
and for those that the student leaves. Where it said that nothing fits, or would not answer, it does not agree, and such an
asset is never handled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax
from sqlite_utils import Database

from core import settings, tasks, taxonomy
from core.evaluate import agreement as measures
from core.evaluate import cascade, latency, measure
from core.evaluate.agreement import Paired, Share
from core.evaluate.cascade import Certificate
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.latency import Times
from core.evaluate.rivals import UNHEARD

FEWEST_FITTED = 30  # calibrating answers below which confidences stay as they were given
FAINT = 1e-4  # a share of less tells nothing: it is kept in half precision


@dataclass(frozen=True)
class Middle:
    """What it takes over of the assets that the student leaves: the certificate drawn on such assets, and on test assets the
    `share` of those left, and agreement on these (None: none is handled)."""

    certificate: Certificate
    share: Share
    agreement: Share | None


@dataclass(frozen=True)
class Rival:
    """A decision model beside a student, on the test assets that both answered. `unanswered`: of these where it named no category;
    `paired`: it (first) and the student (second) against the teacher; `calibrated_on` answers the `temperature` was fitted on (0:
    none was); `usd_each`: what an answer cost in the mean (None: those kept from before
    cost nothing again), `tokens`: what one took in the mean, in and out; `asked`: when, last; `middle`: None where the student
    leaves nothing, or nothing is certified for it."""

    id: int
    teacher: str
    model: str
    unanswered: int
    agreement: Share
    student: Share
    paired: Paired
    calibrated_on: int
    temperature: float
    certificate: Certificate
    handled: Share
    agreement_handled: Share | None
    middle: Middle | None
    usd_each: float | None
    tokens: tuple[float, float]
    times: Times
    asked: str

    @property
    def name(self) -> str:
        """As its connection is called."""
        return self.teacher.partition(":")[2] or self.teacher


def rivals(db: Database, student_id: int, figures: ChooseOneFigures) -> list[Rival]:
    """Every decision model that was asked about a student's assets, the one that agrees most first."""
    rows = db.query(
        """select r.id, r.teacher, r.model from rivals r join students s on s.id = ? and s.taxonomy_id = r.taxonomy_id
           where r.task_id = s.task_id order by r.id""",
        [student_id],
    )
    found = [_rival(db, row, student_id, figures) for row in list(rows)]
    return sorted((one for one in found if one), key=lambda one: -one.agreement.value)


def _rival(db: Database, row: dict, student_id: int, figures: ChooseOneFigures) -> Rival | None:
    """One of them; None where it has answered no test asset."""
    both = _both(db, row["id"], student_id)
    test = both["split"] == "test"
    if not test.any():
        return None
    task_id, version = db.execute("select task_id, taxonomy_id from students where id = ?", [student_id]).fetchone()
    task = tasks.get(db, task_id)
    categories = [c.id for c in taxonomy.load(db, version) if c.assignable]
    temperature, fitted = _calibrate(both, ~test, categories)
    right = (both["category_id"] == both["predicted"]).fillna(False).astype(bool)
    held = both.assign(correct=right, strange=both["predicted"].isna())
    target, confidence = figures.target, settings.get(db, "confidence", task)
    certificate, handled, agreed = measure.certified(held, target, confidence)
    shown = held[test]
    together = [shown[name].to_numpy() for name in ("family_id", "group_id")]
    mine, students = shown["correct"].to_numpy(), (shown["said"] == shown["category_id"]).to_numpy()
    paid, ms = both["cost_usd"].dropna(), both["latency_ms"].dropna().to_numpy()
    return Rival(
        **row,
        unanswered=int(shown["predicted"].isna().sum()),
        agreement=measures.share(mine, *together),
        student=measures.share(students, *together),
        paired=measures.paired(mine, students, together[1], together[0]),
        calibrated_on=fitted,
        temperature=temperature,
        certificate=certificate,
        handled=handled,
        agreement_handled=agreed,
        middle=_middle(held, figures.certificate.threshold, target, confidence),
        usd_each=float(paid[paid > 0].mean()) if (paid > 0).any() else None,
        tokens=tuple(float(both[name].fillna(0).mean()) for name in ("tokens_in", "tokens_out")),
        times=Times(**latency.quantiles(ms), n=len(ms), spread=latency.spread(ms)),
        asked=str(both["created"].max())[:10],
    )


def _both(db: Database, rival_id: int, student_id: int) -> pd.DataFrame:
    """The assets that both answered: as core/evaluate/measure.py wants them with the rival as the student, and beside it what the
    student `said`, how sure it was (`sure`), whether strange to it (`strange_to_it`)."""
    frame = pd.read_sql_query(
        f"""select a.id as asset_id, a.split, a.group_id, coalesce(a.family_id, a.group_id) as family_id,
                   p.teacher_category_id as category_id, p.category_id as said, p.confidence as sure,
                   p.strange as strange_to_it, r.category_id as predicted, r.confidence as confidence_student,
                   r.distribution, r.tokens_in, r.tokens_out, r.cost_usd, r.latency_ms, r.created
            from rival_answers r join predictions p on p.asset_id = r.asset_id and p.student_id = :student
            join assets a on a.id = r.asset_id where r.rival_id = :rival and not ({UNHEARD}) order by a.id""",
        db.conn,
        params={"student": student_id, "rival": rival_id},
    )
    return frame.astype({"predicted": "Int64", "confidence_student": float, "strange_to_it": bool})


def _calibrate(both: pd.DataFrame, calibrating: pd.Series, categories: list[int]) -> tuple[float, int]:
    """Put the confidences right, in place; the temperature, and how many answers it was fitted on. Without probabilities an answer
    is never sure enough."""
    known = both["distribution"].notna().to_numpy()
    both["confidence_student"] = both["confidence_student"].fillna(0.0)
    if not known.any():
        return 1.0, 0
    table = np.stack([np.frombuffer(row, np.float16) for row in both.loc[known, "distribution"]]).astype(float)
    logs = np.log(np.maximum(table, FAINT))
    column = {category: place for place, category in enumerate(categories)}
    answers = both.loc[known, "category_id"].map(column).fillna(-1).astype(int).to_numpy()
    fitting = calibrating.to_numpy()[known] & (answers >= 0)
    if fitting.sum() < FEWEST_FITTED:
        return 1.0, 0
    temperature = _temperature(logs[fitting], answers[fitting])
    chosen = both.loc[known, "predicted"].map(column).astype(int).to_numpy()
    rows = np.arange(len(logs))
    before, after = (np.exp(log_softmax(logs / heat, axis=1))[rows, chosen] for heat in (1.0, temperature))
    raw = both.loc[known, "confidence_student"].to_numpy()
    both.loc[known, "confidence_student"] = np.clip(raw * after / np.maximum(before, FAINT), 0.0, 1.0)
    return temperature, int(fitting.sum())


def _temperature(logs: np.ndarray, answers: np.ndarray) -> float:
    """The temperature that makes the answers (columns, int (n)) likeliest under log probabilities (n, categories)."""
    from scipy.optimize import minimize_scalar  # a long import

    rows = np.arange(len(answers))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logs / np.exp(log_temperature), axis=1)[rows, answers].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def _middle(held: pd.DataFrame, threshold: float | None, target: float, confidence: float) -> Middle | None:
    """Behind the student, before the teacher: drawn on the assets that the student leaves."""
    if threshold is None:
        return None
    sure = cascade.effective(held["sure"].to_numpy(), held["strange_to_it"].to_numpy())
    left = held[sure < threshold]
    if left.empty:
        return None
    return Middle(*measure.certified(left, target, confidence))
