"""Writing a student folder so that every file in it is whole or absent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

UNSEEN = "unseen.safetensors"  # what calibration says of training rows: see core/train/students/crossfit.py


def link(source: Path, target: Path) -> None:
    """Put `source` at `target` as well: a hard link where the disk allows (files of students are never changed), else a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def write(path: Path, text: str) -> None:
    """Write `text` aside, then rename it into place."""
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


def megabytes(folder: Path) -> float:
    """Size of what a student in `folder` answers with, MB (10^6 bytes); graphs kept for exports in full precision
    and what calibration left behind are not."""
    left = ("fp32.onnx", UNSEEN)
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and f.name not in left) / 1e6
