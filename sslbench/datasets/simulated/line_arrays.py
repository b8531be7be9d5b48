"""The set-up of Le Moing et al. (2019): a free field of 6 x 6 m with two line arrays.

Stated in the paper: 6 x 6 m, two 4-microphone linear arrays, clips of 160 ms at 16 kHz, no noise
and no reverberation; Feng et al. (2025), who took it over, add that the arrays are along the left
and the bottom wall, microphones at 0.9 m and sources at 0.95 m.

Not stated, and therefore parameters: where along the walls the arrays are, how far from them, and
their spacing. Le Moing et al. name the Kinect, whose four microphones were measured at +11.3,
-3.6, -7.6 and -11.3 cm along its length (Salvi, 2013): that is the default, with array centres in
the middle of the walls, 5 cm from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.base import SimulatedDataset
from sslbench.geometry import Box
from sslbench.scene import Condition, MicArray, Recording
from sslbench.specs import Parameter

__all__ = [
    "ARRAYS",
    "LEAD",
    "ROOM",
    "SAMPLES",
    "SOURCE_HEIGHT",
    "TIMES",
    "LineArrayDataset",
    "line_arrays",
]

ARRAYS = (
    Parameter(
        "layout",
        "kinect",
        "how the microphones of an array are spaced: as measured in a Kinect, or evenly",
        choices=("kinect", "uniform"),
    ),
    Parameter("aperture", 0.226, "length of an array in m", minimum=0.01, maximum=2.0),
    Parameter(
        "wall_distance", 0.05, "distance of an array from its wall in m", minimum=0.0, maximum=1.0
    ),
    Parameter(
        "array_centre", 3.0, "where along its wall an array's middle is, in m",
        minimum=1.0, maximum=5.0,
    ),
)  # fmt: skip
"""The parameters that place the microphones."""

ROOM = 6.0
MICROPHONE_HEIGHT = 0.9
SOURCE_HEIGHT = 0.95
SAMPLES = 2560
LEAD = 512
"""32 ms that are played before a clip begins: the longest path is 25 ms."""

TIMES = np.array([SAMPLES / 16000 / 2])
REGION = Box((0.0, 0.0, SOURCE_HEIGHT), (ROOM, ROOM, SOURCE_HEIGHT))

KINECT = np.array([0.113, -0.036, -0.076, -0.113]) / 0.226
UNIFORM = np.array([1 / 2, 1 / 6, -1 / 6, -1 / 2])


def line_arrays(layout: str, aperture: float, wall_distance: float, centre: float) -> MicArray:
    """Return the two arrays: four microphones along the left wall, then four along the bottom.

    Args:
        layout: `kinect` or `uniform`.
        aperture: length of an array in metres.
        wall_distance: of each array from its wall, in metres.
        centre: middle of each array along its wall, in metres.
    """
    along = centre + aperture * (KINECT if layout == "kinect" else UNIFORM)
    away, up = np.full(4, wall_distance), np.full(4, MICROPHONE_HEIGHT)
    left = np.stack([away, along, up], axis=1)
    bottom = np.stack([along, away, up], axis=1)
    return MicArray(np.concatenate([left, bottom]))


class LineArrayDataset(SimulatedDataset):
    """Anechoic clips without noise in the square, at known height, answered once.

    The frame has its origin in the corner of the left and the bottom wall on the floor, x along
    the bottom wall and y along the left one. Room, which is free field, and arrays are the same
    in all splits.
    """

    chunk: ClassVar[int] = 500

    @property
    def most_sources(self) -> int:
        """Most sources that may sound at once, which a recording says."""
        return 1

    @cached_property
    def array(self) -> MicArray:
        """The two arrays, as the parameters place them."""
        return line_arrays(
            str(self.value("layout")),
            self.number("aperture"),
            self.number("wall_distance"),
            self.number("array_centre"),
        )

    @cached_property
    def microphones(self) -> NDArray[np.float64]:
        """Positions of the microphones in metres, shape (8, 3)."""
        assert self.array.positions is not None
        return self.array.positions

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Make a recording that is answered once, in its middle, from all of it."""
        return Recording(
            self.id(index),
            audio,
            self.sample_rate,
            self.array,
            TIMES,
            max_sources=self.most_sources,
            region=REGION,
            conditions=conditions,
        )
