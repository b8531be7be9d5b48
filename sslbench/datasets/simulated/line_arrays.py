"""The set-up of Le Moing et al. (2019): a free field of 6 x 6 m with two line arrays.

Stated in the paper: 6 x 6 m, two 4-microphone linear arrays, clips of 160 ms at 16 kHz, no noise
and no reverberation. Feng et al. (2025), who use the same set-up, add that the arrays are along the
left and the bottom wall, the microphones at 0.9 m and the sources at 0.95 m.

Not stated, and therefore parameters: the positions of the arrays along the walls, their distance
from the walls, and the microphone spacing. Le Moing et al. mention the Kinect, whose four
microphones were measured at +11.3, -3.6, -7.6 and -11.3 cm along its length (Salvi, 2013). This is
the default, with the centres of the arrays at the middle of the walls and 5 cm away from them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.catalogue import entry
from sslbench.datasets.simulated.base import SimulatedDataset
from sslbench.datasets.simulated.cache import Rendered
from sslbench.geometry import Box
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.anechoic import render_anechoic
from sslbench.simulation.sources import SourceBank
from sslbench.specs import Parameter

__all__ = [
    "ARRAYS",
    "LEAD",
    "ROOM",
    "SAMPLES",
    "SOURCE_HEIGHT",
    "LineArrayDataset",
    "line_arrays",
]

ARRAYS = (
    Parameter(
        "layout",
        "kinect",
        "spacing of the microphones of an array: as measured in a Kinect, or uniform",
        choices=("kinect", "uniform"),
    ),
    Parameter("aperture", 0.226, "length of an array in m", minimum=0.01, maximum=2.0),
    Parameter(
        "wall_distance", 0.05, "distance of an array from its wall in m", minimum=0.0, maximum=1.0
    ),
    Parameter(
        "array_centre", 3.0, "position of the centre of an array along its wall in m",
        minimum=1.0, maximum=5.0,
    ),
)  # fmt: skip
"""Parameters that determine the microphone positions."""

ROOM = 6.0
MICROPHONE_HEIGHT = 0.9
SOURCE_HEIGHT = 0.95
SAMPLES = 2560
LEAD = 512
"""Samples (32 ms) that sources emit before a clip begins: the longest path takes 25 ms."""

TIMES = np.array([SAMPLES / 16000 / 2])
REGION = Box((0.0, 0.0, SOURCE_HEIGHT), (ROOM, ROOM, SOURCE_HEIGHT))

KINECT = np.array([0.113, -0.036, -0.076, -0.113]) / 0.226
UNIFORM = np.array([1 / 2, 1 / 6, -1 / 6, -1 / 2])


def line_arrays(layout: str, aperture: float, wall_distance: float, centre: float) -> MicArray:
    """Return both arrays: four microphones along the left wall, then four along the bottom wall.

    Args:
        layout: `kinect` or `uniform`.
        aperture: length of an array in metres.
        wall_distance: distance of each array from its wall in metres.
        centre: position of the centre of each array along its wall in metres.
    """
    along = centre + aperture * (KINECT if layout == "kinect" else UNIFORM)
    away, up = np.full(4, wall_distance), np.full(4, MICROPHONE_HEIGHT)
    left = np.stack([away, along, up], axis=1)
    bottom = np.stack([along, away, up], axis=1)
    return MicArray(np.concatenate([left, bottom]))


class LineArrayDataset(SimulatedDataset):
    """Anechoic, noise-free clips of sources in the square at known height, with one time each.

    The origin of the coordinate frame is on the floor in the corner of the left and the bottom
    wall, with x along the bottom wall and y along the left wall. The free field and the arrays are
    the same in all splits.
    """

    chunk: ClassVar[int] = 500

    @property
    @abstractmethod
    def positions(self) -> NDArray[np.float64]:
        """Positions of the sources in metres, shape (scenes, 3) or (scenes, sources, 3)."""

    @abstractmethod
    def source_signals(self, index: int, bank: SourceBank) -> NDArray[np.float32]:
        """Return the signals of a scene, shape (LEAD + SAMPLES,) or (sources, LEAD + SAMPLES)."""

    @cached_property
    def array(self) -> MicArray:
        """Both arrays, placed according to the parameters."""
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

    def tracks(self, index: int) -> Tracks:
        """Return the positions of the sources, which do not move; NaN for an absent source."""
        return Tracks.of(TIMES, self.positions[index].reshape(1, -1, 3), "position")

    def render(self, indices: Sequence[int], bank: SourceBank) -> Rendered:
        """Render clips in free field without noise."""
        signals = np.stack([self.source_signals(index, bank) for index in indices])
        positions = self.positions[list(indices)]
        audio = render_anechoic(signals, positions, self.microphones, self.sample_rate, LEAD)
        return Rendered(audio, [{"t60_s": 0.0, "anechoic": True} for _ in indices])

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return a recording with one time, in its middle."""
        return Recording(
            self.id(index),
            audio,
            self.sample_rate,
            self.array,
            TIMES,
            max_sources=entry(self.name).max_sources or 1,
            region=REGION,
            conditions=conditions,
        )
