"""Files of text, and of JSON, that people name: read as UTF-8, or refused in a sentence; never waited for, however large they say
they are, however deep they nest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import InputError

MOST_BYTES = 20_000_000


def read(path: Path) -> str:
    """The text of a file, without the mark that some programs put before it. InputError where there is none: a folder, a pipe or a
    device is no file here, and nor is what is larger than MOST_BYTES or no UTF-8. What the system refuses raises OSError."""
    if not path.is_file():
        raise InputError("There is no such file.", "Check the path.", where=str(path))
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InputError(
            f"The file is {size / 1e6:,.0f} MB, at most {MOST_BYTES / 1e6:,.0f} MB can be read.",
            "Shorten it.",
            where=path.name,
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("The file is no text in UTF-8.", "Save it as such.", where=path.name) from None


def read_json(path: Path) -> Any:
    """The value of a JSON file. InputError as read(), and where it is no JSON."""
    text = read(path)
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(
            "The file is no JSON that can be read.", "Write it less deeply nested.", where=path.name
        ) from None
    except ValueError as error:
        raise InputError(f"The file is no JSON: {error}.", "Correct it.", where=path.name) from None
