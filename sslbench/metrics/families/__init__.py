"""The metrics of sslbench, one family per module."""

from __future__ import annotations

from sslbench.metrics.families import (
    adavanne,
    clear_mot,
    dcase,
    detection,
    direction,
    hota,
    idf1,
    locata,
    microphones,
    ospa,
    ospa2,
    position,
    resolution,
    resolution_literal,
    track_coverage,
    utterance_permutation,
)

__all__ = ["FAMILIES"]

FAMILIES = (
    position,
    direction,
    detection,
    resolution,
    resolution_literal,
    utterance_permutation,
    adavanne,
    clear_mot,
    track_coverage,
    idf1,
    hota,
    ospa,
    ospa2,
    dcase,
    locata,
    microphones,
)
"""Modules of metrics, in the order in which they are listed."""
