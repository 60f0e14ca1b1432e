"""Ray Data, where it is installed, gives what one process gives."""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest

from core.deploy import inputs
from core.errors import InputError
from tests.deploy.conftest import score, write_rows


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (requirements-ray.lock)")
def test_ray_gives_what_one_process_gives(own, tmp_path, monkeypatch):
    source = write_rows(tmp_path / "in.csv", 3_000)
    alone = score(own, source, tmp_path / "alone.csv")
    monkeypatch.setattr(inputs, "SHARD", 500)
    told = []
    progress = lambda done, total, message="", spent=0.0: told.append((message, done))  # noqa: E731
    by_ray = score(own, source, tmp_path / "ray.csv", engine="ray", progress=progress)
    assert all(by_ray[name] == alone[name] for name in ("rows", "handled", "without_text"))
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert sorted(done for message, done in told if message == "Scoring") == list(range(0, 3_001, 500))
    assert not (tmp_path / ".ray.csv.parts").exists()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_without_ray_it_says_how_to_install_it(own, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write_rows(tmp_path / "in.csv", 10)
    with pytest.raises(InputError, match=r"\.venv/bin/pip install -r requirements-ray\.lock"):
        score(own, source, tmp_path / "out.csv", engine="ray")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["in.csv"]
