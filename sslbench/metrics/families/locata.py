"""Detection, tracking and accuracy in voice-active periods, by Evers et al. 2020 (LOCATA).

A *voice-active period* is a longest run of frames of a recording in which a source sounds. In each
frame answers are paired with sounding sources one to one, most pairs first, then the least summed
azimuth difference; a pair further apart than the gate of 30 degrees is none. A source with a pair
is *detected*, an answer without one is a *false alarm*. With ``measure=great-circle`` the whole
angle takes the place of the azimuth; the paper's rule, the default, lets any elevation pass. Two
answers beside two sources, all on one side, have the same summed difference either way round; such
ties, of which the paper does not speak, go to the least sum of squared great-circle angles.

These are the definitions of the paper. The code that was released with it lets silent sources take
answers away, counts the end of the latency as a fragmentation and reads the latency off the first
missed frame; that is not reproduced. Where the paper averages rates of periods and recordings,
seconds and counts are summed here first; errors and latencies are means of periods, as there.

Seconds are frames times the median step of the recording, so a recording of one frame has none: it
is left out of every quantity that has seconds in it, which is NaN if nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.errors import ParameterError
from sslbench.geometry import azimuth_elevation, wrap_angle
from sslbench.metrics.aggregation import Additive, percent, ratio, ratio_of
from sslbench.metrics.association import Matches, assign
from sslbench.metrics.association.history import last_before
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import quantity
from sslbench.metrics.statistics import sounding
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = [
    "SPECS",
    "azimuth_error_vap",
    "detection_probability",
    "elevation_error_vap",
    "false_alarm_rate",
    "track_fragmentation_rate",
    "track_latency",
]


PAPER = "Evers et al. 2020, The LOCATA challenge"

TIE = 1e-9
"""Weight of squared great-circle angles among costs: below 0.0001 degrees, above rounding."""

MEASURES = ("azimuth", "great-circle")
DURING = ("recording", "periods")

GATE = Parameter("gate", "30deg", "largest angle between a source and its answer")
MEASURE = Parameter("measure", "azimuth", "what the gate and the pairs go by", choices=MEASURES)


def _spec(name: str, summary: str, unit: str, *parameters: Parameter) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.locata:{name.replace('-', '_')}",
        summary=summary,
        unit=unit,
        higher_is_better=unit == "%",
        kinds=("direction",),
        reference=PAPER,
        parameters=(GATE, MEASURE, *parameters),
    )


SPECS = (
    _spec("detection-probability", "Share of voice-active frames with an answer in the gate", "%"),
    _spec(
        "false-alarm-rate",
        "Answers without a source in the gate, counted in every frame, per second",
        "1/s",
        Parameter("during", "recording", "or only while some source sounds", choices=DURING),
    ),
    _spec(
        "track-fragmentation-rate",
        "Interruptions and swaps of detected tracks per second of voice activity",
        "1/s",
    ),
    _spec("track-latency", "Time from the start of a voice-active period to its detection", "s"),
    _spec("azimuth-error-vap", "Azimuth error of detections, mean of voice-active periods", "deg"),
    _spec(
        "elevation-error-vap", "Elevation error of detections, mean of voice-active periods", "deg"
    ),
)


def detection_probability(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return p_d, the share of voice-active frames in which the source is detected, in %.

    Summed over the periods of all sources, so that long periods weigh more. NaN if no source
    sounds. Evers et al. 2020.

    Args:
        gate: largest difference of a pair.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is no angle, or the measure unknown.

    >>> front, left = [1, 0, 0], [0, 1, 0]
    >>> truth = Tracks.of([0, 1, 2, 3], [[front]] * 4, "direction")
    >>> answer = Tracks.of([0, 1, 2, 3], [[left], [front], [front], [front]], "direction")
    >>> detection_probability()(answer, truth)
    75.0
    """
    detect = _Detect.read(gate, measure)
    return ratio_of(lambda corpus: detect(corpus).detected, sounding, percent, kind="direction")


def false_alarm_rate(
    gate: str = "30deg", measure: str = "azimuth", during: str = "recording"
) -> Additive:
    """Return FAR, the number of false alarms per second.

    Every answer of every frame that is paired with no source counts 1, so one false track that
    stays for a second counts as often as there are frames in a second: compare at equal steps
    only. Evers et al. 2020; over recordings, or over the frames in which some source sounds. NaN if
    that is no time at all.

    Args:
        gate: largest difference of a pair.
        measure: `azimuth` or `great-circle`.
        during: `recording` or `periods`.

    Raises:
        ParameterError: if the gate is no angle, or the measure or `during` unknown.

    >>> front, left, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1, 1.5], [[front], [front], [none], [none]], "direction")
    >>> answer = Tracks.of([0, 0.5, 1, 1.5], [[front], [left], [left], [left]], "direction")
    >>> false_alarm_rate()(answer, truth), false_alarm_rate(during="periods")(answer, truth)
    (1.5, 1.0)
    """
    detect = _Detect.read(gate, measure)
    _check("during", during, DURING)

    def statistics(corpus: Corpus) -> Floats:
        false = corpus.claimed.sum(axis=1) - detect(corpus).detected.sum(axis=1)
        counted = np.ones(corpus.frames)
        if during == "periods":
            counted = corpus.sounding.any(axis=1).astype(float)
        return _timed(corpus, false, counted)

    return Additive(statistics, ratio, kind="direction")


def track_fragmentation_rate(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return TFR, the number of interruptions and swaps per second of voice activity.

    Within a voice-active period an *interruption* is a gap of undetected frames between two
    detections, and a *swap* is a detection by another track than the last one's; a gap after which
    another track goes on is both. What comes before the first detection is latency and what comes
    after the last one costs detection probability: neither is a fragment. Seconds are those of all
    periods of all sources. NaN if there are none. Evers et al. 2020.

    Args:
        gate: largest difference of a pair.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is no angle, or the measure unknown.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1, 1.5], [[a]] * 4, "direction")
    >>> tracks = [[a, none], [none, none], [a, none], [none, a]]
    >>> track_fragmentation_rate()(Tracks.of([0, 0.5, 1, 1.5], tracks, "direction"), truth)
    1.0
    """
    detect = _Detect.read(gate, measure)

    def statistics(corpus: Corpus) -> Floats:
        fragments = detect(corpus).fragments.sum(axis=1)
        return _timed(corpus, fragments, sounding(corpus).sum(axis=1))

    return Additive(statistics, ratio, kind="direction")


def track_latency(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return TL, the mean over voice-active periods of the time to the first detection, in s.

    From the first frame of the period to the first frame in which the source is detected: 0 if
    that is the same. A period that is never detected counts with its whole length (frames times
    step), the least that its latency can be; the paper does not say, and leaving it out would let
    silence pay. NaN if there is no period. Evers et al. 2020.

    Args:
        gate: largest difference of a pair.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is no angle, or the measure unknown.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1, 1.5, 2], [[a], [a], [none], [a], [a]], "direction")
    >>> answer = Tracks.of([0, 0.5, 1, 1.5, 2], [[none], [a], [a], [none], [none]], "direction")
    >>> track_latency()(answer, truth)
    0.75
    """
    detect = _Detect.read(gate, measure)

    def latency(corpus: Corpus) -> Floats:
        return np.nan_to_num(detect(corpus).latency)

    def known(corpus: Corpus) -> Floats:
        return np.isfinite(detect(corpus).latency).astype(float)

    return ratio_of(latency, known, kind="direction")


def azimuth_error_vap(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return the mean over voice-active periods of the mean azimuth error, in degrees.

    Within a period the mean is over the frames in which the source is detected, so no error
    exceeds the gate if that is one of azimuth; every period with a detection counts the same,
    those without do not count. NaN if there is none. Evers et al. 2020, equation (12a).

    Args:
        gate: largest difference of a pair.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is no angle, or the measure unknown.

    >>> front, near, none = [1, 0, 0], [0.96, 0.28, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2, 3], [[front], [front], [none], [front]], "direction")
    >>> answer = Tracks.of([0, 1, 2, 3], [[front], [front], [front], [near]], "direction")
    >>> round(azimuth_error_vap()(answer, truth), 2)
    8.13
    """
    return _error_of_periods(_azimuth, _Detect.read(gate, measure))


def elevation_error_vap(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return the mean over voice-active periods of the mean elevation error, in degrees.

    Pairs, gate and averaging are those of `azimuth-error-vap`: they go by azimuth, so errors up to
    180 degrees enter unless the measure is `great-circle`. NaN if no period has a detection. Evers
    et al. 2020.

    Args:
        gate: largest difference of a pair.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is no angle, or the measure unknown.

    >>> front, above, none = [1, 0, 0], [0.96, 0, 0.28], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2, 3], [[front], [front], [none], [front]], "direction")
    >>> answer = Tracks.of([0, 1, 2, 3], [[front], [front], [front], [above]], "direction")
    >>> round(elevation_error_vap()(answer, truth), 2)
    8.13
    """
    return _error_of_periods(_elevation, _Detect.read(gate, measure))


@dataclass(frozen=True, eq=False)
class _Detections:
    """Which sources are detected, by which answers.

    What belongs to a voice-active period as a whole stands at its first frame.

    Args:
        partner: answer to each source, -1 if it is not detected, shape (frames, sources).
        begin: first frame of the voice-active period of each source that sounds, same shape.
        latency: seconds to the detection, at the first frame of each period whose recording has
            more than one frame; NaN elsewhere, same shape.
        fragments: interruptions and swaps, at the frame where the track goes on, same shape.
    """

    partner: Integers
    begin: Integers
    latency: Floats
    fragments: Integers

    @property
    def detected(self) -> Floats:
        """Whether each source is detected, as 0 or 1."""
        return (self.partner >= 0).astype(float)


@dataclass(frozen=True)
class _Detect:
    """How sources are detected; called with a corpus it does so, once for all metrics."""

    gate: float
    measure: str

    @classmethod
    def read(cls, gate: str, measure: str) -> _Detect:
        _check("measure", measure, MEASURES)
        return cls(quantity(gate, "direction").value, measure)

    def __call__(self, corpus: Corpus) -> _Detections:
        return corpus.once(_detections, self.gate, self.measure)


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ParameterError(f"{name}={value!r} is not known", expected=" or ".join(known))


def _detections(corpus: Corpus, gate: float, measure: str) -> _Detections:
    apart = corpus.distance if measure == "great-circle" else _apart(corpus)
    cost = apart + TIE * corpus.distance**2
    partner = assign(cost, corpus.possible & (apart <= gate))
    begin = _begin(corpus)
    before = last_before(corpus, partner >= 0)
    again = (partner >= 0) & (before >= begin)
    former = np.take_along_axis(partner, np.maximum(before, 0), axis=0)
    gap = before < np.arange(corpus.frames)[:, None] - 1
    return _Detections(
        partner,
        begin,
        _latency(corpus, begin, (partner >= 0) & ~again),
        (again & gap).astype(np.int64) + (again & (partner != former)),
    )


def _apart(corpus: Corpus) -> Floats:
    """Return degrees of azimuth of each source from each answer, (frames, sources, answers)."""
    here, _ = azimuth_elevation(corpus.truth.xyz)
    there, _ = azimuth_elevation(corpus.prediction.xyz)
    return np.degrees(np.abs(wrap_angle(here[:, :, None] - there[:, None])))


def _begin(corpus: Corpus) -> Integers:
    """Return the first frame of the period that each sounding source is in, (frames, sources)."""
    silent_before = np.ones_like(corpus.sounding)
    silent_before[1:] = ~corpus.sounding[:-1]
    starts = corpus.sounding & (silent_before | corpus.first[:, None])
    index = np.arange(corpus.frames)[:, None]
    return np.maximum.accumulate(np.where(starts, index, 0), axis=0)


def _latency(corpus: Corpus, begin: Integers, earliest: Booleans) -> Floats:
    """Return seconds to the detection of each period, NaN except at its first frame."""
    times = corpus.truth.times[:, None]
    delay = np.where(earliest, times - corpus.truth.times[begin], 0.0)
    found = _by_period(corpus, begin, earliest.astype(float)) > 0
    length = _by_period(corpus, begin, np.repeat(corpus.seconds[:, None], begin.shape[1], axis=1))
    seconds = np.where(found, _by_period(corpus, begin, delay), length)
    starts = corpus.sounding & (begin == np.arange(corpus.frames)[:, None])
    return np.where(starts & np.isfinite(length), seconds, np.nan)


def _by_period(corpus: Corpus, begin: Integers, values: Floats) -> Floats:
    """Add up values over each voice-active period, at its first frame, 0 elsewhere."""
    frames, sources = begin.shape
    place = (begin * sources + np.arange(sources))[corpus.sounding]
    summed = np.bincount(place, values[corpus.sounding], minlength=begin.size)
    return np.asarray(summed.reshape(frames, sources), dtype=float)


def _timed(corpus: Corpus, events: NDArray[np.generic], counted: Floats) -> Floats:
    """Return events, seconds and frames of what counts, shape (frames, 3)."""
    among = counted * np.isfinite(corpus.seconds)
    seconds = among * np.nan_to_num(corpus.seconds)
    return np.column_stack([events * (among > 0), seconds, among])


def _error_of_periods(error: Callable[[Matches], Floats], detect: _Detect) -> Additive:
    def statistics(corpus: Corpus) -> Floats:
        found = detect(corpus)
        matches = Matches(corpus, found.partner)
        summed = _by_period(corpus, found.begin, np.nan_to_num(error(matches)))
        frames = _by_period(corpus, found.begin, found.detected)
        means = np.where(frames > 0, summed / np.maximum(frames, 1), 0.0)
        return np.column_stack([means.sum(axis=1), (frames > 0).sum(axis=1)])

    return Additive(statistics, ratio, kind="direction")


def _azimuth(matches: Matches) -> Floats:
    given, _ = azimuth_elevation(matches.answers)
    true, _ = azimuth_elevation(matches.corpus.truth.xyz)
    return np.degrees(np.abs(wrap_angle(given - true)))


def _elevation(matches: Matches) -> Floats:
    _, given = azimuth_elevation(matches.answers)
    _, true = azimuth_elevation(matches.corpus.truth.xyz)
    return np.degrees(np.abs(given - true))
