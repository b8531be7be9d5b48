"""Errors of directions: great-circle angles between sources and their estimates.

The angle is ``atan2(|u x v|, u . v)``, which is exact near 0 and 180 degrees. Estimates and sources
are matched frame by frame without a gate (`association.framewise`). Unless stated otherwise only
sources with an estimate count, so read `coverage` as well. All metrics are NaN where nothing
counts.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, Quantile, percent, ratio_of
from sslbench.metrics.association import match
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import parse_distance
from sslbench.metrics.per_frame import (
    active_sources,
    azimuth_error,
    capped,
    distance,
    hits,
    matched,
    summed_distance,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
    "CAP",
    "accuracy",
    "azimuth_error_mean",
    "error_capped",
    "error_mean",
    "error_percentile",
]

CAP = 90.0
"""Degrees at which an error is capped: the mean error of directions drawn at random."""

declare = partial(
    metric,
    unit="deg",
    higher_is_better=False,
    kinds=("direction",),
)


@declare(
    name="angular-error-mean",
    summary="Mean great-circle angle between estimates and ground truth",
)
def error_mean() -> Additive:
    """Return the mean angle over matched sources, in degrees; at most 180.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> error_mean()(estimate, truth)
    45.0
    """
    return ratio_of(summed_distance, matched, kind="direction")


@declare(
    name="angular-error-percentile",
    summary="Percentile of the angle; 50 is the median",
    parameters=(Parameter("p", 50, "percent of the estimates", minimum=0, maximum=100),),
)
def error_percentile(p: int = 50) -> Quantile:
    """Return the p-th percentile of the angle over matched sources, in degrees.

    Values between two angles are interpolated linearly.

    Args:
        p: percent of the estimates that are at most this far away.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> error_percentile()(estimate, truth), error_percentile(90)(estimate, truth)
    (45.0, 81.0)
    """
    return Quantile(distance, p / 100, kind="direction")


@declare(
    name="angular-error-capped",
    summary="Mean capped angle; angles above 90 degrees and missed sources count as 90 degrees",
    reference="sslbench; the counterpart of position-error-capped",
)
def error_capped() -> Additive:
    """Return the mean of min(angle, 90 deg) over all active sources, in degrees.

    A source without an estimate counts as 90 deg, the mean error of directions drawn at random, so
    that missed detections never improve the value. It is the counterpart of
    `position-error-capped`, and a definition of sslbench that is in no paper. NaN if no source
    is active.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> estimate = Tracks.of([0, 1], [[[-1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> error_capped()(estimate, truth)
    45.0
    """
    return ratio_of(capped(CAP), active_sources, kind="direction")


@declare(
    name="azimuth-error-mean",
    summary="Mean absolute azimuth difference",
)
def azimuth_error_mean() -> Additive:
    """Return the mean absolute azimuth difference over matched sources, in degrees.

    Estimates are matched by great-circle angle. Azimuths are unreliable near the poles: a source
    straight above has none, and any value from 0 to 180 may result.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> azimuth_error_mean()(estimate, truth)
    0.0
    """
    return ratio_of(_summed_azimuth_error, matched, kind="direction")


@declare(
    name="angular-accuracy",
    summary="Share of sources with an estimate within an angle",
    unit="%",
    higher_is_better=True,
    parameters=(Parameter("within", "10deg", "angle, as in 10deg"),),
)
def accuracy(within: str = "10deg") -> Additive:
    """Return the share of active sources with an angle < `within`, in %.

    A source without an estimate counts as wrong. NaN if no source is active.

    Args:
        within: largest angle, which itself does not count as within.

    Raises:
        ParameterError: if `within` is not an angle.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> accuracy()(estimate, truth)
    50.0
    """
    radius = parse_distance(within, "direction").value
    return ratio_of(hits(radius), active_sources, percent, kind="direction")


def _summed_azimuth_error(corpus: Corpus) -> Floats:
    return np.nan_to_num(azimuth_error(corpus.cached(match)))
