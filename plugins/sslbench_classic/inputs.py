"""Access to what a classical method needs of a recording, and its estimates as a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sslbench.array_types import Floats
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Recording, Tracks

__all__ = [
    "is_horizontal",
    "known_microphones",
    "microphone_positions",
    "prediction_of_frames",
    "search_region",
]

HORIZONTAL = 1e-3
"""Largest difference in height, in metres, of microphones that count as one horizontal plane."""


def search_region(recording: Recording) -> Box:
    """Return the region of a recording for which positions are requested."""
    assert recording.region is not None, "a recording that requests positions has a region"
    return recording.region


def known_microphones(recording: Recording) -> Recording:
    """Return a recording without the microphones whose position is unknown."""
    array = recording.array
    if array.complete:
        return recording
    positions = microphone_positions(recording)
    known = np.asarray(np.isfinite(positions).all(axis=1))
    return replace(recording, audio=recording.audio[known], array=MicArray(positions[known]))


def microphone_positions(recording: Recording) -> Floats:
    """Return the microphone positions in metres, shape (channels, 3)."""
    positions = recording.array.positions
    assert positions is not None, "the spec of the method admits arrays of microphones only"
    return positions


def prediction_of_frames(
    recording: Recording, found: Sequence[Floats], confidence: Sequence[Floats] | None = None
) -> Prediction:
    """Return the estimates of the frames of a recording (see `Recording.frames`) at its times.

    Args:
        recording: whose frames they are: one for each time, or one for all.
        found: of each frame, NaN where there is nothing, shape (tracks, 3).
        confidence: of each frame, limited to 0 to 1 here, shape (tracks,); None if there is none.
    """
    times = len(recording.times)
    xyz = np.stack(found)
    shape = (times, xyz.shape[1])
    sure = None if confidence is None else np.clip(np.stack(confidence), 0, 1)
    return Prediction(
        Tracks.of(
            recording.times,
            np.broadcast_to(xyz, (*shape, 3)),
            recording.kind,
            confidence=None if sure is None else np.broadcast_to(sure, shape),
        )
    )


def is_horizontal(positions: Floats) -> bool:
    """Return whether microphones, shape (channels, 3), lie in one horizontal plane."""
    return float(np.ptp(positions[:, 2])) < HORIZONTAL
