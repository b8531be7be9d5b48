"""Ceilings: what a grid, a sample rate or an array allows to one who knows the truth."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sslbench.contracts import Oracle
from sslbench.geometry import azimuth_elevation, tdoa, unit_vector
from sslbench.scene import Prediction, Scene, Tracks
from sslbench_classic.multilateration import SolverCache
from sslbench_classic.tdoa_solver import SolverOptions

__all__ = ["DelayOracle", "DirectionGridOracle", "QuantiserOracle"]


def _answer(scene: Scene, xyz: NDArray[np.float64]) -> Prediction:
    truth = scene.truth.tracks
    return Prediction(Tracks.of(truth.times, xyz, truth.kind, truth.active, truth.ids))


class QuantiserOracle(Oracle):
    """Answer the centre of the cell in which the source is: the error of a perfect classifier.

    Args:
        grid: cells a side of the region; a known height is kept.
    """

    def __init__(self, *, grid: int = 6) -> None:
        self.grid = grid

    def locate(self, scene: Scene) -> Prediction:
        """Answer one scene with as many tracks as there are sources."""
        region = scene.recording.region
        assert region is not None, "a recording that asks for positions has a region"
        low, cell = np.asarray(region.low), region.size / self.grid
        # A side of no length has one cell, whose centre is the known height.
        index = np.floor((scene.truth.tracks.xyz - low) / np.where(cell > 0, cell, 1))
        # A source on the far wall belongs to the last cell.
        return _answer(scene, low + (np.clip(index, 0, self.grid - 1) + 0.5) * cell)


class DirectionGridOracle(Oracle):
    """Answer the centre of the cell of azimuth and elevation in which the source is.

    Args:
        step: size of a cell in degrees, both ways.
    """

    def __init__(self, *, step: float = 10.0) -> None:
        self.step = step

    def locate(self, scene: Scene) -> Prediction:
        """Answer one scene with as many tracks as there are sources."""
        step = np.radians(self.step)
        azimuth, elevation = azimuth_elevation(scene.truth.tracks.xyz)
        azimuth = (np.floor(azimuth / step) + 0.5) * step
        elevation = (np.floor(elevation / step) + 0.5) * step
        return _answer(scene, unit_vector(azimuth, np.clip(elevation, -np.pi / 2, np.pi / 2)))


class DelayOracle(Oracle):
    """Answer by multilateration from exact delays on the sample grid.

    What is left is the error that the sample rate and the geometry cause in any method that
    takes whole samples of delay.
    """

    def __init__(self) -> None:
        # No delay is wrong, so that few hypotheses will do.
        self._cache = SolverCache(1, SolverOptions(hypotheses=100))

    def locate(self, scene: Scene) -> Prediction:
        """Answer one scene with as many tracks as there are sources.

        Raises:
            GeometryError: if the array has too few microphones, or spans too little.
        """
        recording, truth = scene.recording, scene.truth.tracks
        microphones = recording.array.positions
        assert microphones is not None, "an encoded format is not offered to a method of delays"
        speed, rate = recording.speed_of_sound, recording.sample_rate
        xyz = np.full(truth.xyz.shape, np.nan)
        delays = tdoa(microphones, truth.xyz[truth.active], speed)
        ranges = torch.from_numpy(np.round(delays * rate) * (speed / rate))
        xyz[truth.active] = self._cache.solver(recording).solve(ranges[..., None]).numpy()
        return _answer(scene, xyz)
