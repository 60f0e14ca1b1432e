"""The measurements run on demand; that each can still be loaded is seen every time."""

import importlib
from pathlib import Path

import pytest

MATERIAL = ("public", "writing_pages")  # what others measure on
BENCHMARKS = sorted(file.stem for file in (Path(__file__).parent / "bench").glob("*.py") if file.stem != "__init__")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_measurement_finds_what_it_imports(name):
    module = importlib.import_module(f"tests.bench.{name}")
    assert module.__doc__ and (hasattr(module, "main") or name in MATERIAL)
