"""Labels of a teacher whose answers may not train a model teach no student."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import InputError
from core.label import labelling
from core.train import data
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires.deciders import Decider, surely


def test_a_run_is_refused_for_training_until_the_terms_allow_it(db, tmp_path):
    task = small.fill(db, tmp_path, small.rows(60))
    may = Params(price=OwnPrice(0.0, 0.0), may_train=False)
    with Decider(lambda call: surely(call.options[len(call.text) % 4], call.options)) as server:
        connections.save(db, task.client_id, "Jev", "systemone", "jev", base_url=server.url, params=may)
        run_id = labelling.label(db, task, "connection:Jev")
    with pytest.raises(InputError, match="answers of Jev may not train a model"):
        data.load(db, task, run_id)
    for allowed in (None, True):
        connections.save(
            db, task.client_id, "Jev", "systemone", "jev", base_url=server.url, params=replace(may, may_train=allowed)
        )
        assert data.load(db, task, run_id).train.soft


def test_a_model_named_without_a_connection_finds_the_one_that_was_saved(db, tmp_path):
    task = small.fill(db, tmp_path, small.rows(40))
    with Decider() as server:
        params = Params(price=OwnPrice(0.0, 0.0), may_train=False)
        connections.save(db, task.client_id, "Jev", "systemone", "jev", base_url=server.url, params=params)
        run_id = labelling.label(db, task, "systemone:jev")
    with pytest.raises(InputError, match="may not train"):
        data.load(db, task, run_id)
