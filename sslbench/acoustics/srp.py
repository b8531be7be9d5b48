"""Steered response power (SRP-PHAT), computed by looking up delays in correlations.

The power at a point is the mean over microphone pairs of the GCC-PHAT at the delay that a source
at that point would have (DiBiase 2000, eq. 6.28, without the constant factor).
"""

from __future__ import annotations

import torch
from torch import Tensor

from sslbench.geometry import SPEED_OF_SOUND, microphone_pairs

__all__ = ["SteeredResponse", "direction_delays", "lag_index", "point_delays"]


def point_delays(
    microphones: Tensor, points: Tensor, speed_of_sound: float = SPEED_OF_SOUND
) -> Tensor:
    """Return the arrival time at i minus that at j, in seconds, for sources at points.

    Args:
        microphones: positions in metres, shape (channels, 3).
        points: positions in metres, shape (..., 3).
        speed_of_sound: in m/s.

    Returns:
        Delays, shape (..., pairs).
    """
    return _differences((points[..., None, :] - microphones).norm(dim=-1)) / speed_of_sound


def direction_delays(
    microphones: Tensor, directions: Tensor, speed_of_sound: float = SPEED_OF_SOUND
) -> Tensor:
    """Return the arrival time at i minus that at j, in seconds, for plane waves.

    Args:
        microphones: positions in metres, shape (channels, 3).
        directions: unit vectors towards the sources, shape (..., 3).
        speed_of_sound: in m/s.

    Returns:
        Delays, shape (..., pairs).
    """
    return _differences(-(directions @ microphones.T)) / speed_of_sound


def _differences(paths: Tensor) -> Tensor:
    i, j = (torch.from_numpy(side) for side in microphone_pairs(paths.shape[-1]))
    return paths[..., i] - paths[..., j]


class SteeredResponse:
    """Evaluate the steered response power of fixed points or directions, frame by frame.

    Args:
        delays: delays of each point or direction in seconds, shape (points, pairs).
        step: spacing of the lags of the correlations in seconds.
        lags: number of lags of the correlations; odd, with lag 0 in the middle.
    """

    def __init__(self, delays: Tensor, step: float, lags: int) -> None:
        # One row per pair: its lags stay in the processor cache while all points look them up.
        self.index = lag_index(delays, step, lags).T.int().contiguous()

    def __call__(self, gcc: Tensor) -> Tensor:
        """Return the power, shape (..., points), of correlations, shape (..., pairs, lags)."""
        power = gcc.new_zeros(*gcc.shape[:-2], self.index.shape[1])
        for pair, index in enumerate(self.index):
            power = power + gcc[..., pair, :].index_select(-1, index)
        return power / len(self.index)


def lag_index(delays: Tensor, step: float, lags: int) -> Tensor:
    """Return the index of the nearest available lag for each delay, shaped like `delays`."""
    middle = (lags - 1) // 2
    return ((delays / step).round().long() + middle).clamp_(0, lags - 1)
