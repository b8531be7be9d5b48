"""What tests share."""

import os
from pathlib import Path

import pytest


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
