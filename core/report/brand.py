"""The agency's name, logo and colour on a report, and what it knows of its teacher's terms."""

from __future__ import annotations

import base64
import re
from dataclasses import asdict, dataclass

from sqlite_utils import Database

from core import settings
from core.errors import InputError

LOGO_BYTES = 300_000
KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class Brand:
    """`logo` is a data: URI of a PNG or JPEG, or empty; `colour` is #rrggbb."""

    agency: str = ""
    colour: str = "#1f6fbf"
    logo: str = ""


def brand(db: Database) -> Brand:
    """The house's brand."""
    return Brand(**settings.get(db, "brand"))


def keep(db: Database, agency: str, colour: str, logo: bytes | None = None, *, drop_logo: bool = False) -> Brand:
    """Keep the brand; without `logo` the one before stays, unless dropped. InputError for a wrong colour or picture."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise InputError(f"{colour} is no colour.", "Write it as # and six digits, such as #1f6fbf.")
    before = "" if drop_logo else brand(db).logo
    chosen = Brand(" ".join(agency.split())[:80], colour.lower(), _picture(logo) if logo else before)
    settings.put(db, "brand", asdict(chosen))
    return chosen


def _picture(data: bytes) -> str:
    """The picture as a data: URI. SVG is refused: it can carry scripts."""
    kind = next((kind for start, kind in KINDS.items() if data.startswith(start)), None)
    if kind is None:
        raise InputError("The logo is neither PNG nor JPEG.", "Save it as one of them.", where="logo")
    if len(data) > LOGO_BYTES:
        raise InputError(
            f"The logo has {len(data) / 1000:,.0f} kB.", f"Scale it down to {LOGO_BYTES // 1000} kB.", where="logo"
        )
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
