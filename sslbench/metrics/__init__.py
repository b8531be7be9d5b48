"""Metrics: arrays in, numbers out. This module offers those of sslbench to the registry.

===============  ===================================================================================
`corpus`         answers and truths of all recordings, stacked
`association`    which answer belongs to which source
`shapes`         what a metric is made of: summed statistics, quantiles
`position` ...   the metrics, one family a module, each with its `SPECS`
`conventions`    named sets of metrics, the rules of a paper; `protocols` chooses them
`scoring`        values with intervals (`uncertainty`), also by condition (`strata`)
===============  ===================================================================================
"""

from __future__ import annotations

from sslbench.contracts import MetricSpec, ProtocolSpec
from sslbench.hookspecs import hookimpl
from sslbench.metrics import (
    adavanne,
    clear,
    dcase,
    detection,
    direction,
    hota,
    identity,
    locata,
    microphones,
    position,
    resolution,
    sets,
    track_sets,
    utterance,
)
from sslbench.metrics.conventions import PROTOCOLS

__all__ = ["sslbench_metrics", "sslbench_protocols"]

FAMILIES = (
    position,
    direction,
    detection,
    resolution,
    utterance,
    adavanne,
    clear,
    identity,
    hota,
    sets,
    track_sets,
    dcase,
    locata,
    microphones,
)


@hookimpl
def sslbench_metrics() -> list[MetricSpec]:
    """Offer the metrics of this package."""
    return [spec for family in FAMILIES for spec in family.SPECS]


@hookimpl
def sslbench_protocols() -> list[ProtocolSpec]:
    """Offer the protocols of this package."""
    return list(PROTOCOLS)
