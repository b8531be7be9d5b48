"""Metrics of how many sources are answered, whatever the place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.metrics.association import Matches
from sslbench.metrics.statistics import Ratio, each_answered, each_sounding
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = ["coverage", "false_alarms"]


def coverage() -> Ratio:
    """Return the share of sounding sources that have an answer, in %; NaN if none sounds.

    In a frame of N sources and M answers min(M, N) are answered, be they right or wrong.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> answer = Tracks.of([0, 1], [[[np.nan] * 3], [[1, 0, 0]]], "position")
    >>> coverage()(answer, truth)
    0.0
    """
    return Ratio(each_answered, each_sounding, lambda share: 100 * share)


def false_alarms() -> Ratio:
    """Return the mean over all frames of max(0, M - N): answers beyond the sources.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> answer = Tracks.of([0, 1], [[[np.nan] * 3], [[1, 0, 0]]], "position")
    >>> false_alarms()(answer, truth)
    0.5
    """
    return Ratio(_surplus, _frame)


def _surplus(matches: Matches) -> NDArray[np.float64]:
    surplus = matches.claimed - matches.sounding.sum(axis=1)
    return np.asarray(np.maximum(surplus, 0), dtype=float)


def _frame(matches: Matches) -> NDArray[np.float64]:
    return np.ones(len(matches.truth.times))
