"""Small data and methods for the tests of the grid methods."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from helpers.toy_learner import selection
from sslbench.contracts import TrainingContext
from sslbench.datasets.simulated.feng2025_ad import Feng2025Ad1
from sslbench.datasets.simulated.feng2025_l1 import Feng2025L1
from sslbench.geometry import Box
from sslbench.scene import MicArray, Tracks
from sslbench.training.loop import Step
from sslbench_grid2d import sslbench_methods
from sslbench_grid2d.methods import Grid2d, Grid2dAdhoc

SPECS = {spec.name: spec for spec in sslbench_methods()}

CORNER = np.array([2.5, -4.0, 0.5])
"""Corner of the region of `Elsewhere` in metres."""


class Few(Feng2025L1):
    """A few clips of two fixed arrays."""

    sizes = MappingProxyType({"smoke": {"train": 64, "validation": 16, "test": 16}})
    chunk = 64


class Elsewhere(Few):
    """The same clips in a coordinate frame whose origin is not a corner of the region."""

    def tracks(self, index):
        tracks = super().tracks(index)
        return Tracks.of(tracks.times, tracks.xyz + CORNER, "position")

    def recording(self, index, audio, conditions):
        return moved(super().recording(index, audio, conditions), CORNER)


class Sometimes(Few):
    """No source is active in every second scene."""

    def tracks(self, index):
        tracks = super().tracks(index)
        return Tracks.of(tracks.times, tracks.xyz, tracks.kind, [[index % 2 == 0]])


class FewRooms(Feng2025Ad1):
    """A few clips of microphones anywhere, in rooms of different sizes."""

    sizes = MappingProxyType({"smoke": {"train": 16, "validation": 4, "test": 6}})
    chunk = 16


def moved(recording, by):
    """Translate the microphones and the region of a recording."""
    array = MicArray(recording.array.positions + by)
    return replace(recording, array=array, region=grown(recording.region, by, by))


def first_nodes(recording, count):
    """Return a recording with only the first of its microphones."""
    array = MicArray(recording.array.positions[:count])
    return replace(recording, audio=recording.audio[:count], array=array)


def grown(region, low, high):
    """Add vectors to the low and the high corner of a region."""
    return Box(tuple(np.add(region.low, low)), tuple(np.add(region.high, high)))


def make(**params):
    """Return a thin `grid2d` with some parameters changed."""
    return _made(Grid2d, {"width": 8} | params)


def make_adhoc(**params):
    """Return a `grid2d-adhoc` with some parameters changed."""
    return _made(Grid2dAdhoc, params)


def _made(method, params):
    defaults = {p.name: p.default for p in SPECS[method.name].parameters}
    return method(**(defaults | params))


def configured(method, train, scale="smoke", **changes):
    """Return a method with the configuration for some training scenes, but no network."""
    method.config = method.configure(train, scale) | changes
    return method


def grid_context(folder, **changes):
    """Return a training context with the selection metrics of the grid methods."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = selection(*SPECS["grid2d"].selection)
    return TrainingContext(0, "smoke", folder, lambda report: None, selection=metrics, **changes)


def places(predictions):
    """Return the positions of several predictions, shape (predictions, frames, tracks, 3)."""
    return np.array([p.tracks.xyz for p in predictions])


class Answering(nn.Module):
    """A network with one output, whatever its input."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, *inputs):
        return self.output


def step(progress=1.0):
    """Return a training step with some share of training done."""
    return Step(progress, torch.Generator().manual_seed(0))
