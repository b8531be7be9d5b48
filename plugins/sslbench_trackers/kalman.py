"""Kalman filters for positions, and for directions on the sphere; see `motion` for the model.

The noise is the same along all axes, so that one 2 x 2 covariance of place and velocity holds for
each of them.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench_trackers.motion import Filter, Model, MotionTracker

__all__ = ["Kalman"]


class _KalmanFilter(Filter):
    """Place and velocity, and their covariance along any axis, shape (2, 2)."""

    def __init__(self, detection: Floats, model: Model) -> None:
        self._model = model
        self._place = detection
        self._velocity = np.zeros(3)
        self._covariance = np.diag([model.noise**2, model.speed**2])

    @property
    def place(self) -> Floats:
        return self._place

    @property
    def variance(self) -> float:
        return float(self._covariance[0, 0])

    def predict(self, seconds: float) -> None:
        step = np.array([[1.0, seconds], [0.0, 1.0]])
        push = np.array([seconds**2 / 2, seconds])
        noise = self._model.acceleration**2 * np.outer(push, push)
        self._covariance = step @ self._covariance @ step.T + noise
        moved = self._place + seconds * self._velocity
        self._place, self._velocity = self._model.on_sphere(moved, self._velocity)

    def update(self, detection: Floats) -> None:
        spread = self._covariance[0, 0] + self._model.noise**2
        gain = self._covariance[:, 0] / spread
        innovation = detection - self._place
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        self._place, self._velocity = self._model.on_sphere(
            self._place + gain[0] * innovation, self._velocity + gain[1] * innovation
        )


class Kalman(MotionTracker):
    """A Kalman filter for each source; see `MotionTracker`."""

    def begin(self, detection: Floats, model: Model) -> Filter:
        """Return a filter at the detection, with an unknown velocity."""
        return _KalmanFilter(detection, model)
