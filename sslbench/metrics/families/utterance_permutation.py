"""Errors under the best permutation of the estimates of each utterance (Feng et al. 2025).

Sources and estimates are matched column by column, in the same way in all frames of a recording
(`association.permutation`), which suits methods with one output per source. Estimates that are
swapped within a recording count as errors here, but not in `position-error-mean`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sslbench.array_types import Floats, Integers
from sslbench.metrics.aggregation import Additive, percent, ratio_of
from sslbench.metrics.association import match_permutation
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import parse_distance
from sslbench.metrics.per_frame import active_sources
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = ["cell_accuracy", "cell_index", "error_mean"]


@metric(
    name="utterance-error-mean",
    summary="Mean distance under the best permutation of the estimates of each utterance",
    unit="m",
    higher_is_better=False,
    kinds=("position",),
    reference="Feng et al. 2025, equation 7",
)
def error_mean() -> Additive:
    """Return MAE of Feng et al. 2025: sum of d over the number of matched sources, in metres.

    Equation 7: the mean of the Euclidean distance ``d = |p - q|``, not of the errors along the
    axes. In the paper it is in two dimensions, here in three. This is the same for data sets with
    two-dimensional positions, where all heights are equal. Of all permutations of the estimates of
    an utterance, the one with the least sum over all its frames is used (section 3.4).

    Sources without an estimate do not count (read `coverage` as well), nor do estimates without a
    source. If columns are not always active, the permutation with the most pairs comes first. NaN
    if there is no pair.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [5, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[5, 0, 0], [0, 0, 0]], [[2, 0, 0], [3, 0, 0]]], "position")
    >>> error_mean()(estimate, truth)
    1.5
    """
    return ratio_of(_summed_distance, _matched, kind="position")


@metric(
    name="cell-accuracy",
    summary="Share of the active sources whose estimate is in the same square cell of the floor",
    unit="%",
    higher_is_better=True,
    kinds=("position",),
    reference="Feng et al. 2025, equation 6",
    parameters=(Parameter("side", "1m", "side of a cell, as in 50cm or 1m"),),
)
def cell_accuracy(side: str = "1m") -> Additive:
    """Return ACC on one fixed partition of the floor: sources estimated in their cell, in %.

    Feng et al. 2025, equation 6: ``ACC = N_acc / N``, where N_acc of N speakers are "correctly
    classified into their corresponding ground-truth grid". In the paper the classes of a network
    are counted: I x I cells of the room for one-hot, heat map and refined grid, but (I + 1) x
    (I + 1) grid vertices for the unbiased label distribution. Vertices are not cells, and its
    estimates lie between them, so one column of a table mixes shares on two different partitions.
    Here the cells are computed from positions and are the same for every method and room: squares
    of side s, ``(floor(x / s), floor(y / s))``, counted from the origin of coordinates. They equal
    the I x I cells of the paper in a square room with a corner at the origin and ``s = L / I``, as
    in L-1 (6 x 6 m, I = 6). The other rooms of the paper have cells of different sizes.

    A cell is half-open, ``[k s, (k + 1) s)`` along x and along y: it includes its lower borders
    only, so that each point is in exactly one cell. The height does not matter. For a source near a
    border the smallest error is enough to miss its cell; `position-accuracy` has no borders.

    Estimates are matched as in `utterance-error-mean`. A source without an estimate counts as
    wrong. NaN if no source is active.

    Args:
        side: s.

    Raises:
        ParameterError: if `side` is not a distance in metres.

    >>> truth = Tracks.of([0, 1], [[[0.9, 0.5, 0]], [[0.9, 0.5, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[0.1, 0.5, 0]], [[1.0, 0.5, 0]]], "position")
    >>> cell_accuracy()(estimate, truth), cell_accuracy("2m")(estimate, truth)
    (50.0, 100.0)
    """
    metres = parse_distance(side, "position").value

    def hits(corpus: Corpus) -> Floats:
        return _same_cell(corpus, metres)

    return ratio_of(hits, active_sources, percent, kind="position")


def cell_index(xyz: ArrayLike, side: ArrayLike) -> Integers:
    """Return the index along x and y of the cell of each point, shape (..., 2).

    Args:
        xyz: metres, shape (..., 2) or (..., 3); finite.
        side: metres, one number for both axes or anything that broadcasts with (..., 2).

    >>> cell_index([[0.0, 0.99, 7.0], [-0.01, 1.0, 7.0]], 1).tolist()
    [[0, 0], [-1, 1]]
    """
    points = np.asarray(xyz, dtype=float)[..., :2]
    return np.asarray(np.floor(points / np.asarray(side, dtype=float)), dtype=np.int64)


def _matched(corpus: Corpus) -> Floats:
    return corpus.cached(match_permutation).matched.astype(float)


def _summed_distance(corpus: Corpus) -> Floats:
    return np.nan_to_num(corpus.cached(match_permutation).distance)


def _same_cell(corpus: Corpus, side: float) -> Floats:
    matches = corpus.cached(match_permutation)
    matched = matches.matched
    true = cell_index(corpus.truth.xyz[matched], side)
    estimated = cell_index(matches.estimates[matched], side)
    same = np.zeros(matched.shape)
    same[matched] = (true == estimated).all(axis=-1)
    return same
