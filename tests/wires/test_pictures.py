"""What models charge for images, by the providers' rules, and images as they are sent."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import InputError
from core.images import kept, looking, scaled
from core.images.seen import Sight
from core.wires import pictures
from core.wires.wire import CallError
from tests.images.pictures import drawn, saved
from tests.label.questions import connection

MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-4.1-nano", "gpt-5.1", "gpt-5-mini", "gpt-6.1-sol", "o3", "claude-sonnet-5-5",
          "gemini-4-argon", "llava-next", "no-such-model"]  # fmt: skip


def sight(data: bytes) -> Sight:
    return Sight(kept.sha256(data), looking.look(data).facts, data)


@pytest.mark.parametrize(
    ("model", "size", "sent", "tokens"),
    [  # as the providers' own pages work them out, or callers counted them
        ("gpt-4o", (1024, 1024), (768, 768), 765),
        ("gpt-4.1", (2048, 4096), (768, 1536), 1105),
        ("openai/gpt-4.1-mini-2025-04-14", (1024, 1024), (1024, 1024), 1659),
        ("gpt-5-mini", (768, 1024), (768, 1024), 922),
        ("gpt-6.1-sol", (1280, 720), (1280, 720), 1104),
        ("gpt-5-chat-latest", (300, 250), (300, 250), 210),
        ("claude-haiku-4-5", (1024, 1024), (1024, 1024), 1369),
        ("anthropic/claude-sonnet-5-5", (512, 512), (512, 512), 361),
    ],
)
def test_tokens_are_those_of_the_providers_examples(model, size, sent, tokens):
    charge = pictures.rule(model).charge
    assert charge.fitted(*size) == sent and charge.tokens(*sent) == tokens


@given(st.sampled_from(MODELS), st.integers(1, 9000), st.integers(1, 5000))
def test_no_image_is_sent_larger_than_it_is_or_than_is_looked_at_and_the_most_is_the_most(model, width, height):
    charge = pictures.rule(model).charge or pictures.OTHERS.charge
    sent = charge.fitted(width, height)
    assert sent[0] <= width and sent[1] <= height and charge.tokens(*sent) <= charge.most(*sent)
    if isinstance(charge, pictures.Patches):
        assert charge._patches(*sent) <= max(charge.budget, 9000 // charge.side + 1) and max(sent) <= charge.edge
    if isinstance(charge, pictures.Tiles):
        assert min(sent) <= 768 and max(sent) <= 2048


@pytest.mark.parametrize(
    ("model", "taken"),
    [("gpt-3.5-turbo", False), ("gpt-4-0613", False), ("o3-mini", False), ("claude-2", False), ("gpt-4-turbo", True),
     ("o4-mini", True), ("claude-opus-4-8", True), ("qwen2.5-vl-7b", True), ("model-of-mine", None)],
)  # fmt: skip
def test_who_takes_images_is_on_the_list_or_said_with_the_connection(model, taken):
    from dataclasses import replace

    named = replace(connection(), model=model)
    assert pictures.takes(named) is taken
    assert all(pictures.takes(replace(connection(takes_images=said), model=model)) is said for said in (True, False))
    if not taken:
        with pytest.raises(InputError, match="takes no images" if taken is False else "not known"):
            pictures.must_take(named)


def test_an_image_is_scaled_once_and_weighs_no_more_than_was_reckoned(monkeypatch):
    noise = np.random.default_rng(1).integers(0, 256, (900, 1600, 3), dtype=np.uint8)
    one = pictures.picture(connection(), sight(saved(Image.fromarray(noise))))
    decoded = []
    monkeypatch.setattr(scaled, "upright", lambda data: decoded.append(data) or looking.upright(data))
    first = one.jpeg()
    assert first is one.jpeg() and len(decoded) == 1
    assert Image.open(io.BytesIO(first)).size == (one.width, one.height) and one.width < 1600
    assert len(one.base64()) <= one.most_bytes


def test_what_is_kept_in_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(scaled, "KEPT_BYTES", 20_000)
    for seed in range(6):
        pictures.picture(connection(), sight(saved(drawn("Sale", seed=seed)))).jpeg()
    assert sum(map(len, scaled._kept.values())) == scaled._held <= 20_000


@pytest.mark.parametrize("source", [Path("/nowhere/gone.png"), b"no image"])
def test_an_image_that_cannot_be_had_is_a_call_that_was_not_made(source):
    facts = looking.look(saved(drawn())).facts
    with pytest.raises(CallError, match="image") as caught:
        pictures.picture(connection(), Sight(str(source), facts, source)).jpeg()
    assert not caught.value.billed
