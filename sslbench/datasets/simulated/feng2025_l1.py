"""The L-1 data set of Feng et al. (2025): one source in a square free field, two line arrays.

Stated in the paper: 6 x 6 m, two 4-microphone linear arrays along the left and the bottom wall,
microphones at 0.9 m and sources at 0.95 m, speech, clips of 160 ms at 16 kHz, no reverberation,
100,000 / 5,000 / 5,000 clips.

Not stated, and therefore parameters: where along the walls the arrays are, how far from them, and
their spacing. Le Moing et al. (2019), whose set-up it is, name the Kinect, whose four microphones
were measured at +11.3, -3.6, -7.6 and -11.3 cm along its length (Salvi, 2013): that is the
default, with array centres in the middle of the walls, 5 cm from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Parameter
from sslbench.datasets.simulated.base import GENRE, SOURCES, SimulatedDataset, Sizes
from sslbench.datasets.simulated.cache import Rendered
from sslbench.geometry import Box
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.anechoic import render_anechoic
from sslbench.simulation.sources import SourceBank

__all__ = ["NAME", "PARAMETERS", "SIZES", "VERSION", "Feng2025L1", "line_arrays"]

NAME = "feng2025-l1"
VERSION = "1"

SIZES: Sizes = {
    "smoke": {"train": 1000, "validation": 100, "test": 200},
    "quick": {"train": 20000, "validation": 1000, "test": 1000},
    "paper": {"train": 100000, "validation": 5000, "test": 5000},
}

PARAMETERS = (
    GENRE,
    SOURCES,
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

ROOM = 6.0
MICROPHONE_HEIGHT = 0.9
SOURCE_HEIGHT = 0.95
SAMPLES = 2560
LEAD = 512
"""32 ms that are played before a clip begins: the longest path is 25 ms."""

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


class Feng2025L1(SimulatedDataset):
    """Anechoic clips of one source anywhere in the square, at known height.

    The frame has its origin in the corner of the left and the bottom wall on the floor, x along
    the bottom wall and y along the left one. There is no noise. Splits share no source signal and
    no position; the room, which is free field, and the arrays are those of the paper.
    """

    name = NAME
    version = VERSION
    sizes = SIZES
    parameters = PARAMETERS
    chunk = 500

    def tracks(self, index: int) -> Tracks:
        """Return the source's position, still."""
        return Tracks.of(_TIMES, self._positions[index].reshape(1, 1, 3), "position")

    def render(self, indices: Sequence[int], bank: SourceBank) -> Rendered:
        """Render clips in free field, without noise."""
        signals = np.stack([bank.excerpt(self.stream("source", i), SAMPLES, LEAD) for i in indices])
        microphones = self._array.positions
        assert microphones is not None
        audio = render_anechoic(
            signals, self._positions[list(indices)], microphones, self.sample_rate, LEAD
        )
        return Rendered(audio, [{"t60_s": 0.0, "anechoic": True} for _ in indices])

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Make a recording that is answered once, in its middle, from all of it."""
        return Recording(
            self.id(index),
            audio,
            self.sample_rate,
            self._array,
            _TIMES,
            region=_REGION,
            conditions=conditions,
        )

    @cached_property
    def _array(self) -> MicArray:
        return line_arrays(
            str(self.value("layout")),
            self.number("aperture"),
            self.number("wall_distance"),
            self.number("array_centre"),
        )

    @cached_property
    def _positions(self) -> NDArray[np.float64]:
        # Rows are drawn one after the other, so a smaller scale is the beginning of a larger one.
        plane = self.stream("position").uniform(0, ROOM, (len(self), 2))
        return np.column_stack([plane, np.full(len(self), SOURCE_HEIGHT)])


_TIMES = np.array([SAMPLES / 16000 / 2])
_REGION = Box((0.0, 0.0, SOURCE_HEIGHT), (ROOM, ROOM, SOURCE_HEIGHT))
