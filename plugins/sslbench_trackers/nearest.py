"""Nearest-neighbour tracking: the reference that other trackers are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.contracts import Tracker
from sslbench.geometry import angle_between
from sslbench.scene import Tracks
from sslbench_trackers.assignment import confident, limit_sources, pairs

__all__ = ["NearestNeighbour"]


@dataclass
class _Track:
    """The detections of one source: frames, and columns in the detector's output."""

    frames: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)

    def append(self, frame: int, column: int) -> None:
        self.frames.append(frame)
        self.columns.append(column)


class NearestNeighbour(Tracker):
    """Assign each detection to the track whose last detection is nearest.

    In every frame detections and living tracks are paired by least summed distance, where no pair
    may be further apart than the gate. A detection without a track starts one; a track without
    detections for `death` frames ends. Tracks of fewer than `birth` detections are dropped. The
    output has a position only where there was a detection: gaps are not filled.

    Args:
        gate_m: largest step of a position from frame to frame in metres.
        gate_deg: largest step of a direction in degrees.
        birth: detections that a track needs.
        death: frames without a detection after which a track ends.
        confidence: that a detection needs.
    """

    def __init__(
        self, *, gate_m: float, gate_deg: float, birth: int, death: int, confidence: float
    ) -> None:
        self.gate_m = gate_m
        self.gate_deg = gate_deg
        self.birth = birth
        self.death = death
        self.confidence = confidence

    def track(self, detections: Tracks, max_sources: int) -> Tracks:
        """Return one column per track, with ids 0, 1, ... in the order of their first frames.

        Where more than `max_sources` tracks have a detection, those of the longest tracks stay.
        """
        detections = confident(detections, self.confidence)
        kept = [each for each in self._link(detections) if len(each.frames) >= self.birth]
        xyz = np.full((len(detections.times), len(kept), 3), np.nan)
        confidence = np.full(xyz.shape[:2], np.nan)
        for column, each in enumerate(kept):
            xyz[each.frames, column] = detections.xyz[each.frames, each.columns]
            if detections.confidence is not None:
                confidence[each.frames, column] = detections.confidence[each.frames, each.columns]
        lengths = np.array([len(each.frames) for each in kept], dtype=np.int64)
        limit_sources(xyz, lengths, max_sources)
        return Tracks.of(
            detections.times,
            xyz,
            detections.kind,
            confidence=None if detections.confidence is None else confidence,
        )

    def _link(self, detections: Tracks) -> list[_Track]:
        tracks: list[_Track] = []
        for frame in range(len(detections.times)):
            columns = np.flatnonzero(detections.active[frame])
            living = [each for each in tracks if frame - each.frames[-1] <= self.death]
            found = self._pair(detections, frame, columns, living)
            for index, column in enumerate(columns):
                if index in found:
                    found[index].append(frame, int(column))
                else:
                    tracks.append(_Track([frame], [int(column)]))
        return tracks

    def _pair(
        self, detections: Tracks, frame: int, columns: Integers, living: list[_Track]
    ) -> dict[int, _Track]:
        """Return the track of each detection of a frame that has one, by its index."""
        if not living:
            return {}
        last = np.array([detections.xyz[each.frames[-1], each.columns[-1]] for each in living])
        distance, gate = self._distance(detections, frame, columns, last)
        return {row: living[track] for row, track in pairs(distance, gate).items()}

    def _distance(
        self, detections: Tracks, frame: int, columns: Integers, last: Floats
    ) -> tuple[Floats, float]:
        here = detections.xyz[frame, columns][:, None]
        if detections.kind == "position":
            return np.linalg.norm(here - last[None], axis=-1), self.gate_m
        return np.degrees(angle_between(here, last[None])), self.gate_deg
