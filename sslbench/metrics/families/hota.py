"""HOTA and its parts: how well sources are found, and how long estimates stay with them.

The similarity of a source and an estimate at distance d is ``s = max(0, 1 - d / d0)``, and a pair
is a true positive at the threshold alpha if ``s >= alpha``. Everything is computed at each alpha =
0.05, 0.10, ..., 0.95 and averaged over these at the very end (Luiten et al. 2021, *HOTA: A Higher
Order Metric for Evaluating Multi-Object Tracking*). Pairs are those of `match_aligned`. With the
default d0, alpha = 0.5 corresponds to 20 degrees or half a metre.

For a true positive c, TPA(c) is the number of true positives of the same source and the same
estimate, and ``A(c) = TPA / (TPA + FNA + FPA)``, where FNA is the number of other frames of that
source and FPA that of other frames of that estimate. Counts are summed over recordings. Values are
those of TrackEval, times 100. `hota_statistics` computes them.
"""

from __future__ import annotations

from functools import partial

import numpy as np  # noqa: F401  # the examples use it

from sslbench.metrics.aggregation import Additive
from sslbench.metrics.declaration import metric
from sslbench.metrics.families.hota_statistics import (
    THRESHOLDS,
    association_accuracy,
    detection_accuracy,
    detection_precision,
    detection_recall,
    hit,
    hota_value,
    localization_accuracy,
    nearness,
    over_thresholds,
    precise,
    recalled,
    share,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
    "THRESHOLDS",
    "ass_a",
    "ass_pr",
    "ass_re",
    "det_a",
    "det_pr",
    "det_re",
    "hota",
    "loc_a",
]


LUITEN = "Luiten et al. 2021, HOTA"

ZERO = Parameter("zero", "", "distance of similarity 0, as in 1m or 40deg, which are the defaults")

ALPHA = Parameter(
    "alpha", 0.0, "the only threshold: 0.05, 0.1, ..., 0.95; 0 for the mean over all", 0, 1
)

declare = partial(
    metric,
    unit="%",
    higher_is_better=True,
    parameters=(ZERO, ALPHA),
)


@declare(
    name="hota",
    summary="Higher order tracking accuracy: detection and association over many thresholds",
    reference=f"{LUITEN}: HOTA, as computed by TrackEval",
)
def hota(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return HOTA, the mean over alpha of sqrt(DetA AssA), in %.

    0 if there are sources but no estimates, or estimates but no sources; NaN if there are neither.
    Confidence intervals keep A(c) fixed.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0.505]]], "position")
    >>> round(hota()(estimate, truth), 4)
    64.9123
    """
    return over_thresholds(zero, alpha, (hit, share), hota_value)


@declare(
    name="det-a",
    summary="Detection accuracy: share of sources and estimates that form pairs",
    reference=f"{LUITEN}: DetA, as computed by TrackEval",
)
def det_a(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return DetA, the mean over alpha of TP / (TP + FN + FP), in %.

    It does not depend on identities. NaN if there are neither sources nor estimates.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> round(det_a()(estimate, truth), 4)
    50.0
    """
    return over_thresholds(zero, alpha, (hit,), detection_accuracy)


@declare(
    name="ass-a",
    summary="Association accuracy: how long the same estimate stays with the same source",
    reference=f"{LUITEN}: AssA, as computed by TrackEval",
)
def ass_a(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return AssA, the mean over alpha of the mean of A(c) over the true positives c, in %.

    An alpha without true positives counts as 0, as in TrackEval. NaN if there are neither sources
    nor estimates. Confidence intervals keep A(c) fixed.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> swapped = Tracks.of([0, 1], [[[0, 0, 0], [np.nan] * 3], [[np.nan] * 3, [0, 0, 0]]],
    ...                     "position")
    >>> round(ass_a()(swapped, truth), 4), round(det_a()(swapped, truth), 4)
    (50.0, 100.0)
    """
    return over_thresholds(zero, alpha, (hit, share), association_accuracy)


@declare(
    name="det-re",
    summary="Detection recall: share of the sources that form pairs",
    reference=f"{LUITEN}: DetRe, as computed by TrackEval",
)
def det_re(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return DetRe, the mean over alpha of TP / (TP + FN), in %; NaN if no source is active.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> round(det_re()(estimate, truth), 4)
    50.0
    """
    return over_thresholds(zero, alpha, (hit,), detection_recall)


@declare(
    name="det-pr",
    summary="Detection precision: share of the estimates that form pairs",
    reference=f"{LUITEN}: DetPr, as computed by TrackEval",
)
def det_pr(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return DetPr, the mean over alpha of TP / (TP + FP), in %; NaN if there is no estimate.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> round(det_pr()(estimate, truth), 4)
    100.0
    """
    return over_thresholds(zero, alpha, (hit,), detection_precision)


@declare(
    name="ass-re",
    summary="Association recall: how much of a source has the same estimate",
    reference=f"{LUITEN}: AssRe, as computed by TrackEval",
)
def ass_re(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return AssRe: as AssA, but with TPA / (TPA + FNA) in place of A(c), in %.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> swapped = Tracks.of([0, 1], [[[0, 0, 0], [np.nan] * 3], [[np.nan] * 3, [0, 0, 0]]],
    ...                     "position")
    >>> round(ass_re()(swapped, truth), 4)
    50.0
    """
    return over_thresholds(zero, alpha, (hit, recalled), association_accuracy)


@declare(
    name="ass-pr",
    summary="Association precision: how much of an estimate follows the same source",
    reference=f"{LUITEN}: AssPr, as computed by TrackEval",
)
def ass_pr(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return AssPr: as AssA, but with TPA / (TPA + FPA) in place of A(c), in %.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> swapped = Tracks.of([0, 1], [[[0, 0, 0], [np.nan] * 3], [[np.nan] * 3, [0, 0, 0]]],
    ...                     "position")
    >>> round(ass_pr()(swapped, truth), 4)
    100.0
    """
    return over_thresholds(zero, alpha, (hit, precise), association_accuracy)


@declare(
    name="loc-a",
    summary="Localization accuracy: mean similarity of sources and estimates that form pairs",
    reference=f"{LUITEN}: LocA, as computed by TrackEval",
)
def loc_a(zero: str = "", alpha: float = 0.0) -> Additive:
    """Return LocA, the mean over alpha of the mean of s over the true positives, in %.

    An alpha without true positives counts as 1, as in TrackEval. If no alpha has any, the value is
    NaN (in TrackEval 1).

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.
        alpha: the only threshold; 0 for the mean over all.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.

    >>> truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0, 0, 0.12]]], "position")
    >>> round(loc_a()(estimate, truth), 4)  # 17 times 0.88, 2 times 1
    89.2632
    """
    return over_thresholds(zero, alpha, (hit, nearness), localization_accuracy, count=0)
