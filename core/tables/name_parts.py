"""Names that carry facets, taken apart: ads are called brand_product_format_market, or period:BF25 - format:UGC.

    rule = told("ad_name", ["Acme_Boot_Video_DE", "Acme_Shoe_Carousel_FR", …])      # None where the names follow no rule
    rule.parts                       # ("ad_name 1", "ad_name 2", "ad_name 3", "ad_name 4")
    rule.apart("Acme_Boot_Video_DE") # ["Acme", "Boot", "Video", "DE"]; None where the rule does not explain the name

By key wins over by position, and of several separators the one that explains the most names in the most parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from core.errors import InputError

SEPARATORS = (" - ", " | ", " / ", "__", "_", "|", ";", "/", "~", "-", ",")
BETWEEN = (":", "=", "~", "-")  # key and value
EXPLAINED = 0.8  # share of the names that a rule has to explain
FEWEST, MOST = 2, 30  # parts of a name
FEWEST_BY_PLACE = 3  # parts by position: two words with a hyphen are no naming convention
KEY = 40  # characters of a key at the most
USUAL, RARE = 0.5, 0.05  # share of the names that say a key: some keys are in most names, and one in fewer is none
SHOWN = 5  # values of a part
ENOUGH, LONGEST, AGAIN = 10, 200, 0.5  # of a convention: names, characters of one, values of a part by name


@dataclass(frozen=True)
class Rule:
    """How the names of a column are taken apart: what stands between parts, and where they have keys, between key and value.
    `parts`: the columns that come of it; `keys`: the keys in small letters, none where parts go by position."""

    column: str
    separator: str
    between: str
    keys: tuple[str, ...]
    parts: tuple[str, ...]
    explained: float

    def apart(self, name: str) -> list[str] | None:
        """A value for each part, "" for a key that the name lacks; None where the name is not as the rule has it."""
        pieces = _pieces(name, self.separator)
        if not self.between:
            return pieces if len(pieces) == len(self.parts) else None
        pairs = _pairs(pieces, self.between)
        if not pairs or len(pairs) != len(pieces):
            return None
        return [pairs.get(key, "") for key in self.keys]

    @property
    def words(self) -> str:
        """The rule in words, without a full stop."""
        if self.between:
            keys = f"{', '.join(self.keys[:6])}{' …' if len(self.keys) > 6 else ''}"
            return f"The names in {self.column} have {len(self.parts)} parts by key ({keys})"
        return (
            f"The names in {self.column} have {len(self.parts)} parts by position, with “{self.separator}” between them"
        )


@dataclass(frozen=True)
class Part:
    """What one part of the names holds: how many names say it, how many values, and the commonest with how often."""

    column: str
    names: int
    values: int
    commonest: tuple[tuple[str, int], ...]


def told(column: str, names: Iterable[str]) -> Rule | None:
    """The rule that explains the names best; None where none explains EXPLAINED of them."""
    names = [name for name in names if name.strip()]
    if not names:
        return None
    rules = [rule for separator in SEPARATORS for rule in _rules(column, names, separator)]
    return max(rules, key=lambda rule: (bool(rule.between), round(rule.explained, 2), len(rule.parts)), default=None)


def convention(column: str, names: Iterable[str]) -> Rule | None:
    """As told(), where the names are a naming convention beyond doubt: at least two of its parts are words that come again. Dates,
    addresses, file names and running text are none."""
    names = [name for name in names if name.strip()]
    rule = told(column, names) if len(names) >= ENOUGH else None
    if rule is None or sum(map(len, names)) > LONGEST * len(names):
        return None
    parts, _, _ = look(rule, names)
    words = [
        part for part in parts if part.values > 1 and any(c.isalpha() for value, _ in part.commonest for c in value)
    ]
    again = [part for part in words if part.values <= AGAIN * part.names]
    return rule if len(again) >= FEWEST else None


def look(rule: Rule, names: Iterable[str]) -> tuple[list[Part], int, list[str]]:
    """What the parts of these names hold, how many the rule explains, and the first that it does not."""
    counts: list[Counter[str]] = [Counter() for _ in rule.parts]
    strange: list[str] = []
    explained = 0
    for name in names:
        values = rule.apart(name)
        if values is None:
            if len(strange) < SHOWN and name.strip():
                strange.append(name)
            continue
        explained += 1
        for count, value in zip(counts, values):
            if value:
                count[value] += 1
    found = [
        Part(column, sum(count.values()), len(count), tuple(count.most_common(SHOWN)))
        for column, count in zip(rule.parts, counts)
    ]
    return found, explained, strange


def pattern(template: str, fields: Collection[str]) -> list[tuple[str, str]]:
    """A template such as {brand}_{Format} as (text before, field) in order, what follows the last with the field "". InputError
    where it names none of `fields`, or one that is none of them."""
    try:
        pieces = [(text, field or "") for text, field, _, _ in Formatter().parse(template)]
    except ValueError:
        pieces = []
    named = [field for _, field in pieces if field]
    unknown = next((field for field in named if field not in fields), None)
    if unknown is not None or not named:
        what = "The name names no column" if unknown is None else f"There is no column or task “{unknown}” for the name"
        raise InputError(f"{what}.", f"Write these in braces, as in {{A}}_{{B}}: {', '.join(fields)}.")
    return pieces


def together(pieces: Sequence[tuple[str, str]], values: Mapping[str, str]) -> str:
    """A name by a pattern(). What stands between parts becomes a space inside a value, or a hyphen where a space would part,
    too, so that the name comes apart again."""
    marks = sorted({text for text, _ in pieces if text}, key=len, reverse=True)
    other = "-" if any(not mark.strip() for mark in marks) else " "

    def part(field: str) -> str:
        value = values[field]
        for mark in marks:
            value = value.replace(mark, other)
        return " ".join(value.split()) if other == " " else other.join(value.split())

    return "".join(text + (part(field) if field else "") for text, field in pieces)


def _rules(column: str, names: list[str], separator: str) -> list[Rule]:
    pieces = [_pieces(name, separator) for name in names]
    rules = [rule for between in BETWEEN if (rule := _by_key(column, pieces, separator, between))]
    size, often = Counter(map(len, pieces)).most_common(1)[0]
    if FEWEST_BY_PLACE <= size <= MOST and often >= EXPLAINED * len(names):
        parts = tuple(f"{column} {place}" for place in range(1, size + 1))
        rules.append(Rule(column, separator, "", (), parts, often / len(names)))
    return rules


def _by_key(column: str, pieces: list[list[str]], separator: str, between: str) -> Rule | None:
    """The rule by key, where most names are made of pairs throughout and the keys come again."""
    keyed = [_pairs(some, between) for some in pieces]
    whole = [pairs for some, pairs in zip(pieces, keyed) if len(pairs) == len(some)]
    counts = Counter(key for pairs in whole for key in pairs)
    keys = tuple(dict.fromkeys(key for pairs in whole for key in pairs if counts[key] >= max(2, RARE * len(whole))))
    usual = [key for key in keys if counts[key] >= USUAL * len(whole)]
    if len(whole) < EXPLAINED * len(pieces) or not FEWEST <= len(usual) <= len(keys) <= MOST:
        return None
    if sum(counts[key] for key in usual) < USUAL * counts.total():  # words that happen to stand before such a sign
        return None
    return Rule(column, separator, between, keys, keys, len(whole) / len(pieces))


def _pieces(name: str, separator: str) -> list[str]:
    return [piece.strip() for piece in name.strip().split(separator)]


def _pairs(pieces: list[str], between: str) -> dict[str, str]:
    """Key to value of the pieces that have both; of a key said twice, the first."""
    pairs: dict[str, str] = {}
    for piece in pieces:
        key, sign, value = piece.partition(between)
        key = key.strip().casefold()
        if sign and key and len(key) <= KEY and not key.isdigit():
            pairs.setdefault(key, value.strip())
    return pairs
