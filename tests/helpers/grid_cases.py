"""Small data for the grid methods, as it is and elsewhere."""

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
    """A few clips, and more epochs would change nothing that is tested here."""

    sizes = MappingProxyType({"smoke": {"train": 64, "validation": 16, "test": 16}})
    chunk = 64


CORNER = np.array([2.5, -4.0, 0.5])


class Elsewhere(Few):
    """The same clips in a frame whose origin is not a corner of the region."""

    def tracks(self, index):
        tracks = super().tracks(index)
        return Tracks.of(tracks.times, tracks.xyz + CORNER, "position")

    def recording(self, index, audio, conditions):
        return moved(super().recording(index, audio, conditions), CORNER)


def moved(recording, by):
    array = MicArray(recording.array.positions + by)
    return replace(recording, array=array, region=grown(recording.region, by, by))


def grown(region, low, high):
    return Box(tuple(np.add(region.low, low)), tuple(np.add(region.high, high)))


def make(**params):
    defaults = {p.name: p.default for p in SPECS["grid2d"].parameters}
    return Grid2d(**(defaults | {"width": 8} | params))


def places(predictions):
    return np.array([p.tracks.xyz for p in predictions])


class Sometimes(Few):
    """Silence in every other scene."""

    def tracks(self, index):
        tracks = super().tracks(index)
        return Tracks.of(tracks.times, tracks.xyz, tracks.kind, [[index % 2 == 0]])
