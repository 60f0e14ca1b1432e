"""What is measured of texts for the test briefs, as rows: a row here is a line on Compare and Write, in the report, its workbook,
and in `compare --json`.

A row takes its figure from a Side: the student, the teacher, a vendor, people's copy for these briefs or for others. No figure says
that a text is good; beside people's it says how far it is from what was approved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from core.words import duration, percent, ranged, spoken
from core.write.figures import Measured, Range, Rouge, Seconds, TextFigures, WriteFigures


@dataclass(frozen=True)
class Side:
    """Whose texts: `who` says it in words, `key` for the code; `passed`: the share of test briefs with a text that passes every
    gate, with its range where it was counted."""

    key: str
    who: str
    passed: Range | float | None
    texts: Measured | None
    rouge: Rouge | None = None
    role_probe: Range | None = None
    seconds: Seconds | None = None
    voice: float | None = None
    loss: float | None = None
    contrasts: dict[str, Range] = field(default_factory=dict)


Value = Range | float | None


@dataclass(frozen=True)
class Measure:
    """A measure by its key in JSON: what people call it, how it is measured, its figure of a side (None: it says nothing there);
    `say`: a figure in words."""

    name: str
    words: str
    how: str
    value: Callable[[Side], Value]
    say: Callable[[float], str] = percent

    def told(self, side: Side) -> str:
        """The figure of a side in words, with its range."""
        value = self.value(side)
        if value is None:
            return "–"
        if isinstance(value, Range):
            return f"{self.say(value.value)} ({ranged(value.low, value.high, self.say)})"
        return self.say(value)

    @property
    def unit(self) -> str:
        """What its plain number counts, after the measure's name; "" for shares."""
        return ", s" if self.say is duration else ""

    @property
    def share(self) -> bool:
        """Whether it is a share, 0 to 1."""
        return self.say is percent


def _of_texts(name: str) -> Callable[[Side], Value]:
    return lambda side: getattr(side.texts, name) if side.texts else None


def _words_shared(n: int) -> Callable[[Side], Value]:
    return lambda side: getattr(side.rouge, f"r{n}") if side.rouge and side.rouge.stems else None


MEASURES = (
    Measure(
        "handled",
        "Passes every gate",
        "Test briefs with a text that passes every gate; what follows is measured of these texts.",
        lambda side: side.passed,
    ),
    Measure(
        "near_copies",
        "Near copies",
        "Texts that are, but for a word or two, an approved copy.",
        _of_texts("near_copies"),
    ),
    Measure(
        "recall_at_10",
        "About the brief",
        "Texts with their own brief among the ten nearest of a hundred. People's copy is the measure.",
        _of_texts("recall_at_10"),
    ),
    Measure(
        "distinct_2",
        "Different pairs of words",
        "Of all pairs of neighbouring words, those that are not said twice.",
        _of_texts("distinct_2"),
    ),
    Measure("unique", "Different texts", "Texts that are not the same as another one.", _of_texts("unique")),
    Measure(
        "shared_run",
        "Words in a row from approved copy",
        "The most words in a row that a text shares with an approved copy, on average.",
        _of_texts("shared_run"),
        lambda words: f"{words:.1f}",
    ),
    Measure(
        "voice",
        "In the client's voice",
        "Texts that a classifier of the client's approved copy against others' takes for the client's, brand and facts aside.",
        lambda side: side.voice,
    ),
    Measure(
        "rouge_1",
        "Words shared with people's summaries",
        "ROUGE-1 by stems, on average over a brief's approved summaries. Its first three sentences are what it has to beat.",
        _words_shared(1),
    ),
    Measure("rouge_2", "Pairs of words shared", "ROUGE-2, the same for pairs of neighbouring words.", _words_shared(2)),
    Measure(
        "role_probe",
        "Tells who did what",
        "Approved summaries that the base model finds likelier than the same with two people exchanged.",
        lambda side: side.role_probe,
    ),
    *(
        Measure(
            f"contrast_{kind}",
            f"Tells {kind} apart",
            f"Approved copy that the trained model finds likelier than the same with {kind} of another brief. Chance is a half.",
            lambda side, kind=kind: side.contrasts.get(kind),
        )
        for kind in ("brands", "numbers", "dates")
    ),
    Measure(
        "loss",
        "Nats a character",
        "How unexpected approved copy is to the model, by character. Lower after training; no figure of quality.",
        lambda side: side.loss,
        lambda nats: f"{nats:.2f}",
    ),
    Measure(
        "seconds",
        "A brief takes",
        "Half of the briefs take less.",
        lambda side: side.seconds.p50 if side.seconds else None,
        duration,
    ),
)
NAMED = {one.name: one for one in MEASURES}


def student(figures: WriteFigures, who: str) -> Side:
    """A student's side."""
    more = {
        "role_probe": figures.role_probe,
        "seconds": figures.seconds_per_brief,
        "voice": figures.voice and figures.voice.student,
        "loss": figures.loss and figures.loss.student,
        "contrasts": figures.contrasts,
    }
    return Side("student", who, figures.handled, figures.after_gates, figures.rouge, **more)


def other(figures: TextFigures, key: str, who: str, seconds: Seconds | None = None) -> Side:
    """The side of somebody else whose texts were measured like a student's: the teacher, a vendor."""
    return Side(key, who, figures.handled, figures.after_gates, figures.rouge, seconds=seconds)


def controls(figures: TextFigures) -> list[Side]:
    """What the others stand beside: people's copy for these briefs and for other ones; of summaries the brief's first sentences."""
    heard, loss = getattr(figures, "voice", None), getattr(figures, "loss", None)
    human = heard and heard.human  # a voice is the same whatever the brief
    sides = [
        Side("people", "People, approved copy", figures.human.passed, figures.human, voice=human),
        Side("shuffled", "People, copy of other briefs", figures.shuffled.passed, figures.shuffled, voice=human),
    ]
    if loss:
        sides.append(Side("base", "Base model, untrained", None, None, loss=loss.base))
    if words := figures.rouge:
        lead = Rouge(words.lead3_r1, words.lead3_r1, words.lead3_r2, words.lead3_r2, words.stems)
        sides.append(Side("lead3", "First three sentences of the brief", None, None, lead))
    return sides


def applicable(sides: list[Side]) -> list[Measure]:
    """The measures that say something of any of these sides."""
    return [one for one in MEASURES if any(one.value(side) is not None for side in sides)]


def table(sides: list[Side]) -> pd.DataFrame:
    """A row a measure, in words: measure, a column a side, how it is measured."""
    rows = [
        {"measure": one.words} | {side.who: one.told(side) for side in sides} | {"how": one.how}
        for one in applicable(sides)
    ]
    return pd.DataFrame(rows)


def numbers(sides: list[Side]) -> pd.DataFrame:
    """A row a side, figures as numbers as sentences round them: who, and a column a measure."""
    rows = [{"Who": side.who} | {one.words: _number(one, side) for one in applicable(sides)} for side in sides]
    return pd.DataFrame(rows)


def _number(measure: Measure, side: Side) -> float | None:
    value = measure.value(side)
    value = value.value if isinstance(value, Range) else value
    return value if value is None else spoken(value) if measure.share else float(f"{value:.3g}")


def as_json(sides: list[Side]) -> list[dict[str, object]]:
    """By measure: name, words, how, basis, and `figures` by side's key, ranges as such."""
    return [
        {
            "name": one.name,
            "words": one.words,
            "how": one.how,
            "basis": "measured",
            "figures": {side.key: _plain(one.value(side)) for side in sides},
        }
        for one in applicable(sides)
    ]


def _plain(value: Value) -> object:
    return vars(value) if isinstance(value, Range) else value


def stops(
    student_stops: dict[str, float], human_stops: dict[str, float], others: dict[str, dict[str, float]]
) -> pd.DataFrame:
    """What each gate stops of each side's texts, the one that stops most of people's first; not those that stop nothing."""
    columns = {"Student": student_stops, **others, "People": human_stops}
    names = dict.fromkeys(name for some in columns.values() for name in some)
    ordered = sorted(names, key=lambda name: (-human_stops.get(name, 0.0), -student_stops.get(name, 0.0)))
    return pd.DataFrame(
        [{"gate": name} | {who: some.get(name, 0.0) for who, some in columns.items()} for name in ordered]
    )
