"""A full disk, and the room kept aside on it for what must still be written: labels that are paid for, and how a job ended.

A file of RESERVE bytes stands in the workspace. Once the disk is full it is deleted; keep() makes it anew when there is room.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from core import settings
from core.errors import disk_full

NO_ROOM = 1 << 20  # bytes free at which a disk counts as full
RESERVE = 4 << 20  # bytes: the answers of some hundred calls under way and a job's row, in the database's log


def no_room(error: BaseException) -> bool:
    """Whether this error comes of a full disk; SQLite calls some of that an I/O error, or a file that cannot be opened."""
    vague = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    return disk_full(error) or (vague and left() < NO_ROOM)


def left() -> int:
    """Bytes that are free on the workspace's disk."""
    return shutil.disk_usage(settings.home()).free


def keep() -> bool:
    """Keep room aside, where that is not done yet and leaves as much again; whether there is any now."""
    file = _file()
    try:
        if file.exists():
            return True
        if left() < 2 * RESERVE:
            return False
        with file.open("xb") as out:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(out.fileno(), 0, RESERVE)
            else:
                out.write(bytes(RESERVE))
        return True
    except OSError:
        file.unlink(missing_ok=True)
        return False


def give() -> bool:
    """Let go of the room kept aside; whether there was any."""
    try:
        _file().unlink()
        return True
    except OSError:
        return False


def _file() -> Path:
    return settings.home() / "reserve"
