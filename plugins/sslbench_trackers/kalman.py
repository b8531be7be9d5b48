"""Kalman filters for positions, and for directions on the sphere.

Each source moves at nearly constant velocity: its acceleration is white noise (Bar-Shalom, Li and
Kirubarajan 2001, section 6.2.2). The noise is the same along all axes, so that one 2 x 2 covariance
of place and velocity holds for each of them. A direction is filtered as a unit vector: after each
step it is brought back to the sphere, and its velocity to the tangent plane.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sslbench.array_types import Floats
from sslbench.contracts import Tracker
from sslbench.geometry import angle_between
from sslbench.scene import Tracks
from sslbench_trackers.assignment import confident, limit_sources, pairs

__all__ = ["Kalman"]


@dataclass(frozen=True)
class _Model:
    """Standard deviations, in metres or radians, and seconds.

    Args:
        noise: of a detection.
        acceleration: of a source.
        speed: of a source when it appears.
        sphere: whether places are directions.
    """

    noise: float
    acceleration: float
    speed: float
    sphere: bool


@dataclass
class _Track:
    """A source.

    Args:
        place, velocity: shape (3,).
        covariance: of place and velocity along any axis, shape (2, 2).
        path: estimate of each frame since it appeared, without detection predicted.
        columns: columns of its detections, by frame.
    """

    place: Floats
    velocity: Floats
    covariance: Floats
    path: dict[int, Floats] = field(default_factory=dict)
    columns: dict[int, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """Frame of its last detection."""
        return max(self.columns)

    def predict(self, model: _Model, seconds: float) -> None:
        """Move on in time."""
        step = np.array([[1.0, seconds], [0.0, 1.0]])
        push = np.array([seconds**2 / 2, seconds])
        self.place = self.place + seconds * self.velocity
        noise = model.acceleration**2 * np.outer(push, push)
        self.covariance = step @ self.covariance @ step.T + noise
        self._back_to_sphere(model)

    def update(self, model: _Model, detection: Floats) -> None:
        """Take in a detection."""
        spread = self.covariance[0, 0] + model.noise**2
        gain = self.covariance[:, 0] / spread
        innovation = detection - self.place
        self.place = self.place + gain[0] * innovation
        self.velocity = self.velocity + gain[1] * innovation
        self.covariance = self.covariance - np.outer(gain, self.covariance[0])
        self._back_to_sphere(model)

    def _back_to_sphere(self, model: _Model) -> None:
        if model.sphere:
            self.place = self.place / np.linalg.norm(self.place)
            self.velocity = self.velocity - (self.velocity @ self.place) * self.place


class Kalman(Tracker):
    """A Kalman filter for each source, with birth and death.

    In every frame detections are paired with predicted places by least summed distance, in standard
    deviations of their difference. A detection without a track starts one; a track without
    detections for `death` frames ends at its last one. Tracks of fewer than `birth` detections are
    dropped. Gaps within a track are filled with predictions.

    Args:
        noise_m, noise_deg: standard deviation of a detection, of positions and of directions.
        acceleration_m, acceleration_deg: of the acceleration, per s^2.
        speed_m, speed_deg: of the speed of a source that appears, per s.
        gate: largest distance of a pair in standard deviations.
        birth: detections that a track needs.
        death: frames without a detection after which a track ends.
        confidence: that a detection needs.
    """

    def __init__(
        self, *, gate: float, birth: int, death: int, confidence: float, **deviations: float
    ) -> None:
        self.gate = gate
        self.birth = birth
        self.death = death
        self.confidence = confidence
        self.deviations = deviations

    def track(self, detections: Tracks, max_sources: int) -> Tracks:
        """Return one column per track, with ids 0, 1, ... in the order of their first frames.

        Where there are more than `max_sources` tracks, those with most detections stay. Where a
        place is predicted, the confidence is 0.
        """
        detections = confident(detections, self.confidence)
        kept = [each for each in self._filter(detections) if len(each.columns) >= self.birth]
        xyz = np.full((len(detections.times), len(kept), 3), np.nan)
        confidence = np.zeros(xyz.shape[:2])
        for column, each in enumerate(kept):
            for frame, place in each.path.items():
                if frame <= each.last:
                    xyz[frame, column] = place
            if detections.confidence is not None:
                frames, columns = list(each.columns), list(each.columns.values())
                confidence[frames, column] = detections.confidence[frames, columns]
        counts = np.array([len(each.columns) for each in kept], dtype=np.int64)
        limit_sources(xyz, counts, max_sources)
        return Tracks.of(
            detections.times,
            xyz,
            detections.kind,
            confidence=None if detections.confidence is None else confidence,
        )

    def _filter(self, detections: Tracks) -> list[_Track]:
        model = self._model(detections)
        tracks: list[_Track] = []
        for frame in range(len(detections.times)):
            living = [each for each in tracks if frame - each.last <= self.death]
            for each in living:
                each.predict(model, detections.times[frame] - detections.times[frame - 1])
            columns = np.flatnonzero(detections.active[frame])
            seen = detections.xyz[frame, columns]
            found = pairs(self._distance(model, seen, living), self.gate)
            for index, column in enumerate(columns):
                if index in found:
                    track = living[found[index]]
                    track.update(model, seen[index])
                else:
                    covariance = np.diag([model.noise**2, model.speed**2])
                    track = _Track(seen[index], np.zeros(3), covariance)
                    tracks.append(track)
                    living.append(track)
                track.columns[frame] = int(column)
            for each in living:
                each.path[frame] = each.place
        return tracks

    def _distance(self, model: _Model, seen: Floats, living: list[_Track]) -> Floats:
        """Return distances in standard deviations, shape (detections, tracks)."""
        places = np.array([each.place for each in living]).reshape(-1, 3)
        variance = np.array([each.covariance[0, 0] for each in living]) + model.noise**2
        if model.sphere:
            distance = angle_between(seen[:, None], places[None])
        else:
            distance = np.linalg.norm(seen[:, None] - places[None], axis=-1)
        return np.asarray(distance / np.sqrt(variance))

    def _model(self, detections: Tracks) -> _Model:
        sphere = detections.kind == "direction"
        unit = np.radians(1) if sphere else 1.0
        suffix = "deg" if sphere else "m"
        noise, acceleration, speed = (
            float(unit * self.deviations[f"{name}_{suffix}"])
            for name in ("noise", "acceleration", "speed")
        )
        return _Model(noise, acceleration, speed, sphere)
