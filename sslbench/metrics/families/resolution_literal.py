"""Resolution metrics as worded by Le Moing et al. 2019: one estimate may find several sources.

A source with at least one estimate within the radius r is found, so one estimate can find several
sources. If more sources are found than there are estimates, the number of false positives would be
negative; the metrics refuse such frames. Where sources are at least 2 r apart, as in the paper, no
estimate is within r of two sources, and the values equal those of `resolution` exactly.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from sslbench.array_types import Floats
from sslbench.errors import FormatError
from sslbench.metrics.aggregation import Additive
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.families.resolution import (
    ESTIMATES,
    LE_MOING,
    SOURCES,
    TP,
    WITHIN,
    f1_of,
    precision_of,
    recall_of,
    resolution_metric,
    rmse_of,
    rows_of,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = ["f1", "precision", "recall", "rmse"]

declare = partial(
    metric,
    unit="%",
    higher_is_better=True,
    reference=LE_MOING,
    parameters=(WITHIN,),
)


@declare(
    name="resolution-literal-precision",
    summary="Share of the estimates that find a source within a radius;"
    " one estimate may find several sources",
)
def precision(within: str = "") -> Additive:
    """Return TP / M, where a source counts as found if any estimate is within r, in %.

    The count as worded by Le Moing et al. 2019. NaN if there is no estimate.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.
        FormatError: for a frame in which more sources are found than there are estimates, so that
            the number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> round(precision()(estimate, truth), 2)
    33.33
    """
    return resolution_metric(_any_within, within, precision_of, ESTIMATES)


@declare(
    name="resolution-literal-recall",
    summary="Share of the active sources found within a radius;"
    " one estimate may find several sources",
)
def recall(within: str = "") -> Additive:
    """Return TP / N, where a source counts as found if any estimate is within r, in %.

    The count as worded by Le Moing et al. 2019. NaN if no source is active.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.
        FormatError: for a frame in which more sources are found than there are estimates, so that
            the number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> recall()(estimate, truth)
    50.0
    """
    return resolution_metric(_any_within, within, recall_of, SOURCES)


@declare(
    name="resolution-literal-f1",
    summary="F1 score of the sources found within a radius; one estimate may find several sources",
)
def f1(within: str = "") -> Additive:
    """Return 2 TP / (M + N), where a source is found if any estimate is within r, in %.

    The count as worded by Le Moing et al. 2019. NaN if there are neither sources nor estimates.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.
        FormatError: for a frame in which more sources are found than there are estimates, so that
            the number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> f1()(estimate, truth)
    40.0
    """
    return resolution_metric(_any_within, within, f1_of, SOURCES)


@declare(
    name="resolution-literal-rmse",
    summary="Root mean square distance of the sources found within a radius;"
    " one estimate may find several sources",
    unit="distance",
    higher_is_better=False,
)
def rmse(within: str = "") -> Additive:
    """Return sqrt(sum d^2 / TP), where d is the distance to the nearest estimate.

    In metres or degrees. Le Moing et al. 2019 do not state which of several estimates within r is
    used; here it is the nearest. NaN if no source is found.

    Args:
        within: r, by default 1 m or 20 deg; a distance of exactly r is not within it.

    Raises:
        ParameterError: if `within` is not a distance.
        FormatError: for a frame in which more sources are found than there are estimates, so that
            the number of false positives is negative.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0.6, 0, 0], [0, 0.8, 0], [4, 2, 0]]], "position")
    >>> rmse()(estimate, truth)
    0.6
    """
    return resolution_metric(_any_within, within, rmse_of, TP)


def _any_within(corpus: Corpus, radius: float) -> Floats:
    within = corpus.both_active & (corpus.distance < radius)
    nearest = np.where(within, corpus.distance, np.inf).min(axis=2, initial=np.inf)
    rows = rows_of(corpus, np.where(np.isfinite(nearest), nearest, np.nan))
    _check_false_positives(corpus, rows[:, ESTIMATES] - rows[:, TP], radius)
    return rows


def _check_false_positives(corpus: Corpus, false_positives: Floats, radius: float) -> None:
    if not (false_positives < 0).any():
        return
    frame = int(np.argmax(false_positives < 0))
    unit = "m" if corpus.kind == "position" else "deg"
    raise FormatError(
        f"{false_positives[frame]:.0f} false positives within {radius:g} {unit}:"
        " more sources are found than there are estimates",
        where=f"recording {corpus.recording[frame] + 1} of {len(corpus.lengths)},"
        f" at {corpus.truth.times[frame]:g} s",
        expected=f"sources at least {2 * radius:g} {unit} apart; one estimate can be within"
        f" {radius:g} {unit} of two sources that are nearer to each other, and then the literal"
        " count is undefined",
        hint="use the one-to-one metrics resolution-precision, -recall, -f1 and -rmse,"
        " or a smaller radius",
    )
