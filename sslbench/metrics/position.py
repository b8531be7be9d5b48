"""Metrics of positions, from the distances d between sources and their answers, in metres.

Distances are Euclidean in three dimensions; data sets that ask for two have equal heights. Sources
and answers are paired as in `association`. Unless said otherwise only answered sources count, so
read `coverage` beside them; all are NaN where nothing counts.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sslbench.metrics.association import Matches
from sslbench.metrics.statistics import Quantile, Ratio, each_answered, each_sounding
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = [
    "TRUNCATION",
    "accuracy_1m",
    "accuracy_10cm",
    "accuracy_30cm",
    "error_mean",
    "error_median",
    "error_p90",
    "error_p95",
    "error_rmse",
    "error_truncated",
]

Floats = NDArray[np.float64]

TRUNCATION = 3.0
"""Metres at which Berg et al. 2024 cut off an error."""


def error_mean() -> Ratio:
    """Return the mean distance: sum of d over the number of answers, in metres.

    Feng et al. 2025 call it MAE. NaN if nothing is answered.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_mean()(answer, truth)
    2.55
    """
    return Ratio(_distance, each_answered, kind="position")


def error_rmse() -> Ratio:
    """Return the root of the mean of d^2 over the answers, in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> round(error_rmse()(answer, truth), 4)
    3.5362
    """
    return Ratio(_squared, each_answered, math.sqrt, kind="position")


def error_median() -> Quantile:
    """Return the median of d over the answers, in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_median()(answer, truth)
    2.55
    """
    return Quantile(_each, 0.5, kind="position")


def error_p90() -> Quantile:
    """Return the 90th percentile of d over the answers, in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> round(error_p90()(answer, truth), 6)
    4.51
    """
    return Quantile(_each, 0.9, kind="position")


def error_p95() -> Quantile:
    """Return the 95th percentile of d over the answers, in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> round(error_p95()(answer, truth), 6)
    4.755
    """
    return Quantile(_each, 0.95, kind="position")


def error_truncated() -> Ratio:
    """Return the mean of min(d, 3 m) over all sounding sources, in metres.

    A source without an answer counts as 3 m, so that silence never pays. Berg et al. 2024,
    section 4, without their unstated rule for leaving out silent frames.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_truncated()(answer, truth)
    1.55
    """
    return Ratio(_truncated, each_sounding, kind="position")


def accuracy_10cm() -> Ratio:
    """Return the share of sounding sources with d < 0.1 m, in %; no answer is wrong.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> accuracy_10cm()(answer, truth)
    0.0
    """
    return _accuracy(0.1)


def accuracy_30cm() -> Ratio:
    """Return the share of sounding sources with d < 0.3 m, in %; no answer is wrong.

    Berg et al. 2024, acc@30cm: the comparison is strict.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> accuracy_30cm()(answer, truth)
    50.0
    """
    return _accuracy(0.3)


def accuracy_1m() -> Ratio:
    """Return the share of sounding sources with d < 1 m, in %; no answer is wrong.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> accuracy_1m()(answer, truth)
    50.0
    """
    return _accuracy(1.0)


def _accuracy(radius: float) -> Ratio:
    # NaN, where there is no answer, is not below anything.
    def hits(matches: Matches) -> Floats:
        return (matches.distance < radius).astype(float)

    return Ratio(hits, each_sounding, _percent, kind="position")


def _percent(share: float) -> float:
    return 100 * share


def _each(matches: Matches) -> Floats:
    return matches.distance


def _distance(matches: Matches) -> Floats:
    return np.nan_to_num(matches.distance)


def _squared(matches: Matches) -> Floats:
    return np.nan_to_num(matches.distance) ** 2


def _truncated(matches: Matches) -> Floats:
    charged = np.where(matches.answered, matches.distance, np.inf)
    return np.where(matches.sounding, np.minimum(charged, TRUNCATION), 0.0)
