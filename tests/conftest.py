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
