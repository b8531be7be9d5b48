"""Resolution metrics: a source is found if there is an answer within a radius r of it.

Of N sources and M answers, TP sources are found, FN = N - TP are not, and FP = M - TP answers found
nothing (Le Moing et al. 2019, *Learning Multiple Sound Source 2D Localization*, section III-B)::

    precision = TP / M      recall = TP / N      F1 = 2 TP / (M + N)
    RMSE = sqrt(sum over the TP of d^2 / TP)

Counts are summed over all frames of all recordings before they are divided. The comparison is
strict: d < r. Distances are Euclidean in three dimensions (data sets that ask for two have equal
heights), or angles where the radius is in degrees.

``resolution-...`` pairs answers and sources one to one in each frame: the most pairs within r, and
of these the least summed distance. ``resolution-literal-...`` counts as the paper words it: a
source with at least one answer within r is found, so one answer can find several sources, and with
fewer answers than sources found FP is negative. It refuses to count such a frame. Where sources are
at least 2 r apart, as in the paper, no answer is within r of two, and both agree exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

from sslbench.array_types import Floats
from sslbench.errors import FormatError
from sslbench.metrics.aggregation import Additive, Finish, percent, ratio
from sslbench.metrics.association import match
from sslbench.metrics.association.framewise import ENUMERATED
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import Limit
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = [
    "SPECS",
    "f1",
    "f1_curve",
    "literal_f1",
    "literal_precision",
    "literal_recall",
    "literal_rmse",
    "precision",
    "recall",
    "rmse",
]

METRES, DEGREES = 1.0, 20.0
"""Radius unless another is asked for; Le Moing et al. 2019 use no directions."""


LE_MOING = "Le Moing et al. 2019, section III-B"

TP, CLAIMED, SOUNDING, SQUARED = range(4)
"""Columns of the rows: sources found, answers, sources, squared distances of those found."""


def _specs(prefix: str, counting: str) -> tuple[MetricSpec, ...]:
    def spec(name: str, summary: str, unit: str = "%") -> MetricSpec:
        function = f"{prefix}-{name}".removeprefix("resolution-").replace("-", "_")
        return MetricSpec(
            name=f"{prefix}-{name}",
            target=f"sslbench.metrics.families.resolution:{function}",
            summary=f"{summary}{counting}",
            unit=unit,
            higher_is_better=unit == "%",
            reference=LE_MOING,
            parameters=(Parameter("within", "", "radius, as in 30cm; 1m or 20deg if empty"),),
        )

    return (
        spec("precision", "Share of the answers that find a source within a radius"),
        spec("recall", "Share of the sounding sources found within a radius"),
        spec("f1", "F1 score of the sources found within a radius"),
        spec("rmse", "Root mean squared distance of the sources found within a radius", "distance"),
    )


SPECS = (
    *_specs("resolution", ""),
    *_specs("resolution-literal", "; one answer may find several sources"),
)


def precision(within: str = "") -> Additive:
    """Return TP / M, answers that find a source over all answers, in %.

    Answers and sources are paired one to one within r. NaN if nothing is answered; an answer in a
    frame without a source lowers it.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> round(precision()(answer, truth), 2), round(precision("3m")(answer, truth), 2)
    (33.33, 66.67)
    """
    return _metric(_one_to_one, within, _precision, CLAIMED)


def recall(within: str = "") -> Additive:
    """Return TP / N, sources that are found over all that sound, in %.

    Answers and sources are paired one to one within r. NaN if nothing sounds.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> recall()(answer, truth), recall("3m")(answer, truth)
    (50.0, 100.0)
    """
    return _metric(_one_to_one, within, _recall, SOUNDING)


def f1(within: str = "") -> Additive:
    """Return 2 TP / (M + N), the harmonic mean of precision and recall, in %.

    Answers and sources are paired one to one within r. 0 if sources sound and nothing is answered,
    or the other way round; NaN if there is neither.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> f1()(answer, truth), f1("3m")(answer, truth)
    (40.0, 80.0)
    """
    return _metric(_one_to_one, within, _f1, SOUNDING)


def rmse(within: str = "") -> Additive:
    """Return sqrt(sum d^2 / TP) over the sources found, in metres or degrees.

    Answers and sources are paired one to one within r, and of all ways to find as many the one with
    the least summed distance enters. NaN if none is found. It is below r by construction, and grows
    with it: never read it without the recall.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> rmse()(answer, truth), round(rmse("3m")(answer, truth), 4)
    (0.6, 1.4765)
    """
    return _metric(_one_to_one, within, _rmse, TP)


def literal_precision(within: str = "") -> Additive:
    """Return TP / M, where a source counts as found if any answer is within r, in %.

    The count as Le Moing et al. 2019 word it. NaN if nothing is answered.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.
        FormatError: on a frame in which more sources are found than there are answers, so that the
            number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> round(literal_precision()(answer, truth), 2)
    33.33
    """
    return _metric(_literal, within, _precision, CLAIMED)


def literal_recall(within: str = "") -> Additive:
    """Return TP / N, where a source counts as found if any answer is within r, in %.

    The count as Le Moing et al. 2019 word it. NaN if nothing sounds.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.
        FormatError: on a frame in which more sources are found than there are answers, so that the
            number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> literal_recall()(answer, truth)
    50.0
    """
    return _metric(_literal, within, _recall, SOUNDING)


def literal_f1(within: str = "") -> Additive:
    """Return 2 TP / (M + N), where a source is found if any answer is within r, in %.

    The count as Le Moing et al. 2019 word it. NaN if there is neither source nor answer.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.
        FormatError: on a frame in which more sources are found than there are answers, so that the
            number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> literal_f1()(answer, truth)
    40.0
    """
    return _metric(_literal, within, _f1, SOUNDING)


def literal_rmse(within: str = "") -> Additive:
    """Return sqrt(sum d^2 / TP), d from each source found to its nearest answer.

    In metres or degrees. Le Moing et al. 2019 do not say which of several answers within r enters;
    here it is the nearest. NaN if no source is found.

    Args:
        within: r, 1 m or 20 deg if empty; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is no distance.
        FormatError: on a frame in which more sources are found than there are answers, so that the
            number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> literal_rmse()(answer, truth)
    0.6
    """
    return _metric(_literal, within, _rmse, TP)


def f1_curve(corpus: Corpus, radii: ArrayLike) -> Floats:
    """Return `resolution-f1` in % at each of many radii, at little more than the cost of one.

    Args:
        corpus: answers and truths.
        radii: metres or degrees, shape (radii,).

    Returns:
        Shape (radii,); NaN where there is neither source nor answer in the whole corpus.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> f1_curve(Corpus.of([(answer, truth)]), [0.5, 1, 3]).tolist()
    [0.0, 40.0, 80.0]
    """
    wanted = np.asarray(radii, dtype=float)
    every = int(corpus.sounding.sum() + corpus.claimed.sum())
    if not every:
        return np.full(wanted.shape, np.nan)
    if max(corpus.possible.shape[1:]) <= ENUMERATED:
        found = np.searchsorted(np.sort(_reaches(corpus).ravel()), wanted, side="left")
    else:
        found = np.array([_pairs_within(corpus, radius) for radius in wanted])
    return np.asarray(100 * (2 * found / every))


def _metric(
    counting: Callable[[Corpus, float], Floats], within: str, finish: Finish, count: int
) -> Additive:
    radius = Limit.read(within, METRES, DEGREES)

    def statistics(corpus: Corpus) -> Floats:
        return corpus.once(counting, radius.of(corpus.kind))

    return Additive(statistics, finish, count, radius.kind)


def _one_to_one(corpus: Corpus, radius: float) -> Floats:
    # The gate of `match` lets through what is at most as large as it.
    return _rows(corpus, corpus.once(match, float(np.nextafter(radius, 0))).distance)


def _literal(corpus: Corpus, radius: float) -> Floats:
    within = corpus.possible & (corpus.distance < radius)
    nearest = np.where(within, corpus.distance, np.inf).min(axis=2, initial=np.inf)
    rows = _rows(corpus, np.where(np.isfinite(nearest), nearest, np.nan))
    _check_false_positives(corpus, rows[:, CLAIMED] - rows[:, TP], radius)
    return rows


def _rows(corpus: Corpus, distance: Floats) -> Floats:
    """Count up a distance from each source, (frames, sources), NaN where it is not found."""
    found = np.isfinite(distance).sum(axis=1)
    squared = np.nansum(distance**2, axis=1)
    return np.column_stack(
        [found, corpus.claimed.sum(axis=1), corpus.sounding.sum(axis=1), squared]
    ).astype(float)


def _check_false_positives(corpus: Corpus, false_positives: Floats, radius: float) -> None:
    if not (false_positives < 0).any():
        return
    frame = int(np.argmax(false_positives < 0))
    unit = "m" if corpus.kind == "position" else "deg"
    raise FormatError(
        f"{false_positives[frame]:.0f} false positives within {radius:g} {unit}:"
        " more sources are found than there are answers",
        where=f"recording {corpus.recording[frame] + 1} of {len(corpus.lengths)},"
        f" at {corpus.truth.times[frame]:g} s",
        expected=f"sources at least {2 * radius:g} {unit} apart, since one answer can be within"
        f" {radius:g} {unit} of two that are nearer, and the literal count means nothing there",
        hint="use the one-to-one metrics, resolution-precision, -recall, -f1 and -rmse,"
        " or a smaller radius",
    )


def _precision(sums: Floats) -> Floats:
    return percent(sums[..., [TP, CLAIMED]])


def _recall(sums: Floats) -> Floats:
    return percent(sums[..., [TP, SOUNDING]])


def _f1(sums: Floats) -> Floats:
    every = sums[..., CLAIMED] + sums[..., SOUNDING]
    return percent(np.stack([2 * sums[..., TP], every], axis=-1))


def _rmse(sums: Floats) -> Floats:
    return np.sqrt(ratio(sums[..., [SQUARED, TP]]))


def _reaches(corpus: Corpus) -> Floats:
    """Return the radii beyond which a frame has 1, 2, ... pairs, shape (frames, pairs)."""
    sources, answers = corpus.possible.shape[1:]
    size = max(sources, answers)
    margins = ((0, 0), (0, size - sources), (0, size - answers))
    far = np.where(corpus.possible, corpus.distance, np.inf)
    padded = np.pad(far, margins, constant_values=np.inf)
    # An order has k pairs beyond its k-th smallest distance; a frame, beyond that of its best one.
    reach = np.full((corpus.frames, size), np.inf)
    for order in permutations(range(size)):
        ordered = np.sort(padded[:, np.arange(size), order], axis=1)
        np.minimum(reach, ordered, out=reach)
    return reach


def _pairs_within(corpus: Corpus, radius: float) -> int:
    """Return the most pairs one to one, of all frames together, that are within a radius."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    frames, sources, answers = corpus.possible.shape
    frame, source, answer = np.nonzero(corpus.possible & (corpus.distance < radius))
    # Frames are blocks of one graph, in which no edge leads from one to another.
    ends = (frame * sources + source, frame * answers + answer)
    graph = csr_matrix((np.ones(len(frame)), ends), shape=(frames * sources, frames * answers))
    return int((maximum_bipartite_matching(graph) >= 0).sum())
