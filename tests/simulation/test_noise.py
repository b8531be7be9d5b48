"""Noise."""

import numpy as np
import pytest

from sslbench.simulation.noise import add_noise, pink, white_noise


@pytest.mark.parametrize("snr_db", [0.0, 30.0])
def test_noise_has_the_requested_level(snr_db):
    audio = np.random.default_rng(0).standard_normal((3, 20000)).astype(np.float32)
    noise = add_noise(audio, white_noise(audio.shape, np.random.default_rng(1)), snr_db) - audio
    measured = 10 * np.log10(np.mean(audio**2) / np.mean(noise**2))
    assert measured == pytest.approx(snr_db, abs=0.1)
    assert np.abs(np.corrcoef(noise) - np.eye(3)).max() < 0.05


def test_pink_noise_has_unit_power_and_equal_power_per_octave():
    noise = pink(white_noise((2, 1 << 16), np.random.default_rng(0)))
    assert np.mean(noise**2) == pytest.approx(1, rel=1e-5)
    power = np.mean(np.abs(np.fft.rfft(noise)) ** 2, axis=0)
    octaves = [power[1 << k : 2 << k].sum() for k in range(8, 15)]
    np.testing.assert_allclose(octaves, np.mean(octaves), rtol=0.15)
