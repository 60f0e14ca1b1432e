"""Drawing a token looks at the likeliest alone, and draws what looking at the whole vocabulary would."""

from __future__ import annotations

import pytest
import torch

from core.write import sampling


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_a_token_is_drawn_as_from_the_whole_vocabulary(spread):
    dice = torch.Generator().manual_seed(3)
    logits = torch.randn(200, 500, generator=dice) * spread
    chances = torch.rand(200, generator=dice)
    likely = torch.softmax(logits / sampling.TEMPERATURE, 1)
    likely = likely.masked_fill(likely < sampling.MIN_P * likely.amax(1, keepdim=True), 0.0)
    rising = likely.double().cumsum(1)
    wanted = torch.searchsorted(rising, chances[:, None].double() * rising[:, -1:], right=True)[:, 0]
    assert (sampling._drawn(logits, chances) == wanted).float().mean() > 0.99  # but for rounding at a border
