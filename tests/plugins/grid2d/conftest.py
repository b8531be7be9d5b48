"""Data and trained methods of fixed arrays."""

from dataclasses import replace

import pytest

from helpers.grid_cases import Few, make
from sslbench.contracts import DatasetRequest, TrainingContext
from sslbench.datasets.simulated.feng2025_l1 import PARAMETERS
from sslbench_grid2d.methods import Grid2d

SETTINGS = Grid2d.settings


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def data(cache):
    def open_split(split, suite=Few, **params):
        defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
        return suite(DatasetRequest(split, "smoke", defaults | params, None, cache))

    return open_split


@pytest.fixture
def trained(data, tmp_path, monkeypatch):
    def train(suite=Few, **params):
        method = make(**params)
        monkeypatch.setattr(
            type(method), "settings", lambda self, scale: replace(SETTINGS(self, scale), epochs=1)
        )
        folder = tmp_path / f"work of {suite.__name__}"
        folder.mkdir(exist_ok=True)
        context = TrainingContext(0, "smoke", folder, lambda report: None)
        method.fit(data("train", suite), data("validation", suite), context)
        return method

    return train
