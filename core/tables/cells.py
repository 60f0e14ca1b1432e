"""Typed values as the text of a cell, and the errors spreadsheets leave in cells."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from typing import Any

# As Excel and LibreOffice write them into cells and exports, in their users' languages.
_EXCEL = """#NAME? #REF! #N/A #VALUE! #DIV/0! #NUM! #NULL! #GETTING_DATA #SPILL! #CALC! #FIELD! #BLOCKED! #CONNECT! #UNKNOWN!
#BUSY! #NV #WERT! #BEZUG! #ZAHL! #NOM? #VALEUR! #NOMBRE! #NUL! #¿NOMBRE? #¡VALOR! #¡REF! #¡NUM! #¡NULO! #¡DIV/0! #NOME?
#VALORE! #RIF! #N/D #N/D! #NAAM? #WAARDE! #VERW! #GETAL! #N/B #NAZWA? #ARG! #ADR! #LICZBA! #VALOR! #NÚM! #NULO!"""
_CALC = "Err:502 Err:503 Err:504 Err:508 Err:509 Err:511 Err:522"
ERRORS = frozenset(f"{_EXCEL} {_CALC}".split())


def is_error(cell: str) -> bool:
    """Whether a cell holds a spreadsheet's error, or the ##### of a column too narrow, instead of a value."""
    return cell[:1] in ("#", "E") and (cell in ERRORS or re.fullmatch("#{4,}", cell) is not None)


def cell_text(value: Any) -> str:
    """A typed value as the text a person would see: 3.0 is 3, bytes are UTF-8, a date is ISO 8601, nothing and NaN are empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if isinstance(value, decimal.Decimal):
        return (
            ""
            if not value.is_finite()
            else f"{value:f}".rstrip("0").rstrip(".")
            if "." in f"{value:f}"
            else f"{value:f}"
        )
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None and value.time() == datetime.time():
            return value.date().isoformat()
        return value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
