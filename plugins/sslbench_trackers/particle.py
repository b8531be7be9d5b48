"""Particle filters for positions, and for directions on the sphere; see `motion` for the model.

Unlike a Kalman filter, they take account of the curvature of the sphere, and of detections that
are sometimes far off: the probability of a detection has a constant part (bootstrap filter, Gordon,
Salmond and Smith 1993, with the resampling of Kitagawa 1996).
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.geometry import angle_between
from sslbench_trackers.motion import Filter, Model, MotionTracker

__all__ = ["Particle"]

FAR_OFF = 0.05
"""Probability density of a detection that has nothing to do with the source, relative to the
density at the source."""


class _ParticleFilter(Filter):
    """Places and velocities of particles, shape (particles, 3), and their weights."""

    def __init__(
        self, detection: Floats, model: Model, count: int, rng: np.random.Generator
    ) -> None:
        self._model = model
        self._rng = rng
        place = detection + model.noise * rng.standard_normal((count, 3))
        velocity = model.speed * rng.standard_normal((count, 3))
        self._places, self._velocities = model.on_sphere(place, velocity)
        self._weights = np.full(count, 1 / count)

    @property
    def place(self) -> Floats:
        mean = self._weights @ self._places
        return self._model.on_sphere(mean, np.zeros(3))[0]

    @property
    def variance(self) -> float:
        squares = np.square(self._places - self._weights @ self._places).sum(axis=1)
        # On the sphere two axes are free.
        return float(self._weights @ squares / (2 if self._model.sphere else 3))

    def predict(self, seconds: float) -> None:
        pushed = self._model.acceleration * self._rng.standard_normal(self._places.shape)
        place = self._places + seconds * self._velocities + seconds**2 / 2 * pushed
        self._places, self._velocities = self._model.on_sphere(
            place, self._velocities + seconds * pushed
        )

    def update(self, detection: Floats) -> None:
        if self._model.sphere:
            distance = angle_between(self._places, detection)
        else:
            distance = np.linalg.norm(self._places - detection, axis=1)
        weights = self._weights * (np.exp(-0.5 * (distance / self._model.noise) ** 2) + FAR_OFF)
        self._weights = weights / weights.sum()
        if 1 / np.square(self._weights).sum() < len(self._weights) / 2:
            self._resample()

    def _resample(self) -> None:
        count = len(self._weights)
        marks = (np.arange(count) + self._rng.random()) / count
        chosen = np.searchsorted(np.cumsum(self._weights), marks).clip(max=count - 1)
        self._places, self._velocities = self._places[chosen], self._velocities[chosen]
        self._weights = np.full(count, 1 / count)


class Particle(MotionTracker):
    """A particle filter for each source; see `MotionTracker`. Its random numbers are fixed.

    Args:
        particles: of each source.
        gate, birth, death, confidence, deviations: see `MotionTracker`.
    """

    def __init__(
        self,
        *,
        particles: int,
        gate: float,
        birth: int,
        death: int,
        confidence: float,
        **deviations: float,
    ) -> None:
        super().__init__(gate=gate, birth=birth, death=death, confidence=confidence, **deviations)
        self.particles = particles

    def begin(self, detection: Floats, model: Model) -> Filter:
        """Return particles around the detection, with random velocities."""
        # Every track has a stream of its own, so that it does not depend on the others.
        return _ParticleFilter(detection, model, self.particles, np.random.default_rng(0))
