"""Recordings in the sample rate and length that a network was trained with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sslbench.acoustics.resampling import resample
from sslbench.scene import Recording

__all__ = ["cut_clips", "resampled"]


def resampled(recording: Recording, rate: int) -> Recording:
    """Return a recording at a sample rate in Hz; itself if it has that rate."""
    if recording.sample_rate == rate:
        return recording
    reference = recording.reference
    if reference is not None:
        reference = resample(reference[None], recording.sample_rate, rate)[0]
    audio = resample(recording.audio, recording.sample_rate, rate)
    return replace(recording, audio=audio, sample_rate=rate, reference=reference)


def cut_clips(recording: Recording, samples: int) -> list[Recording]:
    """Cut one clip around each time of a recording.

    A clip has its time in the middle, or nearer to an end where it would extend beyond the
    recording. Only a recording that is shorter than a clip is padded with zeros, at its end.

    Args:
        recording: any; one with a single time and `samples` samples is its own clip.
        samples: length of a clip.

    Returns:
        One recording per time. Its audio is a view, unless the recording was padded.
    """
    if len(recording.times) == 1 and recording.audio.shape[1] == samples:
        return [recording]
    audio, reference = _padded(recording.audio, samples), recording.reference
    if reference is not None:
        reference = _padded(reference[None], samples)[0]
    clips = []
    for time in recording.times:
        # Rounding in two steps: the last bit of a time must not decide a tie.
        first = round(round(float(time) * recording.sample_rate - samples / 2, 6))
        first = min(max(first, 0), audio.shape[1] - samples)
        part = slice(first, first + samples)
        clips.append(
            replace(
                recording,
                audio=audio[:, part],
                times=np.array([time - first / recording.sample_rate]),
                reference=None if reference is None else reference[part],
            )
        )
    return clips


def _padded(audio: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    missing = max(0, samples - audio.shape[1])
    return np.pad(audio, ((0, 0), (0, missing))) if missing else audio
