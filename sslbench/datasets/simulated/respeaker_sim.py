"""A simulated counterpart of recordings with a ReSpeaker array: four microphones, directions.

The array is the ReSpeaker 4-Mic Array, a square of 45.7 mm, in the channel order of its recordings.
The room, the position of the array, sources, reverberation and noise are drawn for each scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.base import (
    GENRE,
    SOURCES,
    SimulatedDataset,
    Sizes,
    rms,
)
from sslbench.datasets.simulated.cache import RenderedScene
from sslbench.geometry import Box, unit_vector, wrap_angle
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.filters import convolve
from sslbench.simulation.noise import add_noise, white_noise
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.sources import SourceBank
from sslbench.simulation.t60 import measured_t60, walls_for
from sslbench.specs import Parameter

__all__ = ["MICROPHONES", "PARAMETERS", "RespeakerSim"]

SIZES: Sizes = {
    "smoke": {"train": 40, "validation": 10, "test": 20},
    "quick": {"train": 200, "validation": 20, "test": 100},
    "paper": {"train": 5000, "validation": 500, "test": 500},
}

PARAMETERS = (
    GENRE,
    SOURCES,
    Parameter("count", 1, "number of simultaneous sources", minimum=1, maximum=3),
)

MICROPHONES = np.array([(1, 1, 0), (-1, 1, 0), (-1, -1, 0), (1, -1, 0)]) * 0.02285 + [0, 0, 0.005]
SAMPLES = 32000
TIMES = np.array([SAMPLES / 16000 / 2])
ROOM_SIZES = Box((3.5, 3.0, 2.5), (8.0, 6.5, 3.5))
ARRAY_HEIGHT = (0.5, 1.0)
ARRAY_MARGIN = 0.8
SOURCE_MARGIN = 0.2
DISTANCE = (0.5, 2.5)
ELEVATION = (np.radians(10), np.radians(60))
MIN_SEPARATION = np.radians(20)
T60 = (0.15, 0.35)
SNR_DB = (20.0, 30.0)


@dataclass(frozen=True, eq=False)
class _Setting:
    size: NDArray[np.float64]
    t60: float
    snr_db: float
    yaw: float
    centre: NDArray[np.float64]
    directions: NDArray[np.float64]
    distances: NDArray[np.float64]

    def in_room(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform points from the frame of the array to that of the room."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        turned = points @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        return np.asarray(turned + self.centre)

    @property
    def sources(self) -> NDArray[np.float64]:
        """Positions of the sources in the room, shape (count, 3)."""
        return self.in_room(self.directions * self.distances[:, None])

    def possible(self) -> bool:
        inside = Box((0.0, 0.0, 0.0), (self.size[0], self.size[1], self.size[2]))
        azimuth = np.arctan2(self.directions[:, 1], self.directions[:, 0])
        i, j = np.triu_indices(len(azimuth), k=1)
        apart = (np.abs(wrap_angle(azimuth[i] - azimuth[j])) >= MIN_SEPARATION).all()
        return bool(apart and inside.contains(self.sources, -SOURCE_MARGIN).all())


class RespeakerSim(SimulatedDataset):
    """Two-second recordings of one to three static sources around a small square array.

    Each scene has a new room, array position and array orientation, so splits share none of them,
    nor any source signal. Directions are in the frame of the array. Sources are at distances of 0.5
    to 2.5 m, elevations of 10 to 60 degrees and azimuths at least 20 degrees apart. Their direct
    paths are equally loud at the array, and all are active all the time. There is one time per
    recording.
    """

    name = "respeaker-sim"
    sizes = SIZES
    parameters = PARAMETERS
    chunk = 10

    def tracks(self, index: int) -> Tracks:
        """Return the directions of the sources in the frame of the array."""
        return Tracks.of(TIMES, self._setting(index).directions[None], "direction")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return a recording with one time, in its middle."""
        return Recording(
            self.id(index),
            audio,
            self.sample_rate,
            MicArray(MICROPHONES),
            TIMES,
            kind="direction",
            max_sources=self._count,
            conditions=conditions,
        )

    @property
    def _count(self) -> int:
        return int(self.number("count"))

    def render_one(self, index: int, bank: SourceBank) -> RenderedScene:
        """Render a recording."""
        setting = self._setting(index)
        x, y, z = map(float, setting.size)
        room = ShoeBox((x, y, z), walls_for(setting.t60, setting.size))
        microphones, rng = setting.in_room(MICROPHONES), self.stream("source", index)
        audio = np.zeros((len(MICROPHONES), SAMPLES), dtype=np.float32)
        t60s = []
        for source, distance in zip(setting.sources, setting.distances, strict=True):
            rirs = shoebox_rirs(room, source, microphones, self.sample_rate)
            signal = bank.excerpt(rng, SAMPLES, rirs.shape[1])
            level = np.float32(distance / rms(signal))
            audio += level * convolve(signal, rirs, rirs.shape[1], SAMPLES)
            t60s.append(measured_t60(rirs, self.sample_rate))
        noise = white_noise(audio.shape, self.stream("noise", index))
        noisy = add_noise(audio, noise, setting.snr_db)
        # A tenth of full scale is a typical level of recordings.
        audio = noisy * np.float32(0.1 / rms(noisy))
        conditions: dict[str, Condition] = {
            "t60_s": round(float(np.mean(t60s)), 4),
            "t60_wanted_s": round(setting.t60, 4),
            "snr_db": round(setting.snr_db, 2),
        }
        return RenderedScene(audio, conditions)

    def _setting(self, index: int) -> _Setting:
        rng = self.stream(f"setting of {self._count}", index)
        while True:  # about every second attempt succeeds
            setting = _draw(rng, self._count)
            if setting.possible():
                return setting


def _draw(rng: np.random.Generator, count: int) -> _Setting:
    size = rng.uniform(ROOM_SIZES.low, ROOM_SIZES.high)
    x, y = rng.uniform(ARRAY_MARGIN, size[:2] - ARRAY_MARGIN)
    azimuth = rng.uniform(-np.pi, np.pi, count)
    return _Setting(
        size=size,
        t60=float(rng.uniform(*T60)),
        snr_db=float(rng.uniform(*SNR_DB)),
        yaw=float(rng.uniform(-np.pi, np.pi)),
        centre=np.array([x, y, rng.uniform(*ARRAY_HEIGHT)]),
        directions=unit_vector(azimuth, rng.uniform(*ELEVATION, count)),
        distances=rng.uniform(*DISTANCE, count),
    )
