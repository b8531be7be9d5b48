"""The diffuse tail, compared with the full image method."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import signal

from sslbench.acoustics.gcc import gcc_phat, largest_lag
from sslbench.geometry import SPEED_OF_SOUND, tdoa
from sslbench.simulation.anechoic import anechoic_rirs
from sslbench.simulation.filters import DELAY, LENGTH, convolve
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.sources import SourceBank
from sslbench.simulation.t60 import Walls, measured_t60, walls_for
from sslbench.simulation.tail import diffuse_tail, hybrid_rirs, tail_energy

RATE = 16000
SIZE = (7.0, 5.5, 4.2)


def _room(t60, size=SIZE):
    return ShoeBox(size, walls_for(t60, size))


def _places(rng, size, microphones):
    plan = rng.uniform(0, 1, (microphones + 1, 2)) * size[:2]
    heights = [0.95] + [0.9] * microphones
    xyz = np.column_stack([plan, heights])
    return xyz[0], xyz[1:]


def _counted_energy(room, order, edges, rng):
    """Return the mean energy of all images above an order in intervals of distance."""
    furthest, total = edges[-1], np.zeros(len(edges) - 1)
    reach = [range(-int(furthest / side) - 2, int(furthest / side) + 3) for side in room.size]
    crossed = np.array(list(itertools.product(*reach)))
    reflections = np.abs(crossed).sum(axis=1)
    kept, reflections = crossed[reflections > order], reflections[reflections > order]
    for _ in range(20):
        source, microphone = rng.uniform(0, 1, (2, 3)) * room.size
        image = kept * room.size + np.where(kept % 2 == 1, room.size - source, source)
        distance = np.linalg.norm(image - microphone, axis=1)
        energy = (1 - room.walls.absorption) ** reflections / distance**2
        total += np.histogram(distance, edges, weights=energy)[0] / 20
    return total


@pytest.mark.parametrize("order", [-1, 3, 6, 10])
def test_the_energy_of_the_tail_is_that_of_the_images_above_the_order(order):
    room = _room(0.4)
    edges = np.array([15.0, 25.0, 35.0, 50.0, 70.0])
    fine = np.linspace(15, 70, 5501) / SPEED_OF_SOUND
    energy = tail_energy(room, order, (fine[1:] + fine[:-1]) / 2) * np.diff(fine)
    mine = np.histogram(fine[:-1] * SPEED_OF_SOUND, edges, weights=energy)[0]
    counted = _counted_energy(room, order, edges, np.random.default_rng(0))
    # The relative error is small except where there is little energy, at the edge of a shell.
    np.testing.assert_allclose(mine, counted, rtol=0.12, atol=0.02 * counted.sum())


def test_the_energy_of_a_tail_is_the_computed_energy():
    room = _room(0.5)
    tail = diffuse_tail(room, 6, 64, RATE, np.random.default_rng(0)).astype(float)
    times = np.arange(tail.shape[1] - DELAY) / RATE
    expected = tail_energy(room, 6, times).sum() / RATE
    assert np.mean((tail**2).sum(axis=1)) == pytest.approx(expected, rel=0.02)


def test_a_tail_is_zero_while_the_images_are_complete():
    room = _room(0.5)
    fewest_metres = 6.5 / np.linalg.norm(1 / np.array(SIZE))
    tail = diffuse_tail(room, 6, 2, RATE, np.random.default_rng(0))
    begin = int(fewest_metres / SPEED_OF_SOUND * RATE) + DELAY
    assert not tail[:, : begin - 40].any()
    assert tail[:, begin + 200 : begin + 400].any(axis=1).all()


def test_tails_are_independent_between_microphones_and_the_same_for_fewer():
    room = _room(0.5)
    many = diffuse_tail(room, 6, 5, RATE, np.random.default_rng(3))
    few = diffuse_tail(room, 6, 3, RATE, np.random.default_rng(3))
    np.testing.assert_array_equal(many[:3], few)
    assert np.abs(np.corrcoef(many) - np.eye(5)).max() < 0.1


@pytest.mark.parametrize("t60", [0.3, 0.45, 0.6])
def test_a_tail_has_the_target_t60(t60):
    tail = diffuse_tail(_room(t60), 6, 8, RATE, np.random.default_rng(0))
    assert measured_t60(tail, RATE) == pytest.approx(t60, rel=0.15)


def test_order_0_gives_only_the_direct_paths():
    source, microphones = _places(np.random.default_rng(1), SIZE, 4)
    mine = hybrid_rirs(_room(0.5), 0, source, microphones, RATE, np.random.default_rng(0))
    theirs = anechoic_rirs(np.linalg.norm(microphones - source, axis=1), RATE)
    taps = min(mine.shape[1], theirs.shape[1])
    assert taps >= mine.shape[1] - LENGTH
    np.testing.assert_allclose(mine[:, :taps], theirs[:, :taps], atol=1e-4 * theirs.max())


@pytest.mark.parametrize("walls", [Walls(1.0, 0, np.inf), Walls(0.7, 3, 60.0)])
def test_nothing_is_replaced_if_all_images_are_within_the_order(walls):
    room, (source, microphones) = ShoeBox(SIZE, walls), _places(np.random.default_rng(1), SIZE, 2)
    mine = hybrid_rirs(room, 6, source, microphones, RATE, np.random.default_rng(0))
    theirs = shoebox_rirs(room, source, microphones, RATE)
    np.testing.assert_array_equal(mine, theirs)


def test_the_beginning_is_that_of_the_full_method():
    source, microphones = _places(np.random.default_rng(2), SIZE, 3)
    mine = hybrid_rirs(_room(0.5), 6, source, microphones, RATE, np.random.default_rng(0))
    theirs = shoebox_rirs(_room(0.5), source, microphones, RATE)
    # Before the shortest path with seven reflections arrives, no replaced image contributes.
    begin = int(5 / np.linalg.norm(1 / np.array(SIZE)) / SPEED_OF_SOUND * RATE)
    np.testing.assert_allclose(mine[:, :begin], theirs[:, :begin], atol=1e-5)


ROOMS = 24
ORDER = 10
"""Order of the images at the scales of `feng2025-ad1` that use a tail."""


@dataclass
class Measures:
    """Properties of impulse responses, one entry per room, for all microphones or pairs."""

    t60: list
    clarity: list
    direct: list
    decay: list
    peaks: list
    peaks_above_100_hz: list


def _split_db(rirs, ends):
    """Return the ratio of the energy before and after a time in dB."""
    energy = np.square(rirs, dtype=float)
    early = np.array([row[:end].sum() for row, end in zip(energy, ends, strict=True)])
    return 10 * np.log10(early / (energy.sum(axis=1) - early))


def _right_peaks(rirs, source, microphones, speech, noise):
    """Return for which pairs the highest peak of GCC-PHAT is at the delay of the direct paths."""
    audio = convolve(speech, rirs, len(speech) - RATE, RATE)
    audio = audio + noise * np.sqrt(np.mean(audio**2) / 10**1.5)
    most = largest_lag(microphones, RATE, SPEED_OF_SOUND)
    frames = torch.from_numpy(audio.astype(np.float32))
    found = gcc_phat(frames, most).argmax(dim=-1).numpy() - most
    return np.abs(found - tdoa(microphones, source) * RATE) <= 1.5


def _measure(measures, rirs, source, microphones, signals):
    measures.peaks.append(_right_peaks(rirs, source, microphones, *signals))
    rirs = signal.sosfilt(signal.butter(4, 100, "highpass", fs=RATE, output="sos"), rirs)
    arrival = np.linalg.norm(microphones - source, axis=1) / SPEED_OF_SOUND * RATE + DELAY
    measures.t60.append(measured_t60(rirs, RATE))
    measures.clarity.append(_split_db(rirs, (arrival + 0.05 * RATE).astype(int)))
    measures.direct.append(_split_db(rirs, (arrival + 0.0025 * RATE).astype(int)))
    decay = np.cumsum(np.square(rirs)[:, ::-1], axis=1)[:, ::-1].mean(axis=0)
    measures.decay.append(decay)
    found = _right_peaks(rirs.astype(np.float32), source, microphones, *signals)
    measures.peaks_above_100_hz.append(found)


def _compare(order):
    rng, bank = np.random.default_rng(0), SourceBank.built_in("speech", "test", RATE)
    full, mine = (Measures([], [], [], [], [], []) for _ in range(2))
    for _ in range(ROOMS):
        size = (*rng.uniform(4, 10, 2), 4.2)
        room = _room(rng.uniform(0.2, 0.6), size)
        source, microphones = _places(rng, size, 16)
        signals = bank.excerpt(rng, RATE, RATE), rng.standard_normal((16, RATE))
        for measures, rirs in (
            (full, shoebox_rirs(room, source, microphones, RATE)),
            (mine, hybrid_rirs(room, order, source, microphones, RATE, rng)),
        ):
            _measure(measures, rirs, source, microphones, signals)
    return full, mine


def _decay_difference_db(full, mine, level):
    """Return the difference of two decay curves where the first reaches a level, per room."""
    places = [np.argmax(10 * np.log10(decay / decay[0]) <= level) for decay in full.decay]
    pairs = zip(full.decay, mine.decay, places, strict=True)
    return np.array([10 * np.log10(b[at] / a[at]) for a, b, at in pairs])


@pytest.fixture(scope="module")
def compared():
    return _compare(ORDER)


@pytest.mark.slow
def test_t60_is_that_of_the_full_method(compared):
    full, mine = (np.array(measures.t60) for measures in compared)
    assert np.abs(mine / full - 1).max() < 0.08
    assert np.abs(mine / full - 1).mean() < 0.025


@pytest.mark.slow
def test_clarity_and_direct_sound_are_those_of_the_full_method(compared):
    full, mine = compared
    clarity = np.subtract(mine.clarity, full.clarity)
    assert np.sqrt(np.mean(clarity**2)) < 0.25
    assert abs(clarity.mean()) < 0.06
    assert np.sqrt(np.mean(np.subtract(mine.direct, full.direct) ** 2)) < 0.06


@pytest.mark.slow
@pytest.mark.parametrize(("level", "within"), [(-5, 0.1), (-15, 0.3), (-25, 0.8)])
def test_energy_decays_as_in_the_full_method(compared, level, within):
    assert np.sqrt(np.mean(_decay_difference_db(*compared, level) ** 2)) < within


@pytest.mark.slow
def test_delays_are_nearly_as_difficult_to_find_as_in_the_full_method(compared):
    full, mine = (np.array(measures.peaks) for measures in compared)
    assert abs(mine.mean() - full.mean()) < 0.1
    assert np.corrcoef(mine.mean(axis=1), full.mean(axis=1))[0, 1] > 0.95


@pytest.mark.slow
def test_above_100_hz_delays_are_as_difficult_to_find_as_in_the_full_method(compared):
    full, mine = (np.array(measures.peaks_above_100_hz) for measures in compared)
    assert abs(mine.mean() - full.mean()) < 0.02
    assert (mine == full).mean() > 0.95
