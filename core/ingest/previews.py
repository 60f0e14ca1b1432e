"""What a file holds before it is imported, also looked up in a process of its own that may neither grow nor take for ever.

preview_apart(Path("assets.csv"))       # what a page calls: whatever the file is, the app stays small and answers
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.errors import InputError
from core.ingest.columns import KNOWN_ASSET_NAMES, Mapping, guess_assets
from core.ingest.files import AS_FOUND, Doubt, ReadAs, open_table

ROWS = 20
SHOWN = 500  # characters of a cell
SECONDS = 30
MEGABYTES = 1_000  # of memory; a reader takes some 250 where a file is at the limits
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Preview:
    """A file's columns, their guessed roles, its first 20 rows, and what it leaves open."""

    columns: list[str]
    guess: Mapping
    rows: list[dict]
    doubts: list[Doubt] = field(default_factory=list)


def preview(path: Path, read_as: ReadAs = AS_FOUND, labels: Collection[str] = frozenset()) -> Preview:
    """What a file holds and how its columns are understood, before it is imported; `labels` as guess_assets takes them.

    Raises InputError, also where the file has no row.
    """
    table = open_table(Path(path), KNOWN_ASSET_NAMES, read_as=read_as)
    if not table.head:
        raise no_rows(table.path)
    shown = [dict(zip(table.columns, (cell[:SHOWN] for cell in cells))) for cells in table.head[:ROWS]]
    return Preview(table.columns, guess_assets(table.columns, table.head, labels), shown, table.doubts)


def no_rows(path: Path) -> InputError:
    """What a file without data is told."""
    return InputError(
        "The file has a header but no rows.", "Add a row for each asset below the header.", where=path.name
    )


def preview_apart(path: Path, read_as: ReadAs = AS_FOUND) -> Preview:
    """preview() in a process of its own. Raises InputError, also where the file takes too much memory or time to look into."""
    asked = json.dumps({"path": str(Path(path).resolve()), "read_as": asdict(read_as)})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "core.ingest.previews"],
            input=asked.encode(), capture_output=True, timeout=SECONDS, cwd=ROOT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _too_much(path, f"takes more than {SECONDS} seconds") from error
    if not done.stdout and (
        done.returncode < 0 or b"MemoryError" in done.stderr
    ):  # ended by the system, or by its limit
        raise _too_much(path, f"takes more than {MEGABYTES:,} MB of memory")
    if not done.stdout:
        raise RuntimeError(done.stderr.decode("utf-8", "replace")[-4_000:])
    answer = json.loads(done.stdout)
    if "what" in answer:
        raise InputError(answer["what"], answer["todo"], where=answer["where"])
    guess = Mapping(**{**answer["guess"], "text": tuple(answer["guess"]["text"])})
    doubts = [
        Doubt(**{**doubt, "choices": tuple(doubt["choices"]), "lines": tuple(doubt["lines"])})
        for doubt in answer["doubts"]
    ]
    return Preview(answer["columns"], guess, answer["rows"], doubts)


def _too_much(path: Path, what: str) -> InputError:
    return InputError(
        f"To look into the file {what}; it was left alone.",
        "Save it as CSV (UTF-8) and import that.",
        where=Path(path).name,
    )


def main() -> None:
    """Answer one request, {"path", "read_as"} on stdin, with a preview or what an InputError says, as JSON on stdout."""
    asked = json.loads(sys.stdin.buffer.read())
    _limit()
    try:
        answer = asdict(preview(Path(asked["path"]), ReadAs(**asked["read_as"])))
    except InputError as error:
        answer = {"what": error.what, "todo": error.todo, "where": error.where}
    sys.stdout.buffer.write(json.dumps(answer).encode())


def _limit() -> None:
    """Keep this process from growing without end, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the time limit holds
        return
    most = MEGABYTES * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


if __name__ == "__main__":
    main()
