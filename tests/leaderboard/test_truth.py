"""The truth of a record is opened with what is installed, with and without the audio."""

import pytest

from sslbench.errors import UnknownNameError
from sslbench.leaderboard.verify import metrics_from, truth_from
from sslbench.registry import Registry
from sslbench.running.stages import Workbench
from sslbench.running.store import Store


@pytest.fixture
def bench(tmp_path):
    return Workbench(Registry.installed(), Store(tmp_path / "store"), tmp_path / "cache")


def of(record, name, **changes):
    data = record.dataset.model_copy(update={"name": name, "label": name})
    return record.model_copy(update={"dataset": data, **changes})


def test_truth_alone_is_opened_for_records_without_strata(bench, load_run):
    truth = truth_from(bench)(of(load_run(), "feng2025-l1", strata={}))
    assert len(truth.tracks) > 10
    assert truth.conditions == {}
    assert len(truth.manifest_sha256) == 64


def test_conditions_come_with_the_truth_for_records_with_strata(bench, load_run):
    record = of(load_run(), "feng2025-l1")
    with_conditions = truth_from(bench)(record)
    without = truth_from(bench)(record.model_copy(update={"strata": {}}))
    assert set(with_conditions.conditions) == set(without.tracks)
    for name, tracks in without.tracks.items():
        assert (with_conditions.tracks[name].xyz == tracks.xyz).all()


def test_a_data_set_that_is_not_installed_is_named(bench, load_run):
    with pytest.raises(UnknownNameError, match="no data set is named 'square'"):
        truth_from(bench)(load_run())


def test_the_installed_metrics_are_chosen_by_protocol_and_kind(bench):
    names = [spec.name for spec, _ in metrics_from(bench)("sslbench", "direction")]
    assert "angular-error-mean" in names
    assert "position-error-mean" not in names
