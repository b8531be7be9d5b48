"""Matching by identity, with whole recordings in view.

Identities are global: what counts is how long the same estimate stays with the same source. Either
the pairs are fixed for the whole recording (`match_identity`), or each frame prefers the pairs that
agree over the recording (`match_aligned`).
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.association.framewise import Matches, assign
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = ["match_aligned", "match_identity", "similarity"]


TINY = float(np.finfo(float).eps)


def match_identity(corpus: Corpus, gate: float) -> Matches:
    """Match every source to at most one estimate for the whole recording, one to one.

    The bijection maximizes the number of frames in which source and estimate are both active and
    within the gate, which minimizes IDFN + IDFP (Ristani et al. 2016, truth-to-result match). In
    all other frames a source has no partner. If several bijections have the same number of frames,
    they give the same sums, and one of them is taken.

    Args:
        corpus: estimates and ground truth.
        gate: metres or degrees; pairs farther apart do not count.

    >>> truth = Tracks.of([0, 1, 2], [[[0, 0, 0]]] * 3, "position")
    >>> xyz = [[[9, 0, 0], [0, 0, 0]], [[0, 0, 0], [9, 0, 0]], [[9, 0, 0], [0, 0, 0]]]
    >>> corpus = Corpus.of([(Tracks.of([0, 1, 2], xyz, "position"), truth)])
    >>> match_identity(corpus, 1).partner.T
    array([[ 1, -1,  1]])
    """
    near = corpus.both_active & (corpus.distance <= gate)
    together = corpus.sum_by_recording(near)
    # All pairs are allowed: the most pairs are not always the most frames.
    cost = together.max(axis=(1, 2), keepdims=True, initial=0) - together
    fixed = assign(cost, np.ones(together.shape, dtype=bool))[corpus.recording]
    padded = np.pad(near, ((0, 0), (0, 0), (0, 1)))
    counts = np.take_along_axis(padded, fixed[..., None] % padded.shape[2], axis=2)[..., 0]
    return Matches(corpus, np.where(counts, fixed, -1))


def match_aligned(corpus: Corpus, zero: float) -> Matches:
    """Match estimates and sources frame by frame, preferring pairs that agree over the recording.

    The pairs of a frame maximize the sum of G(i, j) s(i, j), where s is the `similarity`. The
    alignment G is the Jaccard index of two whole tracks, in which a frame counts
    ``s(i, j) / (sum_k s(i, k) + sum_k s(k, j) - s(i, j))`` (Luiten et al. 2021, as implemented in
    their code TrackEval). As many sources as possible get a partner, however dissimilar: HOTA
    applies its thresholds later.

    Args:
        corpus: estimates and ground truth.
        zero: metres or degrees from which on the similarity is 0.
    """
    alike = similarity(np.where(corpus.both_active, corpus.distance, np.inf), zero)
    alignment = _alignment(corpus, alike)
    score = alignment[corpus.recording] * alike
    # Both factors are at most 1, and `assign` needs costs of at least 0.
    return Matches(corpus, assign(1 - score, corpus.both_active))


def similarity(distance: Floats, zero: float) -> Floats:
    """Return max(0, 1 - d / zero) for distances d; 0 where there is no distance.

    Args:
        distance: metres or degrees, NaN or infinite where there is none.
        zero: distance from which on the similarity is 0, in the same unit.

    >>> similarity(np.array([0, 5, 20, np.nan]), 10).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    return np.where(distance < zero, 1 - distance / zero, 0.0)


def _alignment(corpus: Corpus, alike: Floats) -> Floats:
    rivals = alike.sum(axis=1, keepdims=True) + alike.sum(axis=2, keepdims=True) - alike
    known = rivals > TINY
    overlap = np.where(known, alike / np.where(known, rivals, 1.0), 0.0)
    together = corpus.sum_by_recording(overlap)
    sources = corpus.sum_by_recording(corpus.active_sources)[:, :, None]
    estimates = corpus.sum_by_recording(corpus.active_estimates)[:, None]
    either = sources + estimates - together
    # Tracks that are never active have no alignment, and no frame uses it.
    return np.where(either > 0, together / np.where(either > 0, either, 1.0), 0.0)
