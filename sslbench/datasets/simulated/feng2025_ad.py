"""The Ad-1 and Ad-2 data sets of Feng et al. (2025): one or two sources, ad-hoc microphones.

Stated in the paper: rooms 4 to 10 m long and wide and 4.2 m high, T60 from 0.2 to 1.2 s, thirty
nodes with one microphone each at 0.9 m and speakers at 0.95 m, each in a different cell of a grid
of 16 x 16 over the room, 2 s at 16 kHz, an SNR from 0 to 50 dB in training and from 10 to 20 dB in
validation and test, 18,000 / 1,800 / 1,800 scenes.

Not stated, and chosen here: all random values are drawn uniformly, length and width independently,
positions anywhere within their cells; the absorption of the walls follows from Sabine's formula,
which has a solution for all these rooms and values of T60; noise is white and independent between
microphones, and the SNR refers to the mean power of all sources over all microphones; the two
sources of Ad-2 are equally loud. A recording is scaled to a tenth of full scale.

The full image method takes seconds per scene. The smaller scales use only images of low order and
replace the others by a diffuse tail (see `sslbench.simulation.tail` for its accuracy):

======  ===========  =======  ============  ==================
scale   microphones  seconds  T60           images
======  ===========  =======  ============  ==================
smoke   8            1        0.2 to 0.6 s  to order 10, tail
quick   16           1        0.2 to 0.6 s  to order 10, tail
paper   30           2        0.2 to 1.2 s  all
======  ===========  =======  ============  ==================

The scenes of a smaller scale have the rooms, sources, SNR and first microphones of the first scenes
of a larger one. T60 is at the same relative position within the range of the scale, so it is equal
only at smoke and quick scale. The audio differs between scales. Ad-1 and Ad-2 share nothing.
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
    rms,
)
from sslbench.datasets.simulated.cache import RenderedScene
from sslbench.geometry import Box
from sslbench.scene import Condition, MicArray, Recording, Tracks
from sslbench.simulation.filters import convolve
from sslbench.simulation.noise import add_noise, white_noise
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
    "Feng2025Ad",
    "Feng2025Ad1",
    "Feng2025Ad2",
    "Rendering",
]

SIZES: Sizes = {
    "smoke": {"train": 200, "validation": 40, "test": 60},
    "quick": {"train": 2000, "validation": 150, "test": 200},
    "paper": {"train": 18000, "validation": 1800, "test": 1800},
}

ALL_IMAGES = -1
"""The value of `order` for the full image method."""

BY_SCALE = -2
"""The value of `order` for the order of the scale."""


@dataclass(frozen=True)
class Rendering:
    """Settings of a scale in addition to the number of scenes.

    Args:
        microphones: number of microphones in each room.
        seconds: length of a recording.
        longest_t60: largest target T60 in seconds.
        order: largest order of an image; `ALL_IMAGES` for no limit.
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
"""Minimum length of a recording in seconds: sound takes 0.04 s across the largest room, and methods
correlate pairs of nodes over such delays."""


class _Seconds(Parameter):
    """A parameter for a length in seconds; 0 for the length of the scale."""

    def check(self, value: Value) -> Value:
        """Return the value after checking its bounds.

        Raises:
            ParameterError: if it is out of bounds, or positive but below `SHORTEST`.
        """
        if 0 < float(super().check(value)) < SHORTEST:
            raise self._refuse(value, f"0, or a number from {SHORTEST:g} to {self.maximum:g}")
        return value


PARAMETERS = (
    GENRE,
    SOURCES,
    Parameter(
        "order", BY_SCALE, "order up to which images are computed exactly, with a diffuse tail for "
        "the others; -1 for all images, 0 for direct paths only, -2 for the default of the scale",
        minimum=BY_SCALE, maximum=200,
    ),
    _Seconds(
        "seconds", 0.0, "length of a recording in s; 0 for the default of the scale",
        minimum=0.0, maximum=4.0,
    ),
)  # fmt: skip

HEIGHT = 4.2
SIDES = (4.0, 10.0)
MICROPHONE_HEIGHT = 0.9
SOURCE_HEIGHT = 0.95
CELLS = 16
PLACES = 32
"""Number of positions that are drawn in every room: thirty microphones and up to two sources."""

SHORTEST_T60 = 0.2
SNR_DB = {"train": (0.0, 50.0)}
SNR_DB_ELSEWHERE = (10.0, 20.0)
LEVEL = 0.1
AUDIBLE = 100.0
"""Lowest frequency in Hz for measuring T60: the image method adds only positive pulses, whose mean,
at frequencies far below those of a voice, makes up much of the late energy."""


@dataclass(frozen=True, eq=False)
class _Setting:
    size: tuple[float, float, float]
    sources: NDArray[np.float64]
    microphones: NDArray[np.float64]
    t60: float
    snr_db: float


class Feng2025Ad(SimulatedDataset):
    """Recordings of static sources, with a new room and new microphones in every scene.

    The origin of the coordinate frame is a corner of the room on the floor. The region of a
    recording is the floor plan of its room at the height of the sources. There is one time per
    recording. Splits share no room, position or source signal.
    """

    sizes = SIZES
    parameters = PARAMETERS
    chunk = 10
    speakers: ClassVar[int]

    def tracks(self, index: int) -> Tracks:
        """Return the positions of the sources, which do not move."""
        return Tracks.of(self._times, self._setting(index).sources[None], "position")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return a recording with one time, in its middle."""
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

    def render_one(self, index: int, bank: SourceBank) -> RenderedScene:
        """Render a recording."""
        setting, rng = self._setting(index), self.stream("source", index)
        rirs = self._rirs(setting, self.stream("tail", index))
        audio = np.asarray(sum(self._source_audio(bank, rng, each) for each in rirs))
        noise = white_noise(audio.shape, self.stream("noise", index))
        noisy = add_noise(audio, noise, setting.snr_db)
        anechoic = self._order == 0
        t60s = [measured_t60(each, self.sample_rate, above=AUDIBLE) for each in rirs]
        audio = noisy * np.float32(LEVEL / rms(noisy))
        conditions: dict[str, Condition] = {
            "t60_s": 0.0 if anechoic else round(float(np.mean(t60s)), 4),
            "t60_wanted_s": round(setting.t60, 4),
            "anechoic": anechoic,
            "snr_db": round(setting.snr_db, 2),
            "room_length_m": round(setting.size[0], 3),
            "room_width_m": round(setting.size[1], 3),
        }
        return RenderedScene(audio, conditions)

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

    def _source_audio(
        self, bank: SourceBank, rng: np.random.Generator, rirs: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        lead = rirs.shape[1]  # only after that is the reverberation complete
        signal = bank.excerpt(rng, self._samples, lead)
        signal = signal * np.float32(1 / rms(signal[lead:]))
        return convolve(signal, rirs, lead, self._samples)

    def _setting(self, index: int) -> _Setting:
        # All positions are drawn at every scale, so that those in use are the same at each.
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
    """Ad-2: two sources in different cells that are active all the time."""

    name = "feng2025-ad2"
    speakers = 2


def _at_height(plan: NDArray[np.float64], height: float) -> NDArray[np.float64]:
    return np.column_stack([plan, np.full(len(plan), height)])
