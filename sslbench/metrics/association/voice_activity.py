"""Match estimates to sources as in LOCATA, and find voice-active periods (Evers et al. 2020).

A *voice-active period* is a longest run of frames of a recording in which a source is active.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.geometry import azimuth_elevation, wrap_angle
from sslbench.metrics.association.framewise import Matches, assign
from sslbench.metrics.association.history import last_before
from sslbench.metrics.corpus import Corpus
from sslbench.parameters import Parameter
from sslbench.scene import Tracks  # noqa: F401  # the example uses it

__all__ = ["MEASURE", "Detections", "detect"]


TIE = 1e-9
"""Weight of squared great-circle angles in costs: below 0.0001 degrees, above rounding errors."""

MEASURE = Parameter(
    "measure",
    "azimuth",
    "angle used for the gate and for matching",
    choices=("azimuth", "great-circle"),
)


@dataclass(frozen=True, eq=False)
class Detections:
    """Which sources are detected, and by which estimates.

    Values of a voice-active period are stored at its first frame.

    Args:
        matches: the detected sources and their estimates.
        begin: first frame of the voice-active period of each active source, (frames, sources).
        latency: seconds to the first detection, at the first frame of each period whose recording
            has more than one frame; NaN elsewhere, same shape.
        fragments: interruptions and swaps, at the frame where the track continues, same shape.
    """

    matches: Matches
    begin: Integers
    latency: Floats
    fragments: Integers

    def sum_by_period(self, values: Floats) -> Floats:
        """Add up the values of each period, at its first frame; 0 elsewhere.

        Args:
            values: shape (frames, sources).

        Returns:
            Same shape.
        """
        return _sum_by_period(self.matches.corpus, self.begin, values)


def detect(corpus: Corpus, gate: float, measure: str = "azimuth") -> Detections:
    """Match estimates to active sources within a gate, and find the voice-active periods.

    Args:
        corpus: estimates and ground truth; directions.
        gate: degrees; pairs farther apart are not matched.
        measure: `azimuth` or `great-circle`, the angle used for the gate and for matching.

    Raises:
        ParameterError: if the measure is unknown.

    >>> front, left = [1, 0, 0], [0, 1, 0]
    >>> truth = Tracks.of([0, 0.5], [[front], [front]], "direction")
    >>> estimate = Tracks.of([0, 0.5], [[left], [front]], "direction")
    >>> detect(Corpus.of([(estimate, truth)]), 30).latency[:, 0].tolist()
    [0.5, nan]
    """
    MEASURE.check(measure)
    angle = corpus.distance if measure == "great-circle" else _azimuth_difference(corpus)
    cost = angle + TIE * corpus.distance**2
    matches = Matches(corpus, assign(cost, corpus.both_active & (angle <= gate)))
    begin = _begin(corpus)
    before = last_before(corpus, matches.matched)
    again = matches.matched & (before >= begin)
    former = np.take_along_axis(matches.partner, np.maximum(before, 0), axis=0)
    gap = before < np.arange(corpus.frames)[:, None] - 1
    return Detections(
        matches,
        begin,
        _latency(corpus, begin, matches.matched & ~again),
        (again & gap).astype(np.int64) + (again & (matches.partner != former)),
    )


def _azimuth_difference(corpus: Corpus) -> Floats:
    """Return degrees of azimuth between sources and estimates, (frames, sources, estimates)."""
    true, _ = azimuth_elevation(corpus.truth.xyz)
    estimated, _ = azimuth_elevation(corpus.prediction.xyz)
    return np.degrees(np.abs(wrap_angle(true[:, :, None] - estimated[:, None])))


def _begin(corpus: Corpus) -> Integers:
    """Return the first frame of the period of each active source, (frames, sources)."""
    inactive_before = np.ones_like(corpus.active_sources)
    inactive_before[1:] = ~corpus.active_sources[:-1]
    starts = corpus.active_sources & (inactive_before | corpus.first[:, None])
    index = np.arange(corpus.frames)[:, None]
    return np.maximum.accumulate(np.where(starts, index, 0), axis=0)


def _latency(corpus: Corpus, begin: Integers, earliest: Booleans) -> Floats:
    """Return seconds to the first detection of each period, NaN except at its first frame."""
    times = corpus.truth.times[:, None]
    delay = np.where(earliest, times - corpus.truth.times[begin], 0.0)
    found = _sum_by_period(corpus, begin, earliest.astype(float)) > 0
    step = np.repeat(corpus.seconds[:, None], begin.shape[1], axis=1)
    length = _sum_by_period(corpus, begin, step)
    seconds = np.where(found, _sum_by_period(corpus, begin, delay), length)
    starts = corpus.active_sources & (begin == np.arange(corpus.frames)[:, None])
    return np.where(starts & np.isfinite(length), seconds, np.nan)


def _sum_by_period(corpus: Corpus, begin: Integers, values: Floats) -> Floats:
    """Add up the values of each voice-active period, at its first frame; 0 elsewhere."""
    frames, sources = begin.shape
    active = corpus.active_sources
    index = (begin * sources + np.arange(sources))[active]
    summed = np.bincount(index, values[active], minlength=begin.size)
    return np.asarray(summed.reshape(frames, sources), dtype=float)
