"""Convolution along a path, and impulse responses of ambisonics."""

import numpy as np
import pyroomacoustics as pra
import pytest

from sslbench.simulation.filters import DELAY, convolve, delay_filters
from sslbench.simulation.moving import convolve_along
from sslbench.simulation.reverberant import ShoeBox, ambisonic_rirs, shoebox_rirs
from sslbench.simulation.t60 import Walls, walls_for

SIZE = (6.0, 5.0, 3.0)
SOURCE, POINT = np.array([1.2, 3.9, 1.1]), np.array([3.3, 2.4, 1.5])


@pytest.fixture
def rirs():
    rng = np.random.default_rng(0)
    decay = np.exp(-np.arange(400) / 100)
    return (rng.standard_normal((6, 3, 400)) * decay).astype(np.float32)


@pytest.fixture
def signal():
    return np.random.default_rng(1).standard_normal(3000).astype(np.float32)


def plain(signal, rirs, samples):
    padded = np.pad(signal, (0, 1000))
    return convolve(padded, rirs, 0, samples)


@pytest.mark.parametrize("point", [0, 4, 7, -1])
def test_a_source_that_stays_at_a_point_is_convolved_with_its_response(signal, rirs, point):
    found = convolve_along(signal, np.full(len(signal), float(point)), rirs, 3300)
    np.testing.assert_allclose(found, plain(signal, rirs[point % 6], 3300), atol=1e-4)


def test_between_two_points_both_responses_are_heard_by_share(signal, rirs):
    found = convolve_along(signal, np.full(len(signal), 5.25), rirs, 3300)
    expected = 0.75 * plain(signal, rirs[5], 3300) + 0.25 * plain(signal, rirs[0], 3300)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_where_all_responses_are_equal_the_path_does_not_matter(signal, rirs):
    same = np.repeat(rirs[:1], 6, axis=0)
    place = np.linspace(-9.3, 14.2, len(signal))
    found = convolve_along(signal, place, same, 3300)
    np.testing.assert_allclose(found, plain(signal, same[0], 3300), atol=1e-4)


def test_what_was_emitted_at_a_point_reverberates_as_from_there(rirs):
    impulses = np.zeros(2000, np.float32)
    impulses[[100, 1500]] = 1
    place = np.where(np.arange(2000) < 1000, 2.0, 3.0)
    found = convolve_along(impulses, place, rirs, 2000)
    np.testing.assert_allclose(found[:, 100:400], rirs[2][:, DELAY : DELAY + 300], atol=1e-5)
    np.testing.assert_allclose(found[:, 1500:1800], rirs[3][:, DELAY : DELAY + 300], atol=1e-5)


def test_the_result_is_cut_and_padded_to_its_length(signal, rirs):
    place = np.zeros(len(signal))
    assert convolve_along(signal, place, rirs, 100).shape == (3, 100)
    long = convolve_along(signal, place, rirs, 5000)
    assert long.shape == (3, 5000)
    assert not long[:, 3400:].any()


def test_w_is_the_response_of_a_microphone_there():
    room = ShoeBox(SIZE, walls_for(0.3, SIZE))
    w = ambisonic_rirs(room, SOURCE, POINT, 24000)[0]
    np.testing.assert_allclose(w, shoebox_rirs(room, SOURCE, POINT[None], 24000)[0], atol=1e-6)


def test_in_a_free_field_channels_have_the_direction_of_the_source():
    room = ShoeBox(SIZE, Walls(absorption=1.0, max_order=0, reach=np.inf))
    w, y, z, x = ambisonic_rirs(room, SOURCE, POINT, 24000)
    offset = SOURCE - POINT
    unit = offset / np.linalg.norm(offset)
    for channel, gain in zip((x, y, z), unit, strict=True):
        np.testing.assert_allclose(channel, gain * w, atol=1e-6)


def test_reflections_come_from_the_images_of_pyroomacoustics():
    order, absorption, rate = 2, 0.4, 24000
    room = pra.ShoeBox(SIZE, fs=rate, materials=pra.Material(absorption), max_order=order)
    room.add_source(SOURCE)
    room.add_microphone(POINT)
    room.image_source_model()
    images, gains = room.sources[0].images, room.sources[0].damping[0]
    offset = images - POINT[:, None]
    distance = np.linalg.norm(offset, axis=0)
    walls = Walls(absorption=absorption, max_order=order, reach=1000.0)
    found = ambisonic_rirs(ShoeBox(SIZE, walls), SOURCE, POINT, rate)
    expected = np.zeros_like(found)
    weights = [np.ones_like(distance), *(offset[[1, 2, 0]] / distance)]
    delay = distance / room.c * rate
    taps = delay_filters(delay % 1)
    for row, weight in enumerate(weights):
        for at, part, gain in zip(delay.astype(int), taps, weight * gains / distance, strict=True):
            expected[row, at : at + len(part)] += (gain * part)[: expected.shape[1] - at]
    # The speeds of sound are not the same number: compare arrivals on our own grid.
    assert found.shape[1] >= delay.max()
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
