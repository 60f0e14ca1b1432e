"""What a model's tokens cost: a dated list of public prices that comes with the product, and your own prices over it.

The list is the snapshot bundled with the genai-prices package; nothing is fetched. A model that is not on it has no
price until somebody gives one, which is never an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.metadata import version
from math import isfinite

from genai_prices.data import providers
from genai_prices.types import ModelInfo, TieredPrices
from sqlite_utils import Database

from core import audit, database
from core.errors import InputError

CHARACTERS_A_TOKEN = 4.0  # English prose under the common tokenisers; other languages take more tokens
INSTRUCTIONS = 120  # tokens of a prompt around the list of categories
WRITING = 1.25  # Anthropic: price of tokens written to its prompt cache for five minutes, over that of plain ones
TOKENS_OUT = 15  # a category id in JSON, no hidden reasoning
SECONDS = 2.5  # of one answer of a large model, until one was timed: they take 2 to 3

# Whose models the choice lists, in this order; any other provider of the price list can still be named.
LISTED = (
    "openai",
    "anthropic",
    "google",
    "mistral",
    "x-ai",
    "deepseek",
    "cohere",
    "meta",
    "moonshotai",
    "zai",
    "minimax",
) + ("aws", "azure", "groq", "together", "fireworks", "cerebras")
# Models that answer a text prompt with something else than text, are tied to another task, or are priced per request.
_NOT_A_TEACHER = re.compile(
    r"audio|babbage|batch|cyber|codestral|codex|computer-use|curie|davinci|deep-research|devstral|embed|^ada$|^ft:|\.ft-|free"
    r"|guard|image|instruct-v0|live|moderation|nano-banana|ocr|omni|orpheus|rank|realtime|robotics|rosalind|search"
    r"|sonic|speech|transcribe|tts|vision|voice|voxtral|whisper|-code|:extended|preview-\d|turbo-\d{4}|gpt-3.5-0301",
    re.IGNORECASE,
)
_DECIDING = ("openai-decisions", "typesafe")  # providers on the list whose models write nothing
_VERSION = re.compile(r"(?<![\d.])(\d{1,2})(?:[.-](\d{1,2}))?(?!\d|b\b)")
_OWN = "select * from price_overrides order by model"
_CHECKED = re.compile(r"(?:verified|checked)[^.]{0,30}?(20\d\d-\d\d-\d\d)")


@dataclass(frozen=True)
class Price:
    """USD per million tokens, and for a thousand calls where these are charged. A batch price is None where the list has none;
    `source` says where the price is from."""

    model: str
    provider: str
    input_usd_mtok: float
    output_usd_mtok: float
    cached_usd_mtok: float | None
    batch_input_usd_mtok: float | None
    batch_output_usd_mtok: float | None
    source: str
    as_of: str | None
    calls_usd_1000: float = 0.0

    @property
    def free(self) -> bool:
        """Whether nothing is charged."""
        return not max(self.input_usd_mtok, self.output_usd_mtok, self.calls_usd_1000) > 0


def default_price_as() -> str:
    """The model a teacher is priced as until somebody chooses: "openai:gpt-6.1-sol".

    A current general-purpose frontier model at $2 in and $10 out per million tokens (list of November 2026). The
    large vendors' models of this class, claude-sonnet-5-5 and gemini-4-argon, cost the same, so that the vendor
    chosen does not decide the result; their top models cost two to five times as much, their small ones a twentieth.
    """
    return "openai:gpt-6.1-sol"


@cache
def models() -> list[str]:
    """Text models usable as teachers, as "provider:model": by provider, within one the newest version first."""
    by_id = {provider.id: provider for provider in providers}
    names, today = [], datetime.now(UTC).date()
    for provider in (by_id[name] for name in LISTED if name in by_id):
        usable = [
            m.id for m in provider.models if not m.deprecated and not _NOT_A_TEACHER.search(m.id) and _rates(m, today)
        ]
        usable.sort(key=lambda name: (*(-part for part in _version(name)), name))
        names += [f"{provider.id}:{name}" for name in usable]
    return names


def _version(name: str) -> tuple[int, int]:
    match = _VERSION.search(name)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def names(db: Database) -> list[str]:
    """Models that have a price: those that only you have priced, then models()."""
    return [name for row in db.query(_OWN) if (name := row["model"]) not in models()] + models()


def price(db: Database, model: str) -> Price | None:
    """The price of `model` ("provider:model" or a bare name): yours, else the bundled list's, else None.

    Yours may be kept under this very name, under the one the list has for it, or under the name without its provider.
    """
    model = model.strip()
    own = {row["model"]: row for row in db.query(_OWN)}
    name = next((name for name in (model, _on_list(model), model.partition(":")[2]) if name in own), None)
    return listed(model) if name is None else _yours(own[name], model)


def _yours(row: dict, model: str) -> Price:
    rates = (row["input_usd_mtok"], row["output_usd_mtok"], row["cached_usd_mtok"])
    return Price(model, model.partition(":")[0] if ":" in model else "", *rates, None, None, "yours", row["as_of"][:10])


def listed(model: str) -> Price | None:
    """What the bundled list says today; None where it does not have the model."""
    return _listed(model.strip(), datetime.now(UTC).date())


def _on_list(model: str) -> str | None:
    """The list's own name of a model, "provider:model"."""
    provider, info = _find(model)
    return info and f"{provider}:{info.id}"


@cache
def _listed(model: str, day: date) -> Price | None:
    provider, info = _find(model)
    rates = info and _rates(info, day, decides=_decides(provider, info))
    if not rates:
        return None
    batch = _rates(info, day, {"processing": "batch"}, decides=_decides(provider, info))
    has_batch = any(variant.when.get("processing") == "batch" for variant in info.price_variants or ())
    return Price(
        model,
        provider,
        rates[0],
        rates[1],
        rates[2],
        batch[0] if has_batch else None,
        batch[1] if has_batch else None,
        f"genai-prices {version('genai-prices')}",
        _list_date(),
    )


@cache
def _find(model: str) -> tuple[str, ModelInfo | None]:
    """(provider id, entry) by exact id first, then by the list's own patterns, which know dated names."""
    name, _, rest = model.partition(":")
    chosen = [p for p in providers if p.id == name] if rest else []
    wanted = rest if chosen else model
    listed = sorted(providers, key=lambda p: LISTED.index(p.id) if p.id in LISTED else len(LISTED))
    for matches in (lambda m: m.id.lower() == wanted.lower(), lambda m: m.is_match(wanted)):
        for provider in chosen or listed:
            for info in provider.models:
                if matches(info):
                    return provider.id, info
    return "", None


def _decides(provider: str, info: ModelInfo) -> bool:
    """Whether it is a decision model, which is charged for what it reads alone."""
    return provider in _DECIDING or info.id.startswith("typesafe/jev-")


def _rates(
    info: ModelInfo, day: date, context: dict | None = None, *, decides: bool = False
) -> tuple[float, float, float | None] | None:
    """USD per million (input, output, cached input) on that day (UTC); None where tokens in and out are not both priced, but
    for one that only `decides`.

    Prices that rise with the prompt's length are taken at their first step: a prompt for one asset is short.
    """
    prices = info.get_prices(datetime.combine(day, time(12), UTC), context)
    values = [
        None if value is None else float(value.base if isinstance(value, TieredPrices) else value)
        for value in (prices.input_mtok, prices.output_mtok, prices.cache_read_mtok)
    ]
    if values[1] is None and decides:
        values[1] = 0.0
    return None if values[0] is None or values[1] is None else (values[0], values[1], values[2])


@cache
def _list_date() -> str | None:
    """The latest day on which the bundled list says that it was checked against a vendor's page."""
    notes = (model.price_comments or "" for provider in providers for model in provider.models)
    return max((day for note in notes for day in _CHECKED.findall(note)), default=None)


def cost(
    price: Price,
    tokens_in: float,
    tokens_out: float,
    cached: float = 0,
    *,
    written: float = 0,
    batch: bool = False,
    calls: float = 0,
) -> float:
    """USD for `tokens_in` and `tokens_out` of so many `calls`; arrays work too. Of `tokens_in`, `cached` were read from the
    provider's cache and `written` to it (WRITING).

    Where there is no batch price, the standard one holds; where there is no cached price, cached tokens cost in full.
    """
    full, out = price.input_usd_mtok, price.output_usd_mtok
    if batch:
        full = full if price.batch_input_usd_mtok is None else price.batch_input_usd_mtok
        out = out if price.batch_output_usd_mtok is None else price.batch_output_usd_mtok
    reduced = full if price.cached_usd_mtok is None else min(price.cached_usd_mtok, full)
    written = written * (WRITING - 1)
    tokens = ((tokens_in - cached + written) * full + cached * reduced + tokens_out * out) / 1_000_000
    return tokens + calls * price.calls_usd_1000 / 1000


def prompt_tokens(db: Database, taxonomy_id: int) -> float:
    """Tokens of a prompt without the asset, estimated: instructions, then a line for each category and its description."""
    row = next(
        db.query(
            "select total(length(label) + length(description) + 4) as characters from categories"
            " where assignable = 1 and taxonomy_id = ?",
            [taxonomy_id],
        )
    )
    return INSTRUCTIONS + row["characters"] / CHARACTERS_A_TOKEN


def put_override(
    db: Database, model: str, input_usd_mtok: float, output_usd_mtok: float, cached_usd_mtok: float | None = None
) -> None:
    """Keep your own price for `model`, dated today, in USD per million tokens; a name that is on the list without its provider gets
    it. Raises InputError for an empty name or a negative price."""
    model = model.strip()
    if not model:
        raise InputError(
            "A price needs a model.", "Name the model as provider:model, for example `openai:gpt-6.1-sol`."
        )
    stated = [value for value in (input_usd_mtok, output_usd_mtok, cached_usd_mtok) if value is not None]
    if not all(isfinite(value) and value >= 0 for value in stated):
        raise InputError(f"The price given for {model} is not zero or more.", "Give USD per million tokens.")
    name = _on_list(model) or ""
    with db.atomic():
        db["price_overrides"].upsert(
            {
                "model": name if name.partition(":")[2].lower() == model.lower() else model,
                "input_usd_mtok": float(input_usd_mtok),
                "output_usd_mtok": float(output_usd_mtok),
                "cached_usd_mtok": None if cached_usd_mtok is None else float(cached_usd_mtok),
                "as_of": database.now(),
            },
            pk="model",
        )
        told = {"input": input_usd_mtok, "output": output_usd_mtok, "cached": cached_usd_mtok}
        audit.record(db, "settings", what=f"the price of {model}", detail=told)


def drop_override(db: Database, model: str) -> None:
    """Forget your own price for `model`; the bundled list's holds again. InputError where there is none."""
    model = model.strip()
    overridden = {price.model for price in overrides(db)}
    name = next((name for name in (model, _on_list(model)) if name in overridden), None)
    if name is None:
        raise InputError(f"There is no price of your own for {model}.", "The price list holds already.")
    with db.atomic():
        db.execute("delete from price_overrides where model = ?", [name])
        audit.record(db, "settings", what=f"the price of {name}", detail={"now": "the list's"})


def overrides(db: Database) -> list[Price]:
    """Your own prices, by model."""
    return [_yours(row, row["model"]) for row in db.query(_OWN)]
