"""Delays between microphones: measured in the audio, and implied by the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from sslbench.acoustics.gcc import gcc_phat
from sslbench.acoustics.peaks import correlation_peaks
from sslbench.array_types import Booleans, Floats
from sslbench.datasets.real.recording_files import evenly
from sslbench.geometry import Box, far_field_tdoa, microphone_pairs, tdoa
from sslbench.scene import Kind, Recording, Scene

__all__ = [
    "Observation",
    "closure_share",
    "count_matches",
    "implied_delays",
    "matching_share",
    "observe",
    "tolerance",
]


UPSAMPLE = 4
"""Lags per sample; with parabolic interpolation the error is a few hundredths of a sample."""

REACH = (0.05, 0.1)
"""Bounds in seconds of the largest delay that is searched: clock offsets exceed the aperture."""

STRONG = 0.5
"""Minimum height of a peak relative to the highest peak of its pair."""

SPARE = 3
"""Number of peaks in addition to one per source: reflections can exceed the direct sound."""

FRAME = 0.25
"""Length in seconds of an analysed frame, for recordings without a frame length."""

CANDIDATES = 3
"""Number of frames cut per frame that is used: the loudest frames are used."""

TOLERANCE = (20e-6, 100e-6)
"""Bounds in seconds of the tolerance for equal delays; 100 us correspond to a path of 3.4 cm."""


@dataclass(frozen=True, eq=False)
class Observation:
    """Measured delays in one frame of a recording, together with its labels.

    Args:
        measured: delays in seconds at strong peaks, shape (pairs, peaks), highest peak first, NaN
            where there are fewer; the sign convention is that of `sslbench.geometry.tdoa`.
        microphones: metres, shape (channels, 3).
        sources: labels in metres or as unit vectors, shape (sources, 3).
        kind: whether `sources` are positions or directions.
        speed_of_sound: in m/s.
        region: search region of positions.
    """

    measured: Floats
    microphones: Floats
    sources: Floats
    kind: Kind
    speed_of_sound: float
    region: Box | None = None

    @property
    def strongest(self) -> Floats:
        """Delay at the highest peak of each pair in seconds, shape (pairs,); NaN if none."""
        return self.measured[:, 0]

    @property
    def measurable(self) -> Booleans:
        """Whether a delay was measured, shape (pairs,)."""
        return np.isfinite(self.strongest)


def implied_delays(observation: Observation) -> Floats:
    """Return the delays in seconds that the labels imply, shape (sources, pairs)."""
    mics, speed = observation.microphones, observation.speed_of_sound
    if observation.kind == "direction":
        return far_field_tdoa(mics, observation.sources, speed)
    return tdoa(mics, observation.sources, speed)


def tolerance(observations: Sequence[Observation]) -> float:
    """Return the largest difference in seconds between two delays that count as equal.

    It is a fraction of the largest measured delays, because errors in the microphone positions of a
    small array are smaller. It does not depend on the labels, which may be wrong by a factor of
    1000.
    """
    sizes = np.concatenate([np.abs(o.strongest) for o in observations])
    largest = np.nanpercentile(sizes, 90) if np.isfinite(sizes).any() else TOLERANCE[0]
    return float(np.clip(0.15 * largest, *TOLERANCE))


def count_matches(observation: Observation, implied: Floats, within: float) -> int:
    """Return the number of pairs with a measured delay that equals the implied one.

    If there are several sources, the one that is loudest in the frame determines the peaks. So
    only the source with the most matching pairs counts.

    Args:
        observation: measured delays.
        implied: delays in seconds, shape (sources, pairs).
        within: largest difference in seconds that counts as equal.
    """
    difference = np.abs(observation.measured[None] - implied[..., None])
    matches = np.asarray((difference <= within).any(axis=-1))[:, observation.measurable]
    return int(matches.sum(axis=1).max(initial=0))


def matching_share(
    observations: Sequence[Observation], implied: Sequence[Floats], within: float
) -> float:
    """Return the share of the measured delays that equal the implied ones, from 0 to 1.

    Args:
        observations: measured delays.
        implied: delays in seconds for each observation, each of shape (sources, pairs).
        within: largest difference in seconds that counts as equal.
    """
    counts = [
        count_matches(observation, delays, within)
        for observation, delays in zip(observations, implied, strict=True)
    ]
    total = sum(int(observation.measurable.sum()) for observation in observations)
    return sum(counts) / total if total else 0.0


def closure_share(observations: Sequence[Observation], within: float) -> float:
    """Return the share of microphone triples (i, j, k) with consistent delays, from 0 to 1.

    For the direct sound of one source, the delays from i to j and from j to k add up to that from i
    to k, whatever the labels are. The highest peaks of reverberation do not have this property.

    Args:
        observations: measured delays.
        within: largest closure error in seconds of a consistent triple.
    """
    shares = []
    for observation in observations:
        count = len(observation.microphones)
        delay = np.zeros((count, count))
        i, j = microphone_pairs(count)
        delay[i, j] = observation.strongest
        first, second, third = (
            np.array(list(combinations(range(count), 3)), dtype=int).reshape(-1, 3).T
        )
        error = delay[first, second] + delay[second, third] - delay[first, third]
        shares += list(np.abs(error[np.isfinite(error)]) <= within)
    return float(np.mean(shares)) if shares else 0.0


def observe(scene: Scene, most: int) -> list[Observation]:
    """Measure delays in at most `most` frames of a scene: loud frames with an active source.

    Encoded formats have no delays and give no observation.
    """
    recording, truth = scene.recording, scene.truth.tracks
    mics = recording.array.positions
    active = np.flatnonzero(truth.active.any(axis=1))
    if mics is None or not len(active):
        return []
    frames, rows = _frames(recording, evenly(list(active), CANDIDATES * most), CANDIDATES * most)
    loudest = np.sort(np.argsort((frames**2).sum(axis=(1, 2)))[::-1][:most])
    return [
        Observation(
            measured=_peaks(frames[k], recording, SPARE + int(truth.active[rows[k]].sum())),
            microphones=mics,
            sources=truth.xyz[rows[k]][truth.active[rows[k]]],
            kind=truth.kind,
            speed_of_sound=recording.speed_of_sound,
            region=recording.region,
        )
        for k in loudest
    ]


def _frames(
    recording: Recording, rows: list[int], most: int
) -> tuple[NDArray[np.float32], list[int]]:
    """Return frames, shape (frames, channels, samples), and the ground truth row of each."""
    times, frame = recording.times[rows], recording.frame or FRAME
    if recording.frame is None and len(recording.times) == 1:
        # Nothing moves, so any part of the recording can be used.
        times = np.arange(frame / 2, max(recording.duration - frame / 2, frame), frame / 2)
        times = np.array(evenly(list(times), most))
        rows = rows * len(times)
    return replace(recording, times=times, frame=frame).frames(), rows


def _peaks(frame: NDArray[np.float32], recording: Recording, count: int) -> Floats:
    """Return strong delays in seconds, shape (pairs, count), highest peak first."""
    rate = recording.sample_rate
    reach = np.clip(3 * recording.array.aperture / recording.speed_of_sound, *REACH)
    lag = min(int(reach * rate), frame.shape[1] // 2)
    # Without a window, the simultaneous truncation of all channels gives a peak at delay zero.
    windowed = torch.from_numpy(frame) * torch.hann_window(frame.shape[1])
    lags, heights = correlation_peaks(gcc_phat(windowed, lag, UPSAMPLE), count)
    strong = heights >= STRONG * heights[..., :1]
    seconds = lags.masked_fill(~strong, torch.nan).double() / (UPSAMPLE * rate)
    return np.asarray(seconds.numpy())
