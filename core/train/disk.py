"""Writing a student folder so that every file in it is whole or absent."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from core.errors import InputError

EXACT, SMALL = "fp32.onnx", "int8.onnx"  # of a graph, in exports; the first is kept for them
UNSEEN = "unseen.safetensors"  # what calibration says of training rows: see core/train/students/crossfit.py


def link(source: Path, target: Path) -> None:
    """Put `source` at `target` as well: a hard link where the disk allows (files of students are never changed), else a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


_known: dict[tuple[int, ...], str] = {}  # encoders are links to one file: each state of one is read once a process


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    state = path.stat()
    key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
    if key not in _known:
        with path.open("rb") as file:
            _known[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known[key]


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that the members in `folder` answer with, by its path in there."""
    files = (file for file in sorted(folder.glob("*/*")) if file.name not in (EXACT, "done", UNSEEN))
    return {file.relative_to(folder).as_posix(): digest(file) for file in files if file.is_file()}


def verify(folder: Path, listed: dict[str, str]) -> None:
    """InputError where a file listed is missing from `folder`, or is not what it was when it was written."""
    for name, wanted in listed.items():
        if not (folder / name).is_file() or digest(folder / name) != wanted:
            raise InputError(
                f"The student's file {name} is damaged or missing, so it cannot answer.",
                "Restore its folder from a copy, or train it again.",
                where=str(folder),
            )


def tables_of(path: Path) -> dict[str, np.ndarray]:
    """The tables in a file of a student. InputError where it cannot be read."""
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        raise _damaged(path) from None


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    """The tables in a file of a student. InputError where it cannot be read or holds what is no number (NaN or infinite)."""
    tensors = tables_of(path)
    if not all(np.isfinite(table).all() for table in tensors.values()):
        raise _damaged(path)
    return tensors


def _damaged(path: Path) -> InputError:
    return InputError(
        f"The student's file {path.parent.name}/{path.name} is damaged or missing, so it cannot answer.",
        "Restore its folder from a copy, or train it again.",
        where=str(path.parent.parent),
    )


def megabytes(folder: Path) -> float:
    """Size of what a student in `folder` answers with, MB (10^6 bytes); graphs kept for exports in full precision
    and what calibration left behind are not."""
    left = (EXACT, UNSEEN)
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and f.name not in left) / 1e6
