"""Data and trained methods, made once for all tests of the grid methods."""

from dataclasses import replace

import pytest

from helpers.grid_cases import Few, FewRooms, grid_context, make, make_adhoc
from sslbench.contracts import DatasetRequest
from sslbench.datasets.simulated.feng2025_l1 import PARAMETERS
from sslbench_grid2d.methods import Grid2d, Grid2dAdhoc


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def data(cache):
    """Return a function that opens a split of fixed arrays."""

    def open_split(split, suite=Few, **params):
        defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
        return suite(DatasetRequest(split, "smoke", defaults | params, None, cache))

    return open_split


@pytest.fixture(scope="session")
def rooms(cache):
    """Return a function that opens a split of microphones anywhere, by default 0.25 s long."""

    def open_split(split, **params):
        short = {"order": 0, "seconds": 0.25} | params
        return FewRooms(DatasetRequest(split, "smoke", short, None, cache))

    return open_split


def briefly(method, **changes):
    """Return a context in which a method class trains for one epoch."""
    settings = method.settings
    patch = pytest.MonkeyPatch()
    brief = {"epochs": 1} | changes
    patch.setattr(method, "settings", lambda self, scale: replace(settings(self, scale), **brief))
    return patch


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory):
    """Return a function that trains a method of fixed arrays for one epoch, once per case."""
    known = {}

    def train(suite=Few, **params):
        key = (suite, *sorted(params.items()))
        if key not in known:
            patch = briefly(Grid2d)
            try:
                method = make(**params)
                context = grid_context(tmp_path_factory.mktemp("work"))
                method.fit(data("train", suite), data("validation", suite), context)
            finally:
                patch.undo()
            known[key] = method
        return known[key]

    return train


@pytest.fixture(scope="session")
def fitted_adhoc(rooms, tmp_path_factory):
    """Return a method for microphones anywhere and the batches that it learned from."""
    method, batches, loss = make_adhoc(), [], Grid2dAdhoc.loss

    def noted(self, network, batch, step):
        batches.append(batch)
        return loss(self, network, batch, step)

    patch = briefly(Grid2dAdhoc, batch=8)
    patch.setattr(Grid2dAdhoc, "loss", noted)
    try:
        context = grid_context(tmp_path_factory.mktemp("work"))
        method.fit(rooms("train"), rooms("validation"), context)
    finally:
        patch.undo()
    return method, batches


@pytest.fixture(scope="session")
def trained_adhoc(fitted_adhoc):
    return fitted_adhoc[0]


@pytest.fixture(scope="session")
def room_recordings(rooms):
    """Return six recordings in rooms of different sizes."""
    return [rooms("test").scene(index).recording for index in range(6)]
