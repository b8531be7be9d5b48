"""A search of the steered response power (SRP-PHAT) around an estimate."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sslbench.acoustics.gcc import ROBUST, gcc_phat, largest_lag
from sslbench.acoustics.srp import lag_index, point_delays
from sslbench.array_types import Booleans, Floats
from sslbench.geometry import Box
from sslbench.scene import Recording

__all__ = ["searched"]

RADIUS = 0.6
"""Largest distance in metres from the estimate."""

SPACING, FINEST = 0.1, 0.005
"""Spacing in metres of the first points, and that at which the search stops."""

DIVIDED = 32
"""Points around which finer ones are tried at each level."""

UPSAMPLE = 4
"""Lags per sample."""


def searched(recording: Recording, estimate: Floats) -> Floats:
    """Return the point of the highest steered response power near an estimate.

    As in a search of a whole region, each lag stands for the delays within a cell (Cobos, Marti
    and Lopez 2011), and the best cells are divided. Microphones of unknown position do not count;
    with fewer than four known ones (three at known height) the estimate is returned.

    Args:
        recording: the audio, with a region.
        estimate: position in metres, shape (3,).

    Returns:
        Position in metres within `RADIUS` of the estimate (or of the nearest point of the region),
        shape (3,).
    """
    region, positions = recording.region, recording.array.positions
    assert region is not None, "a recording for positions has a region"
    assert positions is not None, "`check` refuses encoded formats"
    known = np.asarray(np.isfinite(positions).all(axis=1))
    if known.sum() < 4 - int(region.flat):
        return estimate
    response = _Response(recording, positions[known], known)
    low, high = (torch.tensor(corner, dtype=torch.float32) for corner in (region.low, region.high))
    centre = torch.tensor(estimate, dtype=torch.float32).clamp(low, high)
    steps = round(RADIUS / SPACING)
    points, spacing = centre + _lattice(steps, region) * SPACING, SPACING
    while True:
        points = points.clamp(low, high)
        points = points[(points - centre).norm(dim=1) <= RADIUS]
        power = response(points, spacing)
        if spacing <= FINEST:
            return points[power.argmax()].double().numpy()
        points = points[power.topk(min(DIVIDED, len(points))).indices]
        spacing /= 2
        points = (points[:, None] + _lattice(1, region) * spacing).flatten(0, 1)


class _Response:
    """The steered response power of one recording.

    Args:
        recording: the audio.
        microphones: known positions in metres, shape (known, 3).
        known: which microphones these are.
    """

    def __init__(self, recording: Recording, microphones: Floats, known: Booleans) -> None:
        self.microphones = torch.tensor(microphones, dtype=torch.float32)
        self.speed = recording.speed_of_sound
        self.step = 1 / (recording.sample_rate * UPSAMPLE)
        longest = largest_lag(microphones, recording.sample_rate, self.speed) + 1
        lag = min(longest, recording.audio.shape[1])
        audio = torch.from_numpy(recording.audio[known])
        self.gcc = gcc_phat(audio, lag, UPSAMPLE, ROBUST)

    def __call__(self, points: Tensor, spacing: float) -> Tensor:
        """Return the power at points, shape (points, 3), each the centre of a cell."""
        lags = self.gcc.shape[-1]
        radius = round(spacing / 2 / self.speed / self.step)
        wide = torch.nn.functional.max_pool1d(self.gcc, 2 * radius + 1, stride=1, padding=radius)
        delays = point_delays(self.microphones, points, self.speed)
        return wide.T.gather(0, lag_index(delays, self.step, lags)).mean(dim=1)


def _lattice(steps: int, region: Box) -> Tensor:
    """Return integer offsets up to `steps` along x, y and, unless the region is flat, z."""
    side = torch.arange(-steps, steps + 1.0)
    return torch.cartesian_prod(side, side, torch.zeros(1) if region.flat else side)
