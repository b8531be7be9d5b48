"""HOTA and its parts: how well sources are found, and how long the same answer stays with each.

The similarity of a source and an answer at distance d is ``s = max(0, 1 - d / d0)``, and a pair is
a true positive at the threshold alpha if ``s >= alpha``. Everything is computed at each of alpha =
0.05, 0.10, ..., 0.95, and averaged over these at the very end (Luiten et al. 2021, *HOTA: A Higher
Order Metric for Evaluating Multi-Object Tracking*). Pairs are those of `match_aligned`. With the
default d0, alpha = 0.5 is 20 degrees or half a metre.

For a true positive c, TPA(c) are the true positives of the same source and the same answer, and
``A(c) = TPA / (TPA + FNA + FPA)``, where FNA are the other frames of that source and FPA those of
that answer. Counts are summed over recordings. Values are as those of TrackEval, times 100.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats, Integers
from sslbench.metrics.aggregation import Additive, Finish
from sslbench.metrics.association.identity import by_recording, match_aligned, similarity
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import Limit
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = ["SPECS", "THRESHOLDS", "ass_a", "det_a", "hota", "loc_a"]


THRESHOLDS = np.arange(0.05, 0.99, 0.05)
"""The alphas, to the last bit those of TrackEval."""

COUNT = len(THRESHOLDS)

ZERO_METRES = 1.0
ZERO_DEGREES = 40.0
"""Default distances d0 at which a pair has nothing in common."""


def _spec(name: str, summary: str, symbol: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.hota:{name.replace('-', '_')}",
        summary=summary,
        unit="%",
        higher_is_better=True,
        reference=f"Luiten et al. 2021, HOTA: {symbol}, as computed by TrackEval",
        parameters=(
            Parameter("zero", "", "distance of similarity 0, as in 1m or 40deg (the defaults)"),
        ),
    )


SPECS = (
    _spec("hota", "Higher order tracking accuracy: found and followed, over thresholds", "HOTA"),
    _spec("det-a", "Share of sources and answers that belong together, over thresholds", "DetA"),
    _spec("ass-a", "How long the same answer stays with the same source, if found", "AssA"),
    _spec("loc-a", "Mean similarity of sources and answers that belong together", "LocA"),
)


def hota(zero: str = "") -> Additive:
    """Return HOTA, the mean over alpha of sqrt(DetA AssA), in %.

    NaN if there is neither a source nor an answer, 0 if there is one of the two only. Intervals
    hold A(c) fixed.

    Args:
        zero: distance d0 of similarity 0; 40deg for directions and 1m for positions if empty.

    Raises:
        ParameterError: if it is no distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0.505]]], "position")
    >>> round(hota()(answer, truth), 4)
    64.9123
    """
    return _metric(zero, (_hit, _share), _hota)


def det_a(zero: str = "") -> Additive:
    """Return DetA, the mean over alpha of TP / (TP + FN + FP), in %.

    NaN if there is neither a source nor an answer. A change of identities leaves it as it is.

    Args:
        zero: distance d0 of similarity 0; 40deg for directions and 1m for positions if empty.

    Raises:
        ParameterError: if it is no distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> round(det_a()(answer, truth), 4)
    50.0
    """
    return _metric(zero, (_hit,), _det_a)


def ass_a(zero: str = "") -> Additive:
    """Return AssA, the mean over alpha of the mean of A(c) over the true positives c, in %.

    An alpha without true positives counts as 0, as in TrackEval. NaN if there is neither a source
    nor an answer. Intervals hold A(c) fixed.

    Args:
        zero: distance d0 of similarity 0; 40deg for directions and 1m for positions if empty.

    Raises:
        ParameterError: if it is no distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> swapped = Tracks.of([0, 1], [[[0, 0, 0], [np.nan] * 3], [[np.nan] * 3, [0, 0, 0]]],
    ...                     "position")
    >>> round(ass_a()(swapped, truth), 4), round(det_a()(swapped, truth), 4)
    (50.0, 100.0)
    """
    return _metric(zero, (_hit, _share), _ass_a)


def loc_a(zero: str = "") -> Additive:
    """Return LocA, the mean over alpha of the mean of s over the true positives, in %.

    An alpha without true positives counts as 1, as in TrackEval, but NaN (in TrackEval 1) if
    there are none at any.

    Args:
        zero: distance d0 of similarity 0; 40deg for directions and 1m for positions if empty.

    Raises:
        ParameterError: if it is no distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0, 0, 0.12]]], "position")
    >>> round(loc_a()(answer, truth), 4)  # 17 times 0.88, 2 times 1
    89.2632
    """
    return _metric(zero, (_hit, _nearness), _loc_a, count=0)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The pairs of a corpus, from which the columns of each metric are spread when they are needed.

    Kept small, since 19 thresholds times millions of frames are not.

    Args:
        sizes: number of sources and of answers, shape (2, frames).
        similarity: of each source to its answer, 0 without one, shape (sources, frames).
        passed: how many thresholds that reaches, same shape.
        identity: which source and answer of which recording, same shape.
        shares: A of each such identity at each threshold, shape (thresholds, identities).
    """

    sizes: Floats
    similarity: Floats
    passed: NDArray[np.int8]
    identity: Integers
    shares: Floats


Part = Callable[[_Pairs, int], Floats]
"""What each pair adds up to at a threshold, 0 if it does not reach it, shape (sources, frames)."""


def _metric(zero: str, parts: tuple[Part, ...], finish: Finish, count: int = -2) -> Additive:
    limit = Limit.read(zero, ZERO_METRES, ZERO_DEGREES)

    def statistics(corpus: Corpus) -> Floats:
        return _rows(corpus.once(_pairs, limit.of(corpus.kind)), parts)

    return Additive(statistics, finish, count, kind=limit.kind)


def _rows(pairs: _Pairs, parts: tuple[Part, ...]) -> Floats:
    # One column after the other, where it will stay: these are the largest arrays of all metrics.
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
    # The answer -1 to a source without one is a column of its own.
    sources, answers = matches.partner.shape[1], corpus.claimed.shape[1] + 1
    source = corpus.recording * sources + np.arange(sources)[:, None]
    identity = source * answers + matches.partner.T % answers
    sizes = [there.sum(axis=1, dtype=float) for there in (corpus.sounding, corpus.claimed)]
    shares = _shares(corpus, identity, passed)
    return _Pairs(np.array(sizes), np.ascontiguousarray(found), passed, identity, shares)


def _shares(corpus: Corpus, identity: Integers, passed: NDArray[np.int8]) -> Floats:
    sources = by_recording(corpus, corpus.sounding)[:, :, None]
    answers = by_recording(corpus, np.pad(corpus.claimed, ((0, 0), (0, 1))))[:, None]
    either = (sources + answers).ravel()
    levels = COUNT + 1
    last = np.bincount((identity * levels + passed).ravel(), minlength=len(either) * levels)
    # Who reaches a threshold has reached all below it.
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
    # TP + FN + FP; NaN if there is nothing at all.
    union = np.where(total > 0, total - hits, np.nan)
    return hits / union


def _association(sums: Floats) -> Floats:
    hits, shared = sums[..., :COUNT], sums[..., COUNT : 2 * COUNT]
    total = sums[..., -2:].sum(axis=-1, keepdims=True)
    return np.where(total > 0, shared / np.where(hits > 0, hits, 1.0), np.nan)


def _mean(values: Floats) -> Floats:
    return np.asarray(100 * values.mean(axis=-1))
