"""A language model as students use it: briefs and copy to tokens, and how likely it finds a copy. Lines are at the model's own
precision; half precision is taken where the processor has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

MOST_BRIEF, MOST_COPY = 1_024, 256  # tokens; what is longer is cut at its end
AT_ONCE = 4_096  # tokens scored together


@dataclass(frozen=True)
class Language:
    """A model with its tokenizer, what ends a copy, and the tokens that break a line."""

    model: torch.nn.Module
    tokens: Tokenizer
    end: int
    breaks: frozenset[int]

    def prompt(self, brief: str) -> list[int]:
        """The tokens that ask for the copy of a brief; an empty brief asks for any copy."""
        body = self.tokens.encode(f"Brief: {brief}", add_special_tokens=True).ids[:MOST_BRIEF]
        return body + self.tokens.encode("\nCopy:", add_special_tokens=False).ids

    def copy(self, text: str) -> list[int]:
        """The tokens of a copy, its end included."""
        return [*self.tokens.encode(" " + text, add_special_tokens=False).ids[:MOST_COPY], self.end]

    def text(self, ids: Sequence[int]) -> str:
        """The words of tokens that were written."""
        return self.tokens.decode(list(ids), skip_special_tokens=True).strip()


def half() -> bool:
    """Whether this processor computes in bfloat16: half the time; where it would be emulated, twice."""
    import torch

    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def load(folder: Path, *, train: bool = False) -> Language:
    """The model in `folder`: in full precision to `train`, else as fast as it writes. InputError where it cannot be read."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    kind = torch.float32 if train or not half() else torch.bfloat16
    try:
        tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
        model = AutoModelForCausalLM.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, dtype=kind, attn_implementation="sdpa"
        )
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError(
            f"The model in {folder} cannot be read: {str(error).splitlines()[0]}.",
            "Restore its folder from a copy, or train it again.",
        ) from error
    tokens.no_padding()
    tokens.no_truncation()
    end = json.loads((folder / "config.json").read_text(encoding="utf-8"))["eos_token_id"]
    breaks = frozenset(id for word, id in tokens.get_vocab().items() if "Ċ" in word or "\n" in word or word == "<0x0A>")
    return Language(model.train(train), tokens, end[0] if isinstance(end, list) else end, breaks)


def losses(language: Language, prompts: Sequence[list[int]], copies: Sequence[list[int]]) -> torch.Tensor:
    """The negative log likelihood of each token of each copy after its prompt, float32 of shape (all copies' tokens).

    Logits are made at the copies' places alone: a vocabulary of 50,000 costs more than a small model's layers.
    """
    import torch

    width = max(len(p) + len(c) for p, c in zip(prompts, copies))
    ids = torch.zeros((len(prompts), width), dtype=torch.long)
    mask, wanted = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for row, (prompt, copy) in enumerate(zip(prompts, copies)):
        size = len(prompt) + len(copy)
        ids[row, :size] = torch.tensor(prompt + copy)
        mask[row, :size] = 1
        wanted[row, len(prompt) - 1 : size - 1] = True
    hidden = language.model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state[wanted]
    logits = language.model.get_output_embeddings()(hidden).float()
    targets = torch.cat([torch.tensor(copy) for copy in copies])
    return torch.nn.functional.cross_entropy(logits, targets, reduction="none")


def likelihoods(language: Language, prompts: Sequence[list[int]], copies: Sequence[list[int]]) -> np.ndarray:
    """log p(copy | prompt) of each, its end included, float64 (copies)."""
    import torch

    result = np.zeros(len(copies))
    order = np.argsort([len(p) + len(c) for p, c in zip(prompts, copies)], kind="stable")
    start = 0
    with torch.inference_mode():
        while start < len(order):
            chosen, width = [], 0
            for place in order[start:]:
                width = max(width, len(prompts[place]) + len(copies[place]))
                if chosen and width * (len(chosen) + 1) > AT_ONCE:
                    break
                chosen.append(int(place))
            nll = losses(language, [prompts[i] for i in chosen], [copies[i] for i in chosen])
            sums = [part.sum().item() for part in nll.split([len(copies[i]) for i in chosen])]
            result[chosen] = -np.array(sums)
            start += len(chosen)
    return result
