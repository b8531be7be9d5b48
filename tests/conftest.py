"""What tests share."""

import os
from pathlib import Path

import pytest

from helpers import world
from sslbench.results.store import Store
from sslbench.running.config import RunConfig
from sslbench.running.plan import make_plan
from sslbench.running.session import Session


@pytest.fixture
def registry():
    """Return the plugins of `helpers.world`, whose classes have noted nothing yet."""
    world.reset()
    return world.make_registry()


@pytest.fixture
def session(registry, tmp_path):
    return Session(registry, Store(tmp_path / "store"), tmp_path / "cache")


@pytest.fixture
def cells(registry):
    """Plan the cells of a method, as typed, on a data set; options are those of a run."""

    def plan(method, dataset="noise", **options):
        config = RunConfig(method=(method,), dataset=(dataset,), **options)
        return make_plan(registry, config).cells

    return plan


@pytest.fixture
def cell(cells):
    """Plan the only cell of a method, as typed, on a data set."""

    def plan(method, dataset="noise", **options):
        (only,) = cells(method, dataset, **options)
        return only

    return plan


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings to measure with; the test is skipped where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SSLBENCH_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real recordings here; name their folder in SSLBENCH_TEST_DATA")
    return folder


@pytest.fixture
def without_high_pass():
    """Turn the high-pass of pyroomacoustics, the oracle of the renderers, off for one test."""
    from pyroomacoustics import constants

    before = constants.get("rir_hpf_enable")
    constants.set("rir_hpf_enable", False)
    yield
    constants.set("rir_hpf_enable", before)
