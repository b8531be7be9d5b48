"""Metrics by which learned methods choose their epochs on validation scenes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from sslbench.contracts import Metric, SelectionMetric
from sslbench.metrics.aggregation import CorpusMetric
from sslbench.metrics.corpus import Corpus, Pair
from sslbench.registry import Registry
from sslbench.scene import Kind
from sslbench.scoring.protocols import ConfiguredMetric, configure_metric
from sslbench.selection import parse
from sslbench.specs import MetricSpec

__all__ = ["corpus_value", "selection_metrics", "selection_versions"]


def selection_metrics(
    registry: Registry, labels: Iterable[str], kind: Kind
) -> dict[str, SelectionMetric]:
    """Return the metrics of some labels, by label; those that cannot compare a kind are left out.

    Raises:
        UsageError: if one is unknown.
    """
    return {
        label: SelectionMetric(found.metric, higher_is_better=bool(found.spec.higher_is_better))
        for label, found in _configured(registry, labels, kind)
    }


def selection_versions(registry: Registry, labels: Iterable[str], kind: Kind) -> dict[str, int]:
    """Return the version of each metric, for the identity of a checkpoint."""
    return {label: found.spec.version for label, found in _configured(registry, labels, kind)}


def _configured(
    registry: Registry, labels: Iterable[str], kind: Kind
) -> Iterator[tuple[str, ConfiguredMetric]]:
    for label in labels:
        if kind in registry.find(MetricSpec, parse(label).item.pattern).spec.kinds:
            yield label, configure_metric(registry, label, kind)[0]


def corpus_value(metric: Metric, pairs: Sequence[Pair]) -> float:
    """Return the value of a metric over recordings, from pooled statistics.

    Args:
        metric: any.
        pairs: prediction and ground truth of each recording.
    """
    if isinstance(metric, CorpusMetric):
        return float(metric.value(metric.rows(Corpus.of(pairs))))
    return float(metric.value(np.concatenate([metric.components(*pair) for pair in pairs])))
