"""Facts as slots: what a brief says of brand, product, price, date, address and number stands in copy as {BRAND}, {PRICE} and so on
while a student learns, and is filled from the brief once it has written, so that it cannot make them up (Jin et al. 2021,
arXiv 2102.05924). All pure functions over texts.
"""

from __future__ import annotations

import re

URL = r"(?:https?://|www\.)[^\s,;)]*[^\s,;).!?]|\b[a-z0-9-]+\.(?:com|org|net|co\.uk|de|fr|io)\b(?:/\S*)?"
_CODE = r"(?:USD|EUR|GBP|CHF|AUD|CAD|JPY|INR|Rs\.?)"
_SCALE = r"(?:\s?(?:k|m|bn|thousand|million|billion)\b)?"
PRICE = (
    rf"(?:(?:[$€£¥₹]|\b{_CODE})\s?\d(?:[\d,.]*\d)?{_SCALE}"
    rf"|\b\d(?:[\d,.]*\d)?{_SCALE}\s?(?:[€£¢]|(?:{_CODE}|dollars?|euros?|pounds?|cents?|pence|francs?|rupees?)\b))"
)
MONTH = (
    "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    "|Nov(?:ember)?|Dec(?:ember)?)"
)
DAY = r"\d{1,2}(?:st|nd|rd|th)?"
DATE = (
    rf"\b(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}|{DAY} (?:of )?{MONTH}(?: \d{{4}})?"
    rf"|{MONTH} (?:the )?{DAY}(?:, \d{{4}})?|Q[1-4](?: \d{{4}})?)\b|\b\d{{1,2}}\.\d{{1,2}}\.(?!\d)"
)
NUMBER = r"(?<![\w{])\d+(?:[.,:]\d+)*(?:\s?%)?(?![\w}])"
KINDS = {
    name: re.compile(pattern, re.I)
    for name, pattern in (("URL", URL), ("PRICE", PRICE), ("DATE", DATE), ("NUMBER", NUMBER))
}
SLOT = re.compile(r"\{(?:BRAND|PRODUCT|(?:URL|PRICE|DATE|NUMBER)\d*)\}")
LABELLED = {
    "BRAND": re.compile(r"^(?:brand|advertiser|client|company)\s*:\s*(.+)$", re.I | re.M),
    "PRODUCT": re.compile(r"^product\s*:\s*(.+)$", re.I | re.M),
}
_NAME = re.compile(
    r"(?:The |A )?((?:[A-Z0-9][\w’'&.-]*|&|of|and|de)(?: (?:[A-Z0-9][\w’'&.-]*|&|of(?= [A-Z])|and(?= [A-Z])|de(?= [A-Z])))*)"
)
_COLUMN = re.compile(r"^(?:[a-z][a-zA-Z_ ]{1,29}|Source|Brief|Name|Text|Description|About|Input|Company|Advertiser): ")
LEADING = 60  # words of a brief up to which its first words may name the brand


def facts(text: str) -> list[tuple[str, str]]:
    """(kind, words) of every address, price, date and number in a text, each place once, in order of kind and place."""
    listed = []
    for kind, pattern in KINDS.items():
        listed += [(kind, match[0]) for match in pattern.finditer(text)]
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    return listed


def brand(brief: str) -> str:
    """The brand that a brief is for: its line `brand:`, `advertiser:`, `client:` or `company:`, else the name that a short brief
    begins with; "" where neither is there."""
    if labelled := LABELLED["BRAND"].search(brief):
        return labelled[1].strip()
    first = brief.split("\n", 1)[0]
    first = _COLUMN.sub("", first)
    name = _NAME.match(first) if len(brief.split()) <= LEADING else None
    return name[1].rstrip(".,;:") if name and len(name[1]) > 1 else ""


def of(brief: str) -> dict[str, str]:
    """What each slot is filled with, by its name in braces."""
    filled = {"{BRAND}": brand(brief)}
    if product := LABELLED["PRODUCT"].search(brief):
        filled["{PRODUCT}"] = product[1].strip()
    counts: dict[str, int] = {}
    for kind, words in facts(brief):
        if words not in filled.values():
            counts[kind] = counts.get(kind, 0) + 1
            filled[f"{{{kind}{counts[kind] if counts[kind] > 1 else ''}}}"] = words
    return {slot: words for slot, words in filled.items() if words}


def put(copy: str, brief: str) -> str:
    """The copy with the brief's facts as slots, the longest first."""
    for slot, words in sorted(of(brief).items(), key=lambda one: -len(one[1])):
        copy = re.sub(rf"(?<![\w{{]){re.escape(words)}(?![\w}}])", slot, copy, flags=re.I)
    return copy


def fill(copy: str, brief: str) -> str:
    """The copy with its slots filled from the brief; a slot that the brief has nothing for stays, and a gate stops it. A product in
    small letters has a capital where it begins a sentence."""
    filled = of(brief)
    filled_in = SLOT.sub(lambda slot: filled.get(slot[0], slot[0]), copy)
    product = filled.get("{PRODUCT}", "")
    if not product or product != product.lower():
        return filled_in
    return re.sub(rf"(?:^|(?<=[.!?] )){re.escape(product)}", product[0].upper() + product[1:], filled_in)
