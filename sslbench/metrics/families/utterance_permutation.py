"""Metrics of whole utterances: one order of the answers for each, the best (Feng et al. 2025).

Sources and answers are paired column by column, the same way in all frames of a recording
(`association.permutation`), which suits methods with an output for each source. What is swapped
within a recording stays wrong here, while `position-error-mean` forgives it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sslbench.array_types import Floats, Integers
from sslbench.metrics.aggregation import Additive, percent, ratio_of
from sslbench.metrics.association import permute
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import quantity
from sslbench.metrics.statistics import sounding
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = ["SPECS", "cell_accuracy", "cell_index", "error_mean"]


SPECS = (
    MetricSpec(
        name="utterance-error-mean",
        target="sslbench.metrics.families.utterance_permutation:error_mean",
        summary="Mean distance under the best permutation of the answers of each utterance",
        unit="m",
        higher_is_better=False,
        kinds=("position",),
        reference="Feng et al. 2025, equation 7",
    ),
    MetricSpec(
        name="cell-accuracy",
        target="sslbench.metrics.families.utterance_permutation:cell_accuracy",
        summary="Share of sources whose answer is in the same square cell of the floor",
        unit="%",
        higher_is_better=True,
        kinds=("position",),
        reference="Feng et al. 2025, equation 6",
        parameters=(Parameter("side", "1m", "side of a cell, as in 50cm or 1m"),),
    ),
)


def error_mean() -> Additive:
    """Return MAE of Feng et al. 2025: sum of d over the number of answers, in metres.

    Equation 7: the mean of the straight-line distance ``d = |p - q|``, not of the errors along the
    axes. The paper's is in two dimensions; ours in three, which is the same where a data set asks
    for two, since heights are equal there. Of all permutations of the answers of an utterance the
    one with the least sum is taken (section 3.4), once for all frames of it.

    Sources without an answer do not count (read `coverage` beside it), nor do answers beyond the
    sources. Where columns are not always there, the permutation with the most pairs comes first.
    NaN if nothing is answered.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [5, 0, 0]]] * 2, "position")
    >>> answer = Tracks.of([0, 1], [[[5, 0, 0], [0, 0, 0]], [[2, 0, 0], [3, 0, 0]]], "position")
    >>> error_mean()(answer, truth)
    1.5
    """
    return ratio_of(_summed_distance, _answered, kind="position")


def cell_accuracy(side: str = "1m") -> Additive:
    """Return ACC on one fixed partition of the floor: sources answered in their own cell, in %.

    Feng et al. 2025, equation 6: ``ACC = N_acc / N``, where N_acc of N speakers are "correctly
    classified into their corresponding ground-truth grid". There the classes of a network are
    counted: I x I cells of the room for one-hot, heat map and refined grid, but (I + 1) x (I + 1)
    grid vertices for the unbiased label distribution, which are no cells, and between which its
    answer lies. One column of a table is then a share on two different partitions. Here the cells
    come from positions, and are the same for every method and room: squares of side s,
    ``(floor(x / s), floor(y / s))``, counted from the origin of coordinates. They are the paper's
    I x I cells in a square room with a corner in the origin and ``s = L / I``, as in L-1 (6 x 6 m,
    I = 6); the paper's other rooms have cells of their own size each.

    A cell is half-open, ``[k s, (k + 1) s)`` along x and along y: it has its lower borders and not
    its upper ones, so that each point is in one cell. Height does not matter. A source near a
    border is missed by the smallest error: `position-accuracy` has no borders.

    Answers are paired as in `utterance-error-mean`. A source without an answer is wrong; NaN if
    nothing sounds.

    Args:
        side: s.

    Raises:
        ParameterError: if `side` is no distance in metres.

    >>> truth = Tracks.of([0, 1], [[[0.9, 0.5, 0]], [[0.9, 0.5, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[0.1, 0.5, 0]], [[1.0, 0.5, 0]]], "position")
    >>> cell_accuracy()(answer, truth), cell_accuracy("2m")(answer, truth)
    (50.0, 100.0)
    """
    metres = quantity(side, "position").value

    def hits(corpus: Corpus) -> Floats:
        return _same_cell(corpus, metres)

    return ratio_of(hits, sounding, percent, kind="position")


def cell_index(xyz: ArrayLike, side: ArrayLike) -> Integers:
    """Return the cell along x and y that each point lies in, shape (..., 2).

    Args:
        xyz: metres, shape (..., 2) or (..., 3); finite.
        side: metres, one for both axes or anything that broadcasts with (..., 2).

    >>> cell_index([[0.0, 0.99, 7.0], [-0.01, 1.0, 7.0]], 1).tolist()
    [[0, 0], [-1, 1]]
    """
    points = np.asarray(xyz, dtype=float)[..., :2]
    return np.asarray(np.floor(points / np.asarray(side, dtype=float)), dtype=np.int64)


def _answered(corpus: Corpus) -> Floats:
    return corpus.once(permute).answered.astype(float)


def _summed_distance(corpus: Corpus) -> Floats:
    return np.nan_to_num(corpus.once(permute).distance)


def _same_cell(corpus: Corpus, side: float) -> Floats:
    matches = corpus.once(permute)
    answered = matches.answered
    here = cell_index(corpus.truth.xyz[answered], side)
    there = cell_index(matches.answers[answered], side)
    same = np.zeros(answered.shape)
    same[answered] = (here == there).all(axis=-1)
    return same
