"""Access to what a classical method needs of a recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sslbench.array_types import Floats
from sslbench.geometry import Box
from sslbench.scene import MicArray, Recording

__all__ = ["is_horizontal", "known_microphones", "microphone_positions", "search_region"]

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


def is_horizontal(positions: Floats) -> bool:
    """Return whether microphones, shape (channels, 3), lie in one horizontal plane."""
    return float(np.ptp(positions[:, 2])) < HORIZONTAL
