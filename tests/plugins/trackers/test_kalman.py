"""The Kalman tracker, for positions and on the sphere."""

import numpy as np
import pytest

from sslbench.geometry import angle_between, unit_vector
from sslbench.scene import Tracks
from sslbench_trackers import sslbench_trackers
from sslbench_trackers.kalman import Kalman
from sslbench_trackers.nearest import NearestNeighbour

SPECS = {spec.name: spec for spec in sslbench_trackers()}


def tracker(name="kalman", kind=Kalman, **changes):
    return kind(**{p.name: p.default for p in SPECS[name].parameters} | changes)


def tracks(xyz, kind="position", **options):
    return Tracks.of(0.1 * np.arange(len(xyz)), xyz, kind, **options)


def noisy_line(frames=60, seed=0):
    rng = np.random.default_rng(seed)
    line = np.linspace([0, 0, 1], [6, 3, 1], frames)
    return line, line + 0.2 * rng.standard_normal(line.shape)


def full_filter(detections, *, noise, acceleration, speed, dt=0.1):
    """Return the estimates of a Kalman filter with all six states, written as in a textbook."""
    f, q = np.eye(6), np.zeros((6, 6))
    f[:3, 3:] = dt * np.eye(3)
    q[:3, :3], q[3:, 3:] = dt**4 / 4 * np.eye(3), dt**2 * np.eye(3)
    q[:3, 3:] = q[3:, :3] = dt**3 / 2 * np.eye(3)
    h, r = np.eye(3, 6), noise**2 * np.eye(3)
    x = np.concatenate([detections[0], np.zeros(3)])
    p = np.diag([noise**2] * 3 + [speed**2] * 3)
    found = [x[:3]]
    for z in detections[1:]:
        x, p = f @ x, f @ p @ f.T + acceleration**2 * q
        if np.isfinite(z).all():
            k = p @ h.T @ np.linalg.inv(h @ p @ h.T + r)
            x, p = x + k @ (z - h @ x), (np.eye(6) - k @ h) @ p
        found.append(x[:3])
    return np.array(found)


class TestPositions:
    def test_estimates_are_those_of_a_filter_with_six_states(self):
        _, detections = noisy_line()
        detections[20:23] = np.nan
        found = tracker(noise_m=0.2, acceleration_m=1.5, speed_m=2.0).track(
            tracks(detections[:, None]), 1
        )
        expected = full_filter(detections, noise=0.2, acceleration=1.5, speed=2.0)
        np.testing.assert_allclose(found.xyz[:, 0], expected, atol=1e-9)

    def test_noise_is_reduced(self):
        line, detections = noisy_line()
        found = tracker(acceleration_m=0.2).track(tracks(detections[:, None]), 1)
        before, after = (
            np.linalg.norm(each[20:] - line[20:], axis=1).mean()
            for each in (detections, found.xyz[:, 0])
        )
        assert after < 0.6 * before

    def test_gaps_are_filled_but_nothing_follows_the_last_detection(self):
        line, _ = noisy_line()
        xyz = line[:, None].copy()
        xyz[20:24] = np.nan
        xyz[50:] = np.nan
        found = tracker().track(tracks(xyz), 1)
        assert found.active[:, 0].tolist() == [True] * 50 + [False] * 10
        np.testing.assert_allclose(found.xyz[20:24, 0], line[20:24], atol=0.1)

    def test_a_track_ends_after_frames_without_detections(self):
        xyz = noisy_line()[0][:, None].copy()
        xyz[20:30] = np.nan
        assert tracker(death=5).track(tracks(xyz), 1).xyz.shape[1] == 2
        assert tracker(death=11).track(tracks(xyz), 1).xyz.shape[1] == 1

    def test_a_track_with_few_detections_is_dropped(self):
        xyz = np.full((20, 1, 3), np.nan)
        xyz[5:7] = 1.0
        assert tracker(birth=3).track(tracks(xyz), 1).xyz.shape[1] == 0
        assert tracker(birth=2).track(tracks(xyz), 1).active.sum() == 2


def crossing(frames=60):
    """Two directions that meet halfway and go on, in columns that change places."""
    azimuth = np.radians(np.linspace(-60, 60, frames))
    level = np.zeros(frames)
    xyz = np.stack([unit_vector(azimuth, level), unit_vector(-azimuth, level)], axis=1)
    xyz[::3] = xyz[::3, ::-1]
    return xyz


class TestDirections:
    def test_sources_that_cross_keep_their_identities(self):
        found = tracker().track(tracks(crossing(), "direction"), 2)
        assert found.xyz.shape[1] == 2
        y = found.xyz[..., 1]
        assert sorted(np.sign(y[5]) * np.sign(y[-1])) == [-1, -1]
        # The tracker that only looks at the last place exchanges them or breaks.
        other = tracker("nearest", NearestNeighbour).track(tracks(crossing(), "direction"), 2)
        assert (
            other.xyz.shape[1] > 2 or (np.sign(other.xyz[5, :, 1] * other.xyz[-1, :, 1]) > 0).any()
        )

    def test_estimates_stay_on_the_sphere_around_the_circle(self):
        azimuth = np.radians(np.arange(0, 800, 8.0))
        xyz = unit_vector(azimuth, 0.6 * np.sin(azimuth))[:, None]
        found = tracker(acceleration_deg=400.0).track(tracks(xyz, "direction"), 1)
        assert found.xyz.shape[1] == 1
        np.testing.assert_allclose(np.linalg.norm(found.xyz, axis=-1), 1)
        assert np.degrees(angle_between(found.xyz, xyz)).max() < 10

    def test_the_parameters_are_in_degrees(self):
        xyz = np.repeat(unit_vector(np.zeros(1), np.zeros(1))[None], 20, axis=0)
        xyz[10:] = unit_vector(np.radians([25.0]), np.zeros(1))
        wide = tracker(noise_deg=8.0, acceleration_deg=0.0, speed_deg=0.0)
        narrow = tracker(noise_deg=4.0, acceleration_deg=0.0, speed_deg=0.0)
        # 25 degrees are 3.0 deviations of 8 degrees, but 6 of 4 degrees.
        assert wide.track(tracks(xyz, "direction"), 1).xyz.shape[1] == 1
        assert narrow.track(tracks(xyz, "direction"), 1).xyz.shape[1] == 2


@pytest.mark.parametrize("most", [1, 2])
def test_there_are_never_more_sources_than_allowed(most):
    found = tracker().track(tracks(crossing(), "direction"), most)
    assert found.active.sum(axis=1).max() == most


def test_confidence_follows_its_detection_and_is_0_in_gaps():
    xyz = noisy_line()[0][:, None].copy()
    xyz[20] = np.nan
    confidence = np.full((60, 1), 0.7)
    found = tracker().track(tracks(xyz, confidence=confidence), 1)
    assert found.confidence[19:22, 0].tolist() == [0.7, 0, 0.7]


def test_without_detections_there_are_no_tracks():
    assert tracker().track(tracks(np.zeros((3, 0, 3))), 2).xyz.shape == (3, 0, 3)


def test_uneven_times_are_taken_into_account():
    times = np.concatenate([0.1 * np.arange(20), 2.5 + 0.1 * np.arange(20)])
    xyz = np.stack([times, 0 * times, 0 * times], axis=-1)[:, None]
    found = tracker(speed_m=2.0).track(Tracks.of(times, xyz, "position"), 1)
    np.testing.assert_allclose(found.xyz[25:, 0, 0], times[25:], atol=0.05)


class TestConfidence:
    @pytest.mark.parametrize(("name", "kind"), [("kalman", Kalman), ("nearest", NearestNeighbour)])
    def test_detections_of_less_confidence_are_ignored(self, name, kind):
        xyz = np.tile([[1.0, 0.0, 1.0], [4.0, 0.0, 1.0]], (10, 1, 1))
        detections = tracks(xyz, confidence=np.tile([0.5, 0.2], (10, 1)))
        assert tracker(name, kind).track(detections, 2).xyz.shape[1] == 2
        found = tracker(name, kind, confidence=0.3).track(detections, 2)
        np.testing.assert_allclose(found.xyz[:, 0], xyz[:, 0], atol=1e-9)
        assert found.xyz.shape[1] == 1

    def test_without_confidence_all_detections_are_used(self):
        xyz = np.tile([[1.0, 0.0, 1.0]], (10, 1, 1))
        assert tracker(confidence=0.9).track(tracks(xyz), 1).active.all()
