"""Metrics of positions, from the distances d between sources and their answers, in metres.

Distances are Euclidean in three dimensions; data sets that ask for two have equal heights. Sources
and answers are paired frame by frame without a gate (`association.framewise`). Unless said
otherwise only answered sources count, so read `coverage` beside them; all are NaN where nothing
counts.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, Quantile, percent, ratio, ratio_of
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
    "accuracy",
    "bias_x",
    "bias_y",
    "bias_z",
    "error_mean",
    "error_percentile",
    "error_rmse",
    "error_truncated",
]


BERG = "Berg et al. 2024, wav2pos"

X, Y, Z = range(3)


def _spec(name: str, function: str, summary: str, *parameters: Parameter) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.position:{function}",
        summary=summary,
        unit="m",
        higher_is_better=False,
        kinds=("position",),
        reference=BERG if "truncated" in name else "",
        parameters=parameters,
    )


SPECS = (
    _spec("position-error-mean", "error_mean", "Mean distance of the answers from the truth"),
    _spec("position-error-rmse", "error_rmse", "Root of the mean squared distance"),
    _spec(
        "position-error-percentile",
        "error_percentile",
        "Distance that so many % of the answers keep; 50 is the median",
        Parameter("p", 50, "percent of the answers", minimum=0, maximum=100),
    ),
    _spec(
        "position-error-truncated",
        "error_truncated",
        "Mean distance, each at most a limit; no answer counts as the limit",
        Parameter("limit", "3m", "largest error that is counted, as in 3m or 50cm"),
    ),
    *(
        MetricSpec(
            name=f"position-bias-{axis}",
            target=f"sslbench.metrics.families.position:bias_{axis}",
            summary=f"Mean signed error along {axis}: answer minus truth",
            unit="m",
            higher_is_better=None,
            kinds=("position",),
        )
        for axis in "xyz"
    ),
    MetricSpec(
        name="position-accuracy",
        target="sslbench.metrics.families.position:accuracy",
        summary="Share of sources located within a radius",
        unit="%",
        higher_is_better=True,
        kinds=("position",),
        reference=BERG,
        parameters=(Parameter("within", "30cm", "radius, as in 30cm or 1m"),),
    ),
)


def error_mean() -> Additive:
    """Return the mean distance: sum of d over the number of answers, in metres.

    Feng et al. 2025 call it MAE. NaN if nothing is answered.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_mean()(answer, truth)
    2.55
    """
    return ratio_of(summed_distance, answered, kind="position")


def error_rmse() -> Additive:
    """Return the root of the mean of d^2 over the answers, in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> round(error_rmse()(answer, truth), 4)
    3.5362
    """
    return ratio_of(_squared, answered, _root, kind="position")


def error_percentile(p: int = 50) -> Quantile:
    """Return the p-th percentile of d over the answers, in metres; linear between two of them.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_percentile()(answer, truth)
    2.55
    """
    return Quantile(distance, p / 100, kind="position")


def error_truncated(limit: str = "3m") -> Additive:
    """Return the mean of min(d, limit) over all sounding sources, in metres.

    A source without an answer counts as the limit, so that silence never pays. Berg et al. 2024,
    section III, at 3 m, without their unstated rule for leaving out silent frames. NaN if nothing
    sounds.

    Raises:
        ParameterError: if `limit` is no distance in metres.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> error_truncated()(answer, truth), error_truncated("1m")(answer, truth)
    (1.55, 0.55)
    """
    return ratio_of(truncated(quantity(limit, "position").value), sounding, kind="position")


def bias_x() -> Additive:
    """Return the mean of x(answer) - x(truth) over the answers, in metres.

    The first entry of the bias vector: positive if answers lie too far along x. NaN if nothing is
    answered.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[-1, 0, -1]]], "position")
    >>> bias_x()(answer, truth), bias_y()(answer, truth), bias_z()(answer, truth)
    (1.0, 2.0, -0.5)
    """
    return _bias(X)


def bias_y() -> Additive:
    """Return the mean of y(answer) - y(truth) over the answers, in metres.

    The second entry of the bias vector: positive if answers lie too far along y. NaN if nothing is
    answered.

    >>> truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    >>> bias_y()(Tracks.of([0], [[[3, 4, 0]]], "position"), truth)
    4.0
    """
    return _bias(Y)


def bias_z() -> Additive:
    """Return the mean of z(answer) - z(truth) over the answers, in metres.

    The third entry of the bias vector: positive if answers lie too high. NaN if nothing is
    answered.

    >>> truth = Tracks.of([0], [[[0, 0, 1]]], "position")
    >>> bias_z()(Tracks.of([0], [[[3, 4, 0]]], "position"), truth)
    -1.0
    """
    return _bias(Z)


def accuracy(within: str = "30cm") -> Additive:
    """Return the share of sounding sources with d < radius, in %; no answer is wrong.

    At 30 cm it is acc@30cm of Berg et al. 2024: the comparison is strict.

    Raises:
        ParameterError: if `within` is no distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[0.1, 0, 0]]], "position")
    >>> accuracy()(answer, truth), accuracy("10cm")(answer, truth)
    (50.0, 0.0)
    """
    return ratio_of(hits(quantity(within, "position").value), sounding, percent, kind="position")


def _bias(axis: int) -> Additive:
    def signed(corpus: Corpus) -> Floats:
        answers = corpus.once(match).answers[..., axis]
        return np.nan_to_num(answers - corpus.truth.xyz[..., axis])

    return ratio_of(signed, answered, kind="position")


def _squared(corpus: Corpus) -> Floats:
    return summed_distance(corpus) ** 2


def _root(sums: Floats) -> Floats:
    return np.sqrt(ratio(sums))
