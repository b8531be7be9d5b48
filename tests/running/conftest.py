"""What the tests of running cells share."""

import pytest

from helpers import world
from sslbench.results.record import read_record
from sslbench.running.config import RunConfig
from sslbench.running.engine import CellRunner
from sslbench.running.executors import run_cells


@pytest.fixture
def runner(session):
    return CellRunner(session.store.root, session.cache, plugins=world.make_registry)


@pytest.fixture
def run(registry, runner):
    """Run cells and return the outcomes."""

    def go(*cells, **options):
        return list(run_cells(registry, RunConfig(**options), runner, cells))

    return go


@pytest.fixture
def record(run, session):
    """Run one cell and return its record."""

    def go(cell, **options):
        (outcome,) = run(cell, **options)
        assert outcome.status == "ok", outcome.reason
        return read_record(session.store.run(outcome.run_id))

    return go
