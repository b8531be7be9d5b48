"""The nearest-neighbour tracker."""

import numpy as np
import pytest

from sslbench.scene import Tracks
from sslbench_trackers import sslbench_trackers
from sslbench_trackers.nearest import NearestNeighbour

DEFAULTS = {p.name: p.default for p in sslbench_trackers()[0].parameters}


def tracker(**changes):
    return NearestNeighbour(**(DEFAULTS | changes))


def crossing(frames=40):
    """Two sources on parallel lines, whose columns change places in every other frame."""
    x = np.linspace(0, 4, frames)
    xyz = np.stack([np.stack([x, 0 * x, 0 * x], -1), np.stack([x, 2 + 0 * x, 0 * x], -1)], axis=1)
    xyz[1::2] = xyz[1::2, ::-1]
    return Tracks.of(0.1 * np.arange(frames), xyz, "position")


def test_each_source_keeps_one_identity_whatever_its_column():
    found = tracker().track(crossing(), 2)
    assert found.xyz.shape[1] == 2
    assert found.active.all()
    assert np.ptp(found.xyz[:, 0, 1]) == 0
    assert np.ptp(found.xyz[:, 1, 1]) == 0


def test_a_track_ends_after_frames_without_detections_and_another_begins():
    detections = crossing()
    xyz = detections.xyz.copy()
    xyz[10:20] = np.nan
    gap = Tracks.of(detections.times, xyz, "position")
    assert tracker(death=5).track(gap, 2).xyz.shape[1] == 4
    assert tracker(death=11, gate_m=2.0).track(gap, 2).xyz.shape[1] == 2


def test_a_track_with_few_detections_is_dropped():
    xyz = np.full((20, 1, 3), np.nan)
    xyz[5:7] = 1.0
    assert tracker(birth=3).track(Tracks.of(np.arange(20), xyz, "position"), 1).xyz.shape[1] == 0
    assert tracker(birth=2).track(Tracks.of(np.arange(20), xyz, "position"), 1).active.sum() == 2


def test_a_jump_beyond_the_gate_starts_another_track():
    xyz = np.zeros((20, 1, 3))
    xyz[10:] = 3.0
    found = tracker().track(Tracks.of(np.arange(20), xyz, "position"), 1)
    assert found.active.sum(axis=0).tolist() == [10, 10]


@pytest.mark.parametrize("most", [1, 2])
def test_there_are_never_more_sources_than_allowed(most):
    found = tracker().track(crossing(), most)
    assert found.active.sum(axis=1).max() == most


def test_directions_are_compared_by_angle():
    azimuth = np.radians(np.arange(0, 400, 10.0))
    xyz = np.stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth], -1)[:, None]
    found = tracker(gate_deg=15.0).track(Tracks.of(np.arange(40), xyz, "direction"), 1)
    assert found.xyz.shape[1] == 1


def test_confidence_follows_its_detection():
    detections = crossing()
    columns = np.zeros(detections.active.shape)
    columns[0::2, 1] = columns[1::2, 0] = 1.0
    confident = Tracks.of(detections.times, detections.xyz, "position", confidence=columns)
    found = tracker().track(confident, 2)
    assert np.ptp(found.confidence, axis=0).tolist() == [0, 0]


def test_without_detections_there_are_no_tracks():
    nothing = Tracks.of(np.arange(3), np.zeros((3, 0, 3)), "position")
    assert tracker().track(nothing, 2).xyz.shape == (3, 0, 3)
