"""Oracles, which are given the ground truth."""

import numpy as np
import pytest

from sslbench.geometry import Box, angle_between, unit_vector
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench_classic.oracles import DelayOracle, DirectionGridOracle, QuantiserOracle

SQUARE = Box((0.0, 0.0, 1.5), (6.0, 6.0, 1.5))


def scene(xyz, region=None, kind="position", mics=None, rate=16000) -> Scene:
    points = np.asarray(xyz, dtype=float)
    points = points[:, None] if points.ndim == 2 else points
    times = np.arange(len(points)) / 10
    mics = np.eye(3) if mics is None else mics
    audio = np.zeros((len(mics), 10), np.float32)
    recording = Recording(
        "r", audio, rate, MicArray(mics), times, kind, 0.1, points.shape[1], region
    )
    return Scene(recording, Prediction(Tracks.of(times, points, kind)))


def test_the_quantiser_predicts_the_centres_of_cells() -> None:
    positions = [[0.0, 0.99, 1.5], [1.0, 3.2, 1.5], [6.0, 5.9, 1.5]]
    xyz = QuantiserOracle(grid=6).locate(scene(positions, SQUARE)).tracks.xyz[:, 0]
    assert xyz.tolist() == [[0.5, 0.5, 1.5], [1.5, 3.5, 1.5], [5.5, 5.5, 1.5]]


def test_the_error_of_the_quantiser_is_the_mean_distance_to_the_centre() -> None:
    """In a unit square it is (sqrt(2) + ln(1 + sqrt(2))) / 6 = 0.3826."""
    positions = np.random.default_rng(0).uniform(SQUARE.low, SQUARE.high, (20000, 3))
    xyz = QuantiserOracle(grid=6).locate(scene(positions, SQUARE)).tracks.xyz[:, 0]
    expected = (np.sqrt(2) + np.log(1 + np.sqrt(2))) / 6
    assert np.linalg.norm(xyz - positions, axis=1).mean() == pytest.approx(expected, abs=0.004)


def test_activity_and_ids_are_those_of_the_ground_truth() -> None:
    positions = np.array([[[1.0, 1, 1.5], [np.nan] * 3], [[np.nan] * 3, [2.0, 2, 1.5]]])
    found = QuantiserOracle().locate(scene(positions, SQUARE)).tracks
    assert found.active.tolist() == [[True, False], [False, True]]
    assert found.ids.tolist() == [0, 1]


def test_the_error_of_the_direction_grid_is_less_than_half_a_diagonal() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((500, 3))
    truth /= np.linalg.norm(truth, axis=1, keepdims=True)
    xyz = DirectionGridOracle(step=10.0).locate(scene(truth, kind="direction")).tracks.xyz[:, 0]
    angles = np.degrees(angle_between(xyz, truth))
    assert 2 < angles.mean() < angles.max() < 5 * np.sqrt(2) + 1e-9


def test_the_direction_grid_predicts_the_centre_of_the_cell() -> None:
    truth = unit_vector(np.radians([12.0]), np.radians([-3.0]))
    xyz = DirectionGridOracle(step=10.0).locate(scene(truth, kind="direction")).tracks.xyz[0, 0]
    np.testing.assert_allclose(xyz, unit_vector(np.radians(15), np.radians(-5)))


def test_the_error_of_the_delays_falls_with_the_sample_rate(luvira, room) -> None:
    positions = np.random.default_rng(0).uniform(room.low, room.high, (40, 3))

    def error(rate: int) -> float:
        found = DelayOracle().locate(scene(positions, room, mics=luvira, rate=rate))
        return float(np.median(np.linalg.norm(found.tracks.xyz[:, 0] - positions, axis=1)))

    assert 0.001 < error(16000) < 0.02
    assert error(96000) < error(16000) / 3


def test_the_delays_locate_each_of_several_sources(luvira, room) -> None:
    positions = np.array([[[1.0, 2, 0.5], [-2, -1, 1.5]], [[np.nan] * 3, [0, 0, 1]]])
    found = DelayOracle().locate(scene(positions, room, mics=luvira)).tracks
    assert found.active.tolist() == [[True, True], [False, True]]
    np.testing.assert_allclose(found.xyz[found.active], positions[found.active], atol=0.05)
