"""What a .gguf file of a trained student has lost, by how finely it keeps a weight, and whether an export of it would be accepted.

    python -m tests.bench.writing_parity slogans.csv --brief-columns source --copy-column target [--student FOLDER] [--kinds K,L]

FOLDER: a student's in the workspace (writers/N), or any with its model; without one the packaged base model after 60 steps on 320
pairs is taken, and its loss before stands beside: a file as bad as that has lost all that was learned. Needs xllamacpp.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from core.errors import InputError
from core.write import base, gguf_file, language, parity, slots
from core.write.rungs.write import MODEL
from tests.bench.writing_runtimes import HELD, pairs_of, trained

KINDS, EPOCHS = "Q8_0,Q5_0,Q4_1,Q4_0", 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--brief-columns", required=True)
    parser.add_argument("--copy-column", required=True)
    parser.add_argument("--student", type=Path)
    parser.add_argument("--kinds", default=KINDS)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    pairs = pairs_of(args.file, args.brief_columns.split(","), args.copy_column)
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        student = _model(args.student) if args.student else trained(pairs[HELD:], Path(scratch), EPOCHS)
        print(f"trained in {time.process_time() - started:.0f} processor seconds" if not args.student else student)
        held = pairs[:HELD]
        if not args.student:
            briefs, copies = [brief for brief, _ in held], [slots.put(text, brief) for brief, text in held]
            print(
                "before training",
                json.dumps({"here": round(parity.loss(language.load(base.prepared()), briefs, copies), 4)}),
            )
        for kind in args.kinds.split(","):
            print(kind, json.dumps(measured(student, Path(scratch), kind, held)), flush=True)


def measured(student: Path, scratch: Path, kind: str, held: list[tuple[str, str]]) -> dict:
    """Nats a character in torch and by the file, its size, and whether an export would be accepted."""
    file = gguf_file.write(student, scratch / f"{kind}.gguf", kind)
    found = parity.measure(student, file, held)
    try:
        parity.must_hold(found)
        refused = ""
    except InputError as error:
        refused = error.what
    figures = {"here": round(found.here, 4), "file": round(found.file, 4), "more": f"{found.more:.2%}", "n": found.n}
    return figures | {"file_mb": round(file.stat().st_size / 1e6), "accepted": not refused, "why": refused}


def _model(folder: Path) -> Path:
    return folder / MODEL if (folder / MODEL).is_dir() else folder


if __name__ == "__main__":
    main()
