"""A simulated counterpart of LuViRA (Berg et al., 2024): 7 x 8 x 2 m, eleven microphones.

The microphone positions are those of the LuViRA audio documentation, in metres in the frame of its
motion-capture system: origin on the floor near the centre, z up. The documentation does not give
the positions of the walls in that frame. Here the floor is at z = 0 and the centre of the room at
(-0.1, -0.5), so that every microphone is inside and at least 0.3 m from the nearest wall: x from
-3.6 to 3.4, y from -4.5 to 3.5, z from 0 to 2. Sources are at least 0.5 m from the walls and 0.25 m
from floor and ceiling, as in the simulations of Berg et al., and 0.3 m from the microphones.

T60 is drawn uniformly from 0 to 0.4 s unless it is given. In this room Sabine's formula has no
solution for a T60 below 0.105 s: such scenes, a quarter of those with a random T60, are anechoic.
The conditions of a scene tell whether it is anechoic, the target T60 and the measured T60. The
latter is longer, e.g. 0.74 s for a target of 0.4 s, because Sabine's formula assumes a diffuse
sound field, which does not exist in such a flat room.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.base import (
    GENRE,
    SOURCES,
    SimulatedDataset,
    Sizes,
)
from sslbench.geometry import Box
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.filters import convolve
from sslbench.simulation.noise import add_noise, white_noise
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.sources import SourceBank
from sslbench.simulation.t60 import measured_t60, walls_for
from sslbench.specs import Parameter

__all__ = ["MICROPHONES", "PARAMETERS", "ROOM", "LuviraSim"]

SIZES: Sizes = {
    "smoke": {"train": 100, "validation": 40, "test": 60},
    "quick": {"train": 2000, "validation": 200, "test": 300},
    "paper": {"train": 20000, "validation": 1000, "test": 2000},
}

RANDOM = -1.0
"""The value of `t60` for a random T60 in each scene."""

PARAMETERS = (
    GENRE,
    SOURCES,
    Parameter(
        "t60", RANDOM, "T60 in s of all scenes; 0 is anechoic, -1 draws each from (0, 0.4)",
        minimum=RANDOM, maximum=1.0,
    ),
    Parameter(
        "snr_db", 30.0, "signal-to-noise ratio in dB (white noise), mean over microphones",
        minimum=-20.0, maximum=100.0,
    ),
    Parameter("reference", False, "provide the signal of a microphone at the source, as in LuViRA"),
)  # fmt: skip

# Microphones 1 to 11 in millimetres, from microphone_locations.txt of LuViRA (mean over Grid1).
MICROPHONES = (
    np.array(
        [
            (2446.54, 1739.81, 1153.66),
            (2878.14, -648.52, 1047.43),
            (1327.96, -3133.23, 1565.32),
            (-1055.90, -3545.72, 1108.22),
            (-3076.51, -59.03, 1371.50),
            (-2411.90, 2477.19, 1545.04),
            (2227.65, -756.27, 213.50),
            (1789.77, -2376.11, 204.72),
            (50.17, -3358.89, 212.66),
            (-1920.65, -2820.50, 144.31),
            (-2923.66, 718.36, 147.05),
        ]
    )
    / 1000
)
ROOM = Box((-3.6, -4.5, 0.0), (3.4, 3.5, 2.0))
REGION = Box((-3.1, -4.0, 0.25), (2.9, 3.0, 1.75))
LONGEST_T60 = 0.4
MIN_MICROPHONE_DISTANCE = 0.3
CANDIDATES = 8
SAMPLES = 2048
TIMES = np.array([SAMPLES / 16000 / 2])


class LuviraSim(SimulatedDataset):
    """Frames of one source in the LuViRA room, one frame per scene.

    The room and the microphones follow the published layout and are the same in all splits; source
    signals and positions are not shared. There are no trajectories: every frame has an independent
    position. With `reference=true` a recording has the synchronous signal of a microphone at the
    source.
    """

    name = "luvira-sim"
    sizes = SIZES
    parameters = PARAMETERS
    chunk = 20

    def tracks(self, index: int) -> Tracks:
        """Return the position of the source in the frame."""
        return Tracks.of(TIMES, self._positions[index].reshape(1, 1, 3), "position")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return a recording of one frame, whose time is its middle."""
        return Recording(
            self.id(index),
            audio[:-1],
            self.sample_rate,
            self._array,
            TIMES,
            frame=SAMPLES / self.sample_rate,
            region=REGION,
            reference=audio[-1] if self.value("reference") else None,
            conditions=conditions,
        )

    def render_one(
        self, index: int, bank: SourceBank
    ) -> tuple[NDArray[np.float32], dict[str, Condition]]:
        """Render a frame; the last row of the audio is the microphone at the source."""
        target_t60, snr_db = self._t60(index), self.number("snr_db")
        room = ShoeBox((7.0, 8.0, 2.0), walls_for(target_t60, ROOM.size))
        source = self._positions[index] - ROOM.low
        rirs = shoebox_rirs(room, source, MICROPHONES - ROOM.low, self.sample_rate)
        lead = rirs.shape[1]  # only after that is the reverberation complete
        signal = bank.excerpt(self.stream("source", index), SAMPLES, lead)
        audio = convolve(signal, rirs, lead, SAMPLES)
        audio = add_noise(audio, white_noise(audio.shape, self.stream("noise", index)), snr_db)
        anechoic = room.walls.anechoic
        return np.concatenate([audio, signal[None, lead:]]), {
            "t60_s": 0.0 if anechoic else round(measured_t60(rirs, self.sample_rate), 4),
            "t60_wanted_s": round(target_t60, 4),
            "anechoic": anechoic,
            "snr_db": snr_db,
        }

    def _t60(self, index: int) -> float:
        given = self.number("t60")
        return given if given >= 0 else float(self._drawn_t60[index])

    @cached_property
    def _array(self) -> MicArray:
        return MicArray(MICROPHONES)

    @cached_property
    def _drawn_t60(self) -> NDArray[np.float64]:
        return self.stream("t60").uniform(0, LONGEST_T60, len(self))

    @cached_property
    def _positions(self) -> NDArray[np.float64]:
        # The first of several candidates per scene that is not too near to a microphone. One in
        # fifty candidates is, so it does not happen that all of them are.
        shape = (len(self), CANDIDATES, 3)
        candidates = self.stream("position").uniform(REGION.low, REGION.high, shape)
        distance = np.linalg.norm(candidates[:, :, None] - MICROPHONES, axis=-1).min(axis=-1)
        first = (distance >= MIN_MICROPHONE_DISTANCE).argmax(axis=1)
        return np.asarray(candidates[np.arange(len(self)), first])
