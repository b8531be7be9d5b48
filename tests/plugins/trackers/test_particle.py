"""The particle tracker: what it has beyond the Kalman tracker, with which it shares the rest."""

import numpy as np
import pytest

from sslbench.geometry import angle_between, unit_vector
from sslbench.scene import Tracks
from sslbench_trackers import sslbench_trackers
from sslbench_trackers.particle import Particle

SPEC = next(spec for spec in sslbench_trackers() if spec.name == "particle")


def tracker(**changes):
    return Particle(**{p.name: p.default for p in SPEC.parameters} | changes)


def tracks(xyz, kind="direction"):
    return Tracks.of(0.1 * np.arange(len(xyz)), xyz, kind)


def circling(frames=100, elevation=0.0, noise=0.1, seed=0):
    """Return directions that go round at 20 degrees per second, and noisy detections of them."""
    azimuth = np.radians(20) * 0.1 * np.arange(frames)
    truth = unit_vector(azimuth, np.full(frames, elevation))
    noisy = truth + noise * np.random.default_rng(seed).standard_normal(truth.shape)
    return truth, noisy / np.linalg.norm(noisy, axis=1, keepdims=True)


def error(found, truth):
    return np.degrees(angle_between(found, truth))[20:].mean()


@pytest.mark.parametrize("elevation", [0.0, 1.4])
def test_noise_is_reduced_on_the_whole_sphere(elevation):
    truth, noisy = circling(elevation=elevation)
    found = tracker().track(tracks(noisy[:, None]), 1)
    assert found.xyz.shape[1] == 1
    np.testing.assert_allclose(np.linalg.norm(found.xyz[:, 0], axis=1), 1)
    assert error(found.xyz[:, 0], truth) < 0.7 * error(noisy, truth)


def test_noise_of_positions_is_reduced():
    line = np.linspace([0, 0, 1], [6, 3, 1], 60)
    noisy = line + 0.2 * np.random.default_rng(0).standard_normal(line.shape)
    found = tracker(acceleration_m=0.5).track(tracks(noisy[:, None], "position"), 1)
    before = np.linalg.norm(noisy - line, axis=1)[20:].mean()
    assert np.linalg.norm(found.xyz[:, 0] - line, axis=1)[20:].mean() < 0.7 * before


def test_equal_detections_give_equal_tracks():
    _, noisy = circling()
    one, other = (tracker().track(tracks(noisy[:, None]), 1).xyz for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_track_does_not_depend_on_the_others():
    _, noisy = circling()
    opposite = -noisy
    alone = tracker().track(tracks(noisy[:, None]), 1)
    both = tracker().track(tracks(np.stack([noisy, opposite], axis=1)), 2)
    np.testing.assert_array_equal(both.xyz[:, 0], alone.xyz[:, 0])


def test_a_gap_is_filled_with_the_movement():
    truth, noisy = circling(noise=0.03)
    noisy[50:54] = np.nan
    found = tracker().track(tracks(noisy[:, None]), 1)
    assert found.active[:, 0].all()
    assert np.degrees(angle_between(found.xyz[50:54, 0], truth[50:54])).max() < 8


def test_a_detection_far_off_within_the_gate_moves_the_estimate_little():
    truth, noisy = circling(noise=0.02)
    noisy[60] = unit_vector(np.radians(20 * 6 + 25), 0.0)
    found = tracker(gate=10.0).track(tracks(noisy[:, None]), 1)
    assert np.degrees(angle_between(found.xyz[60, 0], truth[60])) < 8
