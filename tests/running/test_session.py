"""One process opens and fingerprints each data set once, and loads the plugins once."""

from dataclasses import replace

import pytest

from helpers import world
from sslbench.cell import Choice
from sslbench.errors import BrokenPluginError
from sslbench.registry import Registry
from sslbench.running.engine import CellRunner
from sslbench.specs import DatasetSpec


def test_three_cells_on_one_data_set_open_and_fingerprint_it_once(run, cells):
    outcomes = run(*cells("corner[height={1,2,3}]"))
    assert [outcome.status for outcome in outcomes] == ["ok"] * 3
    assert world.Counted.opened == ["test"]
    assert world.Counted.fingerprinted == ["test"]


def test_training_opens_each_split_once(run, cells):
    run(*cells("learner", seed=(0, 1)))
    assert sorted(world.Counted.opened) == ["test", "train", "validation"]
    assert sorted(world.Counted.fingerprinted) == ["test", "train", "validation"]


def test_an_altered_data_set_shares_the_inner_one(session, cells):
    for cell in cells("corner", "noise+mics[n={2,3}]+noise"):
        session.data_key(cell.dataset, cell.split, cell.scale)
    assert world.Counted.opened == ["test"]


def test_splits_and_parameters_are_opened_separately(session, cells):
    for cell in (*cells("corner"), *cells("corner", "noise[broken=true]:validation")):
        session.dataset(cell.dataset, cell.split, cell.scale)
    assert world.Counted.opened == ["test", "validation"]


def test_the_ground_truth_is_read_once(session, cell):
    assert session.ground_truth(cell("corner")) is session.ground_truth(cell("late"))


def test_the_plugins_are_loaded_once_per_process(session, cells, registry):
    loaded = []

    def plugins():
        loaded.append(1)
        return registry

    runner = CellRunner(session.store.root, session.cache, plugins=plugins)
    for cell in cells("corner[height={1,2}]"):
        assert runner(cell).status == "ok"
    assert loaded == [1]


def test_the_plugins_of_the_plan_are_used_for_its_cells(run, cell, monkeypatch):
    def refuse(cls):
        raise AssertionError("the plugins are loaded again")

    monkeypatch.setattr(Registry, "installed", classmethod(refuse))
    assert run(cell("corner"))[0].status == "ok"


def test_two_runs_do_not_share_opened_data(run, cell):
    run(cell("corner"))
    run(cell("corner"))
    assert world.Counted.opened == ["test", "test"]


def test_a_class_that_is_not_a_data_set_is_reported(session, registry, monkeypatch):
    offer = registry.find(DatasetSpec, "noise")
    wrong = replace(offer, spec=replace(offer.spec, target="builtins:str"))
    monkeypatch.setitem(registry.table(DatasetSpec), "noise", wrong)
    with pytest.raises(BrokenPluginError, match="builtins:str is not a Dataset"):
        session.dataset(Choice("noise"), "test", "smoke")
