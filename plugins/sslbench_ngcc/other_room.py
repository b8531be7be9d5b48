"""Frames in a room of another size, in which the network has not learned.

They are the same for every training: a room of 5 x 6 x 2.7 m with random microphones and sources,
a T60 between 0.2 and 0.4 s by Sabine's formula, and white noise at 10 to 30 dB.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from sslbench.acoustics.gcc import largest_lag
from sslbench.array_types import Floats
from sslbench.geometry import SPEED_OF_SOUND
from sslbench.simulation.filters import convolve
from sslbench.simulation.noise import add_noise, white_noise
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.seeding import stream
from sslbench.simulation.sources import SourceBank
from sslbench.simulation.t60 import walls_for
from sslbench_ngcc.frames import RATE, SAMPLES, Frame

__all__ = ["SIZE", "other_room"]

SIZE = (5.0, 6.0, 2.7)
"""Length, width and height in metres."""

MICROPHONES = 6
MARGIN = 0.3
"""Smallest distance in metres of microphones and sources from the walls, and from each other."""


def other_room(count: int) -> Iterator[Frame]:
    """Return frames, each with its own microphones, source position and T60."""
    for index in range(count):
        yield _frame(index)


def _frame(index: int) -> Frame:
    rng = stream("ngcc", "other room", index)
    source, mics = _places(rng)
    room = ShoeBox(SIZE, walls_for(float(rng.uniform(0.2, 0.4)), SIZE))
    rirs = shoebox_rirs(room, source, mics, RATE)
    lead = rirs.shape[1]
    audio = convolve(_bank().excerpt(rng, SAMPLES, lead), rirs, lead, SAMPLES)
    audio = add_noise(audio, white_noise(audio.shape, rng), float(rng.uniform(10, 30)))
    per_metre = RATE / SPEED_OF_SOUND
    arrivals: Floats = np.linalg.norm(mics - source, axis=1) * per_metre
    return Frame(audio, arrivals, largest_lag(mics, RATE, SPEED_OF_SOUND), per_metre)


def _places(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return a source, shape (3,), and microphones, shape (MICROPHONES, 3)."""
    low, high = np.full(3, MARGIN), np.array(SIZE) - MARGIN
    while True:
        points = rng.uniform(low, high, (MICROPHONES + 1, 3))
        between = np.linalg.norm(points[:, None] - points, axis=-1)
        if between[np.triu_indices(len(points), 1)].min() >= MARGIN:
            return points[0], points[1:]


@cache
def _bank() -> SourceBank:
    return SourceBank.built_in("speech", "validation", RATE)
