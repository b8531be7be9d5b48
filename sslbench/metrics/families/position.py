"""Errors of positions: distances d between sources and their estimates, in metres.

Distances are Euclidean in three dimensions. In data sets with two-dimensional positions all heights
are equal. Estimates and sources are matched frame by frame without a gate
(`association.framewise`). Unless stated otherwise only sources with an estimate count, so read
`coverage` as well. All metrics are NaN where nothing counts.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, Quantile, Statistic, percent, ratio, ratio_of
from sslbench.metrics.association import match
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import parse_distance
from sslbench.metrics.per_frame import (
    active_sources,
    capped,
    distance,
    hits,
    matched,
    summed_distance,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
    "accuracy",
    "bias_x",
    "bias_y",
    "bias_z",
    "error_capped",
    "error_mean",
    "error_percentile",
    "error_rmse",
]


BERG = "Berg et al. 2024, wav2pos"

X, Y, Z = range(3)

declare = partial(
    metric,
    unit="m",
    higher_is_better=False,
    kinds=("position",),
)


@declare(
    name="position-error-mean",
    summary="Mean distance between estimates and ground truth",
)
def error_mean() -> Additive:
    """Return the mean distance: sum of d over the number of matched sources, in metres.

    Feng et al. 2025 call it MAE. NaN if there is no estimate.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_mean()(estimate, truth)
    2.55
    """
    return ratio_of(summed_distance, matched, kind="position")


@declare(
    name="position-error-rmse",
    summary="Root mean square distance",
)
def error_rmse() -> Additive:
    """Return the root of the mean of d^2 over matched sources, in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> round(error_rmse()(estimate, truth), 4)
    3.5362
    """
    return ratio_of(_squared_distance, matched, _root, kind="position")


@declare(
    name="position-error-percentile",
    summary="Percentile of the distance; 50 is the median",
    parameters=(
        Parameter("p", 50, "percent of the estimates", minimum=0, maximum=100),
        Parameter(
            "limit", "", "cap of the distance, as in 3m, and value of missed sources; empty: none"
        ),
    ),
)
def error_percentile(p: int = 50, limit: str = "") -> Quantile:
    """Return the p-th percentile of d over matched sources, or of min(d, limit) over all, in m.

    Without a limit only sources with an estimate count, which favours methods that give no
    estimate where they are unsure. With a limit all active sources count: a missed source counts
    as the limit, as in `position-error-capped`. Values between two distances are interpolated
    linearly. NaN if nothing counts.

    Args:
        p: percent of the distances that are at most this large.
        limit: cap of the distance; empty for none.

    Raises:
        ParameterError: if `limit` is not a distance in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_percentile()(estimate, truth), error_percentile(limit="3m")(estimate, truth)
    (2.55, 1.55)
    """
    if not limit:
        return Quantile(distance, p / 100, kind="position")
    cap = parse_distance(limit, "position").value
    return Quantile(_capped_distance(cap), p / 100, kind="position")


@declare(
    name="position-error-capped",
    summary="Mean capped distance; larger distances and missed sources count as the limit",
    reference=BERG,
    parameters=(Parameter("limit", "3m", "cap of the distance, as in 3m or 50cm"),),
)
def error_capped(limit: str = "3m") -> Additive:
    """Return the mean of min(d, limit) over all active sources, in metres.

    A source without an estimate counts as the limit, so that missed detections never improve the
    value. Berg et al. 2024, section III, with 3 m, but without their rule for leaving out silent
    frames, which is not stated. NaN if no source is active.

    Args:
        limit: cap of the distance.

    Raises:
        ParameterError: if `limit` is not a distance in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_capped()(estimate, truth), error_capped("1m")(estimate, truth)
    (1.55, 0.55)
    """
    cap = parse_distance(limit, "position").value
    return ratio_of(capped(cap), active_sources, kind="position")


@declare(
    name="position-bias-x",
    summary="Mean signed error along x: estimate minus ground truth",
    higher_is_better=None,
)
def bias_x() -> Additive:
    """Return the mean of x(estimate) - x(ground truth) over matched sources, in metres.

    The first component of the bias vector. It is positive if estimates are too far along x. NaN if
    there is no estimate.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[-1, 0, -1]]], "position")
    >>> bias_x()(estimate, truth), bias_y()(estimate, truth), bias_z()(estimate, truth)
    (1.0, 2.0, -0.5)
    """
    return _bias(X)


@declare(
    name="position-bias-y",
    summary="Mean signed error along y: estimate minus ground truth",
    higher_is_better=None,
)
def bias_y() -> Additive:
    """Return the mean of y(estimate) - y(ground truth) over matched sources, in metres.

    The second component of the bias vector. It is positive if estimates are too far along y. NaN if
    there is no estimate.

    >>> truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    >>> bias_y()(Tracks.of([0], [[[3, 4, 0]]], "position"), truth)
    4.0
    """
    return _bias(Y)


@declare(
    name="position-bias-z",
    summary="Mean signed error along z: estimate minus ground truth",
    higher_is_better=None,
)
def bias_z() -> Additive:
    """Return the mean of z(estimate) - z(ground truth) over matched sources, in metres.

    The third component of the bias vector. It is positive if estimates are too high. NaN if there
    is no estimate.

    >>> truth = Tracks.of([0], [[[0, 0, 1]]], "position")
    >>> bias_z()(Tracks.of([0], [[[3, 4, 0]]], "position"), truth)
    -1.0
    """
    return _bias(Z)


@declare(
    name="position-accuracy",
    summary="Share of sources with an estimate within a radius",
    unit="%",
    higher_is_better=True,
    reference=BERG,
    parameters=(Parameter("within", "30cm", "radius, as in 30cm or 1m"),),
)
def accuracy(within: str = "30cm") -> Additive:
    """Return the share of active sources with d < radius, in %.

    A source without an estimate counts as wrong. With 30 cm this is acc@30cm of Berg et al. 2024;
    the comparison is strict. NaN if no source is active.

    Args:
        within: radius.

    Raises:
        ParameterError: if `within` is not a distance in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> accuracy()(estimate, truth), accuracy("10cm")(estimate, truth)
    (50.0, 0.0)
    """
    radius = parse_distance(within, "position").value
    return ratio_of(hits(radius), active_sources, percent, kind="position")


def _bias(axis: int) -> Additive:
    def signed_error(corpus: Corpus) -> Floats:
        estimates = corpus.cached(match).estimates[..., axis]
        return np.nan_to_num(estimates - corpus.truth.xyz[..., axis])

    return ratio_of(signed_error, matched, kind="position")


def _capped_distance(limit: float) -> Statistic:
    """Return the statistic min(distance, limit), NaN where no source is active."""
    errors = capped(limit)
    return lambda corpus: np.where(corpus.active_sources, errors(corpus), np.nan)


def _squared_distance(corpus: Corpus) -> Floats:
    return summed_distance(corpus) ** 2


def _root(sums: Floats) -> Floats:
    return np.sqrt(ratio(sums))
