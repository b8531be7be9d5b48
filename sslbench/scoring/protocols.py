"""Protocols: named sets of rules by which answers become numbers.

The conventions of the literature differ and decide the score, so every number says under which it
was computed, and boards never mix two. Those of sslbench are in `conventions`; plugins offer more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sslbench.contracts import Metric
from sslbench.errors import BrokenPluginError, ParameterError, UsageError
from sslbench.metrics.distances import quantity
from sslbench.registry import Registry, load_target
from sslbench.scene import Kind
from sslbench.scoring.protocol_definitions import DEFAULT_PROTOCOL
from sslbench.selection import choices, parse
from sslbench.specs import DatasetSpec, MetricSpec, ProtocolSpec, Value

__all__ = [
    "ChosenMetric",
    "choose_metric",
    "choose_metrics",
    "primary_metric",
]


@dataclass(frozen=True)
class ChosenMetric:
    """A metric with its parameters, ready to use.

    Args:
        label: as a protocol writes it: `position-accuracy[within=30cm]`.
        spec: what it measures.
        metric: what measures.
    """

    label: str
    spec: MetricSpec
    metric: Metric


def choose_metrics(registry: Registry, protocol: str, kind: Kind) -> list[ChosenMetric]:
    """Return the metrics of a protocol that can compare a kind of tracks, in its order.

    The protocol `sslbench` also has every installed metric that no protocol names.

    Raises:
        UnknownNameError: if there is no such protocol, or it names an unknown metric.
        UsageError: if none of its metrics can compare the kind.
        BrokenPluginError: if a metric cannot be made.
    """
    spec = registry.find(ProtocolSpec, protocol).spec
    labels = [*spec.metrics, *(_unnamed(registry) if protocol == DEFAULT_PROTOCOL else ())]
    found = [metric for label in labels for metric in _chosen(registry, label, kind)]
    if not found:
        raise UsageError(
            f"protocol {protocol} has no metric of {kind}s",
            expected=f"a protocol for {kind}s; `sslbench protocols` shows all",
        )
    return found


def choose_metric(registry: Registry, label: str, kind: Kind) -> list[ChosenMetric]:
    """Return a metric as it is typed, `mota[gate=30deg]`; several if braces list alternatives.

    Raises:
        UsageError: if it is unknown or malformed, or cannot compare the kind.
        BrokenPluginError: if it cannot be made.
    """
    found = list(_chosen(registry, label, kind))
    if not found:
        raise UsageError(f"{label} does not compare {kind}s", expected=f"a metric of {kind}s")
    return found


def primary_metric(spec: ProtocolSpec, chosen: Sequence[ChosenMetric], dataset: DatasetSpec) -> str:
    """Return the metric by which a protocol ranks: its own, or else the data set's.

    Args:
        spec: the protocol.
        chosen: its metrics for the kind of the data set.
        dataset: what was answered.

    Raises:
        BrokenPluginError: if that metric is none of the protocol's.
    """
    name = spec.primary.get(dataset.kind, dataset.primary_metric)
    labels = [metric.label for metric in chosen]
    if name not in labels:
        raise BrokenPluginError(
            f"the primary metric {name!r} is none of the protocol's",
            where=f"data set {dataset.name}, protocol {spec.name}",
            expected="one of " + ", ".join(labels),
        )
    return name


def _unnamed(registry: Registry) -> list[str]:
    protocols = (offer.spec for offer in registry.table(ProtocolSpec).values())
    named = {parse(label).item.pattern for protocol in protocols for label in protocol.metrics}
    return sorted(set(registry.table(MetricSpec)) - named)


def _chosen(registry: Registry, label: str, kind: Kind) -> Iterator[ChosenMetric]:
    item = parse(label).item
    spec = registry.find(MetricSpec, item.pattern).spec
    if kind not in spec.kinds:
        return
    for choice in choices(spec, item):
        if all(_fits(value, kind) for value in choice.params.values()):
            # What was typed stays in the label, be it the default or not: a table says its gate.
            shown = replace(choice, changed=tuple(item.alternatives))
            yield ChosenMetric(str(shown), spec, _make(spec, choice.params))


def _fits(value: object, kind: Kind) -> bool:
    # A gate in metres says that the metric, so chosen, is one of positions.
    try:
        return quantity(str(value).partition("/")[0]).kind == kind
    except ParameterError:
        return True


def _make(spec: MetricSpec, params: Mapping[str, Value]) -> Metric:
    metric = load_target(spec.target, f"metric {spec.name}")(**params)
    if not isinstance(metric, Metric):
        raise BrokenPluginError(f"{spec.target} gives no Metric", where=f"metric {spec.name}")
    return metric
