"""Moving sources around a small array: four microphones, or first-order ambisonics.

Up to two sources appear, move around the array, pause and stop, in rooms with a target T60 of 0.15
to 0.35 s and diffuse noise. Every other scene has one source at a time, the others up to two:
there are two during about 30 % of the time. The array is a tetrahedron of 4.2 cm radius, with the
directions of the DCASE arrays but no sphere between the microphones. Ambisonics and microphones
are at the same place of the same scene.

The responses of a room are those of points on rings around the array, by the image method; a
source is cross-faded between neighbouring points. All points of a ring are at the same distance, so
that direct sound keeps its delay. Reflections between points are not exact.

======  ========  ============  =====  ======  =======
scale   rooms     scenes        rings  points  seconds
======  ========  ============  =====  ======  =======
smoke   2/1/1     8/2/2         1      24      4
quick   20/5/5    600/60/60     3      72      20
paper   60/12/12  2400/240/240  4      120     20
======  ========  ============  =====  ======  =======

Rooms and scenes are those of training, validation and test; points are those of a ring.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.datasets.mixtures import drawn_pairs
from sslbench.datasets.simulated.base import GENRE, SOURCES, SimulatedDataset, Sizes, rms
from sslbench.datasets.simulated.cache import Rendered, RenderedScene
from sslbench.datasets.simulated.moving_events import FRAME, Event, directions, draw_events
from sslbench.geometry import unit_vector
from sslbench.scene import Condition, MicArray, Prediction, Recording, Scene, Tracks
from sslbench.simulation.moving import convolve_along
from sslbench.simulation.noise import add_noise
from sslbench.simulation.ring_banks import Bank, RingRoom, draw_room, open_bank
from sslbench.simulation.sources import SourceBank
from sslbench.specs import Parameter, Scale

__all__ = ["ARRAY", "PARAMETERS", "SCALES", "MovingDoa", "Size"]

SIZES: Sizes = {
    "smoke": {"train": 8, "validation": 2, "test": 2},
    "quick": {"train": 600, "validation": 60, "test": 60},
    "paper": {"train": 2400, "validation": 240, "test": 240},
}


@dataclass(frozen=True)
class Size:
    """What a scale determines besides the number of scenes.

    Args:
        rooms: number of rooms by split.
        rings: in each room.
        points: on each ring.
        seconds: length of a scene.
    """

    rooms: Mapping[str, int]
    rings: int
    points: int
    seconds: float


SCALES: Mapping[Scale, Size] = {
    "smoke": Size({"train": 2, "validation": 1, "test": 1}, rings=1, points=24, seconds=4.0),
    "quick": Size({"train": 20, "validation": 5, "test": 5}, rings=3, points=72, seconds=20.0),
    "paper": Size({"train": 60, "validation": 12, "test": 12}, rings=4, points=120, seconds=20.0),
}

PARAMETERS = (
    GENRE,
    SOURCES,
    Parameter(
        "format",
        "mic",
        "four microphones (mic), or first-order ambisonics (foa) of the same scenes",
        choices=("mic", "foa"),
    ),
    Parameter(
        "augment",
        0,
        "number of mixtures of two scenes of one source each, of one room, that are added to the"
        " training split",
        minimum=0,
        neutral=True,
    ),
)

RADIUS = 0.042
DIRECTIONS = np.radians([(45, 35), (-45, -35), (135, -35), (-135, 35)])
"""Azimuth and elevation of the microphones."""

ARRAY = MicArray(RADIUS * unit_vector(*DIRECTIONS.T))
SNR_DB = (15.0, 30.0)
LEVEL_DB = (-3.0, 3.0)
FADE = 0.02
"""Seconds over which a source fades in and out."""

PEAK = 0.1

VOICES = 2
"""Largest number of simultaneous sources; scenes have one, two, one, ... of them."""


class MovingDoa(SimulatedDataset):
    """Scenes of 20 s with up to two moving sources; splits share no room or source signal.

    There is a time in the middle of every 100 ms. Azimuths are uniform over the circle.
    """

    name = "moving-doa"
    sizes = SIZES
    parameters = PARAMETERS
    sample_rate = 24000
    chunk = 2
    presented = frozenset({"format", "augment"})

    def __len__(self) -> int:
        return self.rendered_scenes + len(self._mixtures)

    @property
    def rendered_scenes(self) -> int:
        """Number of scenes without mixtures, which are made of them."""
        return super().__len__()

    @property
    def fingerprinted_parameters(self) -> tuple[Parameter, ...]:
        """Parameters on which the scenes of this split depend; `augment` only if it adds some."""
        unused = set() if self._mixtures else {"augment"}
        return tuple(each for each in super().fingerprinted_parameters if each.name not in unused)

    @cached_property
    def _mixtures(self) -> list[tuple[int, int]]:
        """Random pairs of scenes of one source each, by their indices."""
        count = int(self.value("augment")) if self.request.split == "train" else 0
        if not count:
            return []
        alone = defaultdict(list)
        for index in range(0, self.rendered_scenes, VOICES):
            alone[self._room_number(index)].append(index)
        return drawn_pairs(alone.values(), count, self.stream("augment"))

    def scene(self, index: int) -> Scene:
        """Return one scene, or the mean of the signals of two.

        Raises:
            IndexError, DataError: see `SimulatedDataset.scene`.
        """
        if self._within(index) < self.rendered_scenes:
            return super().scene(index)
        first, second = (super(MovingDoa, self).scene(each) for each in self._mixed(index))
        id_, truth = self.truth(index)
        audio = (first.recording.audio + second.recording.audio) / np.float32(2)
        known = {name: first.recording.conditions[name] for name in ("t60_s", "t60_wanted_s")}
        recording = replace(first.recording, id=id_, audio=audio, conditions=known)
        return Scene(recording, truth, first.clusters)

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and truth of a scene without rendering it."""
        if self._within(index) < self.rendered_scenes:
            return super().truth(index)
        pair = self._mixed(index)
        xyz = np.concatenate([self.tracks(each).xyz for each in pair], axis=1)
        name = "+".join(self.id(each) for each in pair)
        return name, Prediction(Tracks.of(self._times, xyz, "direction"))

    def _mixed(self, index: int) -> tuple[int, int]:
        return self._mixtures[index - self.rendered_scenes]

    def tracks(self, index: int) -> Tracks:
        """Return one track per source, with an identity of its own."""
        xyz = directions(self._events(index), self._room(index).elevations, self._frames)
        return Tracks.of(self._times, xyz, "direction")

    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return a recording in the requested format."""
        ambisonics = self.value("format") == "foa"
        return Recording(
            self.id(index),
            audio[4:] if ambisonics else audio[:4],
            self.sample_rate,
            MicArray(format="foa") if ambisonics else ARRAY,
            self._times,
            kind="direction",
            frame=FRAME,
            max_sources=2,
            conditions=conditions,
        )

    def render(self, indices: Sequence[int], bank: SourceBank) -> Rendered:
        """Render scenes of one room."""
        responses = self._responses(self._room_number(indices[0]))
        return Rendered.of([self._render(index, bank, responses) for index in indices])

    def _render(self, index: int, bank: SourceBank, responses: Bank) -> RenderedScene:
        clean = np.zeros((8, self._samples), np.float32)
        rng = self.stream("source", index)
        for event in self._events(index):
            # The direct sound is as loud from every ring.
            distance = np.float32(self._room(index).radii[event.ring])
            clean += distance * self._sound(event, rng, bank, responses)
        rng = self.stream("noise", index)
        snr_db = float(rng.uniform(*SNR_DB))
        start = int(rng.integers(responses.noise.shape[1]))
        noise = np.take(responses.noise, start + np.arange(self._samples), axis=1, mode="wrap")
        # The noise has the same level in relation to both formats.
        noisy = np.concatenate(
            [add_noise(clean[rows], noise[rows], snr_db) for rows in (slice(0, 4), slice(4, 8))]
        )
        number = self._room_number(index)
        conditions: dict[str, Condition] = {
            "t60_s": round(responses.t60, 4),
            "t60_wanted_s": round(self._room(index).t60, 4),
            "snr_db": round(snr_db, 2),
        }
        audio = noisy * np.float32(PEAK / rms(noisy[:4]))
        return RenderedScene(audio, conditions, {"room": f"{self.request.split}-{number:03d}"})

    def _sound(
        self, event: Event, rng: np.random.Generator, bank: SourceBank, responses: Bank
    ) -> NDArray[np.float32]:
        """Return what is heard of one source, shape (8, samples)."""
        per_frame = round(FRAME * self.sample_rate)
        first, length = event.first * per_frame, (event.last - event.first) * per_frame
        signal = bank.excerpt(rng, length)
        level = 10 ** (rng.uniform(*LEVEL_DB) / 20) / rms(signal)
        signal = signal * _fades(length, round(FADE * self.sample_rate)) * np.float32(level)
        borders = np.arange(len(event.azimuth)) * per_frame
        azimuth = np.interp(np.arange(length) + 0.5, borders, event.azimuth)
        rirs = responses.rirs[event.ring]
        place = azimuth / (2 * np.pi) * len(rirs)
        found = np.zeros((8, self._samples), np.float32)
        found[:, first:] = convolve_along(signal, place, rirs, self._samples - first)
        return found

    def _events(self, index: int) -> list[Event]:
        rng = self.stream("events", index)
        return draw_events(rng, self._frames, 1 + index % VOICES, self._size.rings)

    def _room_number(self, index: int) -> int:
        return index // self.chunk % self._size.rooms[self.request.split]

    def _room(self, index: int) -> RingRoom:
        rng = self.stream("room", self._room_number(index))
        return draw_room(rng, self._size.rings)

    def _responses(self, number: int) -> Bank:
        room = self._room(number * self.chunk)
        size = self._size
        about = f"{self.version} {self.request.split} {size.rings} {size.points} {size.seconds}"
        key = hashlib.sha256(about.encode()).hexdigest()[:12]
        path = self.request.cache / self.name / f"rooms-{key}" / f"{number:03d}.npy"
        return open_bank(path, room, size.points, ARRAY, self.sample_rate)

    @property
    def _size(self) -> Size:
        return SCALES[self.request.scale]

    @cached_property
    def _frames(self) -> int:
        return round(self._size.seconds / FRAME)

    @cached_property
    def _times(self) -> Floats:
        return np.asarray((np.arange(self._frames) + 0.5) * FRAME)

    @property
    def _samples(self) -> int:
        return round(self._size.seconds * self.sample_rate)


def _fades(length: int, samples: int) -> NDArray[np.float32]:
    ramp = np.minimum(np.arange(length) + 0.5, samples) / samples
    return np.asarray(ramp * ramp[::-1], dtype=np.float32)
