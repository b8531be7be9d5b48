"""What recordings must have, and what the network must know of those of the training."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sslbench.array_types import Floats
from sslbench.contracts import Dataset
from sslbench.scene import Recording, Scene

__all__ = ["RATE", "centred_sources", "fault", "longest_delay", "sources"]

RATE = 16000
"""Sample rate of the network in Hz."""

FEWEST = 4
"""Microphones of known position."""

MARGIN = 1.05
"""Delays may be longer than in training by this factor."""

INSPECTED = 500
"""Training recordings, evenly spread, from which properties of the arrays are found."""


def fault(recording: Recording) -> str:
    """Return why no training makes the method process a recording; empty if one can."""
    array = recording.array
    if array.format != "mics":
        return f"needs the signals of microphones, not the format {array.format}"
    if recording.kind != "position" or recording.max_sources > 1:
        return "finds the position of one source"
    if len(array.known) < FEWEST:
        return (
            f"needs {FEWEST} microphones of known position, there are {len(array.known)} of"
            f" {array.channels}"
        )
    return ""


def sources(train: Dataset) -> Floats:
    """Return all positions of sources, shape (n, 3)."""
    found = [train.truth(index)[1].tracks for index in range(len(train))]
    return np.concatenate([np.zeros((0, 3)), *(tracks.xyz[tracks.active] for tracks in found)])


def centred_sources(train: Dataset) -> Floats:
    """Return positions of sources relative to the mean of the known microphones, shape (n, 3).

    They are those of some training recordings, which are enough for a deviation.
    """
    found = [np.zeros((0, 3))]
    for scene in _spread(train, INSPECTED):
        tracks, known = scene.truth.tracks, scene.recording.array.known
        found.append(tracks.xyz[tracks.active] - known.mean(axis=0))
    return np.concatenate(found)


def longest_delay(train: Dataset) -> int:
    """Return the longest delay in samples of some recordings, with a margin.

    Where there is a microphone at the source, it may be in any corner of the region.
    """
    longest = 0.0
    for scene in _spread(train, INSPECTED):
        recording = scene.recording
        distance = recording.array.aperture
        if recording.reference is not None and recording.region is not None:
            corners = np.array([recording.region.low, recording.region.high])
            far = np.abs(recording.array.known[:, None] - corners).max(axis=1)
            distance = max(distance, float(np.linalg.norm(far, axis=1).max()))
        longest = max(longest, distance / recording.speed_of_sound * RATE)
    return math.ceil(MARGIN * longest)


def _spread(train: Dataset, count: int) -> Iterator[Scene]:
    """Return at most `count` scenes that are evenly spread over a data set."""
    for index in np.unique(np.linspace(0, len(train) - 1, count).round().astype(int)):
        yield train.scene(int(index))
