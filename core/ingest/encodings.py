"""What a text file is written in: UTF-8, UTF-16, Windows; or that it is no text at all."""

from __future__ import annotations

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from core.errors import InputError

BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MAGICS = (
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel workbook"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "an SQLite database"),
)
# Alphabets whose one-byte or two-byte encodings look like streams of accented letters when read as cp1252.
OTHER_ALPHABETS = ["cp1251", "cp1253", "cp1255", "cp1256", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
BLOCK = 1 << 20


def find_encoding(path: Path) -> str:
    """The Python codec name of a text file. Raises InputError where the file is binary.

    A byte-order mark decides; else zeros at every other byte mean UTF-16; else what decodes as UTF-8 is UTF-8 (also when
    under a tenth of its accented characters are damaged); else Windows' cp1252, or another alphabet's where almost no
    letter would be ASCII.
    """
    with path.open("rb") as handle:
        head = handle.read(1 << 16)
    for magic, kind in MAGICS:
        if head.startswith(magic):
            raise _binary(path, f"The file is {kind}, not a table.")
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > 0.3 * len(head) / 2 and min(even, odd) < 0.05 * len(head) / 2:
        return "utf-16-le" if odd > even else "utf-16-be"
    control = sum(head.count(byte) for byte in range(32) if byte not in b"\0\t\n\r\f\v\x1a\x1b\x1f")
    if control > 0.02 * len(head) or head.count(0) > 0.2 * len(head):
        raise _binary(path, "The file holds binary data, not text.")
    good, bad = _utf8_counts(path)
    if bad == 0 or good > 10 * bad:
        return "utf-8"
    letters = [c for c in head.decode("cp1252", errors="replace") if c.isalpha()]
    if letters and sum(c.isascii() for c in letters) < 0.4 * len(letters):
        match = from_bytes(head, cp_isolation=OTHER_ALPHABETS).best()
        if match:
            return match.encoding
    return "cp1252"


def named_encoding(name: str) -> str:
    """The Python codec of an encoding a person named. Raises InputError where there is none of that name."""
    try:
        codec = codecs.lookup(name.strip())
    except LookupError as error:
        raise InputError(
            f"There is no encoding {name}.", "Write for example utf-8, cp1252 or cp1250.", where="encoding"
        ) from error
    if not codec._is_text_encoding:
        raise InputError(
            f"{name} is no encoding of text.", "Write for example utf-8, cp1252 or cp1250.", where="encoding"
        )
    return codec.name


def _binary(path: Path, what: str) -> InputError:
    return InputError(
        what, "Save it as CSV (UTF-8) or as an Excel workbook (.xlsx) without a password.", where=path.name
    )


def _utf8_counts(path: Path) -> tuple[int, int]:
    """How many characters beyond ASCII decode as UTF-8, and how many places do not, over the whole file."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    good = bad = 0
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            text = decoder.decode(block)
            if text.isascii():
                continue
            lost = text.count("\ufffd")
            bad += lost
            good += len(text) - len(text.encode("ascii", "ignore")) - lost
    return good, bad + decoder.decode(b"", final=True).count("\ufffd")
