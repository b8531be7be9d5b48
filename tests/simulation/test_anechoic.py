import numpy as np
import pyroomacoustics as pra
import pytest

from sslbench.simulation.anechoic import render_anechoic
from sslbench.simulation.filters import DELAY

LEAD, SAMPLES = 512, 2560
MICROPHONES = np.array(
    [(0.05, 3 + x, 0.9) for x in (-0.1, -0.03, 0.04, 0.1)]
    + [(3 + x, 0.05, 0.9) for x in (-0.1, -0.03, 0.04, 0.1)]
)
SOURCES = np.array([(1, 1, 0.95), (5.9, 5.8, 0.95), (0.3, 3.1, 0.95), (2.9, 0.2, 0.95)])


@pytest.fixture
def signals():
    noise = np.random.default_rng(0).standard_normal((len(SOURCES), LEAD + SAMPLES))
    return noise.astype(np.float32)


def _simulated(signals, sources):
    room = pra.ShoeBox([6, 6, 4.2], fs=16000, max_order=0)
    for signal, source in zip(signals, sources, strict=True):
        room.add_source(source, signal=signal)
    room.add_microphone_array(MICROPHONES.T)
    room.simulate()
    return room.mic_array.signals[:, DELAY + LEAD : DELAY + LEAD + SAMPLES]


@pytest.mark.usefixtures("without_high_pass")
def test_rendering_equals_pyroomacoustics_within_70_db(signals):
    rendered = render_anechoic(signals, SOURCES, MICROPHONES, 16000, LEAD)
    for mine, signal, source in zip(rendered, signals, SOURCES, strict=True):
        theirs = _simulated([signal], [source])
        difference = np.abs(mine - theirs).max() / np.abs(theirs).max()
        assert 20 * np.log10(difference) < -70


def test_the_delay_of_the_filters_is_removed(signals):
    # Just below 100 samples the window of the kernel is one sample off its sinc: 0.15 % less.
    source = MICROPHONES[:1] + np.array([100 * 343 / 16000, 0, 0])
    audio = render_anechoic(signals[:1], source, MICROPHONES[:2], 16000, LEAD)[0, 0]
    expected = signals[0, LEAD - 100 : -100] / (100 * 343 / 16000)
    np.testing.assert_allclose(audio, expected, atol=0.002 * np.abs(expected).max())


def test_a_source_at_the_microphone_needs_no_negative_time(signals):
    source = MICROPHONES[:1] + np.array([0, 0, 0.05])
    audio = render_anechoic(signals[:1], source, MICROPHONES[:2], 16000, LEAD)[0, 0]
    gain = np.abs(np.fft.rfft(audio)).sum() / np.abs(np.fft.rfft(signals[0, LEAD:])).sum()
    assert gain * 0.05 == pytest.approx(1, rel=0.05)


def test_each_clip_can_have_different_microphones(signals):
    moved = MICROPHONES + np.arange(4)[:, None, None] * 0.1
    together = render_anechoic(signals, SOURCES, moved, 16000, LEAD)
    for k in range(4):
        alone = render_anechoic(signals[k : k + 1], SOURCES[k : k + 1], moved[k], 16000, LEAD)
        np.testing.assert_allclose(together[k], alone[0], atol=1e-5)


def test_rendering_does_not_depend_on_the_batch(signals):
    many = np.tile(signals, (10, 1))
    rendered = render_anechoic(many, np.tile(SOURCES, (10, 1)), MICROPHONES, 16000, LEAD)
    np.testing.assert_array_equal(rendered[:4], rendered[36:])


def _in_pairs(signals):
    return signals.reshape(2, 2, -1), SOURCES.reshape(2, 2, 3)


@pytest.mark.usefixtures("without_high_pass")
def test_two_sources_per_clip_equal_pyroomacoustics_within_70_db(signals):
    emitted, places = _in_pairs(signals)
    rendered = render_anechoic(emitted, places, MICROPHONES, 16000, LEAD)
    for mine, pair, sources in zip(rendered, emitted, places, strict=True):
        theirs = _simulated(pair, sources)
        difference = np.abs(mine - theirs).max() / np.abs(theirs).max()
        assert 20 * np.log10(difference) < -70


def test_sources_of_a_clip_add_up(signals):
    together = render_anechoic(*_in_pairs(signals), MICROPHONES, 16000, LEAD)
    alone = render_anechoic(signals, SOURCES, MICROPHONES, 16000, LEAD)
    expected = alone[0::2] + alone[1::2]
    np.testing.assert_allclose(together, expected, atol=1e-6 * np.abs(expected).max())


def test_a_source_without_a_position_is_silent(signals):
    emitted, places = _in_pairs(signals)
    missing = places.copy()
    missing[1, 0] = np.nan
    rendered = render_anechoic(emitted, missing, MICROPHONES, 16000, LEAD)
    alone = render_anechoic(signals[3:], SOURCES[3:], MICROPHONES, 16000, LEAD)[0]
    np.testing.assert_allclose(rendered[1], alone, atol=1e-6 * np.abs(alone).max())
