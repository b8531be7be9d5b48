"""Documented properties of the scenes of simulated data sets."""

import numpy as np
import pytest

from helpers.delays import measured_tdoa
from sslbench.datasets.simulated import respeaker_sim
from sslbench.datasets.simulated.feng2025_l1 import Feng2025L1
from sslbench.datasets.simulated.line_arrays import line_arrays
from sslbench.datasets.simulated.luvira_sim import LuviraSim
from sslbench.datasets.simulated.respeaker_sim import RespeakerSim
from sslbench.datasets.simulated.rooms_sim import RoomsSim
from sslbench.geometry import azimuth_elevation, tdoa, wrap_angle


@pytest.mark.parametrize(
    ("dataset_class", "params"),
    [
        (Feng2025L1, {}),
        (LuviraSim, {"t60": "0", "snr_db": "30"}),
        (LuviraSim, {"t60": "0", "snr_db": "30", "genre": "music"}),
        (RoomsSim, {"t60": "0", "snr_db": "30"}),
    ],
)
def test_anechoic_delays_are_those_of_the_ground_truth(make, dataset_class, params):
    dataset = make(dataset_class, **params)
    errors = []
    for index in range(20):
        scene = dataset.scene(index)
        recording = scene.recording
        expected = tdoa(recording.array.positions, scene.truth.tracks.xyz[0, 0])
        errors.append(measured_tdoa(recording.audio, recording.sample_rate) - expected)
    assert np.median(np.abs(errors)) < 0.05 / 16000
    assert np.mean(np.abs(errors) < 1 / 16000) > 0.95


def test_delays_at_the_respeaker_are_those_of_the_ground_truth(make):
    dataset = make(RespeakerSim)
    errors = []
    for index in range(20):
        scene = dataset.scene(index)
        far = scene.truth.tracks.xyz[0, 0] * 100.0
        measured = measured_tdoa(scene.recording.audio, 16000)
        errors.append(np.median(np.abs(measured - tdoa(respeaker_sim.MICROPHONES, far))))
    # One sample is 21 mm; sources at a distance of 0.5 m are not completely in the far field.
    assert np.median(errors) < 0.5 / 16000


def test_feng_sources_fill_the_square_at_their_height(make):
    dataset = make(Feng2025L1, scale="quick")
    xyz = np.array([dataset.truth(i)[1].tracks.xyz[0, 0] for i in range(len(dataset))])
    assert (xyz[:, 2] == 0.95).all()
    counts = np.histogram2d(xyz[:, 0], xyz[:, 1], bins=3, range=[[0, 6], [0, 6]])[0]
    assert counts.sum() == len(dataset)
    assert counts.min() > 0.7 * len(dataset) / 9


def test_feng_arrays_are_along_the_left_and_the_bottom_wall(make):
    recording = make(Feng2025L1).scene(0).recording
    left, bottom = recording.array.positions[:4], recording.array.positions[4:]
    np.testing.assert_allclose(left[:, 0], 0.05)
    np.testing.assert_allclose(bottom[:, 1], 0.05)
    np.testing.assert_allclose(left[:, 1] - 3, [0.113, -0.036, -0.076, -0.113])
    assert recording.audio.shape == (8, 2560)
    assert recording.region.flat


def test_feng_arrays_depend_on_their_parameters():
    mics = line_arrays("uniform", 0.3, 0.2, 2.0).positions
    np.testing.assert_allclose(mics[:4, 1], [2.15, 2.05, 1.95, 1.85])
    np.testing.assert_allclose(mics[4:, 1], 0.2)


@pytest.mark.slow
def test_the_quantisation_error_of_a_6_by_6_grid_is_that_of_the_paper(make):
    dataset = make(Feng2025L1, scale="paper")
    xy = np.array([dataset.truth(i)[1].tracks.xyz[0, 0, :2] for i in range(len(dataset))])
    error = np.linalg.norm(xy - (np.floor(xy) + 0.5), axis=1).mean()
    assert error == pytest.approx(0.383, abs=0.01)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_respeaker_sources_have_the_documented_number_and_separation(make, count):
    dataset = make(RespeakerSim, count=count)
    for index in range(len(dataset)):
        truth = dataset.truth(index)[1].tracks
        assert truth.xyz.shape == (1, count, 3)
        np.testing.assert_allclose(np.linalg.norm(truth.xyz, axis=-1), 1)
        azimuth, elevation = azimuth_elevation(truth.xyz[0])
        i, j = np.triu_indices(count, k=1)
        assert (np.abs(wrap_angle(azimuth[i] - azimuth[j])) >= np.radians(20)).all()
        assert (elevation >= np.radians(10) - 1e-9).all()
        assert (elevation <= np.radians(60) + 1e-9).all()


def test_respeaker_recordings_have_the_documented_format(make):
    recording = make(RespeakerSim, count=2).scene(0).recording
    assert recording.audio.shape == (4, 32000)
    assert recording.max_sources == 2
    assert recording.frame is None
    np.testing.assert_allclose(recording.times, [1.0])
    assert 20 <= recording.conditions["snr_db"] <= 30
    assert 0.15 <= recording.conditions["t60_wanted_s"] <= 0.35
    x, y = recording.array.positions[:, 0], recording.array.positions[:, 1]
    assert list(zip(np.sign(x), np.sign(y), strict=True)) == [(1, 1), (-1, 1), (-1, -1), (1, -1)]


def test_respeaker_sources_are_inside_their_rooms(make):
    dataset = make(RespeakerSim, count=3)
    for index in range(len(dataset)):
        setting = dataset._setting(index)
        assert (setting.sources > 0.2).all()
        assert (setting.sources < setting.size - 0.2).all()
        distance = np.linalg.norm(setting.sources - setting.centre, axis=1)
        np.testing.assert_allclose(distance, setting.distances)
        assert ((distance >= 0.5) & (distance <= 2.5)).all()
