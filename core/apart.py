"""Computing in a thread of its own, for what a failure spoils in the thread it struck."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

Given, Found = ParamSpec("Given"), TypeVar("Found")


def apart(work: Callable[Given, Found], *arguments: Given.args, **named: Given.kwargs) -> Found:
    """What `work` returns or raises, run in a new thread that ends with it.

    Where memory runs out while oneDNN compiles a kernel, its assembler (Xbyak) keeps the error for the thread, and every kernel
    that thread asks for afterwards "could not create a primitive", however much memory there is again.
    """
    with ThreadPoolExecutor(1, "apart") as thread:
        return thread.submit(copy_context().run, work, *arguments, **named).result()
