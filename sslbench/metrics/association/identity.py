"""Which answer belongs to which source, seen from the end of the recording.

Identities are global: what counts is how long the same answer stays with the same source. Either
the pairs themselves are fixed for the whole recording (`match_identity`), or each frame prefers
the pairs that agree over the recording (`match_aligned`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.metrics.association.framewise import Matches, assign
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = ["by_recording", "match_aligned", "match_identity", "similarity"]


TINY = float(np.finfo(float).eps)


def match_identity(corpus: Corpus, gate: float) -> Matches:
    """Give every source one answer for its whole recording, and every answer one source.

    The bijection is the one that maximises the number of frames in which source and answer are
    both there and within the gate, which is the one of least IDFN + IDFP (Ristani et al. 2016,
    truth-to-result match). A source has no partner in the frames that do not count. Of two
    bijections with as many frames, which give the same sums, one is taken.

    Args:
        corpus: answers and truths.
        gate: metres or degrees; a pair whose distance is larger does not count.

    >>> truth = Tracks.of([0, 1, 2], [[[0, 0, 0]]] * 3, "position")
    >>> answer = [[[9, 0, 0], [0, 0, 0]], [[0, 0, 0], [9, 0, 0]], [[9, 0, 0], [0, 0, 0]]]
    >>> match_identity(Corpus.of([(Tracks.of([0, 1, 2], answer, "position"), truth)]), 1).partner.T
    array([[ 1, -1,  1]])
    """
    near = corpus.possible & (corpus.distance <= gate)
    together = by_recording(corpus, near)
    # Any pair is allowed: the most pairs are not always the most frames.
    price = together.max(axis=(1, 2), keepdims=True, initial=0) - together
    fixed = assign(price, np.ones(together.shape, dtype=bool))[corpus.recording]
    padded = np.pad(near, ((0, 0), (0, 0), (0, 1)))
    there = np.take_along_axis(padded, fixed[..., None] % padded.shape[2], axis=2)[..., 0]
    return Matches(corpus, np.where(there, fixed, -1))


def match_aligned(corpus: Corpus, zero: float) -> Matches:
    """Pair answers and sources frame by frame, in favour of pairs that agree over the recording.

    The pairs of a frame maximise the sum of G(i, j) s(i, j), where s is the `similarity` and the
    alignment G is the Jaccard index of two whole tracks, in which a frame counts
    ``s(i, j) / (sum_k s(i, k) + sum_k s(k, j) - s(i, j))`` (Luiten et al. 2021, as their
    code TrackEval has it). Every source gets a partner as long as there are answers, however
    unlike: the thresholds of HOTA come later.

    Args:
        corpus: answers and truths.
        zero: metres or degrees at which, and beyond which, the similarity is 0.
    """
    alike = similarity(np.where(corpus.possible, corpus.distance, np.inf), zero)
    alignment = _alignment(corpus, alike)
    score = alignment[corpus.recording] * alike
    # Both factors are at most 1, and `assign` wants costs, which are not below 0.
    return Matches(corpus, assign(1 - score, corpus.possible))


def similarity(distance: Floats, zero: float) -> Floats:
    """Return max(0, 1 - d / zero) of distances; 0 where there is none.

    Args:
        distance: metres or degrees, NaN or infinite where there is none.
        zero: that at which similarity is 0, in the same unit.

    >>> similarity(np.array([0, 5, 20, np.nan]), 10).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    return np.where(distance < zero, 1 - distance / zero, 0.0)


def by_recording(corpus: Corpus, rows: NDArray[np.generic]) -> Floats:
    """Add up the frames of each recording: (frames, ...) to (recordings, ...)."""
    sums = np.zeros((len(corpus.lengths), *rows.shape[1:]))
    starts = np.flatnonzero(corpus.first)
    if len(starts):
        sums[corpus.recording[starts]] = np.add.reduceat(rows, starts, axis=0, dtype=float)
    return sums


def _alignment(corpus: Corpus, alike: Floats) -> Floats:
    rivals = alike.sum(axis=1, keepdims=True) + alike.sum(axis=2, keepdims=True) - alike
    known = rivals > TINY
    together = by_recording(corpus, np.where(known, alike / np.where(known, rivals, 1.0), 0.0))
    sources = by_recording(corpus, corpus.sounding)[:, :, None]
    answers = by_recording(corpus, corpus.claimed)[:, None]
    either = sources + answers - together
    # Two tracks that never were have nothing in common, and no frame asks.
    return np.where(either > 0, together / np.where(either > 0, either, 1.0), 0.0)
