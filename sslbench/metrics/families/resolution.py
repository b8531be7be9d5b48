"""Resolution metrics: a source is found if there is an estimate within a radius r of it.

Of N active sources and M estimates, TP sources are found, FN = N - TP are not, and FP = M - TP
estimates find no source (Le Moing et al. 2019, *Learning Multiple Sound Source 2D Localization*,
section III-B)::

    precision = TP / M      recall = TP / N      F1 = 2 TP / (M + N)
    RMSE = sqrt(sum over the TP of d^2 / TP)

Counts are summed over all frames of all recordings before the division. The comparison is strict:
d < r. Distances are Euclidean in three dimensions (in data sets with two-dimensional positions all
heights are equal), or angles if the radius is in degrees.

Estimates and sources are matched one to one in each frame: the most pairs within r, and among these
the least summed distance. `resolution_literal` counts as the paper words it instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, Finish, percent, ratio
from sslbench.metrics.association import match
from sslbench.metrics.association.framewise import ENUMERATED
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import Limit
from sslbench.metrics.per_frame import estimate_count, source_count
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
    "ESTIMATES",
    "LE_MOING",
    "SOURCES",
    "TP",
    "WITHIN",
    "f1",
    "f1_curve",
    "f1_of",
    "precision",
    "precision_of",
    "recall",
    "recall_of",
    "resolution_metric",
    "rmse",
    "rmse_of",
    "rows_of",
]

METRES, DEGREES = 1.0, 20.0
"""Default radii; Le Moing et al. 2019 do not localize directions."""

LE_MOING = "Le Moing et al. 2019, section III-B"

WITHIN = Parameter("within", "", "radius, as in 30cm; 1m or 20deg if empty")

TP, ESTIMATES, SOURCES, SQUARED = range(4)
"""Columns: sources found, estimates, active sources, squared distances of the sources found."""

declare = partial(
    metric,
    unit="%",
    higher_is_better=True,
    reference=LE_MOING,
    parameters=(WITHIN,),
)


@declare(
    name="resolution-precision",
    summary="Share of the estimates that find a source within a radius",
)
def precision(within: str = "") -> Additive:
    """Return TP / M, the share of estimates that find a source, in %.

    Estimates and sources are matched one to one within r. Estimates in frames without a source
    lower the precision. NaN if there is no estimate.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> round(precision()(estimate, truth), 2), round(precision("3m")(estimate, truth), 2)
    (33.33, 66.67)
    """
    return resolution_metric(_one_to_one, within, precision_of, ESTIMATES)


@declare(
    name="resolution-recall",
    summary="Share of the active sources found within a radius",
)
def recall(within: str = "") -> Additive:
    """Return TP / N, the share of active sources that are found, in %.

    Estimates and sources are matched one to one within r. NaN if no source is active.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> recall()(estimate, truth), recall("3m")(estimate, truth)
    (50.0, 100.0)
    """
    return resolution_metric(_one_to_one, within, recall_of, SOURCES)


@declare(
    name="resolution-f1",
    summary="F1 score of the sources found within a radius",
)
def f1(within: str = "") -> Additive:
    """Return 2 TP / (M + N), the harmonic mean of precision and recall, in %.

    Estimates and sources are matched one to one within r. 0 if there are sources but no estimates,
    or estimates but no sources; NaN if there are neither.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> f1()(estimate, truth), f1("3m")(estimate, truth)
    (40.0, 80.0)
    """
    return resolution_metric(_one_to_one, within, f1_of, SOURCES)


@declare(
    name="resolution-rmse",
    summary="Root mean square distance of the sources found within a radius",
    unit="distance",
    higher_is_better=False,
)
def rmse(within: str = "") -> Additive:
    """Return sqrt(sum d^2 / TP) over the sources found, in metres or degrees.

    Estimates and sources are matched one to one within r. If there are several ways to find the
    most sources, the one with the least summed distance is used. NaN if no source is found. The
    value is always below r and grows with it, so never read it without the recall.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> rmse()(estimate, truth), round(rmse("3m")(estimate, truth), 4)
    (0.6, 1.4765)
    """
    return resolution_metric(_one_to_one, within, rmse_of, TP)


def f1_curve(corpus: Corpus, radii: ArrayLike) -> Floats:
    """Return `resolution-f1` in % at many radii, at little more than the cost of one.

    Args:
        corpus: estimates and ground truth.
        radii: metres or degrees, shape (radii,).

    Returns:
        Shape (radii,); NaN if the corpus has neither an active source nor an estimate.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> f1_curve(Corpus.of([(estimate, truth)]), [0.5, 1, 3]).tolist()
    [0.0, 40.0, 80.0]
    """
    thresholds = np.asarray(radii, dtype=float)
    total = int(corpus.active_sources.sum() + corpus.active_estimates.sum())
    if not total:
        return np.full(thresholds.shape, np.nan)
    if max(corpus.both_active.shape[1:]) <= ENUMERATED:
        found = np.searchsorted(np.sort(_pair_radii(corpus).ravel()), thresholds, side="left")
    else:
        found = np.array([_pairs_within(corpus, radius) for radius in thresholds])
    return np.asarray(100 * (2 * found / total))


def resolution_metric(
    counting: Callable[[Corpus, float], Floats], within: str, finish: Finish, count: int
) -> Additive:
    """Return a metric of rows that depend on a radius.

    Args:
        counting: turns a corpus and a radius in metres or degrees into rows, as `rows_of` does.
        within: the radius, or an empty text for the default.
        finish: turns the summed columns into the value.
        count: the column whose sum is the number of sources or estimates behind the value.

    Raises:
        ParameterError: if `within` is not a distance.
    """
    radius = Limit.parse(within, METRES, DEGREES)

    def statistics(corpus: Corpus) -> Floats:
        return corpus.cached(counting, radius.value_for(corpus.kind))

    return Additive(statistics, finish, count, radius.kind)


def rows_of(corpus: Corpus, distance: Floats) -> Floats:
    """Count the sources that are found, shape (frames, 4).

    Args:
        corpus: estimates and ground truth.
        distance: from each source that is found, NaN for all others, shape (frames, sources).
    """
    found = np.isfinite(distance).sum(axis=1)
    squared = np.nansum(distance**2, axis=1)
    return np.column_stack([found, estimate_count(corpus), source_count(corpus), squared])


def precision_of(sums: Floats) -> Floats:
    """Return TP / M in % from summed columns."""
    return percent(sums[..., [TP, ESTIMATES]])


def recall_of(sums: Floats) -> Floats:
    """Return TP / N in % from summed columns."""
    return percent(sums[..., [TP, SOURCES]])


def f1_of(sums: Floats) -> Floats:
    """Return 2 TP / (M + N) in % from summed columns."""
    total = sums[..., ESTIMATES] + sums[..., SOURCES]
    return percent(np.stack([2 * sums[..., TP], total], axis=-1))


def rmse_of(sums: Floats) -> Floats:
    """Return sqrt(sum d^2 / TP) from summed columns."""
    return np.sqrt(ratio(sums[..., [SQUARED, TP]]))


def _one_to_one(corpus: Corpus, radius: float) -> Floats:
    # The gate of `match` includes the distance itself.
    return rows_of(corpus, corpus.cached(match, float(np.nextafter(radius, 0))).distance)


def _pair_radii(corpus: Corpus) -> Floats:
    """Return the radii beyond which a frame has 1, 2, ... pairs, shape (frames, pairs)."""
    sources, estimates = corpus.both_active.shape[1:]
    size = max(sources, estimates)
    margins = ((0, 0), (0, size - sources), (0, size - estimates))
    distance = np.where(corpus.both_active, corpus.distance, np.inf)
    padded = np.pad(distance, margins, constant_values=np.inf)
    # A permutation has k pairs beyond its k-th smallest distance. For a frame, the best
    # permutation counts.
    radii = np.full((corpus.frames, size), np.inf)
    for order in permutations(range(size)):
        ordered = np.sort(padded[:, np.arange(size), order], axis=1)
        np.minimum(radii, ordered, out=radii)
    return radii


def _pairs_within(corpus: Corpus, radius: float) -> int:
    """Return the largest number of one-to-one pairs within a radius, summed over all frames."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    frames, sources, estimates = corpus.both_active.shape
    frame, source, estimate = np.nonzero(corpus.both_active & (corpus.distance < radius))
    # Frames are blocks of one graph, and no edge connects two frames.
    ends = (frame * sources + source, frame * estimates + estimate)
    graph = csr_matrix((np.ones(len(frame)), ends), shape=(frames * sources, frames * estimates))
    return int((maximum_bipartite_matching(graph) >= 0).sum())
