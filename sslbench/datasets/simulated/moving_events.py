"""What happens in a scene of moving sources: who is heard when, and from where.

Sources are on rings around the array, each at one height. They appear, move along their ring, may
pause, and stop. A source that begins is a new source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sslbench.array_types import Floats
from sslbench.geometry import unit_vector

__all__ = ["FRAME", "Event", "directions", "draw_events"]

FRAME = 0.1
"""Seconds between two times."""

FIRST = (0.0, 1.0)
"""Range of the silence before the first event of a voice, in seconds."""

LENGTH = (1.5, 6.0)
GAP = (0.3, 2.1)
STILL = 0.25
"""Share of events that do not move."""

SPEED = (5.0, 40.0)
"""Range of the angular speed in degrees per second."""

PAUSING = 0.4
"""Share of moving events that pause once."""

PAUSE = (0.5, 1.5)


@dataclass(frozen=True, eq=False)
class Event:
    """A source.

    Args:
        ring: on which it is.
        first: number of its first frame.
        azimuth: in radians at the borders of its frames, not wrapped, shape (frames + 1,).
    """

    ring: int
    first: int
    azimuth: Floats

    @property
    def last(self) -> int:
        """Number of the frame after its last one."""
        return self.first + len(self.azimuth) - 1

    @property
    def middle(self) -> Floats:
        """Azimuth in the middle of each of its frames."""
        return np.asarray((self.azimuth[1:] + self.azimuth[:-1]) / 2)


def draw_events(rng: np.random.Generator, frames: int, voices: int, rings: int) -> list[Event]:
    """Draw the events of a scene, as many at once as there are voices.

    Args:
        rng: random generator.
        frames: length of the scene.
        voices: largest number of simultaneous sources.
        rings: number of rings.
    """
    return [event for _ in range(voices) for event in _voice(rng, frames, rings)]


def _voice(rng: np.random.Generator, frames: int, rings: int) -> list[Event]:
    found = []
    first = round(rng.uniform(*FIRST) / FRAME)
    while first < frames - round(LENGTH[0] / FRAME):
        count = min(round(rng.uniform(*LENGTH) / FRAME), frames - first)
        start = rng.uniform(-np.pi, np.pi)
        azimuth = start + np.concatenate([[0.0], np.cumsum(_steps(rng, count))])
        found.append(Event(int(rng.integers(rings)), first, azimuth))
        first += count + round(rng.uniform(*GAP) / FRAME)
    return found


def _steps(rng: np.random.Generator, count: int) -> Floats:
    """Return by which angle a source moves in each frame, in radians."""
    speed = np.radians(rng.uniform(*SPEED)) * rng.choice([-1, 1])
    steps = np.full(count, speed * FRAME)
    if rng.random() < STILL:
        return np.zeros(count)
    if rng.random() < PAUSING:
        first = int(rng.integers(count))
        steps[first : first + round(rng.uniform(*PAUSE) / FRAME)] = 0
    return steps


def directions(events: Sequence[Event], elevations: Sequence[float], frames: int) -> Floats:
    """Return unit vectors in the middle of each frame, shape (frames, events, 3); else NaN.

    Args:
        events: of the scene.
        elevations: of the rings, in radians.
        frames: length of the scene.
    """
    found = np.full((frames, len(events), 3), np.nan, dtype=np.float64)
    for column, event in enumerate(events):
        found[event.first : event.last, column] = unit_vector(
            event.middle, np.full(len(event.middle), elevations[event.ring])
        )
    return found
