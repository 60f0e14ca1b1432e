"""A function called in a process of its own that may neither grow nor take for ever: how pages look into files of other people.

    seen = apart(previews.preview, path, read_as)       # whatever the file is, the app stays small and answers

Arguments and result go over as JSON and become again what the function's type hints say, so that nothing that arrives can run.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_type_hints

from core.errors import InputError, outside

SECONDS = 30
MEGABYTES = 1_000  # of memory; a reader takes some 250 where a file is at the limits
ROOT = Path(__file__).resolve().parents[2]
P, R = ParamSpec("P"), TypeVar("R")


def apart(function: Callable[P, R], *positional: P.args, **named: P.kwargs) -> R:
    """What `function(path, ...)`, a module's, says of the file at `path`.

    Raises InputError as the function does, and where the file takes too much memory or time.
    """
    from pydantic import TypeAdapter
    from pydantic_core import to_jsonable_python

    arguments = inspect.signature(function).bind(*positional, **named).arguments
    path = Path(arguments["path"])
    arguments["path"] = path.resolve()
    asked = {"module": function.__module__, "name": function.__name__, "arguments": to_jsonable_python(arguments)}
    answer = _answer(json.dumps(asked), path)
    if "what" in answer:
        raise InputError(answer["what"], answer["todo"], where=answer["where"])
    return TypeAdapter(get_type_hints(function)["return"]).validate_python(answer["result"])


def _answer(asked: str, path: Path) -> dict[str, Any]:
    """What the other process answers. InputError where it was ended for its time or memory; RuntimeError for a bug in it."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "core.tables.apart"],
            input=asked.encode(), capture_output=True, timeout=SECONDS, cwd=ROOT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _too_much(path, f"takes more than {SECONDS} seconds") from error
    if done.stdout:
        return json.loads(done.stdout)
    if done.returncode < 0 or b"MemoryError" in done.stderr:  # ended by the system, or by its limit
        raise _too_much(path, f"takes more than {MEGABYTES:,} MB of memory")
    raise RuntimeError(done.stderr.decode("utf-8", "replace")[-4_000:])


def _too_much(path: Path, what: str) -> InputError:
    return InputError(
        f"To look into the file {what}; it was left alone.", "Save it as CSV (UTF-8) and use that.", where=path.name
    )


def main() -> None:
    """Answer one request, {"module", "name", "arguments"} on stdin, with {"result"} or an InputError's parts on stdout, as JSON."""
    asked = json.loads(sys.stdin.buffer.read())
    _limit()
    from pydantic import TypeAdapter
    from pydantic_core import to_jsonable_python

    function = getattr(importlib.import_module(asked["module"]), asked["name"])
    hints = get_type_hints(function)
    try:
        arguments = {
            name: TypeAdapter(hints[name]).validate_python(value) for name, value in asked["arguments"].items()
        }
        answer = {"result": to_jsonable_python(function(**arguments))}
    except Exception as error:
        fault = outside(error)
        if fault is None:
            raise
        answer = {"what": fault.what, "todo": fault.todo, "where": fault.where}
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
