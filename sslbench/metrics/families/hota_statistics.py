"""What HOTA and its parts are computed from; see `hota` for the definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats, Integers
from sslbench.metrics.aggregation import Additive, Finish
from sslbench.metrics.association.identity import match_aligned, similarity
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import Limit
from sslbench.metrics.per_frame import estimate_count, source_count

__all__ = [
    "THRESHOLDS",
    "association_accuracy",
    "detection_accuracy",
    "detection_precision",
    "detection_recall",
    "hit",
    "hota_value",
    "localization_accuracy",
    "nearness",
    "over_thresholds",
    "precise",
    "recalled",
    "share",
]

THRESHOLDS = np.arange(0.05, 0.99, 0.05)
"""The values of alpha, identical to the last bit with those of TrackEval."""

COUNT = len(THRESHOLDS)

ZERO_METRES = 1.0
ZERO_DEGREES = 40.0
"""Default distances d0 from which on the similarity is 0."""


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
        shares, recalls, precisions: A of each such identity at each threshold, TPA / (TPA + FNA)
            and TPA / (TPA + FPA), shape (thresholds, identities).
    """

    sizes: Floats
    similarity: Floats
    passed: NDArray[np.int8]
    identity: Integers
    shares: Floats
    recalls: Floats
    precisions: Floats


Part = Callable[[_Pairs, int], Floats]
"""Contribution of each pair at a threshold, 0 if it is not reached, shape (sources, frames)."""


def over_thresholds(
    zero: str, parts: tuple[Part, ...], finish: Finish, count: int = -2
) -> Additive:
    """Return a metric that is averaged over all thresholds.

    Args:
        zero: distance d0 of similarity 0, as text; empty for the default.
        parts: what is added up for each threshold.
        finish: turns the sums, and the numbers of sources and estimates, into the value.
        count: column of the sums whose total says on how much the value is based.

    Raises:
        ParameterError: if `zero` is not a distance.
    """
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


def hit(pairs: _Pairs, threshold: int) -> Floats:
    """Return 1 for each pair that reaches a threshold."""
    return (pairs.passed > threshold).astype(float)


def share(pairs: _Pairs, threshold: int) -> Floats:
    """Return A(c) of each pair that reaches a threshold."""
    return _of_identity(pairs, pairs.shares, threshold)


def recalled(pairs: _Pairs, threshold: int) -> Floats:
    """Return TPA / (TPA + FNA) of each pair that reaches a threshold."""
    return _of_identity(pairs, pairs.recalls, threshold)


def precise(pairs: _Pairs, threshold: int) -> Floats:
    """Return TPA / (TPA + FPA) of each pair that reaches a threshold."""
    return _of_identity(pairs, pairs.precisions, threshold)


def _of_identity(pairs: _Pairs, values: Floats, threshold: int) -> Floats:
    return np.where(pairs.passed > threshold, values[threshold][pairs.identity], 0.0)


def nearness(pairs: _Pairs, threshold: int) -> Floats:
    """Return the similarity of each pair that reaches a threshold."""
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
    return _Pairs(sizes, np.ascontiguousarray(found), passed, identity, *shares)


def _shares(
    corpus: Corpus, identity: Integers, passed: NDArray[np.int8]
) -> tuple[Floats, Floats, Floats]:
    sources = corpus.sum_by_recording(corpus.active_sources)[:, :, None]
    padded = np.pad(corpus.active_estimates, ((0, 0), (0, 1)))
    estimates = corpus.sum_by_recording(padded)[:, None]
    either = (sources + estimates).ravel()
    sizes = [np.broadcast_to(each, (sources + estimates).shape) for each in (sources, estimates)]
    levels = COUNT + 1
    last = np.bincount((identity * levels + passed).ravel(), minlength=len(either) * levels)
    # A similarity that reaches a threshold also reaches all lower ones.
    reached = np.cumsum(last.reshape(-1, levels)[:, :0:-1], axis=1)[:, ::-1].T
    unions = (either - reached, *(each.ravel() for each in sizes))
    found = [np.ascontiguousarray(reached / np.maximum(1, each)) for each in unions]
    return found[0], found[1], found[2]


def hota_value(sums: Floats) -> Floats:
    """Return HOTA in % from sums of `hit` and `share`."""
    return _mean(np.sqrt(_detection(sums) * _association(sums)))


def detection_accuracy(sums: Floats) -> Floats:
    """Return DetA in % from sums of `hit`."""
    return _mean(_detection(sums))


def detection_recall(sums: Floats) -> Floats:
    """Return DetRe in % from sums of `hit`."""
    return _mean(_of_all(sums, -2))


def detection_precision(sums: Floats) -> Floats:
    """Return DetPr in % from sums of `hit`."""
    return _mean(_of_all(sums, -1))


def _of_all(sums: Floats, column: int) -> Floats:
    """Return the share of pairs in all sources or all estimates; NaN if there are none."""
    total = sums[..., column, None]
    return sums[..., :COUNT] / np.where(total > 0, total, np.nan)


def association_accuracy(sums: Floats) -> Floats:
    """Return the mean over true positives in % from sums of `hit` and another part."""
    return _mean(_association(sums))


def localization_accuracy(sums: Floats) -> Floats:
    """Return LocA in % from sums of `hit` and `nearness`."""
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
