"""The promises, measured: kills, bad files and attacks, in one table.

    python -m tests.bench.promises [--kills 50] [--files 200] [--attacks] [--seed N]

Without any of these all three; each kind of work killed, each door and each kind of attack is a line. What broke a promise is
listed below the table, and the command then ends with status 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from core import settings
from core.ui.menu import MENU
from tests.conftest import SHARED
from tests.promised import bad_files
from tests.promised import files as bringing
from tests.promised.doors import DOORS, workspace
from tests.promised.files import Tried


@dataclass(frozen=True)
class Line:
    """A line of the table: what was done, to what, how often, and each time that a promise broke; a note, such as a peak."""

    promise: str
    what: str
    times: int
    broken: list[str]
    note: str = ""


def main() -> None:
    options = _options()
    chosen = options.kills is not None or options.files is not None or options.attacks
    began, lines = time.monotonic(), []
    print("| promise | of | times | held | broken | |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if options.kills is not None or not chosen:
            lines += _said(kills(50 if options.kills is None else options.kills, options.seed, work / "kills"))
        if options.files is not None or not chosen:
            lines += _said(files(200 if options.files is None else options.files, options.seed, work / "files"))
        if options.attacks or not chosen:
            lines += _said(attacks(work / "attacks"))
    broken = [f"{line.promise}, {line.what}: {one}" for line in lines for one in line.broken]
    print(
        f"\n{sum(line.times for line in lines):,} trials in {time.monotonic() - began:,.0f} s, {len(broken)} broke a promise"
    )
    print("\n".join(f"- {one}" for one in broken))
    sys.exit(bool(broken))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, metavar="N", help="kill the program so many times with -9")
    parser.add_argument("--files", type=int, metavar="N", help="bring so many bad files to every door")
    parser.add_argument("--attacks", action="store_true", help="ten kinds of attack on every page, and on the service")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the files, and of the moments of kills")
    return parser.parse_args()


def _said(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, each printed as it comes."""
    for line in lines:
        held = line.times - len(line.broken)
        print(
            f"| {line.promise} | {line.what} | {line.times:,} | {held:,} | {len(line.broken)} | {line.note} |",
            flush=True,
        )
        yield line


def kills(count: int, seed: int, work: Path) -> Iterator[Line]:
    """A line for each kind of work; the look at its end counts as one more."""
    from tests.promised import kills as killing

    for name, times in killing.shared_out(count).items():
        began = time.monotonic()
        found = list(killing.killed({name: times}, seed, work))
        broken = [f"{one.when}: {one.broken}" for one in found if one.broken]
        yield Line(f"killed with -9 {times} times", name, len(found), broken, f"{time.monotonic() - began:,.0f} s")


def files(count: int, seed: int, work: Path) -> Iterator[Line]:
    """A line for each door: made files, then those that people reported, where they are at hand."""
    home = work / "home"
    os.environ["UNDERSTUDY_HOME"] = str(home)
    workspace()
    at_once = settings.processors()
    with ProcessPoolExecutor(at_once, get_context("fork")) as pool:
        shares = [pool.submit(_brought, count, seed, home, work / f"{k}", k, at_once) for k in range(at_once)]
        found = [one for share in shares for one in share.result()]
    for door in DOORS:
        own = [one for one in found if one.door == door]
        broken = [f"{one.kind} ({one.file}): {one.broken}" for one in own if one.broken]
        refused = sum(bool(one.said) for one in own)
        peak, slowest = max(one.megabytes for one in own), max(one.seconds for one in own)
        note = f"{refused} refused, {len(own) - refused} taken; at most {peak:,.0f} MB and {slowest:.1f} s"
        yield Line("bad files", door, len(own), broken, note)


def _brought(count: int, seed: int, home: Path, scratch: Path, share: int, of: int) -> list[Tried]:
    """Every `of`-th file, from the `share`-th on, brought to every door."""
    scratch.mkdir()
    found = []
    for place, bad in enumerate(bad_files.made(scratch, count, seed)):
        if place % of == share:
            found += bringing.tried(DOORS, [bad], home, scratch)
        else:
            bringing.removed(bad)
    reported = sorted(path for path in (SHARED / "reported").rglob("*") if path.is_file())[share::of]
    return found + [
        bringing.one(door, bad_files.Bad("reported", path), home, scratch) for path in reported for door in DOORS
    ]


def attacks(work: Path) -> Iterator[Line]:
    """A line for each kind of attack over all pages, and one for the service's addresses."""
    from tests.promised import attacks as attacking
    from tests.promised import names

    os.environ["UNDERSTUDY_HOME"] = str(work)
    attacking.workspace()
    found = list(attacking.attacked(MENU, names.dashboard(MENU, work)))
    for kind in attacking.KINDS:
        own = [one for one in found if one.kind == kind]
        broken = [f"{one.page}: {one.broken}" for one in own if one.broken]
        yield Line(
            f"attacks on {len(own)} pages", kind, len(own), broken, f"{sum(one.tried for one in own)} pages rendered"
        )
    served = names.service(work, "Southgate")
    broken = [f"{path}: {said}" for path, said in served.items() if said]
    yield Line("attacks on the service", "forged names", len(served), broken)


if __name__ == "__main__":
    main()
