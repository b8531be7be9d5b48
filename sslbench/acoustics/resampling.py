"""Changing the sample rate of audio, by the resampler soxr."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample"]


def resample(audio: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Change the sample rate of audio, shape (channels, samples), from `rate` Hz to `wanted`."""
    import soxr

    converted = soxr.resample(np.ascontiguousarray(audio.T), rate, wanted)
    return np.ascontiguousarray(converted.T, dtype=np.float32)
