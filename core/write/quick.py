"""A student's model as it works: llama.cpp drafts, in a quarter of torch's time, and torch says how likely a text is, where it is
the quicker one.

The .gguf file lies beside the weights that it was made of. It drafts only where it lost at most 1 % of the loss, as exports must,
and where file and weights are those of then, by their hashes; else torch drafts as well, and a line in the log says why.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.train.disk import digest, link
from core.whole import write_whole
from core.write import gguf_file, language, llama, parity
from core.write.language import Language
from core.write.llama import Llama
from core.write.rungs import Pairs
from core.write.sampling import Written
from core.write.wording import Wording

FILE, ABOUT = "model.gguf", "quick.json"  # in the folder of a student's model
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class Quick(Wording):
    """A model that one runtime drafts with and the other scores with."""

    drafting: Llama
    scoring: Language
    runtime = Llama.runtime

    def drafts(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], drafts: int, most: int, *, greedy: bool
    ) -> list[list[Written]]:
        """As core.write.llama has it; in torch where llama.cpp refuses one."""
        try:
            return self.drafting.drafts(prompts, seeds, drafts, most, greedy=greedy)
        except RuntimeError as error:
            log.warning("Drafts come from torch: %s", error)
            return self.scoring.drafts(prompts, seeds, drafts, most, greedy=greedy)

    def likelihoods(self, prompts: Sequence[list[int]], copies: Sequence[list[int]]) -> np.ndarray:
        """As core.write.language has it."""
        return self.scoring.likelihoods(prompts, copies)


def wanted(model: Path) -> bool:
    """Whether a file can be made for the weights in folder `model`, and none was made or refused before."""
    return llama.installed() and _about(model).get("weights") != _weights(model)


def make(model: Path, held: Pairs) -> bool:
    """Write the file for the weights in folder `model`, and keep it where it says of (brief, copy) pairs held out what the model
    says; whether it was kept. One that does not hold is not made again; what cannot be written or loaded is left to torch."""
    if not held or not wanted(model):
        return False
    for left in model.glob(f".{FILE}*.part"):  # of one that was killed
        left.unlink()
    aside = model / f".{FILE}.part"
    try:
        measured = parity.measure(model, gguf_file.write(model, aside), held)
        if measured.holds:
            aside.replace(model / FILE)
    except InputError as error:
        log.warning("Drafts come from torch: %s", error.what)
        return False
    finally:
        aside.unlink(missing_ok=True)
    why = "" if measured.holds else parity.lost(measured)
    about = {"weights": _weights(model), "file": None if why else digest(model / FILE), "why": why}
    write_whole(model / ABOUT, json.dumps(about | {"loss": asdict(measured)}))
    if why:
        log.warning("Drafts come from torch: %s", why)
    return not why


def taken(below: Path, model: Path) -> bool:
    """Take over the file of another student's model that has the same weights; whether there was one."""
    about = _about(below)
    if not about.get("file") or about["weights"] != _weights(model) or not (below / FILE).is_file():
        return False
    for name in (FILE, ABOUT):
        link(below / name, model / name)
    return True


def load(model: Path) -> Quick | Language:
    """The model in a student's folder, ready to work: by its file where that may draft, else in torch alone. InputError where its
    weights cannot be read."""
    slow = language.load(model)
    if not llama.installed():
        log.info("Drafts come from torch: xllamacpp is not installed.")
        return slow
    words = {name: value for name, value in vars(slow).items() if name != "model"}
    why = _unfit(model)
    if not why:
        try:
            return Quick(**words, drafting=llama.llama(model / FILE, Wording(**words)), scoring=slow)
        except InputError as error:
            why = error.what
    log.warning("Drafts come from torch: %s", why)
    return slow


def _unfit(model: Path) -> str:
    """Why the file in a model's folder may not draft, "" where it may."""
    about = _about(model)
    if not about:
        return f"{model.parent.name} has no {FILE} yet; the next training of the same pairs makes it."
    if about["file"] is None:
        return about["why"]
    if about["weights"] != _weights(model):
        return f"{FILE} was made of other weights."
    if not (model / FILE).is_file() or digest(model / FILE) != about["file"]:
        return f"{FILE} is damaged or missing."
    return ""


def _about(model: Path) -> dict:
    """What is known of the file; empty where nothing is."""
    with suppress(OSError, ValueError, TypeError):
        told = json.loads((model / ABOUT).read_text(encoding="utf-8"))
        return told if {"weights", "file", "why"} <= set(told) else {}
    return {}


def _weights(model: Path) -> str:
    """What tells the weights in a folder from others."""
    every = [digest(file) for file in sorted(model.glob("*.safetensors"))]
    return hashlib.sha256("".join(every).encode()).hexdigest()
