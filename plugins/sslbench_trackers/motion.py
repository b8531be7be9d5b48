"""Trackers that follow each source by a model of its motion: what they have in common.

Each source moves at nearly constant velocity: its acceleration is white noise, the same along all
axes (Bar-Shalom, Li and Kirubarajan 2001, section 6.2.2). A direction is a unit vector: after each
step it is brought back to the sphere, and its velocity to the tangent plane.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from sslbench.array_types import Floats
from sslbench.contracts import Tracker
from sslbench.geometry import angle_between
from sslbench.scene import Kind, Tracks
from sslbench_trackers.assignment import confident, limit_sources, pairs

__all__ = ["Filter", "Model", "MotionTracker"]


@dataclass(frozen=True)
class Model:
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

    def on_sphere(self, place: Floats, velocity: Floats) -> tuple[Floats, Floats]:
        """Return places and velocities, shape (..., 3), on the sphere if they are directions."""
        if not self.sphere:
            return place, velocity
        place = place / np.linalg.norm(place, axis=-1, keepdims=True)
        return place, velocity - (velocity * place).sum(axis=-1, keepdims=True) * place


class Filter(ABC):
    """What is known of one source."""

    @property
    @abstractmethod
    def place(self) -> Floats:
        """Estimate of its place, shape (3,)."""

    @property
    @abstractmethod
    def variance(self) -> float:
        """Variance of that estimate along any axis."""

    @abstractmethod
    def predict(self, seconds: float) -> None:
        """Move on in time."""

    @abstractmethod
    def update(self, detection: Floats) -> None:
        """Take in a detection."""


@dataclass
class _Track:
    """A source.

    Args:
        filter: what is known of it.
        path: estimate of each frame since it appeared, without detection predicted.
        columns: columns of its detections, by frame.
    """

    filter: Filter
    path: dict[int, Floats] = field(default_factory=dict)
    columns: dict[int, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """Frame of its last detection."""
        return max(self.columns)


class MotionTracker(Tracker):
    """A filter for each source, with birth and death.

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

    @abstractmethod
    def begin(self, detection: Floats, model: Model) -> Filter:
        """Return what is known of a source after its first detection."""

    def track(self, detections: Tracks, max_sources: int) -> Tracks:
        """Return one column per track, with ids 0, 1, ... in the order of their first frames.

        Where there are more than `max_sources` tracks, those with most detections stay. Where a
        place is predicted, the confidence is 0.
        """
        detections = confident(detections, self.confidence)
        kept = [each for each in self._followed(detections) if len(each.columns) >= self.birth]
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

    def _followed(self, detections: Tracks) -> list[_Track]:
        model = self._model(detections.kind)
        tracks: list[_Track] = []
        for frame in range(len(detections.times)):
            living = [each for each in tracks if frame - each.last <= self.death]
            for each in living:
                each.filter.predict(detections.times[frame] - detections.times[frame - 1])
            columns = np.flatnonzero(detections.active[frame])
            seen = detections.xyz[frame, columns]
            found = pairs(_distance(model, seen, living), self.gate)
            for index, column in enumerate(columns):
                if index in found:
                    track = living[found[index]]
                    track.filter.update(seen[index])
                else:
                    track = _Track(self.begin(seen[index], model))
                    tracks.append(track)
                    living.append(track)
                track.columns[frame] = int(column)
            for each in living:
                each.path[frame] = each.filter.place
        return tracks

    def _model(self, kind: Kind) -> Model:
        sphere = kind == "direction"
        unit = np.radians(1) if sphere else 1.0
        suffix = "deg" if sphere else "m"
        noise, acceleration, speed = (
            float(unit * self.deviations[f"{name}_{suffix}"])
            for name in ("noise", "acceleration", "speed")
        )
        return Model(noise, acceleration, speed, sphere)


def _distance(model: Model, seen: Floats, living: list[_Track]) -> Floats:
    """Return distances in standard deviations, shape (detections, tracks)."""
    places = np.array([each.filter.place for each in living]).reshape(-1, 3)
    variance = np.array([each.filter.variance for each in living]) + model.noise**2
    if model.sphere:
        distance = angle_between(seen[:, None], places[None])
    else:
        distance = np.linalg.norm(seen[:, None] - places[None], axis=-1)
    return np.asarray(distance / np.sqrt(variance))
