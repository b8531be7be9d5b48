"""The metrics of a protocol, ready to use.

A protocol is a named set of scoring rules. The conventions of the literature differ and have a
large effect on scores. Every score therefore states its protocol, and leaderboards never mix two.
The protocols of sslbench are in `protocol_definitions`; plugins can add others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sslbench.contracts import Metric
from sslbench.errors import BrokenPluginError, ParameterError, UsageError
from sslbench.metrics.distances import parse_distance
from sslbench.registry import Registry, load_target
from sslbench.scene import Kind
from sslbench.scoring.protocol_definitions import DEFAULT_PROTOCOL
from sslbench.selection import choices, parse
from sslbench.specs import DatasetSpec, MetricSpec, ProtocolSpec, Value

__all__ = [
    "ConfiguredMetric",
    "Rules",
    "configure_metric",
    "configure_metrics",
    "primary_metric",
    "rules",
]


@dataclass(frozen=True)
class ConfiguredMetric:
    """A metric with its parameters.

    Args:
        label: name and parameters, as in a protocol: `position-accuracy[within=30cm]`.
        spec: the declaration of the metric.
        metric: the metric object.
    """

    label: str
    spec: MetricSpec
    metric: Metric


@dataclass(frozen=True)
class Rules:
    """A protocol with its metrics, ready to use.

    Args:
        protocol: whose rules.
        metrics: those that can compare the kind of the data set.
        primary: label of the metric that ranks.
    """

    protocol: ProtocolSpec
    metrics: Sequence[ConfiguredMetric]
    primary: str


def rules(registry: Registry, protocol: str, dataset: DatasetSpec) -> Rules:
    """Return the rules of an installed protocol for a data set.

    Raises:
        UsageError: if there is no such protocol, or it cannot compare the kind of the data set.
        BrokenPluginError: if a metric cannot be made.
    """
    spec = registry.find(ProtocolSpec, protocol).spec
    metrics = configure_metrics(registry, protocol, dataset.kind)
    return Rules(spec, metrics, primary_metric(spec, metrics, dataset))


def configure_metrics(registry: Registry, protocol: str, kind: Kind) -> list[ConfiguredMetric]:
    """Return the metrics of a protocol that can compare a kind of tracks, in its order.

    The protocol `sslbench` also includes every installed metric that is in no protocol.

    Raises:
        UnknownNameError: if the protocol or one of its metrics is unknown.
        UsageError: if none of its metrics can compare this kind of tracks.
        BrokenPluginError: if a metric cannot be created.
    """
    spec = registry.find(ProtocolSpec, protocol).spec
    labels = [*spec.metrics, *(_in_no_protocol(registry) if protocol == DEFAULT_PROTOCOL else ())]
    found = [metric for label in labels for metric in _configured(registry, label, kind)]
    if not found:
        raise UsageError(
            f"protocol {protocol} has no metric of {kind}s",
            expected=f"a protocol for {kind}s; `sslbench protocols` shows all",
        )
    return found


def configure_metric(registry: Registry, label: str, kind: Kind) -> list[ConfiguredMetric]:
    """Return a metric given as text, or several if braces list alternatives.

    Args:
        registry: the installed plugins.
        label: for example `mota[gate=30deg]`, or `mota[gate={20deg,30deg}]`.
        kind: the kind of tracks to compare.

    Raises:
        UsageError: if it is unknown or malformed, or cannot compare this kind of tracks.
        BrokenPluginError: if it cannot be created.
    """
    found = list(_configured(registry, label, kind))
    if not found:
        raise UsageError(f"{label} does not compare {kind}s", expected=f"a metric of {kind}s")
    return found


def primary_metric(
    spec: ProtocolSpec, metrics: Sequence[ConfiguredMetric], dataset: DatasetSpec
) -> str:
    """Return the metric by which methods are ranked: that of the protocol, or else of the data set.

    Args:
        spec: the protocol.
        metrics: its metrics for the kind of the data set.
        dataset: the data set.

    Raises:
        BrokenPluginError: if that metric is not in the protocol.
    """
    name = spec.primary.get(dataset.kind, dataset.primary_metric)
    labels = [metric.label for metric in metrics]
    if name not in labels:
        raise BrokenPluginError(
            f"the primary metric {name!r} is not in the protocol",
            where=f"data set {dataset.name}, protocol {spec.name}",
            expected="one of " + ", ".join(labels),
        )
    return name


def _in_no_protocol(registry: Registry) -> list[str]:
    protocols = (offer.spec for offer in registry.table(ProtocolSpec).values())
    named = {parse(label).item.pattern for protocol in protocols for label in protocol.metrics}
    return sorted(set(registry.table(MetricSpec)) - named)


def _configured(registry: Registry, label: str, kind: Kind) -> Iterator[ConfiguredMetric]:
    item = parse(label).item
    spec = registry.find(MetricSpec, item.pattern).spec
    if kind not in spec.kinds:
        return
    for choice in choices(spec, item):
        if all(_fits(value, kind) for value in choice.params.values()):
            # Parameters that were given stay in the label even if they are the defaults, so that
            # a table shows its gates.
            shown = replace(choice, changed=tuple(item.alternatives))
            yield ConfiguredMetric(str(shown), spec, _create(spec, choice.params))


def _fits(value: object, kind: Kind) -> bool:
    # A metric with a gate in metres compares positions only.
    try:
        return parse_distance(str(value)).kind == kind
    except ParameterError:
        return True


def _create(spec: MetricSpec, params: Mapping[str, Value]) -> Metric:
    metric = load_target(spec.target, f"metric {spec.name}")(**params)
    if not isinstance(metric, Metric):
        raise BrokenPluginError(
            f"{spec.target} does not return a Metric", where=f"metric {spec.name}"
        )
    return metric
