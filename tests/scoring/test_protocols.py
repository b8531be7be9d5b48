"""A protocol is a list of metrics that are there, with a metric that ranks."""

import pytest

from helpers import world
from sslbench.errors import BrokenPluginError, UnknownNameError, UsageError
from sslbench.registry import Offer
from sslbench.scoring.protocol_definitions import PROTOCOLS
from sslbench.scoring.protocols import choose_metrics, primary_metric
from sslbench.specs import DatasetSpec, MetricSpec, ProtocolSpec

NAMES = [spec.name for spec in PROTOCOLS]


@pytest.fixture
def registry():
    return world.make_registry()


def offered(registry, *metrics, **changes):
    facts = dict.fromkeys(("summary", "association", "gate", "silence", "averaging"), "")
    spec = ProtocolSpec("own", metrics=metrics, **(facts | changes))
    registry.table(ProtocolSpec)["own"] = Offer(spec, "test", "test 1")
    return spec


def labels(registry, protocol, kind):
    return [chosen.label for chosen in choose_metrics(registry, protocol, kind)]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
def test_a_protocol_names_metrics_that_are_there_and_each_once(registry, protocol):
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
def test_a_protocol_says_its_rules(protocol):
    rules = (protocol.summary, protocol.association, protocol.gate, protocol.silence)
    assert all([*rules, protocol.averaging])


def test_metrics_of_the_other_kind_are_left_out(registry):
    found = labels(registry, "sslbench", "direction")
    assert "coverage" in found
    assert "position-error-mean" not in found


def test_a_gate_in_metres_is_not_for_directions(registry):
    offered(registry, "mota[gate=20deg]", "mota[gate=0.5m]")
    assert labels(registry, "own", "position") == ["mota[gate=0.5m]"]


def test_a_metric_that_no_protocol_names_is_computed_by_default(registry):
    target = "sslbench.metrics.families.detection:coverage"
    spec = MetricSpec("strangers-own", target, "", "%", higher_is_better=True)
    registry.table(MetricSpec)["strangers-own"] = Offer(spec, "test", "test 1")
    assert "strangers-own" in labels(registry, "sslbench", "position")
    offered(registry, "strangers-own")
    assert "strangers-own" not in labels(registry, "sslbench", "position")


def test_a_protocol_without_metrics_for_a_kind_is_refused(registry):
    offered(registry, "position-error-mean")
    with pytest.raises(UsageError, match="protocol own has no metric of directions"):
        choose_metrics(registry, "own", "direction")


def test_an_unknown_protocol_is_answered_with_the_nearest(registry):
    with pytest.raises(UnknownNameError, match="perhaps sslbench"):
        choose_metrics(registry, "sslbensh", "position")


def test_an_unknown_metric_of_a_protocol_is_named(registry):
    offered(registry, "position-error-meen")
    with pytest.raises(UnknownNameError, match="no metric is named 'position-error-meen'"):
        choose_metrics(registry, "own", "position")


def test_a_data_set_that_ranks_by_a_metric_that_is_not_computed_is_refused(registry):
    spec = offered(registry, "coverage")
    dataset = registry.find(DatasetSpec, "noise").spec
    with pytest.raises(BrokenPluginError, match="'position-error-mean' is none of the protocol's"):
        primary_metric(spec, choose_metrics(registry, "own", "position"), dataset)
    ranked = offered(registry, "coverage", primary={"position": "coverage"})
    chosen = choose_metrics(registry, "own", "position")
    assert primary_metric(ranked, chosen, dataset) == "coverage"
