"""Scoring: apply the metrics of a protocol to the estimates of a run.

This module registers the protocols of sslbench.

========================  ==========================================================================
`protocol_definitions`    the protocols: their metrics, rules and references
`protocols`               the metrics of a protocol, ready to use
`scores`                  values with confidence intervals, over all recordings and by condition
`conditions`, `strata`    conditions of a recording, and the bins by which results are split
`frame_table`             hits, misses and false alarms of every frame
========================  ==========================================================================
"""

from __future__ import annotations

from sslbench.hookspecs import hookimpl
from sslbench.scoring.protocol_definitions import PROTOCOLS
from sslbench.specs import ProtocolSpec

__all__ = ["sslbench_protocols"]


@hookimpl
def sslbench_protocols() -> list[ProtocolSpec]:
    """Return the protocols of this package."""
    return list(PROTOCOLS)
