"""The L-1 data set of Feng et al. (2025): one source in a square free field, two line arrays.

Stated in the paper: the set-up of `line_arrays`, speech, 100,000 / 5,000 / 5,000 clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.base import GENRE, SOURCES, Sizes
from sslbench.datasets.simulated.cache import Rendered
from sslbench.datasets.simulated.line_arrays import (
    ARRAYS,
    LEAD,
    ROOM,
    SAMPLES,
    SOURCE_HEIGHT,
    TIMES,
    LineArrayDataset,
)
from sslbench.scene import Tracks
from sslbench.simulation.anechoic import render_anechoic
from sslbench.simulation.sources import SourceBank

__all__ = ["NAME", "PARAMETERS", "SIZES", "VERSION", "Feng2025L1"]

NAME = "feng2025-l1"
VERSION = "1"

SIZES: Sizes = {
    "smoke": {"train": 1000, "validation": 100, "test": 200},
    "quick": {"train": 20000, "validation": 1000, "test": 1000},
    "paper": {"train": 100000, "validation": 5000, "test": 5000},
}

PARAMETERS = (GENRE, SOURCES, *ARRAYS)


class Feng2025L1(LineArrayDataset):
    """Anechoic clips of one source anywhere in the square, at known height, without noise.

    Splits share no source signal and no position; the room and the arrays are those of the paper.
    """

    name = NAME
    version = VERSION
    sizes = SIZES
    parameters = PARAMETERS

    def tracks(self, index: int) -> Tracks:
        """Return the source's position, still."""
        return Tracks.of(TIMES, self._positions[index].reshape(1, 1, 3), "position")

    def render(self, indices: Sequence[int], bank: SourceBank) -> Rendered:
        """Render clips in free field, without noise."""
        signals = np.stack([bank.excerpt(self.stream("source", i), SAMPLES, LEAD) for i in indices])
        audio = render_anechoic(
            signals, self._positions[list(indices)], self.microphones, self.sample_rate, LEAD
        )
        return Rendered(audio, [{"t60_s": 0.0, "anechoic": True} for _ in indices])

    @cached_property
    def _positions(self) -> NDArray[np.float64]:
        # Rows are drawn one after the other, so a smaller scale is the beginning of a larger one.
        plane = self.stream("position").uniform(0, ROOM, (len(self), 2))
        return np.column_stack([plane, np.full(len(self), SOURCE_HEIGHT)])
