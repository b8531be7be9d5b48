"""HOTA and its parts: how well sources are found, and how long estimates stay with them.

The similarity of a source and an estimate at distance d is ``s = max(0, 1 - d / d0)``, and a pair
is a true positive at the threshold alpha if ``s >= alpha``. Everything is computed at each alpha =
0.05, 0.10, ..., 0.95 and averaged over these at the very end (Luiten et al. 2021, *HOTA: A Higher
Order Metric for Evaluating Multi-Object Tracking*). Pairs are those of `match_aligned`. With the
default d0, alpha = 0.5 corresponds to 20 degrees or half a metre.

For a true positive c, TPA(c) is the number of true positives of the same source and the same
estimate, and ``A(c) = TPA / (TPA + FNA + FPA)``, where FNA is the number of other frames of that
source and FPA that of other frames of that estimate. Counts are summed over recordings. Values are
those of TrackEval, times 100.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats, Integers
from sslbench.metrics.aggregation import Additive, Finish
from sslbench.metrics.association.identity import match_aligned, similarity
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import Limit
from sslbench.metrics.per_frame import estimate_count, source_count
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = ["THRESHOLDS", "ass_a", "det_a", "hota", "loc_a"]


THRESHOLDS = np.arange(0.05, 0.99, 0.05)
"""The values of alpha, identical to the last bit with those of TrackEval."""

COUNT = len(THRESHOLDS)

ZERO_METRES = 1.0
ZERO_DEGREES = 40.0
"""Default distances d0 from which on the similarity is 0."""

LUITEN = "Luiten et al. 2021, HOTA"

ZERO = Parameter("zero", "", "distance of similarity 0, as in 1m or 40deg, which are the defaults")

declare = partial(
    metric,
    unit="%",
    higher_is_better=True,
    parameters=(ZERO,),
)


@declare(
    name="hota",
    summary="Higher order tracking accuracy: detection and association over many thresholds",
    reference=f"{LUITEN}: HOTA, as computed by TrackEval",
)
def hota(zero: str = "") -> Additive:
    """Return HOTA, the mean over alpha of sqrt(DetA AssA), in %.

    0 if there are sources but no estimates, or estimates but no sources; NaN if there are neither.
    Confidence intervals keep A(c) fixed.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.

    Raises:
        ParameterError: if `zero` is not a distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0.505]]], "position")
    >>> round(hota()(estimate, truth), 4)
    64.9123
    """
    return _metric(zero, (_hit, _share), _hota)


@declare(
    name="det-a",
    summary="Detection accuracy: share of sources and estimates that form pairs",
    reference=f"{LUITEN}: DetA, as computed by TrackEval",
)
def det_a(zero: str = "") -> Additive:
    """Return DetA, the mean over alpha of TP / (TP + FN + FP), in %.

    It does not depend on identities. NaN if there are neither sources nor estimates.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.

    Raises:
        ParameterError: if `zero` is not a distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> round(det_a()(estimate, truth), 4)
    50.0
    """
    return _metric(zero, (_hit,), _det_a)


@declare(
    name="ass-a",
    summary="Association accuracy: how long the same estimate stays with the same source",
    reference=f"{LUITEN}: AssA, as computed by TrackEval",
)
def ass_a(zero: str = "") -> Additive:
    """Return AssA, the mean over alpha of the mean of A(c) over the true positives c, in %.

    An alpha without true positives counts as 0, as in TrackEval. NaN if there are neither sources
    nor estimates. Confidence intervals keep A(c) fixed.

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.

    Raises:
        ParameterError: if `zero` is not a distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> swapped = Tracks.of([0, 1], [[[0, 0, 0], [np.nan] * 3], [[np.nan] * 3, [0, 0, 0]]],
    ...                     "position")
    >>> round(ass_a()(swapped, truth), 4), round(det_a()(swapped, truth), 4)
    (50.0, 100.0)
    """
    return _metric(zero, (_hit, _share), _ass_a)


@declare(
    name="loc-a",
    summary="Localization accuracy: mean similarity of sources and estimates that form pairs",
    reference=f"{LUITEN}: LocA, as computed by TrackEval",
)
def loc_a(zero: str = "") -> Additive:
    """Return LocA, the mean over alpha of the mean of s over the true positives, in %.

    An alpha without true positives counts as 1, as in TrackEval. If no alpha has any, the value is
    NaN (in TrackEval 1).

    Args:
        zero: distance d0 of similarity 0; by default 40deg for directions, 1m for positions.

    Raises:
        ParameterError: if `zero` is not a distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0, 0, 0.12]]], "position")
    >>> round(loc_a()(estimate, truth), 4)  # 17 times 0.88, 2 times 1
    89.2632
    """
    return _metric(zero, (_hit, _nearness), _loc_a, count=0)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The pairs of a corpus, in a compact form.

    The columns of each metric are computed from it on demand, because 19 thresholds times millions
    of frames need much memory.

    Args:
        sizes: number of active sources and of estimates, shape (2, frames).
        similarity: of each source and its estimate, 0 without one, shape (sources, frames).
        passed: number of thresholds that the similarity reaches, same shape.
        identity: index of the source, its estimate and the recording, same shape.
        shares: A of each such identity at each threshold, shape (thresholds, identities).
    """

    sizes: Floats
    similarity: Floats
    passed: NDArray[np.int8]
    identity: Integers
    shares: Floats


Part = Callable[[_Pairs, int], Floats]
"""Contribution of each pair at a threshold, 0 if it is not reached, shape (sources, frames)."""


def _metric(zero: str, parts: tuple[Part, ...], finish: Finish, count: int = -2) -> Additive:
    limit = Limit.parse(zero, ZERO_METRES, ZERO_DEGREES)

    def statistics(corpus: Corpus) -> Floats:
        return _rows(corpus.cached(_pairs, limit.value_for(corpus.kind)), parts)

    return Additive(statistics, finish, count, kind=limit.kind)


def _rows(pairs: _Pairs, parts: tuple[Part, ...]) -> Floats:
    # Each column is written in place: these are the largest arrays of all metrics.
    columns = np.empty((COUNT * len(parts) + 2, pairs.sizes.shape[1]))
    columns[-2:] = pairs.sizes
    for place, part in enumerate(parts):
        for threshold in range(COUNT):
            part(pairs, threshold).sum(axis=0, out=columns[COUNT * place + threshold])
    return columns.T


def _hit(pairs: _Pairs, threshold: int) -> Floats:
    return (pairs.passed > threshold).astype(float)


def _share(pairs: _Pairs, threshold: int) -> Floats:
    shares = pairs.shares[threshold]
    return np.where(pairs.passed > threshold, shares[pairs.identity], 0.0)


def _nearness(pairs: _Pairs, threshold: int) -> Floats:
    return np.where(pairs.passed > threshold, pairs.similarity, 0.0)


def _pairs(corpus: Corpus, zero: float) -> _Pairs:
    matches = match_aligned(corpus, zero)
    found = similarity(matches.distance, zero).T
    eps = np.finfo(float).eps
    passed = np.searchsorted(THRESHOLDS - eps, found, side="right").astype(np.int8)
    # Sources without an estimate get an identity of their own: index -1 is one more column.
    sources, estimates = matches.partner.shape[1], corpus.active_estimates.shape[1] + 1
    source = corpus.recording * sources + np.arange(sources)[:, None]
    identity = source * estimates + matches.partner.T % estimates
    sizes = np.array([source_count(corpus), estimate_count(corpus)])
    shares = _shares(corpus, identity, passed)
    return _Pairs(sizes, np.ascontiguousarray(found), passed, identity, shares)


def _shares(corpus: Corpus, identity: Integers, passed: NDArray[np.int8]) -> Floats:
    sources = corpus.sum_by_recording(corpus.active_sources)[:, :, None]
    padded = np.pad(corpus.active_estimates, ((0, 0), (0, 1)))
    estimates = corpus.sum_by_recording(padded)[:, None]
    either = (sources + estimates).ravel()
    levels = COUNT + 1
    last = np.bincount((identity * levels + passed).ravel(), minlength=len(either) * levels)
    # A similarity that reaches a threshold also reaches all lower ones.
    reached = np.cumsum(last.reshape(-1, levels)[:, :0:-1], axis=1)[:, ::-1].T
    return np.ascontiguousarray(reached / np.maximum(1, either - reached))


def _hota(sums: Floats) -> Floats:
    return _mean(np.sqrt(_detection(sums) * _association(sums)))


def _det_a(sums: Floats) -> Floats:
    return _mean(_detection(sums))


def _ass_a(sums: Floats) -> Floats:
    return _mean(_association(sums))


def _loc_a(sums: Floats) -> Floats:
    hits, near = sums[..., :COUNT], sums[..., COUNT : 2 * COUNT]
    means = np.where(hits > 0, near / np.where(hits > 0, hits, 1.0), 1.0)
    return _mean(np.where(hits[..., :1] > 0, means, np.nan))


def _detection(sums: Floats) -> Floats:
    hits, total = sums[..., :COUNT], sums[..., -2:].sum(axis=-1, keepdims=True)
    # TP + FN + FP; NaN if there are neither sources nor estimates.
    union = np.where(total > 0, total - hits, np.nan)
    return hits / union


def _association(sums: Floats) -> Floats:
    hits, shared = sums[..., :COUNT], sums[..., COUNT : 2 * COUNT]
    total = sums[..., -2:].sum(axis=-1, keepdims=True)
    return np.where(total > 0, shared / np.where(hits > 0, hits, 1.0), np.nan)


def _mean(values: Floats) -> Floats:
    return np.asarray(100 * values.mean(axis=-1))
