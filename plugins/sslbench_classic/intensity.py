"""Directions from the intensity vectors of ambisonics.

In each time-frequency bin of a short frame, the active intensity vector points to the source that
dominates it, and its length relative to the energy is 1 for a plane wave and 0 in a diffuse field
(Merimaa and Pulkki 2005; Pulkki et al. 2018, section 4.3). The bins vote for their directions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sslbench.acoustics.gcc import short_frames
from sslbench.array_types import Floats
from sslbench.contracts import Method
from sslbench.geometry import fibonacci_sphere
from sslbench.scene import Prediction, Recording
from sslbench_classic.direction_votes import clustered
from sslbench_classic.inputs import prediction_of_frames

__all__ = ["IntensityDoa"]

SPACING = math.radians(5)
"""Approximate angle between two cells of the sphere in which votes are counted."""

SMALLEST = 1e-12
"""Energy below which a bin has no direction."""


class IntensityDoa(Method):
    """Locate sources at the directions that most time-frequency bins point to.

    Args:
        window: length in samples of the short frames; they overlap by half.
        low, high: frequencies of the bins in Hz.
        power: to which the share of the intensity in the energy is raised, to get the weight of a
            bin: with larger ones, bins count less in which sources or reflections mix.
        threshold: votes that a further source needs, relative to the strongest source.
        separation_angle: smallest angle between two directions in degrees.
    """

    def __init__(
        self,
        *,
        window: int = 512,
        low: float = 200.0,
        high: float = 8000.0,
        power: float = 2.0,
        threshold: float = 0.2,
        separation_angle: float = 15.0,
    ) -> None:
        self.window = window
        self.band = (low, high)
        self.power = power
        self.threshold = threshold
        self.separation = math.radians(separation_angle)
        sphere = fibonacci_sphere(math.ceil(4 * math.pi / SPACING**2))
        self._cells = torch.tensor(sphere, dtype=torch.float32)

    def locate(self, recording: Recording) -> Prediction:
        """Return `max_sources` tracks per frame, strongest first, NaN where none was found.

        The confidence is the share of the votes of all bins that a direction has.
        """
        found, shares = zip(
            *(self._directions(torch.tensor(frame), recording) for frame in recording.frames()),
            strict=True,
        )
        return prediction_of_frames(recording, found, shares)

    def _directions(self, frame: Tensor, recording: Recording) -> tuple[Floats, Floats]:
        vectors = self._intensity(frame, recording.sample_rate)
        length = vectors.norm(dim=-1, keepdim=True)
        # The votes for a cell are summed as vectors: its spacing does not limit accuracy.
        cells = (vectors @ self._cells.T).argmax(dim=-1)
        votes = torch.nn.functional.normalize(vectors, dim=-1) * length.pow(self.power)
        tally = torch.zeros_like(self._cells).index_add_(0, cells, votes)
        weight = tally.norm(dim=-1)
        found, heights = clustered(
            torch.nn.functional.normalize(tally[weight > 0], dim=-1),
            weight[weight > 0],
            recording.max_sources,
            self.separation,
            self.threshold,
        )
        return found, heights / max(len(vectors), 1)

    def _intensity(self, frame: Tensor, rate: int) -> Tensor:
        """Return the intensity relative to the energy in each bin, xyz, shape (bins, 3)."""
        padded = torch.nn.functional.pad(frame, (0, max(0, self.window - frame.shape[1])))
        frames = short_frames(padded, self.window, self.window // 2)
        spectra = torch.fft.rfft(frames * torch.hann_window(self.window))
        frequency = torch.fft.rfftfreq(self.window, 1 / rate)
        low, high = self.band
        spectra = spectra[..., (frequency >= low) & (frequency <= high)]
        # Ambisonics have the order W, Y, Z, X; with SN3D a plane wave has |W| = |(X, Y, Z)|.
        omni, axes = spectra[:, 0], spectra[:, [3, 1, 2]]
        energy = (omni.abs().square() + axes.abs().square().sum(dim=1)) / 2
        intensity = (omni.conj()[:, None] * axes).real
        loud = energy > SMALLEST
        found: Tensor = (intensity / energy.clamp_min(SMALLEST)[:, None]).movedim(1, -1)[loud]
        return found
