"""Where an export goes: a new folder or a ZIP, written aside and put into place once it is whole."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from core.errors import InputError

WEIGHTS = (".onnx", ".gguf")


def check_target(to: Path, replace: bool) -> None:
    """See that an export can go to `to`, a new or empty folder or a .zip. InputError where it cannot."""
    if not to.parent.is_dir():
        raise InputError("There is no such folder.", "Make it first, or choose another.", where=str(to.parent))
    if to.suffix.lower() == ".zip":
        if to.is_dir() or (to.exists() and not replace):
            raise InputError("There is something of this name already.", "Choose another name.", where=str(to))
    elif to.exists() and not (to.is_dir() and not any(to.iterdir())):
        raise InputError("An export goes into a new or an empty folder.", "Choose another one.", where=str(to))


def empty(part: Path) -> Path:
    """A new folder inside `part`; what an export that was killed left there is removed."""
    shutil.rmtree(part, ignore_errors=True)
    try:
        (part / "student").mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f"Nothing can be written there ({error.strerror}).", "Choose another folder.", where=str(part.parent)
        ) from error
    return part / "student"


def place(folder: Path, to: Path) -> dict[str, Any]:
    """Move the finished folder to `to`, or its ZIP, made beside it first; says its `output`, `files` and `size_mb`."""
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    size = sum((folder / file).stat().st_size for file in files)
    placed = {"output": str(to), "files": files}
    if to.suffix.lower() == ".zip":
        packed = folder.with_name("student.zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:  # weights hardly shrink
                how = zipfile.ZIP_STORED if file.endswith(WEIGHTS) else zipfile.ZIP_DEFLATED
                archive.write(folder / file, file, how)
        os.replace(packed, to)
        return placed | {"size_mb": to.stat().st_size / 1e6}
    to.mkdir(exist_ok=True)
    for item in folder.iterdir():
        shutil.move(item, to / item.name)
    return placed | {"size_mb": size / 1e6}


def no_room(error: OSError) -> OSError | InputError:
    """The error that ended an export; where the disk is full, as a sentence."""
    if error.errno != errno.ENOSPC:
        return error
    return InputError("The disk is full, so nothing was exported.", "Make room for 1 GB, then try again.")
