"""A folder's contents changed for others as a whole: what was there goes aside, what was made ready takes its place.

    swap(home, ready, aside, kept={"logs"})      # `ready` and `aside` are folders within `home`

A note in the folder says what is being done until it is done. Killed in between, finish() goes on from there: nothing is ever
deleted, and each entry is renamed once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

from core.whole import write_whole

NOTE = "restoring.json"


def swap(home: Path, ready: Path, aside: Path, kept: Collection[str]) -> None:
    """Move all of `home` but the entries named in `kept` to `aside`, then all of `ready` to `home`."""
    before = sorted(path.name for path in home.iterdir() if path.name not in {*kept, NOTE, ready.name, aside.name})
    write_whole(home / NOTE, json.dumps({"ready": ready.name, "aside": aside.name, "before": before}))
    finish(home)


def finish(home: Path) -> bool:
    """Go on with a swap that was cut off; whether there was one."""
    try:
        note = json.loads((home / NOTE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    ready, aside = home / note["ready"], home / note["aside"]
    aside.mkdir(exist_ok=True)
    if not (aside / NOTE).exists():  # the first half is under way
        for name in note["before"]:
            if (home / name).exists() and not (aside / name).exists():
                os.replace(home / name, aside / name)
        write_whole(aside / NOTE, "")  # from here on what is in `home` is new
    for path in sorted(ready.iterdir()) if ready.exists() else []:
        for beside in ("-wal", "-shm"):  # of a database that somebody opened in between, and that was empty
            (home / f"{path.name}{beside}").unlink(missing_ok=True)
        os.replace(path, home / path.name)
    if ready.exists():
        ready.rmdir()
    (aside / NOTE).unlink(missing_ok=True)
    (home / NOTE).unlink(missing_ok=True)
    return True
