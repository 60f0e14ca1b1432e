"""Writing: several drafts of a brief at once, the brief read once.

Lines are drawn at a temperature, with what is far less likely than the likeliest token left out (min-p, Nguyen et al. 2024,
arXiv 2407.01082); summaries are the likeliest token after token.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.write.language import Language
from core.write.wording import MOST_COPY, Wording

if TYPE_CHECKING:
    import torch

TEMPERATURE, MIN_P = 0.9, 0.1
ROWS, TOKENS = 128, 6_144  # written at once, drafts and their tokens
LIKELIEST = 64  # tokens looked at first


@dataclass
class Written:
    """One draft: its tokens, without what ended it, and its log likelihood at temperature 1."""

    ids: list[int] = field(default_factory=list)
    likelihood: float = 0.0
    ended: bool = False


def write(
    language: Language,
    prompts: Sequence[list[int]],
    seeds: Sequence[int],
    drafts: int,
    most: int = MOST_COPY,
    *,
    greedy: bool = False,
) -> list[list[Written]]:
    """`drafts` of each prompt, drawn by its seed, or the likeliest alone (`greedy`). At most `most` tokens each, one line."""
    drafts = 1 if greedy else drafts
    result: list[list[Written]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    start = 0
    while start < len(order):
        size = max(1, min(ROWS // drafts, TOKENS // (drafts * len(prompts[order[start]]))))
        chosen = order[start : start + size]
        written = _batch(language, [prompts[i] for i in chosen], [seeds[i] for i in chosen], drafts, most, greedy)
        for place, some in zip(chosen, written):
            result[place] = some
        start += size
    return result


def _batch(
    language: Language, prompts: list[list[int]], seeds: list[int], drafts: int, most: int, greedy: bool
) -> list[list[Written]]:
    import torch

    with torch.inference_mode():
        mask, places, cache, logits = _read(language, prompts)
        # Layers of every kind can be reordered; not all can be repeated or thinned out.
        cache.reorder_cache(torch.arange(len(prompts)).repeat_interleave(drafts))
        mask, places, logits = (part.repeat_interleave(drafts, 0) for part in (mask, places, logits))
        written = [Written() for _ in range(len(prompts) * drafts)]
        lots = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]
        alive = list(range(len(written)))
        for _ in range(most):
            chances = torch.stack([torch.rand(drafts, generator=lot) for lot in lots]).flatten()[alive]
            next_ids = _drawn(logits, chances) if not greedy else logits.argmax(1)
            logps = torch.log_softmax(logits, 1).gather(1, next_ids[:, None])[:, 0].tolist()
            for row, token, logp in zip(alive, next_ids.tolist(), logps):
                take(language, written[row], token, logp)
            stay = [place for place, row in enumerate(alive) if not written[row].ended]
            if not stay:
                break
            if len(stay) < len(alive):
                cache.reorder_cache(torch.tensor(stay))
                mask, places, next_ids = mask[stay], places[stay], next_ids[stay]
                alive = [alive[place] for place in stay]
            mask = torch.cat([mask, mask.new_ones((len(mask), 1))], 1)
            places = places + 1
            logits = _logits(language, next_ids[:, None], mask, places, cache)
    return [written[start : start + drafts] for start in range(0, len(written), drafts)]


def _read(language: Language, prompts: list[list[int]]) -> tuple:
    """Mask, last places, cache and logits after prompts that are padded on the left."""
    import torch
    from transformers.cache_utils import DynamicCache

    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    places = (mask.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=language.model.config)
    logits = _logits(language, ids, mask, places, cache)
    return mask, places[:, -1:], cache, logits


def _logits(language: Language, ids, mask, places, cache) -> torch.Tensor:
    """The logits of the next token, float32 (rows, vocabulary)."""
    read = language.model.base_model(
        input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True
    )
    return language.model.get_output_embeddings()(read.last_hidden_state[:, -1]).float()


def _drawn(logits: torch.Tensor, chances: torch.Tensor) -> torch.Tensor:
    """A token a row, by its chance in [0, 1)."""
    import torch

    # Of the vocabulary's 50,000 tokens a handful come into question: they alone are put in order and drawn from.
    likeliest, ids = logits.topk(min(LIKELIEST, logits.shape[1]), 1)
    top = likeliest[:, :1]
    least = top + TEMPERATURE * math.log(MIN_P)
    if (likeliest[:, -1:] >= least).any():
        likeliest, ids = logits.topk(int((logits >= least).sum(1).max()), 1)
    ids, order = ids.sort(1)
    likeliest = likeliest.gather(1, order)
    rising = torch.exp((likeliest - top) / TEMPERATURE).masked_fill(likeliest < least, 0.0).cumsum(1)
    place = torch.searchsorted(rising, (chances[:, None] * rising[:, -1:]).contiguous(), right=True)
    return ids.gather(1, place.clamp(max=ids.shape[1] - 1))[:, 0]


def take(words: Wording, draft: Written, token: int, logp: float) -> None:
    """Add a token to a draft; the end, or a line break after its first word, ends it."""
    draft.likelihood += logp
    if token == words.end or (token in words.breaks and draft.ids):
        draft.ended = True
    elif token not in words.breaks:
        draft.ids.append(token)
