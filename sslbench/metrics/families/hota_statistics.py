"""What HOTA and its parts are computed from; see `hota` for the definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats, Integers
from sslbench.errors import ParameterError
from sslbench.metrics.aggregation import Additive
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

FinishThresholds = Callable[[Floats, Floats], Floats]
"""Values at each threshold, shape (..., thresholds), from the sums of the parts, shape (..., parts,
thresholds), and the numbers of sources and estimates, shape (..., 2)."""


def over_thresholds(
    zero: str, alpha: float, parts: tuple[Part, ...], finish: FinishThresholds, count: int = -2
) -> Additive:
    """Return a metric that is averaged over all thresholds, or its value at one of them.

    Args:
        zero: distance d0 of similarity 0, as text; empty for the default.
        alpha: one of the thresholds; 0 for the mean over all.
        parts: what is added up for each threshold.
        finish: turns the sums of the parts, and the numbers of sources and estimates, into values
            from 0 to 1 at each threshold.
        count: column of the sums whose total says on how much the value is based.

    Raises:
        ParameterError: if `zero` is not a distance, or `alpha` is not one of the thresholds.
    """
    limit = Limit.parse(zero, ZERO_METRES, ZERO_DEGREES)
    thresholds = range(COUNT) if alpha == 0 else (_threshold(alpha),)

    def statistics(corpus: Corpus) -> Floats:
        return _rows(corpus.cached(_pairs, limit.value_for(corpus.kind)), parts, thresholds)

    def value(sums: Floats) -> Floats:
        by_threshold = sums[..., :-2].reshape(*sums.shape[:-1], len(parts), len(thresholds))
        return np.asarray(100 * finish(by_threshold, sums[..., -2:]).mean(axis=-1))

    return Additive(statistics, value, count, kind=limit.kind)


def _threshold(alpha: float) -> int:
    """Return the index of a threshold."""
    nearest = int(np.abs(THRESHOLDS - alpha).argmin())
    if abs(THRESHOLDS[nearest] - alpha) > 1e-9:
        raise ParameterError(
            f"alpha={alpha:g}", expected="0, or one of 0.05, 0.1, ..., 0.95", where="hota"
        )
    return nearest


def _rows(pairs: _Pairs, parts: tuple[Part, ...], thresholds: Sequence[int]) -> Floats:
    # Each column is written in place: these are the largest arrays of all metrics.
    columns = np.empty((len(thresholds) * len(parts) + 2, pairs.sizes.shape[1]))
    columns[-2:] = pairs.sizes
    for column, (part, threshold) in enumerate(product(parts, thresholds)):
        part(pairs, threshold).sum(axis=0, out=columns[column])
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


def hota_value(parts: Floats, sizes: Floats) -> Floats:
    """Return HOTA from sums of `hit` and `share`."""
    return np.sqrt(detection_accuracy(parts, sizes) * association_accuracy(parts, sizes))


def detection_accuracy(parts: Floats, sizes: Floats) -> Floats:
    """Return DetA from sums of `hit`."""
    hits, total = parts[..., 0, :], sizes.sum(axis=-1, keepdims=True)
    # TP + FN + FP; NaN if there are neither sources nor estimates.
    return hits / np.where(total > 0, total - hits, np.nan)


def detection_recall(parts: Floats, sizes: Floats) -> Floats:
    """Return DetRe from sums of `hit`; NaN if there are no sources."""
    return parts[..., 0, :] / _positive(sizes[..., :1])


def detection_precision(parts: Floats, sizes: Floats) -> Floats:
    """Return DetPr from sums of `hit`; NaN if there are no estimates."""
    return parts[..., 0, :] / _positive(sizes[..., 1:])


def _positive(total: Floats) -> Floats:
    return np.where(total > 0, total, np.nan)


def association_accuracy(parts: Floats, sizes: Floats) -> Floats:
    """Return the mean over true positives from sums of `hit` and another part."""
    hits, shared = parts[..., 0, :], parts[..., 1, :]
    total = sizes.sum(axis=-1, keepdims=True)
    return np.where(total > 0, shared / np.where(hits > 0, hits, 1.0), np.nan)


def localization_accuracy(parts: Floats, sizes: Floats) -> Floats:
    """Return LocA from sums of `hit` and `nearness`."""
    del sizes
    hits, near = parts[..., 0, :], parts[..., 1, :]
    means = np.where(hits > 0, near / np.where(hits > 0, hits, 1.0), 1.0)
    return np.where(hits[..., :1] > 0, means, np.nan)
