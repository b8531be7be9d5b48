"""Metrics that hold the set of answered tracks against the set of true ones: OSPA(2).

What `sets` does with the places of a frame is done here with whole tracks, so that an answer pays
for losing its source, for swapping two and for breaking a track in pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.metrics.aggregation import Additive, ratio_of
from sslbench.metrics.association import assign
from sslbench.metrics.corpus import TIME_TOLERANCE, Corpus
from sslbench.metrics.families.ospa import PARAMETERS, Price
from sslbench.metrics.statistics import frame
from sslbench.scene import Tracks  # noqa: F401  # the example uses it
from sslbench.specs import MetricSpec, Parameter

__all__ = ["SPECS", "ospa_2"]


WINDOW = Parameter("window", 0.0, "seconds of each window; 0 for the recording", minimum=0)

SPECS = (
    MetricSpec(
        name="ospa-2",
        target="sslbench.metrics.families.ospa2:ospa_2",
        summary="Distance of the answered tracks from the true ones as sets, a track",
        unit="distance",
        higher_is_better=False,
        reference="Beard, Vo and Vo 2017, OSPA(2); 2020",
        parameters=(*PARAMETERS, WINDOW),
    ),
)


def ospa_2(cutoff: str = "", p: int = 1, window: float = 0.0) -> Additive:
    """Return the mean over windows of OSPA(2), in metres or degrees.

    OSPA between sets of tracks. Two tracks f and g are apart by their distance averaged over the
    frames D in which at least one of them is there,

        ``d(f, g) = sum over t in D of d_t(f, g) / |D|``

    with d_t = min(distance, c), and c where only one of the two is there. A window with m true
    tracks and n answered ones has

        ``((min over assignments of the sum of d(f, g)^p + c^p |m - n|) / max(m, n))^(1/p)``

    with the sum over min(m, n) pairs of tracks: 0 if there are none, c if there are none on one
    side, and never more than c. Beard, Vo and Vo 2017, 2020.

    Windows follow each other from the first frame of a recording; the last may be shorter. A
    window weighs as many as it has frames. Each frame's row is what it adds to its window (for
    p = 2 its share), tracks staying assigned as they are: resampled frames then move the value.
    Windows of one frame give `ospa`. NaN if there is no frame.

    Args:
        cutoff: c, as in `1m` or `30deg`, which are the defaults; an arbitrary choice that scales
            the value and has to be told with it.
        p: order, 1 or 2.
        window: seconds; 0 for the whole recording. Short windows forgive swaps between them.

    Raises:
        ParameterError: if the cut-off is no distance, p neither 1 nor 2, or the window negative.

    Two answers that swap sources half way are half the time a metre off:

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [1, 0, 0]]] * 2, "position")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 0], [1, 0, 0]], [[1, 0, 0], [0, 0, 0]]], "position")
    >>> ospa_2("4m")(answer, truth), ospa_2("4m", window=1.0)(answer, truth)
    (0.5, 0.0)
    """
    WINDOW.check(window)
    price = Price.of(cutoff, p)
    return ratio_of(partial(_contribution, price=price, window=window), frame, kind=price.kind)


def _contribution(corpus: Corpus, price: Price, window: float) -> Floats:
    """Return what each frame adds to frames times OSPA(2) of its window, shape (frames,)."""
    starts = np.flatnonzero(_begins(corpus, window))
    charges = _charges(corpus, price.limit(corpus.kind))
    between = _TracksApart.of(corpus, charges, starts)
    frames = np.diff(starts, append=corpus.frames)
    weight = _weights(between, price.p) * frames[:, None, None]
    return np.asarray(np.einsum("fij,fij->f", charges, np.repeat(weight, frames, axis=0)))


def _begins(corpus: Corpus, window: float) -> Booleans:
    """Say which frames are the first of a window, shape (frames,)."""
    if not window:
        return corpus.first
    times = corpus.truth.times
    origin = times[corpus.first][np.cumsum(corpus.first) - 1]
    index = np.floor((times - origin + TIME_TOLERANCE) / window)
    return np.asarray(corpus.first | (np.diff(index, prepend=-1) != 0))


def _charges(corpus: Corpus, limit: float) -> Floats:
    """Return min(d, c), or c where only one is there, (frames, sources + 1, answers + 1).

    The last source and the last answer are never there: what has no partner is with them.
    """
    alone = np.where(_one_is_there(corpus), limit, 0.0)
    near = corpus.possible & (corpus.distance < limit)
    np.copyto(alone[:, :-1, :-1], corpus.distance, where=near)
    return alone


def _one_is_there(corpus: Corpus) -> Booleans:
    sounding = np.pad(corpus.sounding, ((0, 0), (0, 1)))
    claimed = np.pad(corpus.claimed, ((0, 0), (0, 1)))
    return np.asarray(sounding[:, :, None] | claimed[:, None])


@dataclass(frozen=True, eq=False)
class _TracksApart:
    """How far tracks are apart, for each window, with the two that are never there.

    Args:
        distance: mean over the frames in which one is there, (windows, sources + 1, answers + 1).
        frames: number of these frames, same shape.
    """

    distance: Floats
    frames: Floats

    @classmethod
    def of(cls, corpus: Corpus, charges: Floats, starts: Integers) -> _TracksApart:
        frames: Floats = np.add.reduceat(_one_is_there(corpus), starts, axis=0, dtype=np.float64)
        total: Floats = np.add.reduceat(charges, starts, axis=0)
        return cls(total / np.maximum(frames, 1), frames)

    @property
    def sources(self) -> Booleans:
        """Whether each source is in a window, (windows, sources)."""
        return np.asarray(self.frames[:, :-1, -1] > 0)

    @property
    def answers(self) -> Booleans:
        """Whether each answer is in a window, (windows, answers)."""
        return np.asarray(self.frames[:, -1, :-1] > 0)

    def chosen(self, p: int) -> Booleans:
        """Return which are together in the best assignment, shape as `distance`."""
        possible = self.sources[:, :, None] & self.answers[:, None]
        partner = assign(self.distance[:, :-1, :-1] ** p, possible)
        pairs = partner[..., None] == np.arange(possible.shape[2])
        chosen = np.pad(pairs, ((0, 0), (0, 1), (0, 1)))
        chosen[:, :-1, -1] = ~pairs.any(axis=2)
        chosen[:, -1, :-1] = ~pairs.any(axis=1)
        return chosen


def _weights(between: _TracksApart, p: int) -> Floats:
    """Return by what charges are multiplied so that those of a window add up to its OSPA(2)."""
    chosen = between.chosen(p)
    larger = np.maximum(between.sources.sum(axis=1), between.answers.sum(axis=1))
    power = (between.distance**p * chosen).sum(axis=(1, 2)) / np.maximum(larger, 1)
    # d^p = d^(p-1) sum d_t / |D|, and the value is its power times value^(1-p).
    slope = np.where(power > 0, power, 1.0) ** (1 / p - 1) / np.maximum(larger, 1)
    each = between.distance ** (p - 1) / np.maximum(between.frames, 1)
    return np.asarray(chosen * each * slope[:, None, None])
