"""What a model gets of an image, and what it charges for it: a dated table of the providers' rules, and an image as it is sent.

    picture(connection, sight)            # scaled to what the model looks at, with the tokens that takes
    takes(connection)                     # whether the model takes images; None where nobody has said so

Prices are by the token, so that a rule says how many tokens a size takes, and down to which size the provider scales by itself:
what it would throw away is not sent. `most` is what is set aside before a call: the documented figure where less was counted.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, sqrt
from typing import Protocol

from core.errors import InputError
from core.images import scaled
from core.images.seen import Sight
from core.images.sources import Unfit
from core.wires.connections import Connection
from core.wires.wire import CallError

AS_OF = "2026-11-30"  # when the table below was checked
OPENAI = "developers.openai.com/api/docs/guides/images-vision"
ANTHROPIC = "platform.claude.com/docs/en/build-with-claude/vision"
COUNTED = "counted by callers (huggingface.co/datasets/JOHNISKING/image-token-cost)"
GOOGLE = "ai.google.dev/gemini-api/docs/media-resolution"
NOBODY = "assumed"


class Charge(Protocol):
    """How a family of models sees and charges an image, sizes in pixels."""

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        """The size to send, never a larger one."""

    def tokens(self, width: int, height: int) -> int:
        """Tokens that an image sent at this size is likely to take."""

    def most(self, width: int, height: int) -> int:
        """The most that it takes."""


@dataclass(frozen=True)
class Tiles:
    """Within a square of 2,048, the shorter side at most 768; so many tokens, and more for each tile of 512 begun."""

    base: int
    tile: int

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        return _times(width, height, min(1.0, 2048 / max(width, height), 768 / min(width, height)))

    def tokens(self, width: int, height: int) -> int:
        return self.base + self.tile * ceil(width / 512) * ceil(height / 512)

    def most(self, width: int, height: int) -> int:
        """As if small images were scaled up, which the documents leave open."""
        up = max(1.0, min(2048 / max(width, height), 768 / min(width, height)))
        return self.tokens(*_times(width, height, up))


@dataclass(frozen=True)
class Patches:
    """So many tokens for each square of `side` begun, `budget` squares at most, the longer side `edge` at most. `stated`: by the
    provider's documents, where fewer are counted."""

    side: int
    budget: int
    each: float = 1.0
    stated: float = 0.0
    edge: int = 8000

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        factor = min(1.0, self.edge / max(width, height), sqrt(self.side**2 * self.budget / (width * height)))
        while self._patches(*_times(width, height, factor)) > self.budget and factor > 0.001:
            factor *= 0.99
        return _times(width, height, factor)

    def tokens(self, width: int, height: int) -> int:
        return ceil(self._patches(width, height) * self.each)

    def most(self, width: int, height: int) -> int:
        return ceil(self._patches(width, height) * max(self.each, self.stated))

    def _patches(self, width: int, height: int) -> int:
        return ceil(width / self.side) * ceil(height / self.side)


@dataclass(frozen=True)
class Flat:
    """The same for every image."""

    each: int
    dearest: int
    edge: int = 1568

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        return _times(width, height, min(1.0, self.edge / max(width, height)))

    def tokens(self, width: int, height: int) -> int:
        return self.each

    def most(self, width: int, height: int) -> int:
        return self.dearest


@dataclass(frozen=True)
class Unknown(Patches):
    """Of a model that no rule is known of: patches of 28, and at most what those of 14, or a fixed number of crops, come to."""

    def most(self, width: int, height: int) -> int:
        return max(3400, ceil(width / 14) * ceil(height / 14))


@dataclass(frozen=True)
class Rule:
    """What is known of the models whose names the pattern finds: how images are charged (None: they take none), and who says so."""

    models: str
    charge: Charge | None
    source: str
    as_of: str = field(default=AS_OF)


# The first pattern found in a model's name holds; a name may have a maker's before it, as gateways write it.
RULES = (
    Rule(r"gpt-3\.5|gpt-4(?!o|\.|-turbo|-vision|-1106-vision)|o1-mini|o3-mini|o1-preview|davinci|babbage", None, OPENAI),
    Rule(r"gpt-4o-mini", Tiles(2833, 5667), OPENAI),
    Rule(r"gpt-4\.1-mini", Patches(32, 1536, 1.62), OPENAI),
    Rule(r"gpt-4\.1-nano", Patches(32, 1536, 2.46), OPENAI),
    Rule(r"gpt-4(?:o|\.1|\.5|-turbo|-vision|-1106-vision)", Tiles(85, 170), OPENAI),
    Rule(r"\bo4-mini", Patches(32, 1536, 1.72), OPENAI),
    Rule(r"\bo[13](?:-pro)?(?:-20|\b)", Tiles(75, 150), OPENAI),
    Rule(r"gpt-5-nano", Patches(32, 1536, 1.5, 2.46), f"{OPENAI}; {COUNTED}"),
    Rule(r"gpt-5-mini", Patches(32, 1536, 1.2, 1.62), f"{OPENAI}; {COUNTED}"),
    Rule(r"gpt-5(?:\.1)?(?![.\d])", Tiles(70, 140), OPENAI),
    Rule(r"gpt-5\.4-nano", Patches(32, 1536, 1.2, 2.46), f"{OPENAI}; {COUNTED}"),
    Rule(r"gpt-5\.4-mini", Patches(32, 1536, 1.2, 1.62), f"{OPENAI}; {COUNTED}"),
    Rule(r"gpt-(?:5\.\d|[6-9])", Patches(32, 1536, 1.2, 1.2), f"{OPENAI}; {COUNTED}"),
    Rule(r"claude-(?:instant|[12]\b)", None, ANTHROPIC),
    # Newer ones look at up to 4,784 squares; sent larger an image would cost three times as much.
    Rule(r"claude", Patches(28, 1568, 1.0, 784 / 750, edge=1568), f"{ANTHROPIC}; {COUNTED}"),
    Rule(r"gemini", Flat(1120, 2240), f"{GOOGLE}; {COUNTED}"),
    Rule(r"vision|[-/]vl\b|-vl-|llava|pixtral", Unknown(28, 1568, edge=1568), NOBODY),
)  # fmt: skip
OTHERS = Rule("", Unknown(28, 1568, edge=1568), NOBODY)


@lru_cache(maxsize=256)
def rule(model: str) -> Rule:
    """The rule for a model by its name; OTHERS where none is known."""
    return next((one for one in RULES if re.search(one.models, model.lower())), OTHERS)


def takes(connection: Connection) -> bool | None:
    """Whether the connection's model takes images: as was said with it, else by the table; None where neither says so."""
    if connection.params.takes_images is not None:
        return connection.params.takes_images
    known = rule(connection.model)
    return None if known is OTHERS else known.charge is not None


def must_take(connection: Connection) -> None:
    """InputError where the connection's model takes no images, or nobody has said that it does."""
    taken = takes(connection)
    if taken:
        return
    raise InputError(
        f"{connection.name} takes no images."
        if taken is False
        else f"Whether {connection.model} takes images is not known.",
        "Have it read the words alone (--no-look), or say with its connection that it takes images.",
    )


def charge(connection: Connection) -> Charge:
    """How the connection's model charges an image."""
    return rule(connection.model).charge or OTHERS.charge


@dataclass(frozen=True)
class Picture:
    """An image as it is sent with a request: its size in pixels, the tokens it is likely to take and at most, and the `caption`
    before it, where a request has several."""

    sight: Sight
    width: int
    height: int
    tokens: int
    most_tokens: int
    caption: str = ""

    @property
    def identity(self) -> list:
        """What of it can change an answer."""
        return [self.sight.sha256, self.width, self.height, self.caption]

    @property
    def most_bytes(self) -> int:
        """What it weighs in a request at most."""
        return ceil(scaled.most_bytes(self.width, self.height) / 3) * 4

    def jpeg(self) -> bytes:
        """It, as JPEG. CallError where it cannot be had, and so nothing is asked."""
        try:
            return scaled.jpeg(self.sight, self.width, self.height)
        except OSError:
            raise CallError("request", "The asset's image is not in the workspace any more: import it again.") from None
        except Unfit as why:
            raise CallError("request", f"The asset's image {why.what}") from None

    def base64(self) -> str:
        """It, as JPEG in base64. CallError as jpeg()."""
        return base64.b64encode(self.jpeg()).decode()

    def url(self) -> str:
        """It, as a data URL. CallError as jpeg()."""
        return f"data:image/jpeg;base64,{self.base64()}"


def picture(connection: Connection, sight: Sight, caption: str = "") -> Picture:
    """An image as the connection's model gets it."""
    charged = charge(connection)
    size = charged.fitted(sight.facts.width, sight.facts.height)
    return Picture(sight, *size, charged.tokens(*size), charged.most(*size), caption)


def _times(width: int, height: int, factor: float) -> tuple[int, int]:
    return max(round(width * factor), 1), max(round(height * factor), 1)
