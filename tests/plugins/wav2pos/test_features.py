"""Time-delay features of pairs of microphones."""

import numpy as np
import pytest
import torch

from helpers.seven_microphones import ARRAY, frames
from helpers.wav2pos_cases import FakeNgcc
from sslbench.acoustics.learned_delays import delay_estimator
from sslbench.errors import CellError
from sslbench.geometry import microphone_pairs, tdoa
from sslbench_wav2pos.features import (
    correlations,
    log_probabilities,
    normalized,
)

LAG = 200


@pytest.fixture
def scene(tmp_path):
    return frames("test", tmp_path).scene(0)


def table(features, channels):
    """Return features as a table of all ordered pairs, shape (channels, channels, lags)."""
    i, j = microphone_pairs(channels)
    full = torch.zeros(channels, channels, features.shape[-1])
    full[i, j] = features[0]
    full[j, i] = features[1] if len(features) == 2 else features[0].flip(-1)
    return full


def both(audio):
    return log_probabilities(FakeNgcc(), audio, LAG, symmetric=False)


def symmetric(audio):
    return log_probabilities(FakeNgcc(), audio, LAG, symmetric=True)


def gcc(audio):
    return correlations(audio, LAG)


@pytest.mark.parametrize("features", [gcc, symmetric, both])
def test_the_order_of_the_microphones_does_not_change_a_bit(features, scene):
    audio, order = scene.recording.audio, np.array([3, 0, 6, 1, 5, 2, 4])
    here, there = (table(features(each), 7) for each in (audio, audio[order]))
    assert torch.equal(here[order][:, order], there)


@pytest.mark.parametrize("features", [gcc, symmetric])
def test_the_peak_is_at_the_time_difference_of_arrival_and_has_height_one(features, scene):
    found = features(scene.recording.audio)[0]
    delays = tdoa(ARRAY, scene.truth.tracks.xyz[0, 0]) * scene.recording.sample_rate
    assert found.argmax(dim=1).numpy() - LAG == pytest.approx(delays, abs=1)
    assert found.amax(dim=1) == pytest.approx([1.0] * 21)


def test_without_symmetry_both_orders_come_from_the_estimator(scene):
    part, audio = FakeNgcc(), torch.tensor(scene.recording.audio)
    found = both(scene.recording.audio)
    assert found.shape == (2, 21, 2 * LAG + 1)
    for (i, j), here, there in zip(np.stack(microphone_pairs(7), axis=1), *found, strict=True):
        for pair, value in (((i, j), here), ((j, i), there)):
            expected = part.delays(audio[list(pair)][None], LAG)[0, 0]
            assert value.log() == pytest.approx(expected - expected.max(), abs=1e-4)


def test_a_silent_microphone_has_no_delays(scene):
    audio = scene.recording.audio.copy()
    audio[0] = 0
    assert not correlations(normalized(audio), LAG)[0, :6].any()
    assert np.isfinite(normalized(audio)).all()


def test_audio_is_normalized_per_microphone(scene):
    found = normalized(scene.recording.audio * np.arange(1, 8, dtype=np.float32)[:, None] + 3)
    assert found.mean(axis=1) == pytest.approx(np.zeros(7), abs=1e-5)
    assert found.std(axis=1) == pytest.approx(np.ones(7), abs=1e-5)


def test_ngcc_features_without_the_part_are_refused():
    with pytest.raises(CellError, match="used before its estimator of delays was trained"):
        delay_estimator({}, "wav2pos")
