"""Students to score with: one that answers by rule (`client`), and a real one that other processes can load (`trained`)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core import database, distil, tasks
from core.deploy import scoring
from tests import small
from tests.evaluate.conftest import client

__all__ = ["client"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A client with a live linear student in a workspace of its own, kept for all tests that want a real one."""
    folder = tmp_path_factory.mktemp("engines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder / "workspace"))
        taxonomy, assets = small.files(folder, small.rows(800))
        distil.distil(
            database.connect(),
            taxonomy=taxonomy,
            assets=assets,
            client="Small",
            teacher="recorded:label",
            student="linear",
            target=0.8,
            go_live=True,
        )
    return folder


@pytest.fixture
def own(trained, monkeypatch):
    """The database of `trained`."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(trained / "workspace"))
    connection = database.connect()
    yield connection
    connection.close()


def write_rows(path: Path, count: int) -> Path:
    texts = [row["text"] for row in small.rows(500, seed=2)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "note"])
        writer.writerows(
            (i, " ".join([texts[i % 500]] * (1 + i // 500 % 9)) if i % 50 else "", "=1+1") for i in range(count)
        )
    return path


def score(db, source: Path, output: Path, **more) -> dict:
    return scoring.score(db, task=tasks.of(db, "Small"), input=source, output=output, **more)
