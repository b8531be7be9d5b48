"""Small data sets for tests of the grid methods."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np

from sslbench.datasets.simulated.feng2025_l1 import Feng2025L1
from sslbench.geometry import Box
from sslbench.scene import MicArray, Tracks
from sslbench_grid2d import sslbench_methods
from sslbench_grid2d.methods import Grid2d

SPECS = {spec.name: spec for spec in sslbench_methods()}


class Few(Feng2025L1):
    """Few clips, which are sufficient for the tests."""

    sizes = MappingProxyType({"smoke": {"train": 64, "validation": 16, "test": 16}})
    chunk = 64


CORNER = np.array([2.5, -4.0, 0.5])
"""Corner of the region of `Elsewhere` in metres."""


class Elsewhere(Few):
    """The same clips in a coordinate frame whose origin is not a corner of the region."""

    def tracks(self, index):
        tracks = super().tracks(index)
        return Tracks.of(tracks.times, tracks.xyz + CORNER, "position")

    def recording(self, index, audio, conditions):
        return moved(super().recording(index, audio, conditions), CORNER)


def moved(recording, by):
    """Translate the microphones and the region of a recording."""
    array = MicArray(recording.array.positions + by)
    return replace(recording, array=array, region=grown(recording.region, by, by))


def grown(region, low, high):
    """Add vectors to the low and the high corner of a region."""
    return Box(tuple(np.add(region.low, low)), tuple(np.add(region.high, high)))


def make(**params):
    """Create a small `Grid2d` with the default parameters, except for those given."""
    defaults = {p.name: p.default for p in SPECS["grid2d"].parameters}
    return Grid2d(**(defaults | {"width": 8} | params))


def places(predictions):
    """Return the estimated positions of predictions, shape (predictions, frames, tracks, 3)."""
    return np.array([p.tracks.xyz for p in predictions])


class Sometimes(Few):
    """No source is active in every second scene."""

    def tracks(self, index):
        tracks = super().tracks(index)
        return Tracks.of(tracks.times, tracks.xyz, tracks.kind, [[index % 2 == 0]])
