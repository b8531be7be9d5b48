"""Metrics of how many sources are answered, whatever the place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.metrics.aggregation import Additive, percent, ratio_of
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.statistics import answered, frame, sounding
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec

__all__ = ["SPECS", "coverage", "failure_rate", "false_alarms"]

SPECS = (
    MetricSpec(
        name="coverage",
        target="sslbench.metrics.families.detection:coverage",
        summary="Share of sounding sources for which there is an answer, right or wrong",
        unit="%",
        higher_is_better=True,
    ),
    MetricSpec(
        name="false-alarms",
        target="sslbench.metrics.families.detection:false_alarms",
        summary="Answers beyond the number of sounding sources, per frame",
        unit="per frame",
        higher_is_better=False,
    ),
    MetricSpec(
        name="failure-rate",
        target="sslbench.metrics.families.detection:failure_rate",
        summary="Share of the frames with a sounding source in which nothing is answered at all",
        unit="%",
        higher_is_better=False,
    ),
)


def coverage() -> Additive:
    """Return the share of sounding sources that have an answer, in %; NaN if none sounds.

    In a frame of N sources and M answers min(M, N) are answered, be they right or wrong.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> answer = Tracks.of([0, 1], [[[np.nan] * 3], [[1, 0, 0]]], "position")
    >>> coverage()(answer, truth)
    0.0
    """
    return ratio_of(answered, sounding, percent)


def false_alarms() -> Additive:
    """Return the mean over all frames of max(0, M - N): answers beyond the sources.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> answer = Tracks.of([0, 1], [[[np.nan] * 3], [[1, 0, 0]]], "position")
    >>> false_alarms()(answer, truth)
    0.5
    """
    return ratio_of(_surplus, frame)


def failure_rate() -> Additive:
    """Return the share of frames with a sounding source and no answer at all, in %.

    What a solver that does not converge, or an answer that is not finite, leaves behind; a frame
    with fewer answers than sources, but any, is no failure (`coverage` counts it). Frames without a
    source do not count; NaN if there are no others.

    >>> truth = Tracks.of([0, 1, 2], [[[1, 0, 0]], [[1, 0, 0]], [[np.nan] * 3]], "position")
    >>> answer = Tracks.of([0, 1, 2], [[[1, 0, 0]], [[np.nan] * 3], [[np.nan] * 3]], "position")
    >>> failure_rate()(answer, truth)
    50.0
    """
    return ratio_of(_failed, _heard, percent)


def _heard(corpus: Corpus) -> NDArray[np.float64]:
    return corpus.sounding.any(axis=1).astype(float)


def _failed(corpus: Corpus) -> NDArray[np.float64]:
    return (corpus.sounding.any(axis=1) & ~corpus.claimed.any(axis=1)).astype(float)


def _surplus(corpus: Corpus) -> NDArray[np.float64]:
    surplus = corpus.claimed.sum(axis=1) - corpus.sounding.sum(axis=1)
    return np.asarray(np.maximum(surplus, 0), dtype=float)
