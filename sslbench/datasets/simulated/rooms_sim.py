"""One source and distributed microphones, in another room in each scene.

A method that is trained on one array learns where its microphones are. Here room, microphones and
source are new in each scene, so that a method must use the coordinates that it is given.

Rooms are 3.5 to 9 m long and wide and 2.4 to 3.5 m high, one corner is the origin. In half of the
rooms all microphones are near the walls, in the others anywhere. Sources are at least 0.5 m from
the walls and from the microphones, between 0.5 and 2 m high. All values are drawn uniformly. The
absorption of the walls follows from the target T60 by Sabine's formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.contracts import DatasetRequest
from sslbench.datasets.simulated.base import GENRE, SOURCES, SimulatedDataset, Sizes
from sslbench.datasets.simulated.cache import RenderedScene
from sslbench.datasets.simulated.ranges import Range
from sslbench.geometry import Box
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.filters import convolve
from sslbench.simulation.noise import add_noise, white_noise
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.sources import SourceBank
from sslbench.simulation.t60 import measured_t60, walls_for
from sslbench.specs import Parameter

__all__ = ["PARAMETERS", "RoomsSim"]

SIZES: Sizes = {
    "smoke": {"train": 100, "validation": 40, "test": 60},
    "quick": {"train": 8000, "validation": 300, "test": 500},
    "paper": {"train": 20000, "validation": 1000, "test": 2000},
}

EXCERPTS = {"train": 2}
"""Excerpts per position by split; one in the others."""

MOST = 16
"""Microphones that are drawn in every room; the first ones are used."""

PARAMETERS = (
    GENRE,
    SOURCES,
    Parameter("microphones", 8, "number of microphones", minimum=4, maximum=MOST),
    Parameter("t60", "0.2..0.4", "target T60 in s, one number or a range; 0 is anechoic"),
    Parameter(
        "snr_db",
        "10..30",
        "signal-to-noise ratio in dB, mean over microphones, one number or a range",
    ),
)

SIDES = (3.5, 9.0)
HEIGHTS = (2.4, 3.5)
MICROPHONE_HEIGHTS = (0.2, 2.2)
SOURCE_HEIGHTS = (0.5, 2.0)
NEAR_WALL = (0.1, 0.5)
"""Distance in metres of microphones near a wall from it."""

CLEARANCE = 0.5
"""Smallest distance in metres of a source from walls and microphones."""

CANDIDATES = 64
SAMPLES = 2048
AUDIBLE = 100.0
"""Frequency in Hz from which the T60 is measured."""


@dataclass(frozen=True, eq=False)
class _Setting:
    size: tuple[float, float, float]
    microphones: Floats
    source: Floats
    t60: float
    snr_db: float

    @property
    def region(self) -> Box:
        """Where the source may be."""
        length, width, _ = self.size
        low, high = SOURCE_HEIGHTS
        return Box((CLEARANCE, CLEARANCE, low), (length - CLEARANCE, width - CLEARANCE, high))


class RoomsSim(SimulatedDataset):
    """Frames of one source, each scene in a room of its own with microphones of its own.

    A training scene has two excerpts of one talker, one frame each. Splits share no room, position
    or source signal.

    Raises:
        ParameterError: if a range of T60 or signal-to-noise ratios cannot be read.
    """

    name = "rooms-sim"
    sizes = SIZES
    parameters = PARAMETERS
    chunk = 20

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        self._t60 = Range.parse(str(self.value("t60")), "t60", 0, 1)
        self._snr_db = Range.parse(str(self.value("snr_db")), "snr_db", -20, 100)

    @property
    def excerpts(self) -> int:
        """Excerpts per position."""
        return EXCERPTS.get(self.request.split, 1)

    def tracks(self, index: int) -> Tracks:
        """Return the position of the source, the same in every frame."""
        xyz = np.tile(self._setting(index).source, (self.excerpts, 1, 1))
        return Tracks.of(self._times, xyz, "position")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return a recording with one frame per excerpt, whose time is its middle."""
        setting = self._setting(index)
        return Recording(
            self.id(index),
            audio,
            self.sample_rate,
            MicArray(setting.microphones),
            self._times,
            frame=SAMPLES / self.sample_rate,
            region=setting.region,
            conditions=conditions,
        )

    def render_one(self, index: int, bank: SourceBank) -> RenderedScene:
        """Render a scene."""
        setting = self._setting(index)
        room = ShoeBox(setting.size, walls_for(setting.t60, setting.size))
        rirs = shoebox_rirs(room, setting.source, setting.microphones, self.sample_rate)
        lead = rirs.shape[1]  # only after that is the reverberation complete
        talker, signals = bank.excerpts(self.stream("source", index), self.excerpts, SAMPLES, lead)
        rng = self.stream("noise", index)
        noisy = [
            add_noise(clean, white_noise(clean.shape, rng), setting.snr_db)
            for clean in convolve(signals, rirs, lead, SAMPLES)
        ]
        anechoic = room.walls.anechoic
        t60 = 0.0 if anechoic else measured_t60(rirs, self.sample_rate, above=AUDIBLE)
        about: dict[str, Condition] = {
            "t60_s": round(t60, 4),
            "t60_wanted_s": round(setting.t60, 4),
            "anechoic": anechoic,
            "snr_db": round(setting.snr_db, 2),
            "room_length_m": round(setting.size[0], 3),
            "room_width_m": round(setting.size[1], 3),
        }
        return RenderedScene(np.concatenate(noisy, axis=1), about, {"talker": talker})

    def _setting(self, index: int) -> _Setting:
        # All microphones are drawn, so that more of them leave the other values as they are.
        rng = self.stream("setting", index)
        length, width = rng.uniform(*SIDES, 2)
        size = (float(length), float(width), float(rng.uniform(*HEIGHTS)))
        t60, snr_db = self._t60.at(rng.random()), self._snr_db.at(rng.random())
        near_walls = rng.random() < 0.5
        microphones = _microphones(rng, size, near_walls=near_walls)
        source = _source(rng, size, microphones)
        return _Setting(
            size, microphones[: int(self.number("microphones"))], source, float(t60), float(snr_db)
        )

    @cached_property
    def _times(self) -> Floats:
        return (np.arange(self.excerpts) + 0.5) * SAMPLES / self.sample_rate


def _microphones(
    rng: np.random.Generator, size: tuple[float, float, float], *, near_walls: bool
) -> Floats:
    """Return positions of microphones in metres, shape (MOST, 3)."""
    plan = rng.uniform(NEAR_WALL[0], np.array(size[:2]) - NEAR_WALL[0], (MOST, 2))
    depth, wall = rng.uniform(*NEAR_WALL, MOST), rng.integers(4, size=MOST)
    if near_walls:
        axis, far = wall % 2, wall >= 2
        plan[np.arange(MOST), axis] = np.where(far, np.array(size)[axis] - depth, depth)
    return np.column_stack([plan, rng.uniform(*MICROPHONE_HEIGHTS, MOST)])


def _source(
    rng: np.random.Generator, size: tuple[float, float, float], microphones: Floats
) -> Floats:
    """Return the first of some positions that is not too near to any of the microphones.

    If all are, which is rare, it is the one with the largest distance.
    """
    low = (CLEARANCE, CLEARANCE, SOURCE_HEIGHTS[0])
    high = (size[0] - CLEARANCE, size[1] - CLEARANCE, SOURCE_HEIGHTS[1])
    places = rng.uniform(low, high, (CANDIDATES, 3))
    distance = np.linalg.norm(places[:, None] - microphones, axis=-1).min(axis=-1)
    return np.asarray(places[np.minimum(distance, CLEARANCE).argmax()])
