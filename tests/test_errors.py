"""What is amiss outside the program is told by what the library that meets it says, whatever class it raises."""

import errno
import sqlite3

import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from core.errors import InputError, memory_full, outside


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: 99 bytes"),
        RuntimeError("could not create a primitive"),
        RuntimeException("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code … std::bad_alloc"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=lambda error: f"{type(error).__name__} {error}"[:40],
)
def test_full_memory_is_known_and_said_whoever_tells_of_it(error):
    assert str(outside(error)).startswith("There is not enough memory for this.")
    told = ValueError("a draft failed")
    told.__cause__ = error
    assert memory_full(told)


@pytest.mark.parametrize("error", [ValueError("a bug"), RuntimeException("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT")])
def test_a_bug_is_none_of_it(error):
    assert outside(error) is None


def test_a_sentence_stays_itself_and_a_damaged_database_is_told():
    assert outside(said := InputError("Row 3 is empty.")) is said
    broken = sqlite3.DatabaseError("file is not a database")
    broken.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    assert "damaged" in str(outside(broken))
