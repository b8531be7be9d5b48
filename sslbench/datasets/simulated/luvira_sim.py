"""The simulated companion of LuViRA (Berg et al., 2024): 7 x 8 x 2 m, eleven microphones.

The microphones are where the LuViRA audio documentation puts them, in the frame of its
motion-capture system, in metres: origin on the floor near the middle, z up. The documentation
does not say where the walls are in that frame. The box here has its floor at z = 0 and its middle
at (-0.1, -0.5), so that every microphone is inside and at least 0.3 m from the nearest wall:
x from -3.6 to 3.4, y from -4.5 to 3.5, z from 0 to 2. Sources stay 0.5 m away from walls and
0.25 m away from floor and ceiling, as in the simulations of Berg et al., and 0.3 m away from
microphones.

T60 is drawn evenly from 0 to 0.4 s unless it is given. Sabine's formula has no walls for a T60
under 0.105 s in this room: such scenes, a quarter of those drawn, are anechoic. Their conditions
say so (`anechoic`), and give the T60 that was wanted and the one that was measured. The latter is
longer, 0.74 s where 0.4 s was wanted: Sabine's formula takes a field to be diffuse, which in a room
this flat it is not.
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
    add_noise,
)
from sslbench.geometry import Box
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.filters import convolve
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.sources import SourceBank
from sslbench.simulation.t60 import measured_t60, walls_for
from sslbench.specs import Parameter

__all__ = ["DRAWN", "MICROPHONES", "NAME", "PARAMETERS", "SIZES", "VERSION", "LuviraSim"]

NAME = "luvira-sim"
VERSION = "1"

SIZES: Sizes = {
    "smoke": {"train": 100, "validation": 40, "test": 60},
    "quick": {"train": 2000, "validation": 200, "test": 300},
    "paper": {"train": 20000, "validation": 1000, "test": 2000},
}

DRAWN = -1.0
"""The value of `t60` with which every scene draws its own."""

PARAMETERS = (
    GENRE,
    SOURCES,
    Parameter(
        "t60", DRAWN, "T60 in s of all scenes; 0 is anechoic, -1 draws each from (0, 0.4)",
        minimum=DRAWN, maximum=1.0,
    ),
    Parameter(
        "snr_db", 30.0, "signal over white noise in dB, mean over microphones",
        minimum=-20.0, maximum=100.0,
    ),
    Parameter("reference", False, "hand out the microphone at the source, as LuViRA has one"),
)  # fmt: skip

# Millimetres, from microphone_locations.txt of the LuViRA data set (mean over Grid1), 1 to 11.
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
NEAREST = 0.3
CANDIDATES = 8
SAMPLES = 2048
TIMES = np.array([SAMPLES / 16000 / 2])


class LuviraSim(SimulatedDataset):
    """Frames of one source in the LuViRA room, one frame a scene.

    The room and the microphones are given by the published layout and therefore the same in all
    splits; source signals and positions are not shared. There are no trajectories: every frame
    has a position of its own. With `reference=true` a recording carries what a microphone at the
    source hears, in time with the others.
    """

    name = NAME
    version = VERSION
    sizes = SIZES
    parameters = PARAMETERS
    chunk = 20

    def tracks(self, index: int) -> Tracks:
        """Return the source's position in the frame."""
        return Tracks.of(TIMES, self._positions[index].reshape(1, 1, 3), "position")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Make a recording of one frame, which is answered in its middle."""
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
        wanted, snr_db = self._t60(index), self.number("snr_db")
        room = ShoeBox((7.0, 8.0, 2.0), walls_for(wanted, ROOM.size))
        source = self._positions[index] - ROOM.low
        rirs = shoebox_rirs(room, source, MICROPHONES - ROOM.low, self.sample_rate)
        lead = rirs.shape[1]  # until it has passed, the room does not ring in full
        played = bank.excerpt(self.stream("source", index), SAMPLES, lead)
        heard = convolve(played, rirs, lead, SAMPLES)
        heard = add_noise(heard, snr_db, self.stream("noise", index))
        anechoic = room.walls.anechoic
        return np.concatenate([heard, played[None, lead:]]), {
            "t60_s": 0.0 if anechoic else round(measured_t60(rirs, self.sample_rate), 4),
            "t60_wanted_s": round(wanted, 4),
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
        # Of a few candidates a scene, the first that is no microphone's neighbour: one in fifty
        # is, so that all of them being so does not happen.
        shape = (len(self), CANDIDATES, 3)
        candidates = self.stream("position").uniform(REGION.low, REGION.high, shape)
        distance = np.linalg.norm(candidates[:, :, None] - MICROPHONES, axis=-1).min(axis=-1)
        first = (distance >= NEAREST).argmax(axis=1)
        return np.asarray(candidates[np.arange(len(self)), first])
