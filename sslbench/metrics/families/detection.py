"""Detection: how many sources have an estimate, wherever it is."""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, percent, ratio_of
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.per_frame import (
    active_sources,
    estimate_count,
    frame,
    matched,
    source_count,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = ["coverage", "failure_rate", "false_alarms"]


@metric(
    name="coverage",
    summary="Share of active sources with an estimate, at any distance",
    unit="%",
    higher_is_better=True,
)
def coverage() -> Additive:
    """Return the share of active sources that have an estimate, in %.

    In a frame with N active sources and M estimates, min(M, N) sources have one, whether it is
    right or wrong. NaN if no source is active.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> estimate = Tracks.of([0, 1], [[[np.nan] * 3], [[1, 0, 0]]], "position")
    >>> coverage()(estimate, truth)
    0.0
    """
    return ratio_of(matched, active_sources, percent)


@metric(
    name="false-alarms",
    summary="Estimates in excess of the number of active sources, per frame",
    unit="per frame",
    higher_is_better=False,
)
def false_alarms() -> Additive:
    """Return the mean over all frames of max(0, M - N).

    M is the number of estimates in a frame and N the number of active sources.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> estimate = Tracks.of([0, 1], [[[np.nan] * 3], [[1, 0, 0]]], "position")
    >>> false_alarms()(estimate, truth)
    0.5
    """
    return ratio_of(_excess, frame)


@metric(
    name="failure-rate",
    summary="Share of the frames with an active source in which there is no estimate at all",
    unit="%",
    higher_is_better=False,
)
def failure_rate() -> Additive:
    """Return the share of frames with an active source and no estimate at all, in %.

    It shows for example a solver that does not converge, or estimates that are not finite. A frame
    with fewer estimates than sources, but at least one, is not a failure (see `coverage`). Frames
    without an active source do not count; NaN if there are no others.

    >>> truth = Tracks.of([0, 1, 2], [[[1, 0, 0]], [[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> estimate = Tracks.of([0, 1, 2], [[[1, 0, 0]], [[np.nan] * 3], [[np.nan] * 3]], "position")
    >>> failure_rate()(estimate, truth)
    50.0
    """
    return ratio_of(_failed, _any_source, percent)


def _any_source(corpus: Corpus) -> Floats:
    return corpus.active_sources.any(axis=1).astype(float)


def _failed(corpus: Corpus) -> Floats:
    failed = corpus.active_sources.any(axis=1) & ~corpus.active_estimates.any(axis=1)
    return np.asarray(failed, dtype=float)


def _excess(corpus: Corpus) -> Floats:
    return np.maximum(estimate_count(corpus) - source_count(corpus), 0)
