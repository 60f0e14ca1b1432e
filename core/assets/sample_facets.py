"""The made-up agency client with several facets: besides its topic, the format, the offer and the funnel stage of each asset.

    python3 run.py sample --rows 10000 --facets 4 --to FOLDER

The assets are those of core/assets/sample.py, with sentences added that bear the further facets (sample_copy/facets.json), so that
a reader can tell each from the copy: an offer that the copy makes by itself is the asset's offer, else one is drawn. A facet is
drawn from the seed, its name and the creative's number, so neither the assets nor the other facets turn with it. Its labels are
as noisy as the topic's.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd

from core.assets import sample
from core.assets.sample import AMBIGUOUS, ASTRAY, COPY, MISLED, TEMPTING, Words, pick
from core.errors import InputError

TOPIC, FORMAT, OFFER, STAGE = "Topic", "Format", "Offer", "Funnel stage"
FACETS = (TOPIC, FORMAT, OFFER, STAGE)
COLUMNS = ["asset_id", "file_name", "headline", "body", "cta", "channel", "market"]


@dataclass(frozen=True)
class Value:
    """One value of a facet: what says so in copy (`says`, `ctas`, by language), what mentions it in passing (`asides`), the pattern
    by which copy is `found` to say it already, the `channels` it occurs in (none: all); `near` names its neighbours."""

    name: str
    description: str
    examples: list[str]
    share: int
    near: list[str]
    says: dict[str, list[str]] = field(default_factory=dict)
    asides: list[str] = field(default_factory=list)
    ctas: dict[str, list[str]] = field(default_factory=dict)
    found: str = ""
    channels: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drawn:
    """A facet of one creative: its true `value`, the neighbour that its copy says as well (`other`) or mentions (`tempting`), the
    recorded `label`, the sentences for its copy and the call to action in their place ('': as it is)."""

    value: str
    other: str
    tempting: str
    label: str
    sentences: tuple[str, ...]
    cta: str


@cache
def _tables() -> dict[str, Any]:
    return json.loads((COPY / "facets.json").read_text("utf-8"))


@cache
def values() -> dict[str, dict[str, Value]]:
    """The values of each facet but the topic, by name."""
    return {facet: {one["name"]: Value(**one) for one in _tables()[facet]} for facet in FACETS[1:]}


def taxonomy(facets: int = len(FACETS)) -> pd.DataFrame:
    """The categories of the first `facets` facets: facet, pick (of each an asset has one), name, parent, description, examples."""
    topics = sample.taxonomy()
    topics.insert(0, "facet", TOPIC)
    rows = [
        (facet, one.name, "", one.description, " | ".join(one.examples))
        for facet in FACETS[1:facets]
        for one in values()[facet].values()
    ]
    table = pd.concat([topics, pd.DataFrame(rows, columns=list(topics.columns))], ignore_index=True)
    table.insert(1, "pick", "one")
    return table


# --- one creative -------------------------------------------------------------------------------------------------


def _drawn(facet: str, seed: int, asset: dict[str, Any]) -> Drawn:
    """The facet of the creative whose first size `asset` is, a row of sample.with_truth()."""
    dice = random.Random(f"{seed} {asset['creative']} {facet}")
    language = asset["language"]
    fits = [one for one in values()[facet].values() if not one.channels or asset["channel"] in one.channels]
    said = f"{asset['headline']} {asset['body']}"
    found = next((one for one in fits if one.found and re.search(one.found, said, re.IGNORECASE)), None)
    value = found or _by_share(dice, fits)
    near = [one for one in fits if one.name in value.near]
    neighbour = pick(dice, near or [one for one in fits if one is not value])
    fate = dice.random()
    mixed = language == "en" and bool(neighbour.says)
    tempting = mixed and fate < TEMPTING
    doubtful = mixed and fate >= 1 - AMBIGUOUS and bool(value.says)
    misled = (tempting and fate < MISLED) or TEMPTING <= fate < TEMPTING + ASTRAY
    slots = sample.tables()[0]
    fixed = {"cur": slots["currency"].get(asset["market"], "€")}
    words = Words(dice, [_tables()["slots"], slots["slots"]], fixed)
    sentences = [] if found or not value.says else [words.sentence(value.says[language])]
    if doubtful:
        sentences.append(words.sentence(neighbour.says[language]))
        sentences = sentences if dice.random() < 0.5 else sentences[::-1]
    elif tempting:
        sentences.append(words.sentence(neighbour.asides))
    return Drawn(
        value.name,
        neighbour.name if doubtful else "",
        neighbour.name if tempting else "",
        neighbour.name if misled else value.name,
        tuple(sentences),
        words.sentence(value.ctas[language]) if value.ctas else "",
    )


def _by_share(dice: random.Random, some: Sequence[Value]) -> Value:
    shares = list(accumulate(one.share for one in some))
    draw = dice.random() * shares[-1]
    return next(one for one, share in zip(some, shares) if draw < share)


def _body(body: str, drawn: dict[str, Drawn]) -> str:
    """The body with what bears the facets: the format opens it, offer and stage close it."""
    before = drawn[FORMAT].sentences if FORMAT in drawn else ()
    after = [sentence for facet in (OFFER, STAGE) if facet in drawn for sentence in drawn[facet].sentences]
    if body and after and body[-1] not in ".!?":
        body += "."
    return " ".join([*before, *filter(None, [body]), *after])


def _cta(cta: str, drawn: dict[str, Drawn]) -> str:
    """The call to action that the stage asks for, where there is one and the asset has any; in capitals as it was."""
    asked = drawn[STAGE].cta if STAGE in drawn else ""
    if not cta or not asked:
        return cta
    return asked.upper() if cta.isupper() else asked


# --- the tables as files ------------------------------------------------------------------------------------------


def with_truth(rows: int, seed: int = 7, facets: int = len(FACETS)) -> pd.DataFrame:
    """The assets with a column of labels a facet, called as it, and how each came about: besides the columns of sample.with_truth()
    the true value, `<facet> is`, the one its copy says as well, `<facet> or`, and the one it mentions, `<facet> beside`.

    Raises InputError for fewer than one row, or a number of facets that there is not.
    """
    if not 1 <= facets <= len(FACETS):
        raise InputError(f"{facets} facets cannot be made.", f"Ask for 1 to {len(FACETS)}: {', '.join(FACETS)}.")
    return bearing(sample.with_truth(rows, seed), seed, FACETS[1:facets])


def bearing(table: pd.DataFrame, seed: int, facets: Sequence[str]) -> pd.DataFrame:
    """Assets of sample.with_truth() whose copy bears these facets besides the topic, with the columns of with_truth()."""
    drawn: dict[str, Drawn] = {}
    made = []
    for asset in table.to_dict("records"):
        if asset["variant"] == 0:
            drawn = {facet: _drawn(facet, seed, asset) for facet in facets}
        asset |= {"body": _body(asset["body"], drawn), "cta": _cta(asset["cta"], drawn), TOPIC: asset["recorded_label"]}
        for facet, one in drawn.items():
            truth = {f"{facet} is": one.value, f"{facet} or": one.other, f"{facet} beside": one.tempting}
            asset |= {facet: one.label} | truth
        made.append(asset)
    return pd.DataFrame(made)


def generate(rows: int, seed: int = 7, facets: int = len(FACETS)) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The taxonomy of so many facets and `rows` assets with a column of labels for each; the same for the same
    arguments everywhere.

    Raises InputError as with_truth().
    """
    return taxonomy(facets), with_truth(rows, seed, facets)[[*COLUMNS, *FACETS[:facets]]]


def write(folder: Path, rows: int = 2000, seed: int = 7, facets: int = len(FACETS)) -> tuple[Path, Path]:
    """Write taxonomy.csv and assets.csv as sample.write() does; returns both paths. Raises InputError as with_truth(), OSError
    where the folder cannot be written."""
    return sample.save(folder, *generate(rows, seed, facets))
