"""Distance between the set of estimated tracks and the set of true tracks: OSPA(2).

What `ospa` does with the places of a frame is done here with whole tracks, so that estimates are
also penalized for losing a source, swapping two sources, or breaking a track into pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.metrics.aggregation import Additive, ratio_of
from sslbench.metrics.association import assign
from sslbench.metrics.corpus import Corpus, starts_segment
from sslbench.metrics.declaration import metric
from sslbench.metrics.families.ospa import PARAMETERS, Cost
from sslbench.metrics.per_frame import frame
from sslbench.scene import Tracks  # noqa: F401  # the example uses it
from sslbench.specs import Parameter

__all__ = ["ospa_2"]


WINDOW = Parameter("window", 0.0, "seconds of each window; 0 for the whole recording", minimum=0)


@metric(
    name="ospa-2",
    summary="Distance between the sets of estimated and true tracks, per track",
    unit="distance",
    higher_is_better=False,
    reference="Beard, Vo and Vo 2017, OSPA(2); 2020",
    parameters=(*PARAMETERS, WINDOW),
)
def ospa_2(cutoff: str = "", p: int = 1, window: float = 0.0) -> Additive:
    """Return the mean over windows of OSPA(2), in metres or degrees.

    OSPA between sets of tracks. The distance of two tracks f and g is averaged over the frames D in
    which at least one of them is active,

        ``d(f, g) = sum over t in D of d_t(f, g) / |D|``

    with d_t = min(distance, c), and c where only one of the two is active. A window with m true
    tracks and n estimated tracks has

        ``((min over assignments of the sum of d(f, g)^p + c^p |m - n|) / max(m, n))^(1/p)``

    with the sum over min(m, n) pairs of tracks. It is 0 if there are no tracks, c if there are none
    on one side, and never more than c. Beard, Vo and Vo 2017, 2020.

    Windows follow each other from the first frame of a recording; the last may be shorter. A window
    is weighted by its number of frames. The row of a frame is its contribution to its window (for
    p = 2 its share); resampling moves the value through these contributions, while the assignment
    of tracks is kept. Windows of one frame give `ospa`. NaN if there are no frames.

    Args:
        cutoff: c, by default 1m or 30deg; an arbitrary choice that scales the value and must be
            stated with it.
        p: order, 1 or 2.
        window: seconds; 0 for the whole recording. Swaps between two short windows cost nothing.

    Raises:
        ParameterError: if the cut-off is not a distance, p neither 1 nor 2, or the window negative.

    Two estimates that swap sources 1 m apart half way are wrong by 1 m for half of the time:

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [1, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0], [1, 0, 0]], [[1, 0, 0], [0, 0, 0]]], "position")
    >>> ospa_2("4m")(estimate, truth), ospa_2("4m", window=1.0)(estimate, truth)
    (0.5, 0.0)
    """
    WINDOW.check(window)
    cost = Cost.parse(cutoff, p)
    return ratio_of(partial(_contribution, cost=cost, window=window), frame, kind=cost.kind)


def _contribution(corpus: Corpus, cost: Cost, window: float) -> Floats:
    """Return the contribution of each frame to its window's frames times OSPA(2), (frames,)."""
    starts = np.flatnonzero(_starts_window(corpus, window))
    distance = _capped_distance(corpus, cost.cutoff.value_for(corpus.kind))
    tracks = _TrackDistances.of(corpus, distance, starts)
    frames = np.diff(starts, append=corpus.frames)
    weight = _weights(tracks, cost.p) * frames[:, None, None]
    return np.asarray(np.einsum("fij,fij->f", distance, np.repeat(weight, frames, axis=0)))


def _starts_window(corpus: Corpus, window: float) -> Booleans:
    """Return whether each frame is the first of a window, shape (frames,)."""
    if not window:
        return corpus.first
    times = corpus.truth.times
    return starts_segment(corpus, times - times[corpus.starts[corpus.recording]], window)


def _capped_distance(corpus: Corpus, cutoff: float) -> Floats:
    """Return min(d, c), or c where only one is active, (frames, sources + 1, estimates + 1).

    The last source and the last estimate are never active; tracks without a partner are paired with
    them.
    """
    distance = np.where(_one_is_active(corpus), cutoff, 0.0)
    near = corpus.both_active & (corpus.distance < cutoff)
    np.copyto(distance[:, :-1, :-1], corpus.distance, where=near)
    return distance


def _one_is_active(corpus: Corpus) -> Booleans:
    sources = np.pad(corpus.active_sources, ((0, 0), (0, 1)))
    estimates = np.pad(corpus.active_estimates, ((0, 0), (0, 1)))
    return np.asarray(sources[:, :, None] | estimates[:, None])


@dataclass(frozen=True, eq=False)
class _TrackDistances:
    """Distances between tracks in each window, including one of each side that is never active.

    Args:
        distance: mean over frames with one active, shape (windows, sources + 1, estimates + 1).
        frames: number of these frames, same shape.
    """

    distance: Floats
    frames: Floats

    @classmethod
    def of(cls, corpus: Corpus, distance: Floats, starts: Integers) -> _TrackDistances:
        frames: Floats = np.add.reduceat(_one_is_active(corpus), starts, axis=0, dtype=np.float64)
        total: Floats = np.add.reduceat(distance, starts, axis=0)
        return cls(total / np.maximum(frames, 1), frames)

    @property
    def sources(self) -> Booleans:
        """Whether each source is active in a window, (windows, sources)."""
        return np.asarray(self.frames[:, :-1, -1] > 0)

    @property
    def estimates(self) -> Booleans:
        """Whether each estimate is active in a window, (windows, estimates)."""
        return np.asarray(self.frames[:, -1, :-1] > 0)

    def best_pairs(self, p: int) -> Booleans:
        """Return which tracks are paired in the best assignment, same shape as `distance`."""
        allowed = self.sources[:, :, None] & self.estimates[:, None]
        partner = assign(self.distance[:, :-1, :-1] ** p, allowed)
        pairs = partner[..., None] == np.arange(allowed.shape[2])
        chosen = np.pad(pairs, ((0, 0), (0, 1), (0, 1)))
        chosen[:, :-1, -1] = ~pairs.any(axis=2)
        chosen[:, -1, :-1] = ~pairs.any(axis=1)
        return chosen


def _weights(tracks: _TrackDistances, p: int) -> Floats:
    """Return the weights with which the distances in a window add up to its OSPA(2)."""
    chosen = tracks.best_pairs(p)
    larger = np.maximum(tracks.sources.sum(axis=1), tracks.estimates.sum(axis=1))
    power = (tracks.distance**p * chosen).sum(axis=(1, 2)) / np.maximum(larger, 1)
    # d^p = d^(p-1) sum d_t / |D|, and the value is its power times value^(1-p).
    slope = np.where(power > 0, power, 1.0) ** (1 / p - 1) / np.maximum(larger, 1)
    each = tracks.distance ** (p - 1) / np.maximum(tracks.frames, 1)
    return np.asarray(chosen * each * slope[:, None, None])
