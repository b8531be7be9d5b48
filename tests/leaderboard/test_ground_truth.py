"""The truth of a record is opened with what is installed, with and without the audio."""

import pytest

from sslbench.errors import UnknownNameError
from sslbench.leaderboard.verify import rules_from, truth_from
from sslbench.registry import Registry
from sslbench.results.store import Store
from sslbench.running.stages import Workbench


@pytest.fixture
def bench(tmp_path):
    return Workbench(Registry.installed(), Store(tmp_path / "store"), tmp_path / "cache")


def of(record, name):
    data = record.dataset.model_copy(update={"name": name, "label": name})
    return record.model_copy(update={"dataset": data})


def test_truth_is_opened_with_its_conditions_and_manifest(bench, load_run):
    truth = truth_from(bench)(of(load_run(), "feng2025-l1"))
    assert len(truth.tracks) > 10
    assert set(truth.conditions) == set(truth.tracks)
    assert all(truth.conditions.values())
    assert len(truth.manifest_sha256) == 64


def test_a_data_set_that_is_not_installed_is_named(bench, load_run):
    with pytest.raises(UnknownNameError, match="no data set is named 'square'"):
        truth_from(bench)(load_run())


def test_the_installed_metrics_are_chosen_by_protocol_and_kind(bench):
    rules, metrics = rules_from(bench)("sslbench", "direction")
    assert rules.name == "sslbench"
    names = [metric.label for metric in metrics]
    assert "angular-error-mean" in names
    assert "position-error-mean" not in names
