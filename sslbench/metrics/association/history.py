"""What came before in the same recording: the last answer, and whether it was another one."""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Booleans, Integers
from sslbench.metrics.association.framewise import Matches
from sslbench.metrics.corpus import Corpus

__all__ = ["last_before", "switched"]


def last_before(corpus: Corpus, flags: Booleans) -> Integers:
    """Return the last earlier frame of the same recording in which a flag is set, -1 if none.

    Args:
        corpus: whose frames they are.
        flags: shape (frames, columns).

    Returns:
        Indices of frames of the corpus, same shape.
    """
    latest = np.where(flags, np.arange(corpus.frames)[:, None], -1)
    np.maximum.accumulate(latest, axis=0, out=latest)
    latest = np.concatenate([np.full((1, flags.shape[1]), -1), latest])[: corpus.frames]
    begin = (np.cumsum(corpus.lengths) - corpus.lengths)[corpus.recording]
    return np.where(latest >= begin[:, None], latest, -1)


def switched(matches: Matches) -> Booleans:
    """Return whether a source's answer is another than its last one, however long ago.

    Returns:
        Shape (frames, sources).
    """
    last = last_before(matches.corpus, matches.answered)
    before = np.take_along_axis(matches.partner, np.maximum(last, 0), axis=0)
    return np.asarray(matches.answered & (last >= 0) & (before != matches.partner))
