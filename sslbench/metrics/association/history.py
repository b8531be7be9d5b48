"""Look back within a recording: the last matched frame, and identity switches."""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Booleans, Integers
from sslbench.metrics.association.framewise import Matches
from sslbench.metrics.corpus import Corpus

__all__ = ["identity_switches", "last_before"]


def last_before(corpus: Corpus, flags: Booleans) -> Integers:
    """Return the last earlier frame of the same recording in which a flag is set.

    Args:
        corpus: the frames.
        flags: shape (frames, columns).

    Returns:
        Indices of frames of the corpus, -1 if there is none, same shape.
    """
    latest = np.where(flags, np.arange(corpus.frames)[:, None], -1)
    np.maximum.accumulate(latest, axis=0, out=latest)
    latest = np.concatenate([np.full((1, flags.shape[1]), -1), latest])[: corpus.frames]
    begin = corpus.starts[corpus.recording]
    return np.where(latest >= begin[:, None], latest, -1)


def identity_switches(matches: Matches) -> Booleans:
    """Return whether a source has another estimate than when it was last matched.

    The last match may be any number of frames ago, within the same recording.

    Returns:
        Shape (frames, sources).
    """
    last = last_before(matches.corpus, matches.matched)
    before = np.take_along_axis(matches.partner, np.maximum(last, 0), axis=0)
    return np.asarray(matches.matched & (last >= 0) & (before != matches.partner))
