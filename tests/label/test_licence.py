"""Labels of a teacher whose answers may not train a model teach no student."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.__main__ import main
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


def test_the_command_says_what_a_decision_model_costs_and_may(db, capsys):
    how = ["connections", "--every-client", "--json"]
    new = ["--kind", "systemone", "--model", "jev", "--base-url", "http://127.0.0.1:9/v1", "--calls-price", "0.5"]
    assert main([*how, "--add", "Jev", *new, "--may-train", "no", "--by-level"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["connections"]
    assert row["decides"] is True and row["may_train"] is False
    assert main([*how, "--add", "Jev", "--price", "0.04,0", "--may-train", "not-known"]) == 0
    (kept,) = connections.all(db, 0)
    assert kept.params.price.calls_usd_1000 == 0.5 and kept.params.price.input_usd_mtok == 0.04
    assert kept.params.may_train is None and kept.params.by_level and kept.params.shortlist_over == 254
