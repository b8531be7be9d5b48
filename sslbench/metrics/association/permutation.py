"""One permutation of the estimates per recording, chosen with the ground truth.

It suits methods with one output per source whose order is arbitrary, as after permutation invariant
training (Feng et al. 2025, section 3.4). Sources that are confused within a recording count as
errors.
"""

from __future__ import annotations

import numpy as np

from sslbench.metrics.association.framewise import Matches, assign
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks  # noqa: F401  # the example uses it

__all__ = ["match_permutation"]


def match_permutation(corpus: Corpus) -> Matches:
    """Match the columns of estimates and sources, once for all frames of a recording.

    Of all one-to-one assignments of columns, the one with the most pairs over all frames is chosen,
    and among these the one with the least summed distance. Two columns form a pair in the frames
    where both are active. Up to 3 columns, all permutations of all recordings are compared at once;
    beyond, scipy solves one recording after the other.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [5, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[5, 0, 0], [0, 0, 0]], [[2, 0, 0], [3, 0, 0]]], "position")
    >>> match_permutation(Corpus.of([(estimate, truth)])).partner.tolist()
    [[1, 0], [1, 0]]
    """
    pairs = corpus.sum_by_recording(corpus.both_active)
    cost = corpus.sum_by_recording(np.where(corpus.both_active, corpus.distance, 0.0))
    # One more pair outweighs all distances of a recording together.
    bonus = 1 + cost.sum(axis=(1, 2), keepdims=True)
    best = assign(cost - bonus * pairs, np.ones(cost.shape, dtype=bool))
    column = best[corpus.recording]
    together = np.take_along_axis(
        np.pad(corpus.both_active, ((0, 0), (0, 0), (0, 1))), column[..., None], axis=2
    )
    return Matches(corpus, np.where(together[..., 0], column, -1))
