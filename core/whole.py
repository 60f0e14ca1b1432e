"""A file that is whole or absent: written aside, then renamed into its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Where to write what is to be at `path`: beside it, or in a `folder` on the same disk. It takes its place when the block ends;
    where the block fails nothing is left of it and what was there stays. A pipe or a device is written to as it is."""
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
    aside = (folder or path.parent) / f".{path.name}.{os.getpid()}.part"
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a whole file, text as UTF-8 with its line ends as they are."""
    with whole(path) as aside:
        aside.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
