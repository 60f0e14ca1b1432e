"""What a backup and its restore take of processor and memory, with a workspace of kept replies and one large upload.

    python -m tests.bench.keeping [--rows 50000] [--upload-mb 200]

Replies are random text of 4 kB each, which deflates badly; the upload is random bytes, which are stored as they are.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from contextlib import closing
from pathlib import Path

from core import database
from core.keeping.backup import backup
from core.keeping.restore import restore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000, help="kept replies")
    parser.add_argument("--upload-mb", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "workspace"
        os.environ["UNDERSTUDY_HOME"] = str(home)
        _fill(home, args.rows, args.upload_mb)
        print(f"before: {_most_mb():.0f} MB of memory at most")
        began = time.process_time()
        made = backup(home, Path(folder) / "B.zip")
        print(
            f"backup: {time.process_time() - began:.1f} s of processor, ZIP {made.bytes / 1e6:,.0f} MB, {_most_mb():.0f} MB at most"
        )
        began = time.process_time()
        put = restore(Path(made.path), Path(folder) / "other")
        print(
            f"restore: {time.process_time() - began:.1f} s of processor, {put.bytes / 1e6:,.0f} MB, {_most_mb():.0f} MB at most"
        )


def _fill(home: Path, rows: int, megabytes: int) -> None:
    with closing(database.connect()) as db:
        client_id = database.client_id(db, "Northwind")
        replies = ((client_id, n.to_bytes(32, "big"), os.urandom(2000).hex(), "") for n in range(rows))
        with db.atomic():
            db.conn.executemany(
                "insert into kept_replies (client_id, key, reply, created) values (?, ?, ?, ?)", replies
            )
    folder = home / "uploads" / "0123456789ab"
    folder.mkdir(parents=True)
    with (folder / "large.parquet").open("wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1 << 20))


def _most_mb() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
