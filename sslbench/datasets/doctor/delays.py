"""Delays between microphones: those that can be heard, and those that labels imply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from sslbench.acoustics.gcc import gcc_phat
from sslbench.acoustics.peaks import correlation_peaks
from sslbench.array_types import Floats
from sslbench.datasets.real.recording_files import evenly
from sslbench.geometry import Box, microphone_pairs, tdoa
from sslbench.scene import Kind, Recording, Scene

__all__ = [
    "Observation",
    "closed",
    "explained",
    "far_field_tdoa",
    "implied_delays",
    "observe",
    "tolerance",
]


UPSAMPLE = 4
"""Lags a sample: with the parabola through a peak this leaves an error of some hundredths."""

REACH = (0.05, 0.1)
"""Least and greatest delay in seconds that is looked for: clock offsets exceed the aperture."""

STRONG = 0.5
"""A peak counts if it reaches this part of the highest peak of its pair."""

SPARE = 3
"""Peaks beyond one a source: reflections can be higher than the direct sound."""

FRAME = 0.25
"""Seconds of sound that are looked at where a recording names no frame."""

CANDIDATES = 3
"""Frames that are cut for each one that is used: the loudest are."""

TOLERANCE = (20e-6, 100e-6)
"""Bounds in seconds of what still counts as the same delay; 100 us are 3.4 cm of path."""


@dataclass(frozen=True, eq=False)
class Observation:
    """What is heard at one time of one recording, beside what its labels say.

    Args:
        measured: delays in seconds at strong peaks, shape (pairs, peaks), NaN where there are
            fewer; their sign is that of `sslbench.geometry.tdoa`.
        microphones: metres, shape (channels, 3).
        sources: metres or unit vectors, shape (sources, 3).
        kind: which of the two `sources` holds.
        speed_of_sound: in m/s.
        region: where positions can lie.
    """

    measured: Floats
    microphones: Floats
    sources: Floats
    kind: Kind
    speed_of_sound: float
    region: Box | None = None


def far_field_tdoa(microphones: Floats, directions: Floats, speed_of_sound: float) -> Floats:
    """Return the arrival time at i minus that at j, in seconds, of plane waves.

    Args:
        microphones: metres, shape (channels, 3).
        directions: unit vectors towards the sources, shape (..., 3).
        speed_of_sound: in m/s.

    Returns:
        Shape (..., pairs), pairs i < j: negative where i is nearer to the source.
    """
    i, j = microphone_pairs(len(microphones))
    return np.asarray(directions @ (microphones[j] - microphones[i]).T / speed_of_sound)


def implied_delays(observation: Observation) -> Floats:
    """Return the delays in seconds that the labels imply, shape (sources, pairs)."""
    mics, speed = observation.microphones, observation.speed_of_sound
    if observation.kind == "direction":
        return far_field_tdoa(mics, observation.sources, speed)
    return tdoa(mics, observation.sources, speed)


def tolerance(observations: Sequence[Observation]) -> float:
    """Return how far apart in seconds two delays may be to count as one.

    It is a part of the largest delays heard (placing errors of a small array grow with them),
    and never comes from the labels, which may be wrong a thousandfold.
    """
    heard = np.concatenate([np.abs(o.measured[:, 0]) for o in observations])
    largest = np.nanpercentile(heard, 90) if np.isfinite(heard).any() else TOLERANCE[0]
    return float(np.clip(0.15 * largest, *TOLERANCE))


def explained(
    observations: Sequence[Observation], implied: Sequence[Floats], within: float
) -> float:
    """Return the part of the delays that is heard as implied by the best source, from 0 to 1.

    Where several sources sound, the loudest of the moment shapes the peaks: each observation is
    held against the source that explains most pairs.

    Args:
        observations: what is heard.
        implied: delays in seconds for each observation, shape (sources, pairs).
        within: how far in seconds a peak may be away.
    """
    hits = total = 0
    for observation, delays in zip(observations, implied, strict=True):
        away = np.abs(observation.measured[None] - delays[..., None])
        heard = np.isfinite(observation.measured[:, 0])
        explains = np.asarray((away <= within).any(axis=-1))[:, heard]
        hits += int(explains.sum(axis=1).max(initial=0))
        total += int(heard.sum())
    return hits / total if total else 0.0


def closed(observations: Sequence[Observation], within: float) -> float:
    """Return the part of the microphone triples whose delays agree among themselves, from 0 to 1.

    From i to j and on to k a sound of one place is as late as from i to k, whatever the labels
    say; the highest peaks of reverberation are not.

    Args:
        observations: what is heard.
        within: how far in seconds a sum may be away.
    """
    shares = []
    for observation in observations:
        count = len(observation.microphones)
        delay = np.zeros((count, count))
        i, j = microphone_pairs(count)
        delay[i, j] = observation.measured[:, 0]
        first, second, third = (
            np.array(list(combinations(range(count), 3)), dtype=int).reshape(-1, 3).T
        )
        away = delay[first, second] + delay[second, third] - delay[first, third]
        shares += list(np.abs(away[np.isfinite(away)]) <= within)
    return float(np.mean(shares)) if shares else 0.0


def observe(scene: Scene, most: int) -> list[Observation]:
    """Measure the delays of at most `most` times of a scene, where sources sound and are loud.

    Encoded formats have no delays: they give no observation.
    """
    recording, truth = scene.recording, scene.truth.tracks
    mics = recording.array.positions
    sounding = np.flatnonzero(truth.active.any(axis=1))
    if mics is None or not len(sounding):
        return []
    frames, rows = _frames(recording, evenly(list(sounding), CANDIDATES * most), CANDIDATES * most)
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
    """Cut frames, shape (frames, channels, samples), and tell the row of the truth for each."""
    times, frame = recording.times[rows], recording.frame or FRAME
    if recording.frame is None and len(recording.times) == 1:
        # Nothing moves: any part of the recording will do.
        times = np.arange(frame / 2, max(recording.duration - frame / 2, frame), frame / 2)
        times = np.array(evenly(list(times), most))
        rows = rows * len(times)
    return replace(recording, times=times, frame=frame).frames(), rows


def _peaks(frame: NDArray[np.float32], recording: Recording, count: int) -> Floats:
    """Return strong delays in seconds, shape (pairs, count), highest peak first."""
    rate = recording.sample_rate
    reach = np.clip(3 * recording.array.aperture / recording.speed_of_sound, *REACH)
    lag = min(int(reach * rate), frame.shape[1] // 2)
    # Edges are cut at one time in all channels and would be heard as a delay of zero.
    faded = torch.from_numpy(frame) * torch.hann_window(frame.shape[1])
    lags, heights = correlation_peaks(gcc_phat(faded, lag, UPSAMPLE), count)
    strong = heights >= STRONG * heights[..., :1]
    seconds = lags.masked_fill(~strong, torch.nan).double() / (UPSAMPLE * rate)
    return np.asarray(seconds.numpy())
