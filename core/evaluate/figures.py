"""What an evaluation says of a student, by name: measured by core/evaluate/measure.py, kept as JSON, read by everybody else.

A figure's name stands here and nowhere else: writers build these, readers ask for attributes. What can be worked out from other
figures is no field but a row of core/evaluate/metrics.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from core.evaluate import cascade
from core.evaluate.agreement import Paired, Share
from core.evaluate.cascade import Certificate
from core.evaluate.latency import Latency, TeacherLatency
from core.evaluate.weak import Category
from core.money.economics import Taught
from core.train.new import New


@dataclass(frozen=True)
class Trained:
    """The student that was judged; `kind` as in core/train/members."""

    id: int
    kind: str
    train_seconds: float | None
    size_mb: float


@dataclass(frozen=True)
class Bin:
    """Test assets of a stated confidence from `start` to `end`: its mean, and agreement with its 95 % interval."""

    start: float
    end: float
    n: int
    confidence: float
    agreement: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class CategoryFigures(Category):
    """A category (id `category`) on all test assets, as agreement.per_category() has it: precision is None where the student never
    says it, recall (with its interval) where the teacher never does."""

    category: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float
    low: float
    high: float


@dataclass(frozen=True)
class Confusion:
    """Two categories mixed up, as agreement.confusions() has it, with their labels and the names of some of the assets."""

    teacher: int
    student: int
    count: int
    share: float
    of_teacher: float
    teacher_label: str
    student_label: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """Agreement where a column of the file has a value, against the rest, as agreement.slices() has it."""

    column: str
    value: str
    n: int
    groups: int
    agreement: float
    low: float
    high: float
    rest: float
    p: float


@dataclass(frozen=True)
class CurvePoint:
    """At a threshold, the share of test assets handled and agreement on those."""

    threshold: float
    handled: float
    agreement: float


@dataclass(frozen=True)
class GoldFigures:
    """How often each is right on the `n` test assets that people settled. `paired`: the student (first) beside the teacher on all
    of them, `fallback` on those that fall back, `cascade_paired`: both together (first) beside the teacher; None: nothing is
    certified."""

    n: int
    student: Share
    teacher: Share
    paired: Paired
    cascade: Share | None = None
    fallback: Paired | None = None
    cascade_paired: Paired | None = None


@dataclass(frozen=True)
class TagFigures:
    """Of a student that gives several tags, on test assets: the share of the tags it gives that are the teacher's (`right`) and of
    the teacher's that it gives (`found`), both pooled over tags; F1 of these; the mean Jaccard index of the two sets (1 where both
    are empty); tags an asset by each; and the assets to which each gives none."""

    right: Share
    found: Share
    micro_f1: float
    jaccard: float
    of_teacher: float
    of_student: float
    none_of_teacher: int
    none_of_student: int


@dataclass(frozen=True)
class Unseen:
    """That agreement is of assets whose campaigns, months … (`many`) the student had not seen, and `seen`, that of test rows, whose
    campaigns it has."""

    many: str
    seen: Share


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quality(_Part):
    """Agreement and its relatives on test assets. `agreement_calibration` is of the assets that calibrate, `parent_agreement` at
    the topmost level (None: the taxonomy has one level); `pairs` are (teacher's category, student's, assets), all there are;
    `kappa` and `ac1` are None where only one category is in use. Where an asset may have several tags, agreement is of whole sets,
    `per_category` has a row a tag, `tags` the figures of all of them, and there are neither confusions nor pairs."""

    agreement: Share
    agreement_calibration: Share
    parent_agreement: Share | None
    macro_f1: float
    kappa: float | None
    ac1: float | None
    ece: float
    reliability: tuple[Bin, ...]
    per_category: tuple[CategoryFigures, ...]
    confusions: tuple[Confusion, ...]
    pairs: tuple[tuple[int, int, int], ...]
    tags: TagFigures | None = None

    @property
    def labels(self) -> dict[int, str]:
        """Category ids -> labels, of every category in use."""
        return {row.category: row.label for row in self.per_category}

    @property
    def categories(self) -> tuple[CategoryFigures, ...]:
        """The categories that have test assets."""
        return tuple(row for row in self.per_category if row.n)


class Promise(_Part):
    """What can be promised at a `target`: the certificate, from the assets that calibrate; and on test assets the share `handled`,
    agreement on those (None: none is handled) and the categories among them. `promised`: of what, "set" or "tags"
    (core/evaluate/tags.py)."""

    target: float
    certificate: Certificate
    handled: Share
    agreement_handled: Share | None
    per_category_handled: tuple[Category, ...]
    promised: str = "set"

    @property
    def agreement_end_to_end(self) -> float:
        """Agreement of student and teacher together."""
        return cascade.end_to_end(self.handled.value, self.agreement_handled.value if self.agreement_handled else 0.0)


class Speed(_Part):
    """How long the student takes: one asset at a time; assets a second by batch size, and in batches of 64; the share of assets
    that each member is asked about; milliseconds from its files to its first answer."""

    latency: Latency
    throughput: dict[int, float]
    assets_per_second: float
    asked: dict[str, float]
    cold_start_ms: float


class OfTeacher(_Part):
    """What the label run tells of the teacher; `teacher_latency` is None where no label was timed."""

    taught: Taught
    teacher_latency: TeacherLatency | None


class ChooseOneFigures(Quality, Promise, Speed, OfTeacher):
    """All figures of a student that chooses one category. `counts`: labelled assets by split, `labelled_groups` of them with copies
    counted once; `strange`: share of test assets unlike anything it learned from; `lower`: what lower targets would promise;
    `mergeable`: pairs of categories that the teacher itself confuses; `certified_at`: since when the threshold holds."""

    student: Trained
    counts: dict[str, int]
    labelled_groups: int
    strange: float
    curve: tuple[CurvePoint, ...]
    lower: tuple[Promise, ...]
    mergeable: tuple[tuple[int, int], ...]
    slices: tuple[Slice, ...]
    gold: GoldFigures | None
    new: New | None
    created: str
    certified_at: str

    @property
    def rests_on(self) -> tuple[Share, Unseen | None]:
        """The agreement a verdict rests on: that of test assets, or of calibrating assets left out with their whole campaign, month
        or the like where that is lower (then with what they are)."""
        if self.promised == "tags":
            return self.tags.right, None
        tested, newer = self.agreement, self.agreement_calibration
        on = self.new.rests_on if self.new else None
        if on is None or newer.n == 0 or newer.value >= tested.value:
            return tested, None
        return newer, Unseen(on.many, tested)
