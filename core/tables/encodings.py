"""What a text file is written in: UTF-8, UTF-16, Windows; or that it is no text at all."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.errors import InputError
from core.tables.alphabets import WORDS, Guess, doubtful, rank
from core.tables.kinds import refuse_others
from core.tables.problems import Doubt

BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BLOCK = 1 << 20
SAMPLE_LINES, SAMPLE_LINE, SAMPLE = 60, 2_000, 8_000  # lines beyond ASCII, and their bytes, that are compared
_BEYOND = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")


@dataclass(frozen=True)
class Detected:
    """The codec name of a text file, and what is doubtful about it."""

    encoding: str
    doubt: Doubt | None = None


def find_encoding(path: Path) -> str:
    """The Python codec name of a text file. Raises InputError where the file is no text."""
    return look(path).encoding


def look(path: Path) -> Detected:
    """The encoding of a text file. Raises InputError where the file is no text.

    A byte-order mark decides; else zeros at every other byte mean UTF-16; else what decodes as UTF-8 is UTF-8 (also when some of
    its characters are damaged); else the old encoding whose letters make most sense, with a doubt where others come close.
    """
    with path.open("rb") as handle:
        head = handle.read(1 << 16)
    for bom, name in BOMS:
        if head.startswith(bom):
            refuse_others(path, head[len(bom) :].decode(name.removesuffix("-sig"), "ignore").encode())
            return Detected(name)
    refuse_others(path, head)
    if wide := _utf16(head):
        return Detected(wide)
    control = sum(head.count(byte) for byte in range(32) if byte not in b"\0\t\n\r\f\v\x1a\x1b\x1f")
    if control > 0.02 * len(head) or head.count(0) > 0.2 * len(head):
        raise InputError(
            "The file holds binary data, not text.",
            "Save it as CSV (UTF-8) or as an Excel workbook (.xlsx) without a password.",
            where=path.name,
        )
    good, bad, sample = _survey(path)
    if bad == 0 or good > bad:
        return Detected("utf-8")
    guesses = rank(sample)
    if not guesses:
        return Detected("cp1252")
    return Detected(guesses[0].encoding, _doubt(doubtful(guesses)))


def _utf16(head: bytes) -> str | None:
    """UTF-16 without a mark, by its zeros: at one of every two places only."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if max(even, odd) > 0.02 * half and min(even, odd) < 0.05 * max(even, odd):
        name = "utf-16-le" if odd > even else "utf-16-be"
        try:
            head[: len(head) // 2 * 2 - 2].decode(name)
        except UnicodeDecodeError:
            return None
        return name if max(even, odd) > 0.3 * half or max(even, odd) > 8 else None
    return None


def _doubt(guesses: list[Guess]) -> Doubt | None:
    if not guesses:
        return None
    lines = [guess.text.splitlines() for guess in guesses]
    differing = [i for i, same in enumerate(zip(*lines)) if len(set(same)) > 1][:3]
    shown = tuple(
        f"{guess.encoding}: {read[i].strip()[:160]}" for guess, read in zip(guesses, lines) for i in differing
    )
    names = [f"{WORDS.get(guess.encoding, guess.encoding)}" for guess in guesses]
    return Doubt(
        "encoding",
        f"The file's encoding is not certain: {', '.join(names[:-1])} or {names[-1]}. Which lines are right?",
        tuple(guess.encoding for guess in guesses),
        guesses[0].encoding,
        shown,
    )


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


def _survey(path: Path) -> tuple[int, int, bytes]:
    """How many characters beyond ASCII decode as UTF-8, how many places do not, over the whole file; and lines that hold such."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    good = bad = 0
    sample: dict[bytes, None] = {}
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            text = decoder.decode(block)
            if text.isascii():
                continue
            lost = text.count("\ufffd")
            bad += lost
            good += len(text) - len(text.encode("ascii", "ignore")) - lost
            if lost and len(sample) < SAMPLE_LINES:
                matching = (
                    m[0] for m in _BEYOND.finditer(block, 0, len(block)) if m.end() < len(block) or len(block) < BLOCK
                )
                sample.update(
                    dict.fromkeys(line for line in islice(matching, SAMPLE_LINES) if len(line) <= SAMPLE_LINE)
                )
    lines, size = [], 0
    for line in sample:
        if size + len(line) <= SAMPLE:
            lines.append(line)
            size += len(line) + 1
    return good, bad + decoder.decode(b"", final=True).count("\ufffd"), b"\n".join(lines)


def is_mojibake(cell: str) -> bool:
    """Whether a text is UTF-8 that was once read as Windows-1252 and written again: Ã© for é, â€™ for ’."""
    if cell.isascii():
        return False
    try:
        again = cell.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return False
    # ß“ and Ö– are German, and would be letters that hardly any text has: of Syriac, Thaana, N'Ko and Armenian.
    return len(again) < len(cell) and not any("\u0500" <= c <= "\u05cf" or "\u0700" <= c <= "\u07ff" for c in again)
