"""Oracles: methods that are given the ground truth.

Their errors are lower bounds of what a grid, a sample rate or an array geometry permits.
"""

from __future__ import annotations

import numpy as np
import torch

from sslbench.array_types import Floats
from sslbench.contracts import Oracle
from sslbench.geometry import azimuth_elevation, tdoa, unit_vector
from sslbench.scene import Prediction, Scene, Tracks
from sslbench_classic.inputs import microphone_positions, search_region
from sslbench_classic.multilateration import SolverCache
from sslbench_classic.tdoa_solver import SolverOptions

__all__ = ["DelayOracle", "DirectionGridOracle", "QuantiserOracle"]


def _with_ground_truth_activity(scene: Scene, xyz: Floats) -> Prediction:
    """Return estimates with the activity and the track ids of the ground truth."""
    truth = scene.truth.tracks
    return Prediction(Tracks.of(truth.times, xyz, truth.kind, truth.active, truth.ids))


class QuantiserOracle(Oracle):
    """Predict the centre of the cell that contains the source, as a perfect classifier would.

    Args:
        grid: number of cells along each side of the region; a known height is kept.
    """

    def __init__(self, *, grid: int = 6) -> None:
        self.grid = grid

    def locate(self, scene: Scene) -> Prediction:
        """Return one track per source of the scene."""
        region = search_region(scene.recording)
        low, cell = np.asarray(region.low), region.size / self.grid
        # A side of length 0 has a single cell, whose centre is the known height.
        index = np.floor((scene.truth.tracks.xyz - low) / np.where(cell > 0, cell, 1))
        # A source on the upper boundary belongs to the last cell.
        centres = low + (np.clip(index, 0, self.grid - 1) + 0.5) * cell
        return _with_ground_truth_activity(scene, centres)


class DirectionGridOracle(Oracle):
    """Predict the centre of the azimuth-elevation cell that contains the source.

    Args:
        step: size of a cell in azimuth and in elevation, in degrees.
    """

    def __init__(self, *, step: float = 10.0) -> None:
        self.step = step

    def locate(self, scene: Scene) -> Prediction:
        """Return one track per source of the scene."""
        step = np.radians(self.step)
        azimuth, elevation = azimuth_elevation(scene.truth.tracks.xyz)
        azimuth = (np.floor(azimuth / step) + 0.5) * step
        elevation = (np.floor(elevation / step) + 0.5) * step
        centres = unit_vector(azimuth, np.clip(elevation, -np.pi / 2, np.pi / 2))
        return _with_ground_truth_activity(scene, centres)


class DelayOracle(Oracle):
    """Multilaterate from the true delays, rounded to whole samples.

    The remaining error is caused by the sample rate and the array geometry. It affects every
    method that measures delays in whole samples.
    """

    def __init__(self) -> None:
        # All delays are correct, so few hypotheses suffice.
        self._cache = SolverCache(1, SolverOptions(hypotheses=100))

    def locate(self, scene: Scene) -> Prediction:
        """Return one track per source of the scene.

        Raises:
            GeometryError: if the array has too few microphones or spans too few dimensions.
        """
        recording, truth = scene.recording, scene.truth.tracks
        microphones = microphone_positions(recording)
        speed, rate = recording.speed_of_sound, recording.sample_rate
        xyz = np.full(truth.xyz.shape, np.nan)
        delays = tdoa(microphones, truth.xyz[truth.active], speed)
        ranges = torch.from_numpy(np.round(delays * rate) * (speed / rate))
        xyz[truth.active] = self._cache.solver(recording).solve(ranges[..., None]).numpy()
        return _with_ground_truth_activity(scene, xyz)
