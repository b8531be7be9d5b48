"""Metrics: estimates and ground truth in, numbers out.

This module registers the metrics of sslbench.

==================  ================================================================================
`corpus`            the estimates and the ground truth of all recordings, stacked
`association`       which estimate belongs to which source
`per_frame`        per-frame counts and distances that several metrics share
`distances`         distances with their unit, as in `30cm` or `20deg`
`aggregation`       from per-frame statistics to a value: sums, ratios, quantiles
`uncertainty`       confidence intervals and p-values by resampling
`declaration`       the decorator that declares a metric
`families`          the metrics, one family per module
==================  ================================================================================
"""

from __future__ import annotations

from sslbench.hookspecs import hookimpl
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import FAMILIES
from sslbench.specs import MetricSpec

__all__ = ["sslbench_metrics"]


@hookimpl
def sslbench_metrics() -> list[MetricSpec]:
    """Return the metrics of this package."""
    return [spec for family in FAMILIES for spec in specs_of(family)]
