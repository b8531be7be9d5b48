"""Noise."""

import numpy as np
import pytest

from sslbench.simulation.noise import add_noise, white_noise


@pytest.mark.parametrize("snr_db", [0.0, 30.0])
def test_noise_has_the_requested_level(snr_db):
    audio = np.random.default_rng(0).standard_normal((3, 20000)).astype(np.float32)
    noise = add_noise(audio, white_noise(audio.shape, np.random.default_rng(1)), snr_db) - audio
    measured = 10 * np.log10(np.mean(audio**2) / np.mean(noise**2))
    assert measured == pytest.approx(snr_db, abs=0.1)
    assert np.abs(np.corrcoef(noise) - np.eye(3)).max() < 0.05
