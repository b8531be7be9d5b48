"""Fixtures for all tests: temporary folders in place of the user's, real recordings."""

import os
import site
from pathlib import Path

import pytest
from hypothesis import settings

from helpers import world
from sslbench.results.store import Store
from sslbench.running.config import RunConfig
from sslbench.running.plan import make_plan
from sslbench.running.session import Session

# How long an example takes depends on what else runs on the machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

FOLDERS = {
    "HOME": "home",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
    "SSLBENCH_CACHE": "scenes",
    "SSLBENCH_DATA": "data",
    "SSLBENCH_STORE": "store",
}
"""Variables that lead to files of the user, and the temporary folders they name in tests."""


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory):
    """Replace the folders of the user, for this process and the processes that it starts.

    Scenes that are rendered into the default cache are shared by the tests of one session.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # shared by the workers
    with pytest.MonkeyPatch.context() as patched:
        # Python derives the folder of packages installed with `pip install --user` from HOME.
        patched.setenv("PYTHONUSERBASE", site.getuserbase())
        for variable, name in FOLDERS.items():
            (base / "user" / name).mkdir(parents=True, exist_ok=True)
            patched.setenv(variable, str(base / "user" / name))
        yield base / "user"


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
    """Return the folder of real recordings; the test is skipped if there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SSLBENCH_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real recordings; set SSLBENCH_TEST_DATA to their folder")
    return folder


@pytest.fixture
def without_high_pass():
    """Switch off the high-pass filter of pyroomacoustics, the reference of the renderers."""
    from pyroomacoustics import constants

    before = constants.get("rir_hpf_enable")
    constants.set("rir_hpf_enable", False)
    yield
    constants.set("rir_hpf_enable", before)
