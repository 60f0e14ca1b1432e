"""A base model small enough to train in a second, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.write import copy


@pytest.fixture(scope="session")
def small_base(tmp_path_factory) -> Path:
    return copy.base(tmp_path_factory.mktemp("base"))
