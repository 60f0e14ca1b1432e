"""A workbook's numbers as a person sees them: 00143 under the format 00000, 93% under 0%, dates and times instead of serials."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal, InvalidOperation
from typing import IO

from core.tables.sheet_xml import MAX_STYLES, TooMuch, elements

EPOCH_1900, EPOCH_1904 = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)
BUILTIN = {9: "0%", 10: "0.00%", **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, 50, 57, 58), "yyyy-mm-dd")}
BUILTIN |= {18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 45: "mm:ss", 46: "[h]:mm:ss"}
BUILTIN |= {47: "mm:ss"}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)


class Styles:
    """The number formats and indents of a workbook's cell styles, by their number."""

    def __init__(self, handle: IO[bytes] | None, epoch: datetime.datetime = EPOCH_1900):
        self._epoch = epoch
        self._codes: dict[str, str] = {}
        self._formats: list[str] = []
        self.indents: list[int] = []
        self._shown: dict[int, _Format] = {}
        self._inside = False
        if handle is not None:
            elements(handle, self._element)

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            self._inside = name == "cellXfs"
        elif name == "xf" and self._inside:
            self._formats.append(attributes.get("numFmtId", "0"))
            self.indents.append(0)
        elif name == "alignment" and self._inside and self.indents:
            self.indents[-1] = min(int(attributes.get("indent", 0)), 250)
        if len(self._formats) > MAX_STYLES or len(self._codes) > MAX_STYLES:
            raise TooMuch(f"it has more than {MAX_STYLES:,} styles")

    def text(self, kind: str, style: int, value: str) -> str:
        """A cell as text: `kind` is its type in the file (n, b, d, or a kind of text), `value` what stands there."""
        if kind == "n":
            return self._format(style).text(value)
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, value)
        if kind == "d":
            return value.replace("T00:00:00", "").replace("T", " ").removesuffix("Z").removesuffix(".000")
        return value

    def _format(self, style: int) -> _Format:
        if style not in self._shown:
            number = self._formats[style] if style < len(self._formats) else "0"
            code = self._codes.get(number) or BUILTIN.get(int(number) if number.isdigit() else 0, "")
            self._shown[style] = _Format(code, self._epoch)
        return self._shown[style]


class _Format:
    """One number format: dates and times, percent, digits filled up with zeros; every other one shows the number itself."""

    def __init__(self, code: str, epoch: datetime.datetime):
        self.epoch = epoch
        section = code.split(";")[0]
        bare = _LITERAL.sub("", section)
        if "general" in bare.casefold():
            bare = ""
        self.span = re.search(r"\[([hms])", bare, re.IGNORECASE) is not None
        self.date = self.span or re.search(r"[dmyhs]", bare, re.IGNORECASE) is not None
        self.percent = not self.date and "%" in bare
        self.digits = ""
        pattern = re.sub(
            r'"([^"]*)"', lambda m: "".join("\\" + c for c in m[1]), re.sub(r"\[[^\]]*\]|_.|\*.", "", section)
        )
        plain = re.sub(r"\\.", "", pattern)
        if (
            not self.date
            and re.fullmatch(r"[0# ()/-]*0[0# ()/-]*", plain)
            and (plain.count("0") > 1 or plain != pattern)
        ):
            self.digits = pattern

    def text(self, value: str) -> str:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        if not number.is_finite() or abs(number.adjusted()) > 300:
            return value
        if self.date:
            return self._date(float(number)) or _plain(number)
        if self.percent:
            return _plain(Decimal(repr(float(number))) * 100) + "%"
        if self.digits and number >= 0 and number == int(number):
            return _filled(self.digits, str(int(number)))
        return _plain(number)

    def _date(self, serial: float) -> str:
        try:
            if self.span:
                seconds = round(serial * 86_400)
                return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            if self.epoch == EPOCH_1900 and serial < 60:  # Excel's 29 February 1900
                serial += serial >= 1
            moment = self.epoch + datetime.timedelta(seconds=round(serial * 86_400))
        except OverflowError:
            return ""
        time = f"{moment:%H:%M}" + (f":{moment:%S}" if moment.second else "")
        if 0 <= serial < 1:
            return time
        return f"{moment:%Y-%m-%d}" + (f" {time}" if moment.time() != datetime.time() else "")


def _plain(number: Decimal) -> str:
    """A number's shortest form: 143 for 143.0, 0.1 for 0.10000000000000001, all digits of a whole number."""
    if number == number.to_integral_value() and number.adjusted() < 21:
        return str(int(number))
    return repr(float(number))


def _filled(pattern: str, digits: str) -> str:
    """Digits in a pattern such as 00000, 000-00-0000 or \\I\\D\\-000, filled from the right."""
    out: list[str] = []
    left = list(digits)
    places = re.findall(r"\\.|.", pattern)
    first = next(i for i, place in enumerate(places) if place in "0#")
    for i in range(len(places) - 1, -1, -1):
        place = places[i]
        if place in ("0", "#"):
            if left:
                out.append(left.pop())
            elif place == "0":
                out.append("0")
            if i == first:
                out.extend(reversed(left))
                left = []
        else:
            out.append(place[-1])
    return "".join(reversed(out))
