"""The example plugin in `tests/thirdparty`, which plugin authors copy."""

from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from sslbench.contracts import DatasetRequest
from sslbench.registry import Registry, load_target
from sslbench.scene import Tracks
from sslbench.specs import DatasetSpec, MetricSpec
from sslbench.testing import check_plugin


@pytest.fixture
def registry(monkeypatch):
    """Return a registry with the example plugin only, which need not be installed."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "thirdparty")
    return Registry([EntryPoint("thirdparty", "sslbench_thirdparty", "sslbench")], strict=True)


def test_the_example_fulfils_all_contracts(registry):
    (report,) = registry.reports
    assert set(report.offers) == {"methods", "datasets", "metrics"}
    assert check_plugin(registry, report) == []


def test_the_splits_of_the_data_set_differ(registry, tmp_path):
    spec = registry.find(DatasetSpec, "whistle").spec
    params = {parameter.name: parameter.default for parameter in spec.parameters}
    scenes = [
        load_target(spec.target, spec.name)(
            DatasetRequest(split, "smoke", params, None, tmp_path)
        ).scene(0)
        for split in spec.splits
    ]
    positions = np.array([scene.truth.tracks.xyz[0, 0] for scene in scenes])
    assert len(np.unique(positions, axis=0)) == len(spec.splits)


def test_the_metric_is_the_mean_absolute_error_of_the_height(registry):
    spec = registry.find(MetricSpec, "height-error").spec
    metric = load_target(spec.target, spec.name)()
    truth = Tracks.of([0, 1, 2], [[[0, 0, 1.0]], [[0, 0, 2.0]], [[np.nan] * 3]], "position")
    prediction = Tracks.of([0, 1, 2], [[[5, 5, 1.5]], [[5, 5, 1.0]], [[5, 5, 9.0]]], "position")
    assert metric.value(metric.components(prediction, truth)) == pytest.approx(0.75)
    nothing = Tracks.of([0, 1, 2], np.empty((3, 0, 3)), "position")
    assert np.isnan(metric.value(metric.components(nothing, truth)))
