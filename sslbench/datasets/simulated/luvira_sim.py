"""A simulated counterpart of LuViRA (Berg et al., 2024): 7 x 8 x 2 m, eleven microphones.

The microphone positions are those of the LuViRA audio documentation, in metres in the frame of its
motion-capture system: origin on the floor near the centre, z up. The documentation does not give
the positions of the walls in that frame. Here the floor is at z = 0 and the centre of the room at
(-0.1, -0.5), so that every microphone is inside and at least 0.3 m from the nearest wall: x from
-3.6 to 3.4, y from -4.5 to 3.5, z from 0 to 2. Sources are at least 0.5 m from the walls and 0.25 m
from floor and ceiling, as in the simulations of Berg et al., and 0.3 m from the microphones.

The target T60 and the signal-to-noise ratio are drawn for each scene. In this room Sabine's formula
has no solution for a T60 below 0.105 s: such scenes are anechoic. The conditions of a scene tell
the target T60 and the measured one (from 100 Hz on), which is longer: Sabine's formula assumes a
diffuse sound field, which does not exist in such a flat room.

Berg et al. draw the T60 from 0 to 0.4 s and simulate little noise, which is the preset `easy`. It
is far easier than the recordings: the preset `standard` comes nearer to the published errors of
multilateration, and `hall` adds diffuse noise, a directional source, obstructed direct paths and
errors of the microphone positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.contracts import DatasetRequest
from sslbench.datasets.simulated.base import GENRE, SOURCES, SimulatedDataset, Sizes
from sslbench.datasets.simulated.cache import RenderedScene
from sslbench.datasets.simulated.luvira_conditions import CONDITIONS, conditions
from sslbench.geometry import SPEED_OF_SOUND, Box
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.filters import convolve
from sslbench.simulation.noise import DiffuseField, add_noise, pink, white_noise
from sslbench.simulation.reverberant import Directivity, ShoeBox, shoebox_rirs
from sslbench.simulation.sources import SourceBank
from sslbench.simulation.t60 import Walls, measured_t60, walls_for
from sslbench.specs import Parameter

__all__ = ["MICROPHONES", "PARAMETERS", "ROOM", "LuviraSim"]

SIZES: Sizes = {
    "smoke": {"train": 100, "validation": 40, "test": 60},
    "quick": {"train": 8000, "validation": 300, "test": 500},
    "paper": {"train": 20000, "validation": 1000, "test": 2000},
}

EXCERPTS = {"train": 3}
"""Excerpts per position by split; one in the others."""

PARAMETERS = (
    GENRE,
    SOURCES,
    *CONDITIONS,
    Parameter("reference", False, "provide the signal of a microphone at the source, as in LuViRA"),
)

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
MIN_MICROPHONE_DISTANCE = 0.3
CANDIDATES = 8
SAMPLES = 2048
AUDIBLE = 100.0
"""Frequency in Hz from which the T60 is measured."""

OBSTACLE_DB = (6.0, 15.0)
"""By how much an obstacle attenuates a direct path."""

DIRECT_ONLY = Walls(absorption=1.0, max_order=0, reach=np.inf)


class LuviraSim(SimulatedDataset):
    """Frames of one source in the LuViRA room, one position per scene.

    The room and the microphones follow the published layout and are the same in all splits; source
    signals and positions are not shared. There are no trajectories: every scene has an independent
    position. A training scene has three excerpts of one talker from that position, one frame each,
    so that a network can be trained on more signals than there are positions. With
    `reference=true` a recording has the synchronous signal of a microphone at the source.

    Raises:
        ParameterError: if a range of T60 or signal-to-noise ratios cannot be read.
    """

    name = "luvira-sim"
    sizes = SIZES
    parameters = PARAMETERS
    chunk = 20
    presented = frozenset({"reference", "mic_error_cm"})

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        self._conditions = conditions({each.name: self.value(each.name) for each in CONDITIONS})

    @property
    def excerpts(self) -> int:
        """Excerpts per position."""
        return EXCERPTS.get(self.request.split, 1)

    def tracks(self, index: int) -> Tracks:
        """Return the position of the source, the same in every frame."""
        xyz = np.tile(self._positions[index], (self.excerpts, 1, 1))
        return Tracks.of(self._times, xyz, "position")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return a recording with one frame per excerpt, whose time is its middle."""
        return Recording(
            self.id(index),
            audio[:-1],
            self.sample_rate,
            MicArray(MICROPHONES + self._error(index)),
            self._times,
            frame=SAMPLES / self.sample_rate,
            region=REGION,
            reference=audio[-1] if self.value("reference") else None,
            conditions=conditions,
        )

    def render_one(self, index: int, bank: SourceBank) -> RenderedScene:
        """Render a scene; the last row of the audio is the microphone at the source."""
        target_t60 = float(self._conditions.t60.at(self._shares("t60"))[index])
        snr_db = float(self._conditions.snr_db.at(self._shares("snr"))[index])
        room = ShoeBox((7.0, 8.0, 2.0), walls_for(target_t60, ROOM.size))
        rirs = self._rirs(index, room)
        lead = rirs.shape[1]  # only after that is the reverberation complete
        rng = self.stream("source", index)
        talker, signals = bank.excerpts(rng, self.excerpts, SAMPLES, lead)
        clean = convolve(signals, rirs, lead, SAMPLES)
        rng = self.stream("noise", index)
        noisy = np.stack([add_noise(each, self._noise(rng), snr_db) for each in clean])
        audio = np.concatenate([noisy, signals[:, None, lead:]], axis=1)
        anechoic = room.walls.anechoic
        t60 = 0.0 if anechoic else measured_t60(rirs, self.sample_rate, above=AUDIBLE)
        about: dict[str, Condition] = {
            "t60_s": round(t60, 4),
            "t60_wanted_s": round(target_t60, 4),
            "anechoic": anechoic,
            "snr_db": round(snr_db, 2),
        }
        return RenderedScene(np.concatenate(list(audio), axis=1), about, {"talker": talker})

    def _rirs(self, index: int, room: ShoeBox) -> NDArray[np.float32]:
        """Return the impulse responses, with attenuated direct paths where there are obstacles."""
        at, mics, rate = self._positions[index] - ROOM.low, MICROPHONES - ROOM.low, self.sample_rate
        directivity = self._directivity(index)
        rirs = shoebox_rirs(room, at, mics, rate, directivity=directivity)
        share = self._conditions.obstructed
        if not share:
            return rirs
        rng = self.stream("obstacle", index)
        hit = rng.random(len(mics)) < share
        removed = 1 - 10 ** (-rng.uniform(*OBSTACLE_DB, len(mics)) / 20)
        alone = ShoeBox(room.size, DIRECT_ONLY)
        direct = shoebox_rirs(alone, at, mics, rate, directivity=directivity)
        rirs[:, : direct.shape[1]] -= (hit * removed)[:, None].astype(np.float32) * direct
        return rirs

    def _directivity(self, index: int) -> Directivity | None:
        if not self._conditions.directivity_db:
            return None
        azimuth = self.stream("front", index).uniform(-np.pi, np.pi)
        front = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        return Directivity(front, self._conditions.directivity_db)

    def _noise(self, rng: np.random.Generator) -> NDArray[np.float32]:
        if self._conditions.noise == "white":
            return white_noise((len(MICROPHONES), SAMPLES), rng)
        return pink(self._field.draw(rng))

    @cached_property
    def _field(self) -> DiffuseField:
        return DiffuseField(MicArray(MICROPHONES), SAMPLES, self.sample_rate, SPEED_OF_SOUND)

    def _error(self, index: int) -> Floats:
        """Return the errors of the microphone positions in metres, shape (microphones, 3)."""
        per_axis = self._conditions.mic_error_cm / 100 / np.sqrt(3)
        rng = self.stream("microphone error", index)
        return np.asarray(per_axis * rng.standard_normal(MICROPHONES.shape))

    def _shares(self, use: str) -> Floats:
        """Return numbers from 0 to 1 for one purpose, shape (scenes,)."""
        return self.stream(use).random(len(self))

    @cached_property
    def _times(self) -> Floats:
        return (np.arange(self.excerpts) + 0.5) * SAMPLES / self.sample_rate

    @cached_property
    def _positions(self) -> NDArray[np.float64]:
        # The first of several candidates per scene that is not too near to a microphone. One in
        # fifty candidates is, so it does not happen that all of them are.
        shape = (len(self), CANDIDATES, 3)
        candidates = self.stream("position").uniform(REGION.low, REGION.high, shape)
        distance = np.linalg.norm(candidates[:, :, None] - MICROPHONES, axis=-1).min(axis=-1)
        first = (distance >= MIN_MICROPHONE_DISTANCE).argmax(axis=1)
        return np.asarray(candidates[np.arange(len(self)), first])
