"""A language model as students use it: briefs and copy to tokens, and how likely it finds a copy. Lines are at the model's own
precision; half precision is taken where the processor has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.apart import apart
from core.errors import InputError, memory_full
from core.write.wording import Wording, wording

if TYPE_CHECKING:
    import torch

    from core.write.sampling import Written

AT_ONCE = 4_096  # tokens scored together


@dataclass(frozen=True)
class Language(Wording):
    """A model in torch with its tokenizer."""

    model: torch.nn.Module
    runtime = "torch"

    def drafts(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], drafts: int, most: int, *, greedy: bool
    ) -> list[list[Written]]:
        """As core.write.sampling has it."""
        from core.write import sampling

        return apart(sampling.write, self, prompts, seeds, drafts, most, greedy=greedy)

    def likelihoods(self, prompts: Sequence[list[int]], copies: Sequence[list[int]]) -> np.ndarray:
        """log p(copy | prompt) of each, its end included, float64 (copies)."""
        return apart(likelihoods, self, prompts, copies)


def half() -> bool:
    """Whether this processor computes in bfloat16: half the time; where it would be emulated, twice."""
    import torch

    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def load(folder: Path, *, train: bool = False) -> Language:
    """The model in `folder`: in full precision to `train`, else as fast as it writes. InputError where it cannot be read."""
    import torch
    from transformers import AutoModelForCausalLM, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    kind = torch.float32 if train or not half() else torch.bfloat16
    try:
        words = wording(folder)
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            dtype=kind,
            attn_implementation="sdpa",
        )
    except Exception as error:  # tokenizers raises nothing narrower
        if memory_full(error):
            raise
        raise InputError(
            f"The model in {folder} cannot be read: {str(error).splitlines()[0]}.",
            "Restore its folder from a copy, or train it again.",
        ) from error
    return Language(**vars(words), model=model.train(train))


def padded(rows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens with zeros after them, and which are tokens, int64 (rows, longest)."""
    import torch

    sizes = torch.tensor([len(row) for row in rows])
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return ids, (torch.arange(ids.shape[1]) < sizes[:, None]).long()


def losses(
    language: Language,
    prompts: Sequence[list[int]],
    copies: Sequence[list[int]],
    states: list[torch.Tensor] | None = None,
) -> torch.Tensor:
    """The negative log likelihood of each token of each copy after its prompt, float32 of shape (all copies' tokens). `states`:
    what the model's layers are given in place of the tokens' vectors, (tokens, width) of each row.

    Logits are made at the copies' places alone: a vocabulary of 50,000 costs more than a small model's layers.
    """
    import torch

    ids, mask = padded([prompt + copy for prompt, copy in zip(prompts, copies)])
    if states is None:
        read = language.model.base_model(input_ids=ids, attention_mask=mask)
    else:
        vectors = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)
        read = language.model.base_model(inputs_embeds=vectors, attention_mask=mask)
    wanted = torch.zeros_like(mask, dtype=torch.bool)
    for row, (prompt, copy) in enumerate(zip(prompts, copies)):
        wanted[row, len(prompt) - 1 : len(prompt) + len(copy) - 1] = True
    logits = language.model.get_output_embeddings()(read.last_hidden_state[wanted]).float()
    targets = torch.cat([torch.tensor(copy) for copy in copies])
    return torch.nn.functional.cross_entropy(logits, targets, reduction="none")


def likelihoods(language: Language, prompts: Sequence[list[int]], copies: Sequence[list[int]]) -> np.ndarray:
    """log p(copy | prompt) of each, its end included, float64 (copies)."""
    import torch

    result = np.zeros(len(copies))
    with torch.inference_mode():
        for chosen in portions([len(prompt) + len(copy) for prompt, copy in zip(prompts, copies)]):
            nll = losses(language, [prompts[i] for i in chosen], [copies[i] for i in chosen])
            sums = [part.sum().item() for part in nll.split([len(copies[i]) for i in chosen])]
            result[chosen] = -np.array(sums)
    return result


def portions(sizes: Sequence[int], at_once: int = AT_ONCE) -> Iterator[list[int]]:
    """Places of rows of so many tokens, the shortest first, so many at once that they have `at_once` tokens with what fills them
    up; a longer row comes alone."""
    chosen: list[int] = []
    for place in np.argsort(sizes, kind="stable").tolist():
        if chosen and sizes[place] * (len(chosen) + 1) > at_once:
            yield chosen
            chosen = []
        chosen.append(place)
    if chosen:
        yield chosen
