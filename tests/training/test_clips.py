"""Recordings in the sample rate and length of the training."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.tiny_data import noise
from sslbench.training.clips import cut_clips, resampled


@pytest.fixture
def recording(tmp_path):
    """A recording of 4 times, 50 ms apart, with a microphone at the source."""
    found = noise("test", tmp_path, rows=4).scene(0).recording
    return replace(found, reference=found.audio[0])


def test_a_recording_of_that_rate_is_not_touched(recording):
    assert resampled(recording, 16000) is recording


def test_resampling_keeps_duration_and_times(recording):
    found = resampled(recording, 48000)
    assert (found.sample_rate, found.audio.shape) == (48000, (4, 9600))
    assert found.duration == recording.duration
    assert np.array_equal(found.times, recording.times)
    assert found.reference.shape == (9600,)


def test_resampling_keeps_the_signal(recording):
    back = resampled(resampled(recording, 48000), 16000)
    inner = slice(200, -200)
    error = back.audio[:, inner] - recording.audio[:, inner]
    # Noise has power up to the Nyquist frequency, where the resampler rolls off.
    assert error.std() < 0.3 * recording.audio.std()


def test_a_recording_of_exactly_one_clip_is_not_touched(tmp_path):
    recording = noise("test", tmp_path).scene(0).recording
    assert cut_clips(recording, 800) == [recording]


def test_clips_have_their_time_in_the_middle(recording):
    clips = cut_clips(recording, 800)
    assert [float(clip.times[0]) for clip in clips] == pytest.approx([0.025] * 4)
    whole = np.concatenate([clip.audio for clip in clips], axis=1)
    assert np.array_equal(whole, recording.audio)


def test_clips_at_the_ends_stay_inside_the_recording(recording):
    clips = cut_clips(recording, 1600)
    assert [float(clip.times[0]) for clip in clips] == pytest.approx([0.025, 0.05, 0.05, 0.075])
    assert np.array_equal(clips[0].audio, recording.audio[:, :1600])
    assert np.array_equal(clips[3].audio, recording.audio[:, -1600:])


def test_a_recording_shorter_than_a_clip_is_padded_at_its_end(recording):
    clips = cut_clips(recording, 4000)
    assert len(clips) == 4
    for clip, time in zip(clips, recording.times, strict=True):
        assert np.array_equal(clip.audio[:, :3200], recording.audio)
        assert not clip.audio[:, 3200:].any()
        assert clip.times == [time]


def test_the_reference_is_cut_in_the_same_way(recording):
    for samples in (800, 4000):
        for clip in cut_clips(recording, samples):
            assert np.array_equal(clip.reference, clip.audio[0])
