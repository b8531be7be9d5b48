"""Frames of a recording of LuViRA: where the source is in each, and which are silent."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sslbench.array_types import Booleans, Floats, Integers

__all__ = ["FRAME", "interpolated", "silent_frames"]

FRAME = 2048
"""Samples per frame at 16 kHz (Berg et al., section IV)."""

LONGEST_GAP = 0.05
"""Seconds between two captured rows up to which a position is interpolated: five rows."""

CHUNK = 4096
"""Frames whose power is computed at once."""


def interpolated(trajectory: Floats, times: Floats) -> Floats:
    """Interpolate between the two rows around each time.

    Args:
        trajectory: rows of seconds, x, y and z, shape (rows, 4).
        times: seconds, shape (frames,).

    Returns:
        Positions, shape (frames, 3); NaN unless both rows were captured, at most 0.05 s apart.
    """
    rows = trajectory[:, 0]
    after = np.searchsorted(rows, times).clip(1, max(1, len(rows) - 1))
    before = after - 1
    if len(rows) < 2:
        return np.full((len(times), 3), np.nan)
    step = rows[after] - rows[before]
    share = (times - rows[before]) / step
    xyz = trajectory[before, 1:] * (1 - share[:, None]) + trajectory[after, 1:] * share[:, None]
    xyz[(share < 0) | (share > 1) | (step > LONGEST_GAP)] = np.nan
    return np.asarray(xyz)


def silent_frames(
    source: NDArray[np.float32], audio: NDArray[np.float32], starts: Integers, threshold_db: float
) -> Booleans:
    """Return which frames are silent, shape (frames,).

    Args:
        source: the source's own microphone, shape (1, samples), or shape (0, samples) without one:
            then the mean over all microphones counts.
        audio: all microphones, shape (channels, samples).
        starts: first sample of each frame.
        threshold_db: power of a silent frame relative to the mean power of the tracks, in dB.
    """
    tracks = source if len(source) else audio
    power = np.mean([_frame_power(track, starts) for track in tracks], axis=0)
    total = np.mean([_mean_power(track) for track in tracks])
    return np.asarray(power < total * 10 ** (threshold_db / 10))


def _frame_power(track: NDArray[np.float32], starts: Integers) -> Floats:
    # In chunks: with a hop of a few samples the frames of an hour do not fit in memory.
    power = np.zeros(len(starts))
    for first in range(0, len(starts), CHUNK):
        part = starts[first : first + CHUNK]
        samples = np.asarray(track[part[0] : part[-1] + FRAME], dtype=np.float64)
        frames = sliding_window_view(samples, FRAME)[part - part[0]]
        power[first : first + CHUNK] = np.einsum("ij,ij->i", frames, frames) / FRAME
    return power


def _mean_power(track: NDArray[np.float32]) -> float:
    block = CHUNK * FRAME
    energy = 0.0
    for first in range(0, len(track), block):
        samples = np.asarray(track[first : first + block], dtype=np.float64)
        energy += float(samples @ samples)
    return energy / max(1, len(track))
