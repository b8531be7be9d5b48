"""Rooms with an array in the middle, and the impulse responses from rings around it, on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.files import store_errors, writing
from sslbench.geometry import SPEED_OF_SOUND
from sslbench.scene import MicArray
from sslbench.simulation.noise import DiffuseField, pink
from sslbench.simulation.reverberant import ShoeBox, ambisonic_rirs, shoebox_rirs
from sslbench.simulation.t60 import measured_t60, walls_for

__all__ = ["Bank", "RingRoom", "draw_room", "open_bank"]

LENGTHS, WIDTHS, HEIGHTS = (5.0, 9.0), (4.5, 8.0), (2.6, 3.4)
T60 = (0.15, 0.35)
OFF_CENTRE = 0.4
"""How far the array may be from the middle of the room along x and y, in metres."""

ARRAY_HEIGHTS = (1.2, 1.6)
MARGIN = 0.3
"""Smallest distance of a ring from the walls, in metres."""

RADII = (1.0, 3.0)
SOURCE_HEIGHTS = (0.4, 2.2)
NOISE_SECONDS = 5.0
"""Length of the noise, which is repeated."""

AUDIBLE = 100.0
"""Frequency in Hz from which the T60 is measured."""

HINT = "free some space on the disk, or name another cache folder by SSLBENCH_CACHE"


@dataclass(frozen=True, eq=False)
class RingRoom:
    """A room.

    Args:
        size: in metres.
        t60: target in seconds.
        centre: position of the array from a corner of the room, shape (3,).
        radii: of the rings, in metres.
        heights: of the rings over the floor.
    """

    size: tuple[float, float, float]
    t60: float
    centre: Floats
    radii: Floats
    heights: Floats

    @property
    def elevations(self) -> list[float]:
        """Elevation of each ring as seen from the array, in radians."""
        angles = np.arctan2(self.heights - self.centre[2], self.radii)
        return [float(angle) for angle in angles]

    def points(self, count: int) -> Floats:
        """Return evenly spaced points of each ring, from azimuth 0 on, shape (rings, count, 3)."""
        azimuth = 2 * np.pi * np.arange(count) / count
        plane = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
        found = np.empty((len(self.radii), count, 3))
        found[..., :2] = self.centre[:2] + self.radii[:, None, None] * plane
        found[..., 2] = self.heights[:, None]
        return found


@dataclass(frozen=True, eq=False)
class Bank:
    """What is stored of a room. Channels are those of the array, then W, Y, Z, X.

    Args:
        rirs: shape (rings, points, channels, taps).
        noise: 5 s, diffuse and pink, of unit power in both formats, shape (channels, samples).
        t60: measured, in seconds.
    """

    rirs: NDArray[np.float32]
    noise: NDArray[np.float32]
    t60: float


def draw_room(rng: np.random.Generator, rings: int) -> RingRoom:
    """Draw a room with rings."""
    size = (rng.uniform(*LENGTHS), rng.uniform(*WIDTHS), rng.uniform(*HEIGHTS))
    t60 = float(rng.uniform(*T60))
    middle = np.array(size[:2]) / 2 + rng.uniform(-OFF_CENTRE, OFF_CENTRE, 2)
    centre = np.array([*middle, rng.uniform(*ARRAY_HEIGHTS)])
    nearest = float(np.minimum(middle, np.array(size[:2]) - middle).min())
    radii = rng.uniform(RADII[0], min(RADII[1], nearest - MARGIN), rings)
    heights = rng.uniform(SOURCE_HEIGHTS[0], min(SOURCE_HEIGHTS[1], size[2] - MARGIN), rings)
    return RingRoom(size, t60, centre, radii, heights)


def open_bank(path: Path, room: RingRoom, points: int, array: MicArray, sample_rate: int) -> Bank:
    """Return the bank of a room, after computing it unless it is on disk.

    Args:
        path: of the file with the responses, whose name identifies them.
        room: from `draw_room`.
        points: on each ring.
        array: of microphones, around the origin.
        sample_rate: in Hz.

    Raises:
        StoreError: if it cannot be written.
    """
    from filelock import FileLock

    noise = path.with_suffix(".noise.npy")
    with store_errors(path, hint=HINT):
        path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file() or not noise.is_file():
            _save(noise, _noise(array, sample_rate, path.stem))
            _save(path, _responses(room, points, array, sample_rate))
    rirs = np.load(path, mmap_mode="r")
    t60 = measured_t60(rirs[:, 0, 0], sample_rate, above=AUDIBLE)
    return Bank(rirs, np.load(noise, mmap_mode="r"), t60)


def _save(path: Path, values: NDArray[np.float32]) -> None:
    with writing(path, hint=HINT) as file:
        np.save(file, values, allow_pickle=False)


def _responses(
    room: RingRoom, points: int, array: MicArray, sample_rate: int
) -> NDArray[np.float32]:
    box = ShoeBox(room.size, walls_for(room.t60, room.size))
    assert array.positions is not None, "microphones"
    mics = array.positions + room.centre
    found = [
        (
            shoebox_rirs(box, at, mics, sample_rate),
            ambisonic_rirs(box, at, room.centre, sample_rate),
        )
        for at in room.points(points).reshape(-1, 3)
    ]
    taps = max(rir.shape[1] for pair in found for rir in pair)
    padded = [
        np.concatenate([np.pad(rir, ((0, 0), (0, taps - rir.shape[1]))) for rir in pair])
        for pair in found
    ]
    return np.stack(padded).reshape(len(room.radii), points, -1, taps)


def _noise(array: MicArray, sample_rate: int, name: str) -> NDArray[np.float32]:
    rng = np.random.default_rng(list(name.encode()))
    wanted = round(NOISE_SECONDS * sample_rate)
    both = [
        pink(
            DiffuseField(each, _fast(each, wanted, sample_rate), sample_rate, SPEED_OF_SOUND).draw(
                rng
            )
        )
        for each in (array, MicArray(format="foa"))
    ]
    return np.concatenate([noise[:, :wanted] for noise in both])


def _fast(array: MicArray, samples: int, sample_rate: int) -> int:
    """Return a number of samples, as many or a few more, for which diffuse noise is fast."""
    from scipy import fft

    length = DiffuseField.length_for(array, samples, sample_rate, SPEED_OF_SOUND)
    return samples + int(fft.next_fast_len(length, real=True)) - length
