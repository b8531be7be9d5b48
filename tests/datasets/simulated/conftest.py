"""Requests for simulated data sets."""

import pytest

from sslbench.contracts import DatasetRequest


@pytest.fixture
def make(tmp_path):
    """Construct a data set with its cache in a folder of this test."""

    def make(dataset_class, split="test", scale="smoke", **params):
        return dataset_class(DatasetRequest(split, scale, params, None, tmp_path / "cache"))

    return make
