"""What share of its time each kind of job spends in which phase, on the sample data.

python -m tests.bench.stages [kinds of student ...] [--write]    (--write puts it into core/stages.json)

core/jobs/pace.py forecasts a workspace's first job of a kind from these, later ones from the workspace's own.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "core" / "stages.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["linear", "embedding", "auto"])
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    found: dict[str, dict] = {}
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as home:
            os.environ["UNDERSTUDY_HOME"] = home
            found |= measure(kind)
    for sort, spans in found.items():
        print(f"{sort:<28} {sum(seconds for seconds, _ in spans.values()):8.1f} s in {len(spans)} phases")
    if args.write:
        kept = json.loads(FILE.read_text("utf-8")) | found
        FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


def measure(kind: str) -> dict[str, dict]:
    """The phases of the jobs between the sample's files and a student of this kind, by what core.jobs.pace calls alike; with the
    kind that the sample client's walk trains, that walk's too."""
    from core import database, jobs, tasks, taxonomy
    from core.distil import SAMPLE
    from core.jobs import pace

    db = database.connect()
    client = tasks.of(db, "Sample")
    taxonomy.save(db, client, taxonomy.read(Path(SAMPLE["taxonomy"])).categories, "taxonomy.csv")
    files = {"task_id": client.id, "path": SAMPLE["assets"], "filename": "assets.csv", "mapping": None}
    jobs.run_here(db, "import_assets", files, client)
    (run_id,) = db.execute("select max(id) from label_runs").fetchone()
    jobs.run_here(db, "train", {"task_id": client.id, "run_id": run_id, "kind": kind, "target": 0.9}, client)
    if kind == SAMPLE["student"]:
        jobs.run_here(db, "distil", {"sample": True}, tasks.of(db, "Sample client"))
    return {pace.sort(job.kind, job.params): job.spans for job in jobs.recent(db, limit=100)}


if __name__ == "__main__":
    main()
