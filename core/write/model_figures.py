"""Figures of a trained model that need no drafts: its probes, and its loss beside the base model's; measured once for all
rungs that share the model."""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from core.whole import write_whole
from core.write import base, language, probes
from core.write.figures import Loss, Range
from core.write.rungs import Lesson, Pairs, Rung
from core.write.rungs import write as writing

FILE = "probes.json"
NAMES = ("licence", "loss", "contrasts", "role_probe")  # of WriteFigures
_CONTRASTS = TypeAdapter(dict[str, Range])


def of(rung: Rung, lesson: Lesson, test: dict[str, list[str]]) -> tuple[dict, str]:
    """The figures of a rung that reads, by WriteFigures' names, and why it may not write summaries ("" where it may)."""
    if not rung.reads:
        return {}, ""
    pairs = [(brief, copies[0]) for brief, copies in test.items()]
    loss, contrasts = _measured(lesson, pairs)
    told = {"licence": base.licence(lesson.base), "loss": loss, "contrasts": contrasts}
    if not lesson.summarises:
        return told, ""
    probe = probes.probe(writing.writing_of(lesson.folder)[0], pairs)
    return told | {"role_probe": probe}, probes.refusal(probe)


def _measured(lesson: Lesson, pairs: Pairs) -> tuple[Loss, dict[str, Range]]:
    below = [folder / FILE for folder in lesson.earlier.values() if (folder / FILE).is_file()]
    if below:  # the same model
        there = json.loads(below[0].read_text(encoding="utf-8"))
        return Loss(**there["loss"]), _CONTRASTS.validate_python(there["contrasts"])
    lesson.step(0, 0, "Seeing whether the model tells numbers, brands and dates")
    trained = writing.writing_of(lesson.folder)[0]
    contrasts, after = probes.contrasts(trained, pairs), writing.loss_of(trained, pairs)
    del trained
    loss = Loss(after, writing.loss_of(language.load(base.prepared(lesson.base)), pairs), len(pairs))
    kept = {"loss": vars(loss), "contrasts": {name: vars(one) for name, one in contrasts.items()}}
    write_whole(lesson.folder / FILE, json.dumps(kept))
    return loss, contrasts
