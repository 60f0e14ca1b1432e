"""A process that reads images: on stdin a line of JSON each, a path, or a number of bytes and then these; on stdout the words as a
line of JSON, after an empty line once it is ready. It ends when stdin does.

One process a processor. Whatever ends the program that asks ends them, and an image that brings one down takes no other with it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from core.images.looking import Unfit, upright


def main() -> None:
    from core.images.words import Reader, to_json

    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever libraries print is no answer
    engine = Reader()
    out.write("\n")
    out.flush()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        source = sys.stdin.buffer.read(asked) if isinstance(asked, int) else Path(asked)
        try:
            data = source if isinstance(source, bytes) else source.read_bytes()
            answer = {"words": to_json(engine.read(upright(data)))}
        except Unfit as why:
            answer = {"what": why.what, "todo": why.todo}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
