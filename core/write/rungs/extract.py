"""Extract: the brief's own sentences, chosen by a ranker that learned from approved summaries. Nothing can be made up."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.whole import write_whole
from core.write import rouge
from core.write.known import Encode, Known
from core.write.rungs import Lesson, Pairs, Proposal, Propose, Rung

FILE = "ranker.json"
STRENGTH = 1_000.0  # of the ridge regression: some 400 columns, a few thousand sentences
BUDGETS = (1.0, 1.25, 1.5, 2.0)  # times the usual words of an approved summary
ALIKE = 0.85  # cosine from which two sentences say the same
HELD = 200  # pairs that the length is chosen by
LONGEST = 80  # sentences of a brief that are looked at
Ranker = dict[str, np.ndarray]


def sentences(brief: str) -> list[str]:
    """A brief's sentences in order, with who says them where lines begin with a speaker."""
    parts = []
    for line in filter(None, map(str.strip, brief.split("\n"))):
        speaker = re.match(r"[^\s:][^:]{0,30}: ", line)
        who = speaker[0] if speaker else ""
        parts += [who + part for part in re.split(r"(?<=[.!?])\s+", line[len(who) :]) if re.search(r"\w", part)]
    return parts[:LONGEST]


def fit(lesson: Lesson) -> None:
    """A ridge regression from what a sentence looks like and says to its overlap with the approved summary; then the length at
    which summaries of pairs held out come nearest to theirs."""
    ranker = _regress(_read(lesson, lesson.train))
    held = _read(lesson, (lesson.held or lesson.train)[:HELD])
    usual = float(np.median([len(copy.split()) for _, copy in lesson.train]))
    near = {
        times: np.mean(
            [rouge.overlap(_summary(parts, vectors, ranker, times * usual), copy) for parts, vectors, copy in held]
        )
        for times in BUDGETS
    }
    ranker["words"] = np.array(usual * max(near, key=near.__getitem__))
    write_whole(lesson.folder / FILE, json.dumps({name: value.tolist() for name, value in ranker.items()}))


def _read(lesson: Lesson, pairs: Pairs) -> list[tuple[list[str], np.ndarray, str]]:
    """Of each pair: the brief's sentences, their vectors, and the copy."""
    lesson.step(0, 0, "extract: reading briefs")
    parts = [sentences(brief) for brief, _ in pairs]
    vectors = lesson.encode([one for some in parts for one in some])
    places = np.cumsum([len(some) for some in parts])[:-1]
    return [(some, part, copy) for some, part, (_, copy) in zip(parts, np.split(vectors, places), pairs) if some]


def _regress(read: list[tuple[list[str], np.ndarray, str]]) -> Ranker:
    table = np.concatenate([_features(parts, vectors) for parts, vectors, _ in read])
    target = np.array([rouge.overlap(part, copy) for parts, _, copy in read for part in parts])
    mean, scale = table.mean(0), table.std(0) + 1e-6
    z = (table - mean) / scale
    weights = np.linalg.solve(z.T @ z + STRENGTH * np.eye(z.shape[1]), z.T @ (target - target.mean()))
    return {"mean": mean, "scale": scale, "weights": weights}


def _features(parts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """What a sentence looks like and says, float (sentences, 9 + dimensions): its place, length, nearness to all others, figures,
    names, question; its vector."""
    count = len(parts)
    place = np.arange(count) / max(count - 1, 1)
    words = np.array([len(part.split()) for part in parts], float)
    centre = vectors.mean(0)
    near = vectors @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
    flags = [
        [bool(re.search(r"\d", part)), len(re.findall(r"(?<=\s)[A-Z][a-z]+", part)), "?" in part] for part in parts
    ]
    looks = [place, place == 0, place**2, np.log1p(words), words < 5, near, np.array(flags, float), vectors]
    return np.column_stack(looks)


def load(folder: Path, known: Known, encode: Encode) -> Propose:
    """Proposes one summary: the best sentences that differ, in the brief's order, up to the usual length."""
    ranker = {name: np.array(value) for name, value in json.loads((folder / FILE).read_text()).items()}

    def propose(briefs: Sequence[str], drafts: int, seed: int) -> list[list[Proposal]]:
        cut = [sentences(brief) for brief in briefs]
        return [
            [Proposal(_summary(parts, encode(parts), ranker, float(ranker["words"])) if parts else "")] for parts in cut
        ]

    return Propose(propose)


def _summary(parts: Sequence[str], vectors: np.ndarray, ranker: Ranker, most: float) -> str:
    worth = (_features(parts, vectors) - ranker["mean"]) / ranker["scale"] @ ranker["weights"]
    chosen: list[int] = []
    for place in np.argsort(-worth):
        if any(vectors[place] @ vectors[other] > ALIKE for other in chosen):
            continue
        chosen.append(int(place))
        if sum(len(parts[one].split()) for one in chosen) >= most:
            break
    return " ".join(parts[place] for place in sorted(chosen))


RUNG = Rung(
    "extract",
    5,
    "The brief's own sentences",
    "Picks the sentences of the brief that approved summaries would keep. Nothing in it can be made up.",
    fit,
    load,
    summaries=True,
)
