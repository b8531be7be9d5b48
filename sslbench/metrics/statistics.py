"""What many metrics count: sources that sound, answers they have, distances between the two.

All are statistics in the sense of `shapes`: a corpus in, numbers out, 0 where nothing counts.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Statistic
from sslbench.metrics.association import match
from sslbench.metrics.corpus import Corpus

__all__ = ["answered", "distance", "frame", "hits", "sounding", "summed_distance", "truncated"]


def frame(corpus: Corpus) -> Floats:
    """Count 1 for every frame, shape (frames,)."""
    return np.ones(corpus.frames)


def sounding(corpus: Corpus) -> Floats:
    """Count 1 for every source that sounds, answered or not, shape (frames, sources)."""
    return corpus.sounding.astype(float)


def answered(corpus: Corpus) -> Floats:
    """Count 1 for every source that has an answer, however far, shape (frames, sources)."""
    return corpus.once(match).answered.astype(float)


def distance(corpus: Corpus) -> Floats:
    """Return metres or degrees to the answer, NaN without one, shape (frames, sources)."""
    return corpus.once(match).distance


def summed_distance(corpus: Corpus) -> Floats:
    """Return metres or degrees to the answer, 0 without one, shape (frames, sources)."""
    return np.nan_to_num(distance(corpus))


def truncated(limit: float) -> Statistic:
    """Return min(distance, limit), and the limit for a source without an answer."""

    def statistic(corpus: Corpus) -> Floats:
        charged = np.where(corpus.once(match).answered, distance(corpus), np.inf)
        return np.where(corpus.sounding, np.minimum(charged, limit), 0.0)

    return statistic


def hits(radius: float) -> Statistic:
    """Count 1 for every source with an answer nearer than a radius, shape (frames, sources)."""

    # NaN, where there is no answer, is not below anything.
    def statistic(corpus: Corpus) -> Floats:
        return (distance(corpus) < radius).astype(float)

    return statistic
