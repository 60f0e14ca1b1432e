"""Labelling killed with -9 fifty times at random moments.

python -m tests.bench.kill_hosted [KILLS]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from core import database
from tests.label.killing import kill_again_and_again


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        found = kill_again_and_again(database.connect(), Path(folder) / "files", kills, assets=60 * kills)
    print("| kill | after (s) | labels on disk | calls open | labels lost |\n|---|---|---|---|---|")
    for number, kill in enumerate(found.kills, 1):
        print(f"| {number} | {kill.after_s:.2f} | {kill.labels} | {kill.open_calls} | {kill.lost} |")
    print(
        f"\n{found.labels:,} of {60 * kills:,} assets labelled, {sum(kill.lost for kill in found.kills)} labels lost in"
        f" {kills} kills; {found.twice} answers bought twice, {found.open_calls} calls were open when it was killed;"
        f" ledger ${found.spent:.4f}, billed ${found.billed:.4f}"
    )


if __name__ == "__main__":
    main()
