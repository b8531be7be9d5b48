"""Scoring: from estimates and ground truth to numbers under a protocol.

This module registers the protocols of sslbench.

========================  ==========================================================================
`protocol_definitions`    the protocols: which metrics, with which rules, of which paper
`protocols`               the metrics of a protocol, ready to use
`scores`                  values with confidence intervals, over all recordings and by condition
`conditions`, `strata`    the conditions of a recording, and the bins that results are split by
`frame_table`             hits, misses and false positives of every frame
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
