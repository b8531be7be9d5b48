"""Metrics of directions, from the great-circle angles between sources and their answers.

The angle is ``atan2(|u x v|, u . v)``, exact near 0 and 180 degrees. Sources and answers are paired
frame by frame without a gate (`association.framewise`). Unless said otherwise only answered sources
count, so read `coverage` beside them; all are NaN where nothing counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.geometry import azimuth_elevation, wrap_angle
from sslbench.metrics.aggregation import Additive, Quantile, percent, ratio_of
from sslbench.metrics.association import match
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import quantity
from sslbench.metrics.statistics import (
    answered,
    distance,
    hits,
    sounding,
    summed_distance,
    truncated,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = [
    "SPECS",
    "TRUNCATION",
    "accuracy",
    "azimuth_error_mean",
    "error_mean",
    "error_percentile",
    "error_truncated",
]

TRUNCATION = 90.0
"""Degrees at which an error is cut off: the mean error of guessing at random."""


def _spec(name: str, function: str, summary: str, *parameters: Parameter) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.direction:{function}",
        summary=summary,
        unit="deg",
        higher_is_better=False,
        kinds=("direction",),
        reference="sslbench; the counterpart of position-error-truncated"
        if "truncated" in name
        else "",
        parameters=parameters,
    )


SPECS = (
    _spec("angular-error-mean", "error_mean", "Mean great-circle angle from the truth"),
    _spec(
        "angular-error-percentile",
        "error_percentile",
        "Angle that so many % of the answers keep; 50 is the median",
        Parameter("p", 50, "percent of the answers", minimum=0, maximum=100),
    ),
    _spec(
        "angular-error-truncated",
        "error_truncated",
        "Mean angle, each at most 90 degrees; no answer counts as 90 degrees",
    ),
    _spec("azimuth-error-mean", "azimuth_error_mean", "Mean absolute azimuth difference"),
    MetricSpec(
        name="angular-accuracy",
        target="sslbench.metrics.families.direction:accuracy",
        summary="Share of sources found within an angle",
        unit="%",
        higher_is_better=True,
        kinds=("direction",),
        parameters=(Parameter("within", "10deg", "angle, as in 10deg"),),
    ),
)


def error_mean() -> Additive:
    """Return the mean angle over the answers, in degrees; 180 at most.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> error_mean()(answer, truth)
    45.0
    """
    return ratio_of(summed_distance, answered, kind="direction")


def error_percentile(p: int = 50) -> Quantile:
    """Return the p-th percentile of the angle over the answers, in degrees; linear between two.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> error_percentile()(answer, truth), error_percentile(90)(answer, truth)
    (45.0, 81.0)
    """
    return Quantile(distance, p / 100, kind="direction")


def error_truncated() -> Additive:
    """Return the mean of min(angle, 90 deg) over all sounding sources, in degrees.

    A source without an answer counts as 90 deg, which is what directions drawn at random are off
    on average, so that silence never pays. It is the counterpart of
    `position.error_truncated`; the rule is ours and is in no paper.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[-1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> error_truncated()(answer, truth)
    45.0
    """
    return ratio_of(truncated(TRUNCATION), sounding, kind="direction")


def azimuth_error_mean() -> Additive:
    """Return the mean absolute azimuth difference over the answers, in degrees.

    Answers are paired by great-circle angle. Azimuth means little near the poles: a source straight
    above has none, and any number from 0 to 180 may come out.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> azimuth_error_mean()(answer, truth)
    0.0
    """
    return ratio_of(_azimuth, answered, kind="direction")


def accuracy(within: str = "10deg") -> Additive:
    """Return the share of sounding sources with an angle < `within`, in %; no answer is wrong.

    Raises:
        ParameterError: if `within` is no angle.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> accuracy()(answer, truth)
    50.0
    """
    return ratio_of(hits(quantity(within, "direction").value), sounding, percent, kind="direction")


def _azimuth(corpus: Corpus) -> NDArray[np.float64]:
    given, _ = azimuth_elevation(corpus.once(match).answers)
    true, _ = azimuth_elevation(corpus.truth.xyz)
    return np.nan_to_num(np.degrees(np.abs(wrap_angle(given - true))))
