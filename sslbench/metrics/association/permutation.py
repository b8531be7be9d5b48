"""Which answer belongs to which source, decided once for a whole recording with the truth at hand.

It suits methods with as many outputs as sources whose order means nothing, as after permutation
invariant training (Feng et al. 2025, section 3.4), and shows what was confused within a recording.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Booleans, Floats
from sslbench.metrics.association.framewise import Matches, assign
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks  # noqa: F401  # the example uses it

__all__ = ["permute"]


def permute(corpus: Corpus) -> Matches:
    """Pair the columns of answers and sources of each recording, once for all its frames.

    Of all one-to-one assignments of columns it is the one with the most pairs over all frames, and
    of these the one with the least summed distance. A pair of columns is a pair in those frames
    where the source sounds and the answer is claimed. Up to 3 columns all orders of all recordings
    are compared at once; beyond, scipy solves one recording after the other.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [5, 0, 0]]] * 2, "position")
    >>> answer = Tracks.of([0, 1], [[[5, 0, 0], [0, 0, 0]], [[2, 0, 0], [3, 0, 0]]], "position")
    >>> permute(Corpus.of([(answer, truth)])).partner.tolist()
    [[1, 0], [1, 0]]
    """
    pairs = _by_recording(corpus, corpus.possible)
    cost = _by_recording(corpus, np.where(corpus.possible, corpus.distance, 0.0))
    # One pair more outweighs all distances of a recording together.
    dear = 1 + cost.sum(axis=(1, 2), keepdims=True)
    best = assign(cost - dear * pairs, np.ones(cost.shape, dtype=bool))
    column = best[corpus.recording]
    together = np.take_along_axis(
        np.pad(corpus.possible, ((0, 0), (0, 0), (0, 1))), column[..., None], axis=2
    )
    return Matches(corpus, np.where(together[..., 0], column, -1))


def _by_recording(corpus: Corpus, values: Floats | Booleans) -> Floats:
    """Add up (frames, sources, answers) over the frames of each recording."""
    recordings = len(corpus.lengths)
    sums = np.zeros((recordings, *values.shape[1:]))
    for source, answer in np.ndindex(*values.shape[1:]):
        column = values[:, source, answer]
        sums[:, source, answer] = np.bincount(corpus.recording, column, minlength=recordings)
    return sums
