from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from sslbench.simulation import synthesis
from sslbench.simulation.seeding import stream

MAKERS = [synthesis.speech, synthesis.music, synthesis.swing]


@pytest.mark.parametrize("make", MAKERS)
def test_a_signal_is_determined_by_its_stream(make):
    first, again = (make(stream("x"), 2.0, 16000) for _ in range(2))
    assert first.dtype == np.float32
    assert first.shape == (32000,)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("make", MAKERS)
def test_signals_of_different_streams_differ(make):
    a, b = make(stream("x"), 2.0, 16000), make(stream("y"), 2.0, 16000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.2


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("sample_rate", [8000, 16000, 24000])
def test_signals_have_the_same_level_and_are_finite_at_any_rate(make, sample_rate):
    signal = make(stream("x"), 3.0, sample_rate)
    assert np.sqrt(np.mean(signal**2)) == pytest.approx(synthesis.LEVEL, rel=1e-3)
    assert np.abs(signal).max() < 3


@pytest.mark.parametrize("make", MAKERS)
def test_signals_are_broadband(make):
    frequency, power = welch(make(stream("x"), 8.0, 16000), 16000, nperseg=512)
    band = (frequency > 300) & (frequency < 5000)
    assert 10 * np.log10(power[band].min() / power.max()) > -60


def test_speech_has_pauses_and_voiced_segments():
    signal = synthesis.speech(stream("x"), 8.0, 16000)
    frames = signal[: len(signal) // 320 * 320].reshape(-1, 320)
    power = np.mean(frames**2, axis=1)
    assert 0.03 < np.mean(power < 1e-4 * power.max()) < 0.6
    # Voiced frames are periodic with a pitch of 85 to 320 Hz.
    loud = signal[16000:].reshape(-1, 1600)[
        np.argsort(-np.mean(signal[16000:].reshape(-1, 1600) ** 2, axis=1))[:10]
    ]
    periodic = []
    for frame in loud:
        correlation = np.correlate(frame, frame, "full")[len(frame) - 1 :]
        periodic.append(correlation[50:190].max() / correlation[0])
    assert np.median(periodic) > 0.5


def test_swing_is_music_in_another_style():
    straight, swung = (
        synthesis.music(stream("x"), 2.0, 16000),
        synthesis.swing(stream("x"), 2.0, 16000),
    )
    given = synthesis.music(stream("x"), 2.0, 16000, synthesis.SWING)
    np.testing.assert_array_equal(swung, given)
    assert abs(np.corrcoef(straight, swung)[0, 1]) < 0.5


def test_off_beats_of_swing_are_late():
    # Only noise bursts, no notes.
    style = replace(synthesis.SWING, octaves=())
    signal = synthesis.music(stream("x"), 8.0, 16000, style)
    beat = 16000 * _beat(stream("x"))
    power = np.convolve(signal**2, np.ones(160) / 160, "same")
    share = (np.arange(len(power)) / beat) % 1
    rises = np.histogram(share[1:], bins=12, range=(0, 1), weights=np.diff(power).clip(0))[0]
    assert set(np.argsort(rises)[-2:]) <= {11, 0, 7, 8}
    assert rises[[7, 8]].max() > 3 * rises[[5, 6]].max()


def _beat(rng):
    rng.uniform(110, 220)
    return rng.uniform(0.16, 0.32)
