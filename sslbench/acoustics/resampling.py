"""Sample rate conversion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample", "resample_blocks"]


def resample(audio: NDArray[np.float32], rate: int, target_rate: int) -> NDArray[np.float32]:
    """Convert the sample rate of audio with soxr (its default quality, HQ).

    Args:
        audio: shape (channels, samples).
        rate: sample rate of `audio` in Hz.
        target_rate: sample rate of the result in Hz.

    Returns:
        Audio at the target rate, shape (channels, samples).
    """
    import soxr

    converted = soxr.resample(np.ascontiguousarray(audio.T), rate, target_rate)
    return np.ascontiguousarray(converted.T, dtype=np.float32)


def resample_blocks(
    blocks: Iterable[NDArray[np.float32]], rate: int, target_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Convert the sample rate of a long signal in bounded memory.

    Args:
        blocks: the parts of the signal in their order, each of shape (samples,).
        rate: sample rate of the signal in Hz.
        target_rate: sample rate of the result in Hz.

    Yields:
        Parts of the converted signal, each of shape (samples,). Together they equal the result of
        `resample` but for rounding, up to one sample at the end.
    """
    import soxr

    stream = soxr.ResampleStream(rate, target_rate, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32))
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
