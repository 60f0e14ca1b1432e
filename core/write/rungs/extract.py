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
from core.write.rungs import Lesson, Proposal, Propose, Rung

FILE = "ranker.json"
STRENGTH = 3.0  # of the ridge regression
ALIKE = 0.85  # cosine from which two sentences say the same
LONGEST = 80  # sentences of a brief that are looked at


def sentences(brief: str) -> list[str]:
    """A brief's sentences in order, with who says them where lines begin with a speaker."""
    found = []
    for line in filter(None, map(str.strip, brief.split("\n"))):
        speaker = re.match(r"[^\s:][^:]{0,30}: ", line)
        who = speaker[0] if speaker else ""
        found += [who + part for part in re.split(r"(?<=[.!?])\s+", line[len(who) :]) if re.search(r"\w", part)]
    return found[:LONGEST]


def fit(lesson: Lesson) -> None:
    """A ridge regression from what a sentence looks like to its overlap with the approved summary."""
    rows, wanted = [], []
    for done, (brief, copy) in enumerate(lesson.train):
        if done % 50 == 0:
            lesson.step(done, len(lesson.train), "extract: reading briefs")
        parts = sentences(brief)
        rows.append(_features(parts, lesson.encode(parts)))
        wanted += [rouge.overlap(part, copy) for part in parts]
    table, target = np.concatenate(rows), np.array(wanted)
    mean, scale = table.mean(0), table.std(0) + 1e-6
    z = (table - mean) / scale
    weights = np.linalg.solve(z.T @ z + STRENGTH * np.eye(z.shape[1]), z.T @ (target - target.mean()))
    words = float(np.median([len(copy.split()) for _, copy in lesson.train]))
    told = {"mean": mean.tolist(), "scale": scale.tolist(), "weights": weights.tolist(), "words": words}
    write_whole(lesson.folder / FILE, json.dumps(told))


def _features(parts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """What a sentence looks like, float (sentences, 9): its place, length, nearness to all others, figures, names, question."""
    count = len(parts)
    place = np.arange(count) / max(count - 1, 1)
    words = np.array([len(part.split()) for part in parts], float)
    centre = vectors.mean(0)
    near = vectors @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
    flags = [
        [bool(re.search(r"\d", part)), len(re.findall(r"(?<=\s)[A-Z][a-z]+", part)), "?" in part] for part in parts
    ]
    return np.column_stack(
        [place, place == 0, place**2, np.log1p(words), words < 5, near, np.array(flags, float).reshape(count, 3)]
    )


def load(folder: Path, known: Known, encode: Encode) -> Propose:
    """Proposes one summary: the best sentences that differ, in the brief's order, up to the usual length."""
    told = {name: np.array(value) for name, value in json.loads((folder / FILE).read_text()).items()}

    def propose(briefs: Sequence[str], drafts: int, seed: int) -> list[list[Proposal]]:
        return [[Proposal(_summary(brief, told, encode))] for brief in briefs]

    return propose


def _summary(brief: str, told: dict[str, np.ndarray], encode: Encode) -> str:
    parts = sentences(brief)
    if not parts:
        return ""
    vectors = encode(parts)
    worth = (_features(parts, vectors) - told["mean"]) / told["scale"] @ told["weights"]
    chosen: list[int] = []
    for place in np.argsort(-worth):
        if any(vectors[place] @ vectors[other] > ALIKE for other in chosen):
            continue
        chosen.append(int(place))
        if sum(len(parts[one].split()) for one in chosen) >= told["words"]:
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
