"""Sample rate conversion against a tone computed at the target rate."""

import numpy as np
import pytest

from sslbench.acoustics.resampling import resample, resample_blocks

TARGET_RATE = 16000


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_a_tone_keeps_its_frequency_and_phase(rate: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    audio = resample(np.stack([tone, -tone]), rate, TARGET_RATE)
    expected = np.sin(2 * np.pi * 440 * np.arange(TARGET_RATE) / TARGET_RATE)
    assert (audio.shape, audio.dtype) == ((2, TARGET_RATE), np.float32)
    np.testing.assert_allclose(audio[0, 100:-100], expected[100:-100], atol=1e-3)
    np.testing.assert_array_equal(audio[1], -audio[0])


def test_an_equal_rate_changes_nothing() -> None:
    noise = np.random.default_rng(0).standard_normal((3, 1000)).astype(np.float32)
    np.testing.assert_array_equal(resample(noise, TARGET_RATE, TARGET_RATE), noise)


@pytest.mark.parametrize("samples", [100, 47999, 96000])
def test_blocks_give_the_same_samples_as_the_whole_signal(samples: int) -> None:
    noise = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    blocks = resample_blocks(np.array_split(noise, 7), 96000, TARGET_RATE)
    whole = resample(noise[None], 96000, TARGET_RATE)[0]
    np.testing.assert_allclose(np.concatenate(list(blocks)), whole, atol=1e-6)
