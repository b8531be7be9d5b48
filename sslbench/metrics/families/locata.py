"""Detection, tracking and accuracy in voice-active periods, by Evers et al. 2020 (LOCATA).

A *voice-active period* is a longest run of frames of a recording in which a source is active. In
each frame estimates are matched to active sources one to one, most pairs first, then by least
summed azimuth difference. Pairs farther apart than the gate of 30 degrees are not matched. A source
with an estimate is *detected*; an estimate without a source is a *false alarm*. With
``measure=great-circle`` the great-circle angle replaces the azimuth; by the rule of the paper, the
default, the elevation may be arbitrarily wrong. If two estimates are both to the same side of two
sources, both assignments have the same summed difference; such ties, which the paper does not
mention, go to the least sum of squared great-circle angles.

These are the definitions of the paper. The code released with it matches estimates to inactive
sources, counts the end of the latency as a fragmentation, and takes the latency from the first
missed frame; this is not reproduced. Where the paper averages rates of periods and recordings,
seconds and counts are summed first here; errors and latencies are means over periods, as there.

Seconds are numbers of frames times the median step of the recording. A recording of one frame has
no step: it is left out of all quantities that involve seconds, which are NaN if nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.geometry import azimuth_elevation
from sslbench.metrics.aggregation import Additive, percent, ratio, ratio_of
from sslbench.metrics.association import Matches
from sslbench.metrics.association.voice_activity import MEASURE, Detections, detect
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import parse_distance
from sslbench.metrics.per_frame import (
    active_sources,
    azimuth_error,
    count,
    estimate_count,
    source_count,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
    "azimuth_error_vap",
    "detection_probability",
    "elevation_error_vap",
    "false_alarm_rate",
    "track_fragmentation_rate",
    "track_latency",
]


PAPER = "Evers et al. 2020, The LOCATA challenge"

PARAMETERS = (
    Parameter("gate", "30deg", "largest angle between a source and its estimate"),
    MEASURE,
)

DURING = Parameter(
    "during",
    "recording",
    "count in the whole recording, or only while a source is active",
    choices=("recording", "periods"),
)

Detector = Callable[[Corpus], Detections]

declare = partial(
    metric,
    kinds=("direction",),
    reference=PAPER,
    parameters=PARAMETERS,
)


@declare(
    name="detection-probability",
    summary="Share of voice-active frames with an estimate within the gate",
    unit="%",
    higher_is_better=True,
)
def detection_probability(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return p_d, the share of voice-active frames in which the source is detected, in %.

    Summed over the periods of all sources, so that long periods have more weight. NaN if no source
    is active. Evers et al. 2020.

    Args:
        gate: largest angle between a source and its estimate.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is not an angle, or the measure is unknown.

    >>> front, left = [1, 0, 0], [0, 1, 0]
    >>> truth = Tracks.of([0, 1, 2, 3], [[front]] * 4, "direction")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[left], [front], [front], [front]], "direction")
    >>> detection_probability()(estimate, truth)
    75.0
    """
    detections = _detector(gate, measure)

    def detected(corpus: Corpus) -> Floats:
        return detections(corpus).matches.matched.astype(float)

    return ratio_of(detected, active_sources, percent, kind="direction")


@declare(
    name="false-alarm-rate",
    summary="Estimates without a source within the gate, counted in every frame, per second",
    unit="1/s",
    higher_is_better=False,
    parameters=(*PARAMETERS, DURING),
)
def false_alarm_rate(
    gate: str = "30deg", measure: str = "azimuth", during: str = "recording"
) -> Additive:
    """Return FAR, the number of false alarms per second.

    Every estimate of every frame that is not matched to a source counts 1. A false track of one
    second therefore counts as often as there are frames in a second: compare values for equal time
    steps only. Evers et al. 2020. The duration is that of the recordings, or of the frames in which
    some source is active. NaN if it is 0.

    Args:
        gate: largest angle between a source and its estimate.
        measure: `azimuth` or `great-circle`.
        during: `recording` or `periods`.

    Raises:
        ParameterError: if the gate is not an angle, or the measure or `during` is unknown.

    >>> front, left, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1, 1.5], [[front], [front], [none], [none]], "direction")
    >>> estimate = Tracks.of([0, 0.5, 1, 1.5], [[front], [left], [left], [left]], "direction")
    >>> false_alarm_rate()(estimate, truth), false_alarm_rate(during="periods")(estimate, truth)
    (1.5, 1.0)
    """
    detections = _detector(gate, measure)
    DURING.check(during)

    def statistics(corpus: Corpus) -> Floats:
        false = estimate_count(corpus) - count(detections(corpus).matches.matched)
        counted = np.ones(corpus.frames)
        if during == "periods":
            counted = corpus.active_sources.any(axis=1).astype(float)
        return _with_seconds(corpus, false, counted)

    return Additive(statistics, ratio, kind="direction")


@declare(
    name="track-fragmentation-rate",
    summary="Interruptions and swaps of detected tracks per second of voice activity",
    unit="1/s",
    higher_is_better=False,
)
def track_fragmentation_rate(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return TFR, the number of interruptions and swaps per second of voice activity.

    Within a voice-active period, an *interruption* is a gap of undetected frames between two
    detections, and a *swap* is a detection by another track than the previous detection. A gap
    after which another track continues is both. Undetected frames before the first detection are
    latency, and those after the last one lower the detection probability: neither is a fragment.
    Seconds are those of all periods of all sources. NaN if there are none. Evers et al. 2020.

    Args:
        gate: largest angle between a source and its estimate.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is not an angle, or the measure is unknown.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1, 1.5], [[a]] * 4, "direction")
    >>> tracks = [[a, none], [none, none], [a, none], [none, a]]
    >>> track_fragmentation_rate()(Tracks.of([0, 0.5, 1, 1.5], tracks, "direction"), truth)
    1.0
    """
    detections = _detector(gate, measure)

    def statistics(corpus: Corpus) -> Floats:
        fragments = detections(corpus).fragments.sum(axis=1)
        return _with_seconds(corpus, fragments, source_count(corpus))

    return Additive(statistics, ratio, kind="direction")


@declare(
    name="track-latency",
    summary="Time from the start of a voice-active period to its first detection",
    unit="s",
    higher_is_better=False,
)
def track_latency(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return TL, the mean over voice-active periods of the time to the first detection, in s.

    The time from the first frame of the period to the first frame in which the source is detected:
    0 if that is the same frame. A period that is never detected counts with its whole length
    (number of frames times step), the smallest possible latency. The paper does not state a rule
    for this case; leaving the period out would reward missed detections. NaN if there are no
    periods. Evers et al. 2020.

    Args:
        gate: largest angle between a source and its estimate.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is not an angle, or the measure is unknown.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1, 1.5, 2], [[a], [a], [none], [a], [a]], "direction")
    >>> estimate = Tracks.of([0, 0.5, 1, 1.5, 2], [[none], [a], [a], [none], [none]], "direction")
    >>> track_latency()(estimate, truth)
    0.75
    """
    detections = _detector(gate, measure)

    def latency(corpus: Corpus) -> Floats:
        return np.nan_to_num(detections(corpus).latency)

    def known(corpus: Corpus) -> Floats:
        return np.isfinite(detections(corpus).latency).astype(float)

    return ratio_of(latency, known, kind="direction")


@declare(
    name="azimuth-error-vap",
    summary="Azimuth error of detected sources, averaged over voice-active periods",
    unit="deg",
    higher_is_better=False,
)
def azimuth_error_vap(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return the mean over voice-active periods of the mean azimuth error, in degrees.

    Within a period the mean is over the frames in which the source is detected, so no error exceeds
    the gate if the gate applies to the azimuth. Every period with a detection has the same weight;
    periods without a detection do not count. NaN if there is no detection. Evers et al. 2020,
    equation (12a).

    Args:
        gate: largest angle between a source and its estimate.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is not an angle, or the measure is unknown.

    >>> front, near, none = [1, 0, 0], [0.96, 0.28, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2, 3], [[front], [front], [none], [front]], "direction")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[front], [front], [front], [near]], "direction")
    >>> round(azimuth_error_vap()(estimate, truth), 2)
    8.13
    """
    return _mean_of_periods(azimuth_error, _detector(gate, measure))


@declare(
    name="elevation-error-vap",
    summary="Elevation error of detected sources, averaged over voice-active periods",
    unit="deg",
    higher_is_better=False,
)
def elevation_error_vap(gate: str = "30deg", measure: str = "azimuth") -> Additive:
    """Return the mean over voice-active periods of the mean elevation error, in degrees.

    Matching, gate and averaging are those of `azimuth-error-vap`. They use the azimuth, so errors
    of up to 180 degrees are included unless the measure is `great-circle`. NaN if no period has a
    detection. Evers et al. 2020.

    Args:
        gate: largest angle between a source and its estimate.
        measure: `azimuth` or `great-circle`.

    Raises:
        ParameterError: if the gate is not an angle, or the measure is unknown.

    >>> front, above, none = [1, 0, 0], [0.96, 0, 0.28], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2, 3], [[front], [front], [none], [front]], "direction")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[front], [front], [front], [above]], "direction")
    >>> round(elevation_error_vap()(estimate, truth), 2)
    8.13
    """
    return _mean_of_periods(_elevation_error, _detector(gate, measure))


def _with_seconds(corpus: Corpus, events: Floats | Integers, counted: Floats) -> Floats:
    """Return events, seconds and the number of frames that are counted, shape (frames, 3)."""
    counted = counted * np.isfinite(corpus.seconds)
    seconds = counted * np.nan_to_num(corpus.seconds)
    return np.column_stack([events * (counted > 0), seconds, counted])


def _detector(gate: str, measure: str) -> Detector:
    """Return the function that detects sources, once for all metrics with these parameters."""
    degrees = parse_distance(gate, "direction").value
    MEASURE.check(measure)

    def detections(corpus: Corpus) -> Detections:
        return corpus.cached(detect, degrees, measure)

    return detections


def _mean_of_periods(error: Callable[[Matches], Floats], detections: Detector) -> Additive:
    def statistics(corpus: Corpus) -> Floats:
        found = detections(corpus)
        summed = found.sum_by_period(np.nan_to_num(error(found.matches)))
        frames = found.sum_by_period(found.matches.matched.astype(float))
        means = np.where(frames > 0, summed / np.maximum(frames, 1), 0.0)
        return np.column_stack([means.sum(axis=1), (frames > 0).sum(axis=1)])

    return Additive(statistics, ratio, kind="direction")


def _elevation_error(matches: Matches) -> Floats:
    _, estimated = azimuth_elevation(matches.estimates)
    _, true = azimuth_elevation(matches.corpus.truth.xyz)
    return np.degrees(np.abs(estimated - true))
