"""Metrics of directions, from the great-circle angles between sources and their answers.

The angle is ``atan2(|u x v|, u . v)``, exact near 0 and 180 degrees. Sources and answers are paired
as in `association`. Unless said otherwise only answered sources count, so read `coverage` beside
them; all are NaN where nothing counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.geometry import azimuth_elevation, wrap_angle
from sslbench.metrics.association import Matches
from sslbench.metrics.statistics import Quantile, Ratio, each_answered, each_sounding
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = [
    "TRUNCATION",
    "accuracy_5deg",
    "accuracy_10deg",
    "accuracy_20deg",
    "azimuth_error_mean",
    "error_mean",
    "error_median",
    "error_p90",
    "error_truncated",
]

Floats = NDArray[np.float64]

TRUNCATION = 90.0
"""Degrees at which an error is cut off: the mean error of guessing at random."""


def error_mean() -> Ratio:
    """Return the mean angle over the answers, in degrees; 180 at most.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> error_mean()(answer, truth)
    45.0
    """
    return Ratio(_summable_angle, each_answered, kind="direction")


def error_median() -> Quantile:
    """Return the median angle over the answers, in degrees.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> error_median()(answer, truth)
    45.0
    """
    return Quantile(_angle, 0.5, kind="direction")


def error_p90() -> Quantile:
    """Return the 90th percentile of the angle over the answers, in degrees.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> error_p90()(answer, truth)
    81.0
    """
    return Quantile(_angle, 0.9, kind="direction")


def error_truncated() -> Ratio:
    """Return the mean of min(angle, 90 deg) over all sounding sources, in degrees.

    A source without an answer counts as 90 deg, which is what directions drawn at random are off
    on average, so that silence never pays. It is the counterpart of
    `position.error_truncated`; the rule is ours and is in no paper.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[-1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> error_truncated()(answer, truth)
    45.0
    """
    return Ratio(_truncated, each_sounding, kind="direction")


def azimuth_error_mean() -> Ratio:
    """Return the mean absolute azimuth difference over the answers, in degrees.

    Answers are paired by great-circle angle. Azimuth means little near the poles: a source straight
    above has none, and any number from 0 to 180 may come out.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> azimuth_error_mean()(answer, truth)
    0.0
    """
    return Ratio(_azimuth, each_answered, kind="direction")


def accuracy_5deg() -> Ratio:
    """Return the share of sounding sources with an angle < 5 deg, in %; no answer is wrong.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> accuracy_5deg()(answer, truth)
    50.0
    """
    return _accuracy(5.0)


def accuracy_10deg() -> Ratio:
    """Return the share of sounding sources with an angle < 10 deg, in %; no answer is wrong.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> accuracy_10deg()(answer, truth)
    50.0
    """
    return _accuracy(10.0)


def accuracy_20deg() -> Ratio:
    """Return the share of sounding sources with an angle < 20 deg, in %; no answer is wrong.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> accuracy_20deg()(answer, truth)
    50.0
    """
    return _accuracy(20.0)


def _accuracy(degrees: float) -> Ratio:
    # NaN, where there is no answer, is not below anything.
    def hits(matches: Matches) -> Floats:
        return (_angle(matches) < degrees).astype(float)

    return Ratio(hits, each_sounding, _percent, kind="direction")


def _percent(share: float) -> float:
    return 100 * share


def _angle(matches: Matches) -> Floats:
    return np.degrees(matches.distance)


def _summable_angle(matches: Matches) -> Floats:
    return np.nan_to_num(_angle(matches))


def _truncated(matches: Matches) -> Floats:
    charged = np.where(matches.answered, _angle(matches), np.inf)
    return np.where(matches.sounding, np.minimum(charged, TRUNCATION), 0.0)


def _azimuth(matches: Matches) -> Floats:
    answered, _ = azimuth_elevation(matches.answers)
    true, _ = azimuth_elevation(matches.truth.xyz)
    return np.nan_to_num(np.degrees(np.abs(wrap_angle(answered - true))))
