"""Log-probabilities of delays from a part of a method that has learned them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslbench.acoustics.gcc import short_frames
from sslbench.acoustics.resampling import resample
from sslbench.errors import CellError

__all__ = ["DelayEstimator", "delay_estimator", "mean_evidence"]

FRAMES = 16
"""Short frames processed at once, so that memory does not grow with the length of the audio."""


@runtime_checkable
class DelayEstimator(Protocol):
    """A trained part that estimates delays, such as `sslbench_ngcc.part.NgccPhat`.

    Attributes:
        sample_rate: of its frames in Hz.
        samples: length of its frames.
    """

    sample_rate: int
    samples: int

    def delays(self, frames: Tensor, max_lag: int) -> Tensor:
        """Return log-probabilities of pairs i < j, shape (batch, pairs, 2 * max_lag + 1).

        Args:
            frames: shape (batch, microphones, samples).
            max_lag: largest lag in samples.
        """

    def symmetric_delays(self, frames: Tensor, max_lag: int) -> Tensor:
        """Return the mean over both orders of each pair, of the same shape."""


def delay_estimator(parts: Mapping[str, object], method: str) -> DelayEstimator:
    """Return the part `ngcc` of a method.

    Raises:
        CellError: if the method was not given it.
    """
    part = parts.get("ngcc")
    if not isinstance(part, DelayEstimator):
        raise CellError(
            "used before its estimator of delays was trained",
            where=method,
            expected="the part `ngcc`",
            hint="`sslbench run` and `sslbench train` train it",
        )
    return part


def mean_evidence(
    part: DelayEstimator, frame: NDArray[np.float32], sample_rate: int, max_lag: int
) -> Tensor:
    """Return how much more likely than by chance each lag is, averaged over short frames.

    Frames overlap by 50 %. Audio shorter than one is padded with zeros; samples at the end that do
    not fill one are left out.

    Args:
        part: the estimator.
        frame: audio, shape (microphones, samples).
        sample_rate: of the audio in Hz.
        max_lag: largest lag in samples of the estimator's sample rate.

    Returns:
        Natural logarithm of the probability of a lag over that of a lag drawn at random, shape
        (pairs, 2 * max_lag + 1); 0 everywhere for silence.
    """
    audio = torch.tensor(resample(frame, sample_rate, part.sample_rate))
    missing = max(0, part.samples - audio.shape[1])
    audio = torch.nn.functional.pad(audio, (0, missing))
    frames = short_frames(audio, part.samples, part.samples // 2)
    total = torch.zeros(())
    for block in torch.split(frames, FRAMES):
        total = total + part.delays(block, max_lag).sum(dim=0).cpu()
    return total / len(frames) + math.log(2 * max_lag + 1)
