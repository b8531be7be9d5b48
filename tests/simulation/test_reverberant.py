import numpy as np
import pyroomacoustics as pra
import pytest

from sslbench.simulation.filters import DELAY, convolve
from sslbench.simulation.reverberant import Directivity, ShoeBox, shoebox_rirs
from sslbench.simulation.t60 import Walls, walls_for

LUVIRA = (7.0, 8.0, 2.0)
SOURCE = np.array([3.1, 4.2, 1.2])


def _microphones(count):
    return np.random.default_rng(1).uniform((0.5, 0.5, 0.1), (6.5, 7.5, 1.6), (count, 3))


def _theirs(size, t60, source, microphones):
    absorption, order = pra.inverse_sabine(t60, size)
    room = pra.ShoeBox(size, fs=16000, materials=pra.Material(absorption), max_order=order)
    room.add_source(source)
    room.add_microphone_array(microphones.T)
    room.compute_rir()
    return [responses[0] for responses in room.rir]


def _difference_db(mine, theirs, samples):
    length = min(samples, len(mine), len(theirs))
    return 20 * np.log10(np.abs(mine[:length] - theirs[:length]).max() / np.abs(theirs).max())


@pytest.mark.usefixtures("without_high_pass")
@pytest.mark.parametrize(
    ("size", "t60", "channels"),
    [
        (LUVIRA, 0.15, 11),
        (LUVIRA, 0.4, 2),
        pytest.param(LUVIRA, 0.4, 11, marks=pytest.mark.slow),
        ((4.0, 3.5, 2.6), 0.3, 4),
    ],
)
def test_impulse_responses_equal_pyroomacoustics_within_70_db(size, t60, channels):
    source = SOURCE * np.array(size) / LUVIRA
    microphones = _microphones(channels) * np.array(size) / LUVIRA
    mine = shoebox_rirs(ShoeBox(size, walls_for(t60, size)), source, microphones, 16000)
    theirs = _theirs(size, t60, source, microphones)
    for k in range(channels):
        assert _difference_db(mine[k], theirs[k], int(0.95 * t60 * 16000) + DELAY) < -70


@pytest.mark.usefixtures("without_high_pass")
def test_a_reverberant_recording_equals_pyroomacoustics():
    size, microphones = (4.0, 3.5, 2.6), np.array([(1.0, 1.0, 1.0), (1.1, 1.0, 1.0)])
    signal = np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    absorption, order = pra.inverse_sabine(0.2, size)
    room = pra.ShoeBox(size, fs=16000, materials=pra.Material(absorption), max_order=order)
    room.add_source((3.0, 2.0, 1.5), signal=signal)
    room.add_microphone_array(microphones.T)
    room.simulate()
    theirs = room.mic_array.signals[:, DELAY + 4000 : DELAY + 6000]
    rirs = shoebox_rirs(ShoeBox(size, walls_for(0.2, size)), (3.0, 2.0, 1.5), microphones, 16000)
    mine = convolve(signal, rirs, 4000, 2000)
    # Their sparse tail after T60, by definition at -60 dB, is not computed here.
    assert 20 * np.log10(np.abs(mine - theirs).max() / np.abs(theirs).max()) < -50


def test_an_anechoic_room_has_only_the_direct_path():
    walls = walls_for(0, LUVIRA)
    microphone = SOURCE + np.array([0, 0, 343 * 50 / 16000])
    rir = shoebox_rirs(ShoeBox((7.0, 8.0, 4.0), walls), SOURCE, microphone[None], 16000)[0]
    assert np.abs(rir).argmax() == 50 + DELAY
    # The gain is 1/distance, without 4 pi; the window of the kernel reduces it by up to 0.15 %.
    assert rir.max() == pytest.approx(16000 / 343 / 50, rel=0.002)
    assert np.sort(np.abs(rir))[-2] < 1e-3


def test_reflections_of_a_directional_source_are_those_of_brute_force():
    size = np.array([4.0, 5.0, 3.0])
    source, mic, front = (
        np.array([1.0, 2.0, 1.2]),
        np.array([2.9, 2.3, 1.7]),
        np.array([0.6, 0.8, 0]),
    )
    walls = Walls(absorption=0.19, max_order=1, reach=50.0)
    found = shoebox_rirs(
        ShoeBox(tuple(size), walls), source, mic[None], 16000, directivity=Directivity(front, 12.0)
    )[0]
    expected = np.zeros_like(found)
    directions = [np.zeros(3), *(sign * axis for axis in np.eye(3) for sign in (-1, 1))]
    for normal in directions:
        axis = np.abs(normal).astype(bool)
        image = np.where(axis, np.where(normal > 0, 2 * size - source, -source), source)
        looking = np.where(axis, -front, front)
        ray = mic - image
        distance = np.linalg.norm(ray)
        gain = 10 ** (-12 / 40 * (1 - ray @ looking / distance)) * 0.9 ** axis.any()
        one = shoebox_rirs(
            ShoeBox((100.0, 100.0, 100.0), Walls(1.0, 0, np.inf)),
            np.array([50.0, 50.0, 50.0]),
            np.array([[50.0 + distance, 50.0, 50.0]]),
            16000,
        )[0]
        expected[: len(one)] += gain * one
    np.testing.assert_allclose(found, expected, atol=2e-5)
