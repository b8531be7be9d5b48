"""What the tests of running cells share."""

import pytest

from helpers import world
from sslbench.cell import Cell
from sslbench.results.store import Store
from sslbench.running.stages import Workbench
from sslbench.selection import choose
from sslbench.specs import DatasetSpec, MethodSpec


@pytest.fixture
def registry():
    world.WORLD.seen.clear()
    world.Corner.asked = world.Learner.fitted = 0
    return world.make_registry()


@pytest.fixture
def bench(registry, tmp_path):
    return Workbench(registry, Store(tmp_path / "store"), tmp_path / "cache")


@pytest.fixture
def cell(registry):
    """Make a cell of a method and the data set of noise."""

    def make(method, seed=0, *, noise=None, **params):
        return Cell(
            choose(registry.find(MethodSpec, method).spec, params),
            choose(registry.find(DatasetSpec, "noise").spec, noise or {}),
            "test",
            "smoke",
            seed,
        )

    return make
