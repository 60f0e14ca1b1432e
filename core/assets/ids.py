"""Which asset an id means that a spreadsheet may have changed on its way through somebody's hands.

find = Ids([(1, "00143"), (2, "120000000000000042")])
find("143") is 1          find("1.2E+17") is 2          find.why("1E+17") says what happened
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from decimal import Decimal

from core.escape import defuse

SERVED = "served-"  # before the hash of a text that work brought (core/watch/learning.py), in hex
WORKED = re.compile(rf"{SERVED}[0-9a-f]{{32}}")  # ids of such assets
AS_TEXT = "Format the column of ids as text, and export the list again."
DIGITS = 15  # that a spreadsheet keeps of a number; the rest become zeros
_SHORTENED = re.compile(r"[1-9](?:[.,](\d+))?E\+?\d{1,3}", re.IGNORECASE)
_MONTH = r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\.?"
_DATED = re.compile(rf"\d{{1,4}}[-. /]{_MONTH}|{_MONTH}[-. /]\d{{1,4}}", re.IGNORECASE)


class Ids:
    """Finds the asset an id means, None where it is none of `assets` (id, external id).

    As it is, or with the apostrophe that keeps spreadsheets from running it; else in a form that a spreadsheet may leave it in
    (143 or 143.0 for 00143, 1.2E+17, zeros after the fifteenth digit, another case), where that can mean one asset only. Ids in
    `others` are assets' own that are not among these, and are never taken for another's.
    """

    def __init__(self, assets: Iterable[tuple[int, str]], others: Container[str] = frozenset()):
        assets = list(assets)
        self._exact = {defuse(external): asset for asset, external in assets}
        self._exact |= {external: asset for asset, external in assets}
        self._loose = _by_form((_loose(external), asset) for asset, external in assets)
        self._numbers = [(asset, external) for asset, external in assets if external.isascii() and external.isdigit()]
        self._cut = _by_form((_cut(external), asset) for asset, external in self._numbers if len(external) > DIGITS)
        self._short: dict[int, dict[str, list[int]]] = {}
        self.others = others

    def __contains__(self, id: str) -> bool:
        return id in self._exact

    def __call__(self, id: str) -> int | None:
        could = self.could_be(id)
        return could[0] if len(could) == 1 else None

    def could_be(self, id: str) -> list[int]:
        """The assets whose ids could stand in a spreadsheet as this one: one where it is found."""
        if id in self._exact:
            return [self._exact[id]]
        if not id or id in self.others:
            return []
        if shortened := _SHORTENED.fullmatch(id):
            return self._shortened(len(shortened[1] or "")).get(_exponent(id), [])
        loose = self._loose.get(_loose(id), [])
        return loose if len(loose) == 1 else self._cut.get(id) or loose

    def why(self, id: str) -> str | None:
        """What a spreadsheet did to an id that was not found, in words; None where it is not to blame."""
        shown = id if len(id) <= 60 else id[:59] + "…"
        if _SHORTENED.fullmatch(id):
            return f"A spreadsheet shortened the id “{shown}”, so that it cannot be told which asset it was"
        if _DATED.fullmatch(id):
            return f"“{shown}” is no asset's id; a spreadsheet may have made a date of one"
        if id not in self.others and len(self._loose.get(_loose(id), [])) > 1:
            return f"Several assets' ids could have become “{shown}” in a spreadsheet"
        return None

    def _shortened(self, places: int) -> dict[str, list[int]]:
        """Numbers as a spreadsheet shows them with so many decimals and an exponent."""
        if places not in self._short:
            forms = ((f"{Decimal(_cut(external)):.{places}E}", asset) for asset, external in self._numbers)
            self._short[places] = _by_form((_exponent(form), asset) for form, asset in forms)
        return self._short[places]


def is_damaged(id: str) -> bool:
    """Whether an id is a long number as spreadsheets shorten it (1.2E+17): what it was cannot be told from it."""
    return "+" in id and _SHORTENED.fullmatch(id) is not None


def _by_form(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """The assets that have each form."""
    by_form: dict[str, list[int]] = {}
    for form, asset in pairs:
        by_form.setdefault(form, []).append(asset)
    return by_form


def _loose(external: str) -> str:
    form = external.strip().removeprefix("'").casefold().removesuffix(".0")
    return form.lstrip("0") or "0"


def _cut(digits: str) -> str:
    return digits[:DIGITS] + "0" * (len(digits) - DIGITS)


def _exponent(form: str) -> str:
    """1,2e17, 1.2E+17 and 1.2E+0017 are one."""
    mantissa, _, exponent = form.upper().replace(",", ".").partition("E")
    return f"{mantissa}E{int(exponent)}"
