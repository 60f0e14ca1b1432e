"""Write: the base model fine-tuned on approved pairs. Of the passes over the pairs, the one whose drafts hold best is kept, not
that of the lowest loss: the loss of short copy rises while the lines get better."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.chance import chance
from core.train.disk import link
from core.whole import write_whole
from core.write import base, drafting, gates, language, quick, slots, tuning
from core.write.known import Encode, Known
from core.write.language import Language
from core.write.rungs import Lesson, Pairs, Proposal, Propose, Rung
from core.write.sampling import Written

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from core.write.llama import Llama
    from core.write.quick import Quick

CHOSEN_BY = 60  # held-out briefs
DRAWS = 8
TRIED = 4  # drafts of each held-out brief
ON_TOPIC = 10  # rank of its own brief among a hundred
LOST = 0.01  # of the loss that half precision may cost; else weights are kept in full
MODEL, EPOCHS, CHECKPOINT = "model", "epochs.json", "checkpoint.pt"
WRITING = (
    "writing.json"  # in the model's folder: the longest copy in tokens, and whether it is the likeliest (for summaries)
)


def fit(lesson: Lesson) -> None:
    """Fine-tune; carries on from the checkpoint in the folder, where there is one."""
    folder = base.prepared(lesson.base)
    learner = language.load(folder, train=True)
    supported = [pair for pair in lesson.train if _supported(pair, lesson)]
    rows = [(learner.prompt(brief), learner.copy(slots.put(text, brief))) for brief, text in supported]
    lengths = np.array([len(prompt) + len(copy) for prompt, copy in rows])
    writing = {"most": round(1.5 * max(len(copy) for _, copy in rows)), "greedy": lesson.summarises}
    recipe = tuning.recipe_for(lengths)

    def ended(epoch: int) -> None:
        if recipe.epochs == 1:
            model, kind = _coarse(learner, _few(lesson.held))
            _save(replace(learner, model=model), kind, folder, lesson.folder, writing)
        else:
            _judge(lesson, learner, folder, epoch, writing)

    tuning.tune(learner, rows, recipe, lesson.folder / CHECKPOINT, lesson.step, ended)
    (lesson.folder / CHECKPOINT).unlink(missing_ok=True)


def _few(held: Pairs) -> Pairs:
    return held[:: max(1, len(held) // CHOSEN_BY)][:CHOSEN_BY]


def _supported(pair: tuple[str, str], lesson: Lesson) -> bool:
    """Whether a copy says no fact that its brief does not: others would teach to make them up."""
    case = gates.Case(pair[1], pair[1], pair[0], lesson.guide, lesson.known, 1)
    return not gates.GATES["numbers and dates"](case)


def _judge(lesson: Lesson, learner: Language, base_folder: Path, epoch: int, writing: dict) -> None:
    """Keep the model as it is after an epoch, where its drafts hold at least as well as those of the epochs before."""
    seen = json.loads(path.read_text()) if (path := lesson.folder / EPOCHS).is_file() else {}
    held = _few(lesson.held)
    lesson.step(0, 0, f"write: judging drafts of pass {epoch + 1}")
    model, kind = _coarse(learner, held)
    writer = replace(learner, model=model)
    share = _hold(lesson, writer, held, writing)
    if share >= max([one["hold"] for name, one in seen.items() if int(name) < epoch], default=0.0):
        _save(writer, kind, base_folder, lesson.folder, writing)
    measured = {"hold": share, "loss": loss_of(writer, held)}
    write_whole(lesson.folder / EPOCHS, json.dumps(seen | {str(epoch): measured}))


def _coarse(learner: Language, held: Pairs) -> tuple[PreTrainedModel, torch.dtype]:
    """The model as it writes, and the precision its weights are kept in: half, or full where the held-out loss would suffer. Where
    the processor does not compute in half, which would then take many times as long, only the weights are rounded to it."""
    import torch

    if learner.model.dtype == torch.bfloat16:
        return learner.model, torch.bfloat16
    coarse = copy.deepcopy(learner.model).eval()
    if language.half():
        coarse = coarse.to(torch.bfloat16)
    else:
        with torch.no_grad():
            for weight in coarse.parameters():
                weight.copy_(weight.bfloat16())
    if loss_of(replace(learner, model=coarse), held) > loss_of(learner, held) * (1 + LOST):
        return copy.deepcopy(learner.model).eval(), torch.float32
    return coarse, torch.bfloat16


def loss_of(writer: Language, pairs: Pairs) -> float:
    """Nats a character of the copies, facts as slots, after their briefs. Not a figure of quality."""
    if not pairs:
        return 0.0
    copies = [slots.put(text, brief) for brief, text in pairs]
    logps = language.likelihoods(
        writer, [writer.prompt(brief) for brief, _ in pairs], [writer.copy(text) for text in copies]
    )
    return float(-logps.sum() / sum(len(text) + 1 for text in copies))


def _hold(lesson: Lesson, writer: Language, held: Pairs, writing: dict) -> float:
    """The share of drafts of held-out briefs that pass the gates and are about their brief."""
    if not held:
        return 0.0
    proposals = proposed(writer, writing, [brief for brief, _ in held], TRIED, 0)
    drafts = [one for some in drafting.gated(proposals, held, lesson, new=True) for one in some]
    return sum(one.passed and one.rank <= ON_TOPIC for one in drafts) / (len(held) * len(proposals[0]))


def _save(writer: Language, kind: torch.dtype, base_folder: Path, folder: Path, writing: dict) -> None:
    aside = folder / f"{MODEL}.part"
    shutil.rmtree(aside, ignore_errors=True)
    model = writer.model if writer.model.dtype == kind else copy.deepcopy(writer.model).to(kind)
    model.save_pretrained(aside)
    link(base_folder / "tokenizer.json", aside / "tokenizer.json")
    write_whole(aside / WRITING, json.dumps(writing))
    shutil.rmtree(folder / MODEL, ignore_errors=True)
    aside.rename(folder / MODEL)


def proposed(writer: Language, writing: dict, briefs: Sequence[str], drafts: int, seed: int) -> list[list[Proposal]]:
    """Drafts of each brief in no order; where the likeliest is asked for there is one."""
    return [
        [Proposal(writer.text(one.ids)) for one in some] for some in _written(writer, writing, briefs, drafts, seed)
    ]


def _written(writer: Language, writing: dict, briefs: Sequence[str], drafts: int, seed: int) -> list[list[Written]]:
    seeds = [int(chance(f"{seed} {brief}") * 2**53) for brief in briefs]
    prompts = [writer.prompt(brief) for brief in briefs]
    return writer.drafts(prompts, seeds, drafts, writing["most"], greedy=writing["greedy"])


def drawn(writer: Language | Quick | Llama, writing: dict) -> Propose:
    """Proposes drafts as they are drawn, each with what the brief adds to its likelihood: log p(copy | brief) - 1/2 log p(copy).
    Where the likeliest is asked for there is one."""

    def propose(briefs: Sequence[str], drafts: int, seed: int) -> list[list[Proposal]]:
        written = _written(writer, writing, briefs, drafts, seed)
        if len(written[0]) == 1:
            return [[Proposal(writer.text(one.ids)) for one in some] for some in written]
        flat = [one for some in written for one in some]
        alone = writer.likelihoods([writer.prompt("")] * len(flat), [[*one.ids, writer.end] for one in flat])
        plain = iter(float(one) for one in alone)
        return [[_proposal(writer.text(one.ids), one.likelihood, next(plain)) for one in some] for some in written]

    return Propose(propose, writer.runtime)


def _proposal(text: str, likelihood: float, alone: float) -> Proposal:
    size = max(1, len(text))
    told = {"log_p": likelihood / size, "gain": (likelihood - alone) / size}
    return Proposal(text, likelihood - 0.5 * alone, told)


def writing_of(folder: Path) -> tuple[Language, dict]:
    """The model in a student's folder in torch, and how it writes."""
    return language.load(folder / MODEL), json.loads((folder / MODEL / WRITING).read_text())


def at_work(folder: Path) -> Propose:
    """Proposes drafts with their scores, by the runtime that is the quickest there."""
    return drawn(quick.load(folder / MODEL), json.loads((folder / MODEL / WRITING).read_text()))


def unordered(propose: Propose) -> Propose:
    """The same proposals with no score: one draft after the other, in no order."""

    def plain(briefs: Sequence[str], drafts: int, seed: int) -> list[list[Proposal]]:
        return [[replace(one, score=0.0) for one in some] for some in propose(briefs, drafts, seed)]

    return Propose(plain, propose.runtime)


def load(folder: Path, known: Known, encode: Encode) -> Propose:
    """Proposes one draft after the other, in no order."""
    return unordered(at_work(folder))


RUNG = Rung(
    "write",
    20,
    "Write",
    "A small language model that learned from your approved pairs writes one draft after the other.",
    fit,
    load,
    new=True,
    lines=True,
    summaries=True,
    reads=True,
)
