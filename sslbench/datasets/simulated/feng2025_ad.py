"""The Ad-1 and Ad-2 data sets of Feng et al. (2025): one or two sources, microphones anywhere.

Stated in the paper: rooms 4 to 10 m long and wide and 4.2 m high, T60 from 0.2 to 1.2 s, thirty
nodes of one microphone at 0.9 m and speakers at 0.95 m, each in a cell of its own of a grid of
16 x 16 over the room, 2 s at 16 kHz, an SNR from 0 to 50 dB in training and from 10 to 20 dB in
validation and test, 18,000 / 1,800 / 1,800 scenes.

Not stated, and chosen here: all that is random is drawn evenly, length and width each for itself,
places anywhere within their cells; walls come from Sabine's formula, which has some for every such
room and T60; noise is white, independent between microphones, and the SNR holds for the mean power
of all sources over all microphones; the two sources of Ad-2 play equally loud. A recording is
scaled to a tenth of full scale.

The full image method takes seconds a scene. The smaller scales add up images of low order alone
and replace the others by a diffuse tail (`sslbench.simulation.tail`, which says how well):

======  ===========  =======  ============  ==================
scale   microphones  seconds  T60           images
======  ===========  =======  ============  ==================
smoke   8            1        0.2 to 0.6 s  to order 10, tail
quick   16           1        0.2 to 0.6 s  to order 10, tail
paper   30           2        0.2 to 1.2 s  all
======  ===========  =======  ============  ==================

A smaller scale is the beginning of a larger one in rooms, sources, SNR and the microphones that it
has; T60 is drawn at the same place within the range of the scale, so that it is the same at smoke
and quick alone. What is heard differs. Ad-1 and Ad-2 share nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

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
from sslbench.simulation.tail import hybrid_rirs
from sslbench.specs import Parameter, Scale, Value

__all__ = [
    "ALL_IMAGES",
    "BY_SCALE",
    "PARAMETERS",
    "SCALES",
    "SIZES",
    "VERSION",
    "Feng2025Ad",
    "Feng2025Ad1",
    "Feng2025Ad2",
    "Rendering",
]

VERSION = "1"

SIZES: Sizes = {
    "smoke": {"train": 200, "validation": 40, "test": 60},
    "quick": {"train": 2000, "validation": 150, "test": 200},
    "paper": {"train": 18000, "validation": 1800, "test": 1800},
}

ALL_IMAGES = -1
"""The value of `order` with which no image is replaced."""

BY_SCALE = -2
"""The value of `order` with which the scale decides."""


@dataclass(frozen=True)
class Rendering:
    """What a scale decides besides the number of scenes.

    Args:
        microphones: in each room.
        seconds: length of a recording.
        longest_t60: that is asked for, in seconds.
        order: most reflections of an image; `ALL_IMAGES` for no limit.
    """

    microphones: int
    seconds: float
    longest_t60: float
    order: int


SCALES: Mapping[Scale, Rendering] = {
    "smoke": Rendering(8, 1.0, 0.6, 10),
    "quick": Rendering(16, 1.0, 0.6, 10),
    "paper": Rendering(30, 2.0, 1.2, ALL_IMAGES),
}

SHORTEST = 0.1
"""Seconds of the shortest recording: sound takes 0.04 s across the largest room, and pairs of nodes
are correlated over as much."""


class _Seconds(Parameter):
    """A length in seconds, or 0 for that of the scale."""

    def check(self, value: Value) -> Value:
        """Return the value after checking its bounds.

        Raises:
            ParameterError: if it is out of bounds, or too short to hear a room in.
        """
        if 0 < float(super().check(value)) < SHORTEST:
            raise self._refuse(value, f"0, or a number from {SHORTEST:g} to {self.maximum:g}")
        return value


PARAMETERS = (
    GENRE,
    SOURCES,
    Parameter(
        "order", BY_SCALE, "images up to this order, a diffuse tail for the others; -1 adds all "
        "images, 0 direct paths alone, -2 as the scale has it",
        minimum=BY_SCALE, maximum=200,
    ),
    _Seconds(
        "seconds", 0.0, "length of a recording in s; 0 as the scale has it",
        minimum=0.0, maximum=4.0,
    ),
)  # fmt: skip

HEIGHT = 4.2
SIDES = (4.0, 10.0)
MICROPHONE_HEIGHT = 0.9
SOURCE_HEIGHT = 0.95
CELLS = 16
PLACES = 32
"""Places that are drawn in every room: thirty microphones and up to two sources."""

SHORTEST_T60 = 0.2
SNR_DB = {"train": (0.0, 50.0)}
SNR_DB_ELSEWHERE = (10.0, 20.0)
LEVEL = 0.1
AUDIBLE = 100.0
"""T60 is measured from here on, in Hz: the positive pulses of all images have a mean, far below
what a voice has, that makes up much of their late energy."""


@dataclass(frozen=True, eq=False)
class _Setting:
    size: tuple[float, float, float]
    sources: NDArray[np.float64]
    microphones: NDArray[np.float64]
    t60: float
    snr_db: float


class Feng2025Ad(SimulatedDataset):
    """Recordings of still sources in a room that is new in every scene, as are its microphones.

    The frame has its origin in a corner of the room on the floor. The region of a recording is
    the floor plan of its room, flat at the height of the sources. One answer is asked for, for
    the whole recording. Splits share no room, position or source signal.
    """

    version = VERSION
    sizes = SIZES
    parameters = PARAMETERS
    chunk = 10
    speakers: ClassVar[int]

    def tracks(self, index: int) -> Tracks:
        """Return the positions of the sources, still."""
        return Tracks.of(self._times, self._setting(index).sources[None], "position")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Make a recording that is answered once, in its middle, from all of it."""
        setting = self._setting(index)
        length, width, _ = setting.size
        return Recording(
            self.id(index),
            audio,
            self.sample_rate,
            MicArray(setting.microphones),
            self._times,
            max_sources=self.speakers,
            region=Box((0.0, 0.0, SOURCE_HEIGHT), (length, width, SOURCE_HEIGHT)),
            conditions=conditions,
        )

    def render_one(
        self, index: int, bank: SourceBank
    ) -> tuple[NDArray[np.float32], dict[str, Condition]]:
        """Render a recording."""
        setting, rng = self._setting(index), self.stream("source", index)
        rirs = self._rirs(setting, self.stream("tail", index))
        heard = sum(self._heard(bank, rng, each) for each in rirs)
        noisy = add_noise(np.asarray(heard), setting.snr_db, self.stream("noise", index))
        anechoic = self._order == 0
        t60s = [measured_t60(each, self.sample_rate, above=AUDIBLE) for each in rirs]
        return noisy * np.float32(LEVEL / _rms(noisy)), {
            "t60_s": 0.0 if anechoic else round(float(np.mean(t60s)), 4),
            "t60_wanted_s": round(setting.t60, 4),
            "anechoic": anechoic,
            "snr_db": round(setting.snr_db, 2),
            "room_length_m": round(setting.size[0], 3),
            "room_width_m": round(setting.size[1], 3),
        }

    def _rirs(self, setting: _Setting, rng: np.random.Generator) -> list[NDArray[np.float32]]:
        """Return the impulse responses of each source, each of shape (microphones, taps)."""
        room = ShoeBox(setting.size, walls_for(setting.t60, setting.size))
        if self._order == ALL_IMAGES:
            return [
                shoebox_rirs(room, source, setting.microphones, self.sample_rate)
                for source in setting.sources
            ]
        return [
            hybrid_rirs(room, self._order, source, setting.microphones, self.sample_rate, rng)
            for source in setting.sources
        ]

    def _heard(
        self, bank: SourceBank, rng: np.random.Generator, rirs: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        lead = rirs.shape[1]  # until it has passed, the room does not ring in full
        played = bank.excerpt(rng, self._samples, lead)
        played = played * np.float32(1 / _rms(played[lead:]))
        return convolve(played, rirs, lead, self._samples)

    def _setting(self, index: int) -> _Setting:
        # All places are drawn at every scale, so that those in use are the same at each.
        rng = self.stream("setting", index)
        length, width = rng.uniform(*SIDES, 2)
        cells = np.stack(np.divmod(rng.permutation(CELLS**2)[:PLACES], CELLS), axis=1)
        plan = (cells + rng.uniform(0, 1, cells.shape)) / CELLS * [length, width]
        sources, microphones = np.split(plan, [self.speakers])
        t60, snr = rng.uniform(0, 1, 2)
        quietest, loudest = SNR_DB.get(self.request.split, SNR_DB_ELSEWHERE)
        return _Setting(
            size=(float(length), float(width), HEIGHT),
            sources=_at_height(sources, SOURCE_HEIGHT),
            microphones=_at_height(microphones[: self._scale.microphones], MICROPHONE_HEIGHT),
            t60=SHORTEST_T60 + float(t60) * (self._scale.longest_t60 - SHORTEST_T60),
            snr_db=quietest + float(snr) * (loudest - quietest),
        )

    @property
    def _scale(self) -> Rendering:
        return SCALES[self.request.scale]

    @property
    def _order(self) -> int:
        given = int(self.number("order"))
        return self._scale.order if given == BY_SCALE else given

    @property
    def _samples(self) -> int:
        seconds = self.number("seconds") or self._scale.seconds
        return round(seconds * self.sample_rate)

    @property
    def _times(self) -> NDArray[np.float64]:
        return np.array([self._samples / self.sample_rate / 2])


class Feng2025Ad1(Feng2025Ad):
    """Ad-1: one source."""

    name = "feng2025-ad1"
    speakers = 1


class Feng2025Ad2(Feng2025Ad):
    """Ad-2: two sources, in different cells, that sound all the time."""

    name = "feng2025-ad2"
    speakers = 2


def _at_height(plan: NDArray[np.float64], height: float) -> NDArray[np.float64]:
    return np.column_stack([plan, np.full(len(plan), height)])


def _rms(audio: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=float))))
