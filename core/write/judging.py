"""What can be measured of drafts without a reader, each figure beside the same of approved copy and of copy shuffled over briefs.

No figure says that drafts are good; some say that they are not. People decide.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from core.chance import chance
from core.evaluate.agreement import interval
from core.write import gates, judged, known, rouge, slots
from core.write.drafting import Draft, Rules, Writer
from core.write.figures import Example, Measured, Range, Rouge, Seconds, TextFigures, WriteFigures
from core.write.known import Encode, Known
from core.write.rungs import Pairs, Step
from core.write.rungs.extract import sentences

MOST = 300  # held-out briefs that are drafted
TIMED = 20  # of them, one at a time
AT_ONCE = 50
EXAMPLES = 20  # drafts that are shown as they came
LEAD = 3  # first sentences of a brief, which a summary has to beat
LONG_BRIEF = 60  # words
SHORTER = 0.6  # of its brief's words that a summary has at most


def summarises(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether copy sums up its brief: long briefs, most of them much longer than their copy."""
    words = np.array([[len(brief.split()), len(copy.split())] for brief, copy in pairs], float)
    return bool(np.median(words[:, 0]) >= LONG_BRIEF and np.median(words[:, 1] / np.maximum(words[:, 0], 1)) <= SHORTER)


def held_out(pairs: Pairs) -> dict[str, list[str]]:
    """Up to MOST briefs to be judged on, drawn by their words and in that order, each with its approved copies."""
    by_brief: dict[str, list[str]] = defaultdict(list)
    for brief, copy in pairs:
        by_brief[brief].append(copy)
    return {brief: by_brief[brief] for brief in sorted(by_brief, key=chance)[:MOST]}


def measure(
    texts: Sequence[tuple[str, str]], there: Known, among: Known, encode: Encode, passed: Sequence[bool]
) -> Measured:
    """Measure (brief, text) pairs: copies against what is known, their own brief among those of `among`."""
    written = [text for _, text in texts]
    near = [gates.near_copy(text, slots.put(text, brief), brief, there) is not None for brief, text in texts]
    ranks = among.ranks([brief for brief, _ in texts], written, encode)
    words = [rouge.words(text) for text in written]
    pairs = [two for one in words for two in pairwise(one)]
    return Measured(
        len(written),
        float(np.mean(near)),
        float((ranks <= 10).mean()),
        len(set(pairs)) / max(len(pairs), 1),
        len(set(written)) / len(written),
        float(np.mean(passed)),
        float(np.mean([there.index.longest_run(text) for text in written])),
    )


def judge(
    writer: Writer, test: dict[str, list[str]], step: Step, folder: Path, hear: Callable[[Pairs], dict]
) -> WriteFigures:
    """The figures of a student on held-out briefs, each with its approved copies; what it wrote is kept in its `folder`. `hear`
    adds what it makes of the best drafts that pass the gates, by WriteFigures' names."""
    briefs = list(test)
    drafted: list[list[Draft]] = []
    for start in range(0, len(briefs), AT_ONCE):
        step(start, len(briefs), f"{writer.rung.name}: drafting for test briefs")
        drafted += writer.drafts(briefs[start : start + AT_ONCE], writer.rung.draws or 1)
    best = [(brief, some[0]) for brief, some in zip(briefs, drafted) if some]
    judged.keep(folder, best, writer.known)
    return WriteFigures(
        **hear([(brief, draft.text) for brief, draft in best if draft.passed]),
        **vars(figures_of(writer, dict(zip(briefs, drafted)), test)),
        seconds_per_brief=_timed(writer, briefs[:TIMED]),
        runtime=writer.runtime,
        peak_gb=peak_gb(),
        examples=tuple(_example(brief, some[0]) for brief, some in zip(briefs, drafted[:EXAMPLES]) if some),
    )


def _example(brief: str, draft: Draft) -> Example:
    return Example(brief, draft.text, draft.passed, " ".join(one.why for one in draft.findings if not one.passed))


def judge_texts(
    rules: Rules, texts: dict[str, str], test: dict[str, list[str]]
) -> tuple[TextFigures, dict[str, Draft]]:
    """The figures of somebody else's texts for the test briefs, each text a draft before the same gates as a student's, and what
    the gates say of each; a brief without a text is one that no text passes for."""
    given = [(brief, texts[brief]) for brief in test if brief in texts]
    cases = gates.approved(given, rules.guide, rules.known, rules.encode)
    drafts = {case.brief: Draft(case.text, case.slotted, tuple(gates.find(case)), case.rank) for case in cases}
    return figures_of(rules, {brief: [drafts[brief]] if brief in drafts else [] for brief in test}, test), drafts


def figures_of(rules: Rules, drafted: dict[str, list[Draft]], test: dict[str, list[str]]) -> TextFigures:
    """What is measured of drafts of the test briefs, the best of each first, beside people's copy."""
    rules = replace(rules, encode=_remembering(rules.encode))  # each text is asked about several times
    among = _others(rules, test)
    best = {brief: some[0] for brief, some in drafted.items() if some}
    passing = [(brief, draft.text) for brief, draft in best.items() if draft.passed]
    low, high = interval(len(passing), len(test))
    human = [(brief, copies[0]) for brief, copies in test.items()]
    turned = [(brief, copy) for (brief, _), (_, copy) in zip(human, human[1:] + human[:1])]
    passed = [True] * len(passing)
    found = [_found(rules, some) for some in (human, turned)]
    approved, other = (
        measure(some, rules.known, among, rules.encode, [all(one.passed for one in each) for each in findings])
        for some, findings in zip((human, turned), found)
    )
    return TextFigures(
        briefs=len(test),
        handled=Range(len(passing) / len(test), low, high, len(test)),
        after_gates=measure(passing, rules.known, among, rules.encode, passed) if passing else None,
        human=approved,
        shuffled=other,
        stops=_stops([list(draft.findings) for some in drafted.values() for draft in some]),
        human_stops=_stops(found[0]),
        rouge=_rouge(test, best),
    )


def _others(rules: Rules, test: dict[str, list[str]]) -> Known:
    """The briefs among which each finds its own: those held out, and where they are no hundred, some that are known."""
    there = [(brief, copies[0]) for brief, copies in test.items()]
    more = list(zip(rules.known.briefs, rules.known.copies))[: max(0, 2 * known.OTHERS - len(there))]
    return known.of([*there, *more], [], rules.encode, frozenset())


def _found(rules: Rules, pairs: Pairs) -> list[list[gates.Finding]]:
    """What the gates say of copy that people wrote."""
    return [gates.find(case) for case in gates.approved(pairs, rules.guide, rules.known, rules.encode)]


def _remembering(encode: Encode) -> Encode:
    """The same, each text encoded once."""
    there: dict[str, np.ndarray] = {}

    def remembered(texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in there]
        there.update(zip(new, encode(new)) if new else ())
        return np.stack([there[text] for text in texts])

    return remembered


def _stops(findings: Sequence[Sequence[gates.Finding]]) -> dict[str, float]:
    """The share of texts that each gate stops, where it stops any."""
    counts: dict[str, int] = defaultdict(int)
    for some in findings:
        for finding in some:
            counts[finding.name] += not finding.passed
    return {name: count / len(findings) for name, count in counts.items() if count}


def _rouge(test: dict[str, list[str]], best: dict[str, Draft]) -> Rouge | None:
    """ROUGE of drafts and of each brief's first sentences, on average over its approved summaries; None where none is one."""
    if not summarises([(brief, copies[0]) for brief, copies in test.items()]):
        return None
    lead = {brief: " ".join(sentences(brief)[:LEAD]) for brief in test}
    score = lambda texts, n: float(np.mean([rouge.mean(texts[brief], test[brief], n) for brief in test]))  # noqa: E731
    if not best:
        return None
    test = {brief: copies for brief, copies in test.items() if brief in best}
    drafted = {brief: draft.text for brief, draft in best.items()}
    return Rouge(score(drafted, 1), score(lead, 1), score(drafted, 2), score(lead, 2), stems=True)


def _timed(writer: Writer, briefs: Sequence[str]) -> Seconds:
    seconds = []
    for brief in briefs:
        started = time.perf_counter()
        writer.drafts([brief], writer.rung.draws or 1)
        seconds.append(time.perf_counter() - started)
    return Seconds(*(float(np.quantile(seconds, share)) for share in (0.5, 0.95)))


def peak_gb() -> float:
    """The most memory that this process has had, GB."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return memory.peak_wset / 1e9
    import resource
    import sys

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
