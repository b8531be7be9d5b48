"""The L-1 data set of Feng et al. (2025): one source in a square free field with two line arrays.

Stated in the paper: the set-up of `line_arrays`, speech, 100,000 / 5,000 / 5,000 clips.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.base import GENRE, SOURCES, Sizes
from sslbench.datasets.simulated.line_arrays import (
    ARRAYS,
    LEAD,
    ROOM,
    SAMPLES,
    SOURCE_HEIGHT,
    LineArrayDataset,
)
from sslbench.simulation.sources import SourceBank

__all__ = ["PARAMETERS", "Feng2025L1"]

SIZES: Sizes = {
    "smoke": {"train": 1000, "validation": 100, "test": 200},
    "quick": {"train": 20000, "validation": 1000, "test": 1000},
    "paper": {"train": 100000, "validation": 5000, "test": 5000},
}

PARAMETERS = (GENRE, SOURCES, *ARRAYS)


class Feng2025L1(LineArrayDataset):
    """Anechoic, noise-free clips of one source anywhere in the square at known height.

    Splits share no source signal and no position; the room and the arrays are those of the paper.
    """

    name = "feng2025-l1"
    sizes = SIZES
    parameters = PARAMETERS

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """Positions of the source in metres, shape (scenes, 3)."""
        # Rows are drawn one after the other, so a smaller scale has the first of a larger one.
        plane = self.stream("position").uniform(0, ROOM, (len(self), 2))
        return np.column_stack([plane, np.full(len(self), SOURCE_HEIGHT)])

    def source_signals(self, index: int, bank: SourceBank) -> NDArray[np.float32]:
        """Return the signal of the source of a scene, shape (LEAD + SAMPLES,)."""
        return bank.excerpt(self.stream("source", index), SAMPLES, LEAD)
