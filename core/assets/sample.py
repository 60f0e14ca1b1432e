"""A synthetic agency client: a taxonomy of 40 categories and as many creative assets as asked for, from a seed.

    python3 run.py sample --rows 10000 --to FOLDER

The copy comes from tables of sentences (sample_copy/*.json, one file a parent category, shared.json for all): `{slot}` is filled
once a creative, `[this|that]` is a choice. What makes real labels hard is put in on purpose: long-tail sizes, copy that
mentions a neighbouring category in passing, copy that fits two neighbours, typos, other languages, size variants, and
recorded labels that confuse neighbours. The first rows of a longer table are the shorter table of the same seed.
"""

from __future__ import annotations

import bisect
import json
import random
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import InputError
from core.whole import write_whole

COPY = Path(__file__).resolve().parent / "sample_copy"

AMBIGUOUS = 0.05  # creatives whose copy fits two neighbours equally well
TEMPTING = 0.08  # creatives whose second sentence is about what a neighbouring category is about
MISLED = 0.03  # of those, the ones whose recorded label names that neighbour: large models err where copy is mixed ...
ASTRAY = 0.01  # ... and now and then where it is clear; 4 % of confusions together
FOREIGN = 0.03  # creatives in German, French or Spanish
TYPO = 0.07
NO_BODY = 0.06
NO_CTA = 0.09
GENERIC_HEADLINE = 0.06  # the headline could be anybody's of this trade: the body decides
GENERIC_BODY = 0.03  # ... or, under a headline that says it all, the body
SECOND = 0.92  # a second sentence about the same thing
HINT = 0.35  # the file name carries the campaign's code word
GOLD = 0.10
SIZE_VARIANTS = (0.76, 0.89, 0.96, 1.0)  # cumulative: share of creatives that come in 1, 2, 3, 4 sizes
LATENCY_MEDIAN_MS, LATENCY_SPREAD = 2450.0, 0.2  # lognormal, of the pretend frontier model
GOLDEN = 0.6180339887498949  # in steps of the golden ratio, shares come out close to true in short tables, too
PROMPT_TOKENS = 1460  # instructions and 40 categories, before the asset's own words

COLUMNS = [
    *("asset_id", "file_name", "headline", "body", "cta", "channel", "market"),
    *("recorded_label", "recorded_confidence", "tokens_in", "tokens_out", "latency_ms", "gold_label"),
]


@dataclass(frozen=True)
class Leaf:
    """One category and the copy written for it; `trade` is its parent's table, `near` names its neighbours."""

    name: str
    near: tuple[str, ...]
    trade: dict[str, Any] = field(repr=False)
    copy: dict[str, Any] = field(repr=False)


@dataclass
class Creative:
    """One creative before it is cut to sizes; `other` is the neighbour its copy fits as well, `tempting` one it mentions."""

    leaf: Leaf
    other: str
    tempting: str
    language: str
    headline: str
    body: str
    cta: str
    brand: str
    market: str
    date: str
    recorded: str


# --- the tables ---------------------------------------------------------------------------------------------------


@cache
def tables() -> tuple[dict[str, Any], dict[str, Leaf], list[float]]:
    """The shared table, the leaves by name, and their cumulative shares (long tail: share of rank r goes as 1 / (r + 8))."""
    shared = json.loads((COPY / "shared.json").read_text("utf-8"))
    leaves: dict[str, Leaf] = {}
    for file in shared["trades"]:
        trade = json.loads((COPY / f"{file}.json").read_text("utf-8"))
        for copy in trade["leaves"]:
            leaves[copy["name"]] = Leaf(copy["name"], tuple(copy["near"]), trade, copy)
    return shared, leaves, list(accumulate(_weight(leaf) for leaf in leaves.values()))


def _weight(leaf: Leaf) -> float:
    return 1.0 / (leaf.copy["rank"] + 8.0)


def taxonomy() -> pd.DataFrame:
    """The 40 categories: name, parent, description, examples (three, joined by " | ")."""
    rows = [
        (leaf.name, leaf.trade["parent"], leaf.copy["description"], " | ".join(leaf.copy["examples"]))
        for leaf in tables()[1].values()
    ]
    return pd.DataFrame(rows, columns=["name", "parent", "description", "examples"])


# --- words --------------------------------------------------------------------------------------------------------

CHOICE = re.compile(r"\[([^\[\]]*)\]")
SENTENCE = re.compile(r"(?:^|(?<=[.!?] ))[^\W\d_]")
SLOT = re.compile(r"\{(\w+)\}")


def pick(rng: random.Random, options: Any) -> Any:
    """One of `options`. Built on random(), whose stream Python guarantees across versions, unlike choice()."""
    return options[int(rng.random() * len(options))]


class Words:
    """Fills templates for one creative: a slot keeps its first value, so that headline and body name the same offer."""

    def __init__(self, rng: random.Random, tables: list[dict[str, Any]], fixed: dict[str, str]):
        self.rng, self.tables, self.values = rng, tables, dict(fixed)

    def sentence(self, templates: list[str]) -> str:
        """One of the templates, filled, each of its sentences with a capital letter."""
        return SENTENCE.sub(lambda match: match[0].upper(), self.fill(pick(self.rng, templates)))

    def fill(self, template: str) -> str:
        """The template with its choices made and its slots filled."""
        while "[" in template:
            template = CHOICE.sub(lambda match: pick(self.rng, match[1].split("|")), template)
        return SLOT.sub(lambda match: self._slot(match[1]), template)

    def _slot(self, name: str) -> str:
        if name not in self.values:
            options = next(table[name] for table in self.tables if name in table)
            self.values[name] = self.fill(pick(self.rng, options))
        return self.values[name]


def _typo(rng: random.Random, text: str) -> str:
    """One slip of the keyboard in one word of four letters or more: two letters swapped, one lost, or one doubled."""
    spots = [m for m in re.finditer(r"[^\W\d_]{4,}", text)]
    if not spots:
        return text
    word = pick(rng, spots)
    at = word.start() + 1 + int(rng.random() * (len(word[0]) - 2))
    kind = rng.random()
    if kind < 0.4:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + text[at + 1 :] if kind < 0.75 else text[:at] + text[at] + text[at:]


def _casing(rng: random.Random, text: str) -> str:
    draw = rng.random()
    if draw < 0.07:
        return text.upper()
    if draw < 0.19:
        return re.sub(r"(^|(?<=\s))[^\W\d_]", lambda match: match[0].upper(), text)
    return text.lower() if draw < 0.22 else text


# --- one creative -------------------------------------------------------------------------------------------------


def _creative(rng: random.Random, fate: float) -> Creative:
    """Draw a category by its share, then copy, market and the recorded label for it.

    `fate`, evenly spread over 0..1 from creative to creative, settles which of the rare things happens to this one.
    """
    shared, leaves, shares = tables()
    leaf = list(leaves.values())[bisect.bisect(shares, rng.random() * shares[-1])]
    other = pick(rng, leaf.near) if fate < AMBIGUOUS else ""
    hard = fate - AMBIGUOUS
    tempting = pick(rng, leaf.near) if 0 <= hard < TEMPTING else ""
    astray = pick(rng, leaf.near) if TEMPTING <= hard < TEMPTING + ASTRAY else ""
    language = pick(rng, ("de", "fr", "es")) if fate >= 1 - FOREIGN else "en"
    market = pick(rng, shared["markets"][language])
    month, day = 1 + int(rng.random() * 12), 1 + int(rng.random() * 28)
    season = shared["seasons"][language][(month % 12) // 3]
    fixed = {"cur": shared["currency"].get(market, "€"), "season": pick(rng, season)}
    words = Words(rng, [leaf.trade["slots"], shared["slots"]], fixed)
    brand = words.fill("{brand}")
    headline, body = _copy(rng, words, leaf, leaves.get(other), leaves.get(tempting), language)
    cta = "" if rng.random() < NO_CTA else words.sentence(_ctas(rng, shared, leaf, other, language))
    if rng.random() < TYPO:
        headline, body = (headline, _typo(rng, body)) if rng.random() < 0.7 else (_typo(rng, headline), body)
    recorded = (tempting if hard < MISLED else astray) or leaf.name
    date = f"2026{month:02d}{day:02d}"
    return Creative(leaf, other, tempting, language, _casing(rng, headline), body, cta, brand, market, date, recorded)


def _copy(
    rng: random.Random, words: Words, leaf: Leaf, other: Leaf | None, tempting: Leaf | None, language: str
) -> tuple[str, str]:
    """Headline and body. What the copy is about stands in one of the two at least, unless it fits `other` as well.

    A `tempting` neighbour is mentioned in passing.
    """
    if language != "en":
        headline, body = pick(rng, leaf.copy[language])
        return words.fill(headline), words.fill(body)
    if other:
        both = [words.sentence(leaf.copy["bodies"]), words.sentence(other.copy["bodies"])]
        return words.sentence(leaf.trade["headlines"]), " ".join(both if rng.random() < 0.5 else both[::-1])
    if not tempting and rng.random() < NO_BODY:
        return words.sentence(leaf.copy["headlines"]), ""
    generic = rng.random() < GENERIC_HEADLINE
    headline = words.sentence((leaf.trade if generic else leaf.copy)["headlines"])
    generic_body = not generic and rng.random() < GENERIC_BODY
    first = pick(rng, (leaf.trade if generic_body else leaf.copy)["bodies"])
    body = words.sentence([first])
    if tempting:
        body += " " + words.sentence(tempting.copy["asides"])
    elif rng.random() < SECOND:
        body += " " + words.sentence([body for body in leaf.copy["bodies"] if body != first])
    return headline, body


def _ctas(rng: random.Random, shared: dict[str, Any], leaf: Leaf, other: str, language: str) -> list[str]:
    if language != "en":
        return shared["ctas"][language]
    own = not other and rng.random() < 0.4
    return leaf.copy["ctas"] if own else leaf.trade["ctas"] if rng.random() < 0.5 else shared["ctas"]["en"]


# --- its sizes ----------------------------------------------------------------------------------------------------


def _rows(rng: random.Random, number: int, creative: Creative) -> list[dict[str, Any]]:
    """The creative in one to four sizes, each a row with the truth about it; later sizes may have their copy trimmed."""
    shared = tables()[0]
    channel = pick(rng, shared["channels"])
    sizes = list(channel["sizes"])
    count = min(bisect.bisect(SIZE_VARIANTS, rng.random()) + 1, len(sizes))
    codes = creative.leaf.copy["codes"] if not creative.other and rng.random() < HINT else shared["codes"]
    code, version = pick(rng, codes), 1 + int(rng.random() * 4)
    brand = re.sub(r"[^A-Za-z0-9]", "", unicodedata.normalize("NFKD", creative.brand)).upper()
    confidence = _confidence(rng, creative)
    rows = []
    for variant in range(count):
        size = sizes.pop(int(rng.random() * len(sizes)))
        headline, body, cta = _trim(rng, creative) if variant else (creative.headline, creative.body, creative.cta)
        extension = pick(rng, channel["extensions"])
        name = f"{brand}_{creative.market}_{channel['tag']}_{size}_{code}_V{version}_{creative.date}.{extension}"
        rows.append(
            {
                "file_name": name,
                "headline": headline,
                "body": body,
                "cta": cta,
                "channel": channel["name"],
                "market": creative.market,
                "recorded_label": creative.recorded,
                "recorded_confidence": f"{confidence:.2f}",
                "tokens_in": PROMPT_TOKENS + round(len(f"{headline} {body} {cta}") / 4.2) + int(rng.random() * 6),
                "tokens_out": 18 + int(rng.random() * 16),
                "latency_ms": round(LATENCY_MEDIAN_MS * rng.lognormvariate(0.0, LATENCY_SPREAD)),
                "gold_label": creative.leaf.name if rng.random() < GOLD else "",
                "creative": number,
                "variant": variant,
                "category": creative.leaf.name,
                "other": creative.other,
                "tempting": creative.tempting,
                "language": creative.language,
                "expected": _expected(creative),
            }
        )
    return rows


def _trim(rng: random.Random, creative: Creative) -> tuple[str, str, str]:
    """The copy of a further size: the same, or with one small change."""
    headline, body, cta = creative.headline, creative.body, creative.cta
    draw = rng.random()
    if draw < 0.06:
        cta = ""
    elif draw < 0.3:
        headline = headline.rstrip(".!") + "!"
    elif draw < 0.4:
        cta = cta.upper()
    elif draw < 0.5:
        body = body.rstrip(".")
    return headline, body, cta


def _confidence(rng: random.Random, creative: Creative) -> float:
    """The pretend model is unsure where the copy fits two categories, and less sure than usual where it is wrong."""
    high, low = (
        (0.78, 0.36) if creative.other else (0.99, 0.7) if creative.recorded == creative.leaf.name else (0.95, 0.42)
    )
    draw = rng.random()
    return high - (high - low) * (draw if creative.other else draw * draw)


def _expected(creative: Creative) -> str:
    """The most probable category given how the copy came about: of two that fit, the one drawn more often."""
    if not creative.other:
        return creative.leaf.name
    leaves = tables()[1]

    def odds(name: str, other: str) -> float:
        return _weight(leaves[name]) * (other in leaves[name].near) / len(leaves[name].near)

    pair = (creative.leaf.name, creative.other)
    return max(pair, key=lambda name: (odds(name, pair[pair[0] == name]), name))


# --- the tables as files ------------------------------------------------------------------------------------------


def with_truth(rows: int, seed: int = 7) -> pd.DataFrame:
    """The assets with how each came about, for tests and benchmarks: creative (number), variant (0 is the original), category
    (generating), other (neighbour that fits as well, or ''), tempting (neighbour mentioned in passing, or ''), language, expected
    (most probable category). Shape (rows, 20).

    Raises InputError for fewer than one row.
    """
    if rows < 1:
        raise InputError(f"{rows} rows cannot be made.", "Ask for one or more.")
    rng = random.Random(seed)
    table: list[dict[str, Any]] = []
    number, fate = 0, rng.random()
    while len(table) < rows:
        number, fate = number + 1, (fate + GOLDEN) % 1.0
        table += _rows(rng, number, _creative(rng, fate))
    assets = pd.DataFrame(table[:rows])
    assets.insert(0, "asset_id", [f"CR-{100001 + i}" for i in range(rows)])
    return assets


def generate(rows: int, seed: int = 7) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The taxonomy (40 rows) and `rows` assets of the seed; the same for the same arguments everywhere.

    Raises InputError for fewer than one row.
    """
    return taxonomy(), with_truth(rows, seed)[COLUMNS]


def write(folder: Path, rows: int = 2000, seed: int = 7) -> tuple[Path, Path]:
    """Write taxonomy.csv and assets.csv (UTF-8, \\n) into `folder`, made if missing; returns both paths.

    Each file is written aside and renamed, so that a reader sees the old or the new one whole. Raises InputError for fewer
    than one row, OSError where the folder cannot be written.
    """
    return save(folder, *generate(rows, seed))


def save(folder: Path, taxonomy: pd.DataFrame, assets: pd.DataFrame) -> tuple[Path, Path]:
    """Write both tables into `folder` as write() does; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in {"taxonomy.csv": taxonomy, "assets.csv": assets}.items():
        write_whole(folder / name, table.to_csv(index=False, lineterminator="\n"))
    return folder / "taxonomy.csv", folder / "assets.csv"
