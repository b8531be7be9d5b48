"""What trackers share: which detections count, their pairs with tracks, and the largest number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from sslbench.array_types import Floats, Integers
from sslbench.scene import Tracks

__all__ = ["confident", "limit_sources", "pairs"]


def confident(detections: Tracks, least: float) -> Tracks:
    """Return detections without those of less than some confidence; all if there is none."""
    if detections.confidence is None:
        return detections
    return replace(detections, active=detections.active & (detections.confidence >= least))


def pairs(distance: Floats, gate: float) -> dict[int, int]:
    """Pair detections with tracks by least summed distance.

    Args:
        distance: shape (detections, tracks).
        gate: largest distance of a pair.

    Returns:
        The track of each detection that has one.

    >>> pairs(np.array([[1.0, 5.0], [2.0, 9.0]]), gate=6.0)
    {0: 1, 1: 0}
    """
    if not distance.size:
        return {}
    # Pairs beyond the gate cost so much that as few of them as possible are taken.
    cost = np.where(distance <= gate, distance, 1e3 * (gate + 1))
    rows, chosen = linear_sum_assignment(cost)
    return {
        int(row): int(track)
        for row, track in zip(rows, chosen, strict=True)
        if distance[row, track] <= gate
    }


def limit_sources(xyz: Floats, lengths: Integers, max_sources: int) -> None:
    """Remove positions of the shortest tracks where there are too many at once.

    Args:
        xyz: shape (frames, tracks, 3), changed in place.
        lengths: by which tracks are preferred, shape (tracks,).
        max_sources: largest number of tracks in a frame.
    """
    order = np.argsort(-lengths, kind="stable")
    present = np.isfinite(xyz[:, order]).all(axis=-1)
    surplus = present & (np.cumsum(present, axis=1) > max_sources)
    frames, ranks = np.nonzero(surplus)
    xyz[frames, order[ranks]] = np.nan
