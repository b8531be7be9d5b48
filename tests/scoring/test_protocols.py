"""Protocols: their metrics, and the metric that ranks."""

import pytest

from helpers import world
from sslbench.errors import BrokenPluginError, UnknownNameError, UsageError
from sslbench.registry import Offer
from sslbench.scoring.protocol_definitions import PROTOCOLS
from sslbench.scoring.protocols import configure_metrics, primary_metric
from sslbench.specs import DatasetSpec, MetricSpec, ProtocolSpec

NAMES = [spec.name for spec in PROTOCOLS]


@pytest.fixture
def registry():
    return world.make_registry()


def offered(registry, *metrics, **changes):
    facts = dict.fromkeys(("summary", "association", "gate", "missing", "averaging"), "")
    spec = ProtocolSpec(name="own", metrics=metrics, **(facts | changes))
    registry.table(ProtocolSpec)["own"] = Offer(spec, "test", "test 1")
    return spec


def labels(registry, protocol, kind):
    return [metric.label for metric in configure_metrics(registry, protocol, kind)]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
def test_the_metrics_of_a_protocol_exist_and_are_unique(registry, protocol):
    found = []
    for kind in ("position", "direction"):
        try:
            found += labels(registry, protocol.name, kind)
        except UsageError:
            assert kind not in protocol.primary
    assert set(protocol.metrics) <= set(found)
    assert len(set(protocol.metrics)) == len(protocol.metrics)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
def test_a_protocol_ranks_by_one_of_its_metrics(registry, protocol):
    for kind, metric in protocol.primary.items():
        assert metric in labels(registry, protocol.name, kind)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
def test_a_protocol_documents_its_rules(protocol):
    rules = (protocol.summary, protocol.association, protocol.gate, protocol.missing)
    assert all([*rules, protocol.averaging])


def test_metrics_of_the_other_kind_are_left_out(registry):
    found = labels(registry, "sslbench", "direction")
    assert "coverage" in found
    assert "position-error-mean" not in found


def test_a_gate_in_metres_does_not_apply_to_directions(registry):
    offered(registry, "mota[gate=20deg]", "mota[gate=0.5m]")
    assert labels(registry, "own", "position") == ["mota[gate=0.5m]"]


def test_a_metric_in_no_protocol_belongs_to_the_default_protocol(registry):
    target = "sslbench.metrics.families.detection:coverage"
    spec = MetricSpec(
        name="custom-metric", target=target, summary="", unit="%", higher_is_better=True
    )
    registry.table(MetricSpec)["custom-metric"] = Offer(spec, "test", "test 1")
    assert "custom-metric" in labels(registry, "sslbench", "position")
    offered(registry, "custom-metric")
    assert "custom-metric" not in labels(registry, "sslbench", "position")


def test_a_protocol_without_metrics_for_a_kind_is_an_error(registry):
    offered(registry, "position-error-mean")
    with pytest.raises(UsageError, match="protocol own has no metric of directions"):
        configure_metrics(registry, "own", "direction")


def test_an_unknown_protocol_is_reported_with_a_suggestion(registry):
    with pytest.raises(UnknownNameError, match="perhaps sslbench"):
        configure_metrics(registry, "sslbensh", "position")


def test_an_unknown_metric_of_a_protocol_is_reported(registry):
    offered(registry, "position-error-meen")
    with pytest.raises(UnknownNameError, match="no metric is named 'position-error-meen'"):
        configure_metrics(registry, "own", "position")


def test_a_primary_metric_outside_the_protocol_is_an_error(registry):
    spec = offered(registry, "coverage")
    dataset = registry.find(DatasetSpec, "noise").spec
    with pytest.raises(BrokenPluginError, match="'position-error-mean' is not in the protocol"):
        primary_metric(spec, configure_metrics(registry, "own", "position"), dataset)
    ranked = offered(registry, "coverage", primary={"position": "coverage"})
    metrics = configure_metrics(registry, "own", "position")
    assert primary_metric(ranked, metrics, dataset) == "coverage"
