"""Log-probabilities of delays from a part of a method that has learned them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslbench.acoustics.gcc import short_frames
from sslbench.acoustics.resampling import resample
from sslbench.errors import CellError

__all__ = ["DelayEstimator", "delay_estimator", "mean_evidence", "mean_log_probability"]

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

    def evidence(self, frames: Tensor, max_lag: int) -> Tensor:
        """Return log-probabilities minus what they are on average, of the same shape."""


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


def mean_log_probability(
    part: DelayEstimator, frame: NDArray[np.float32], sample_rate: int, max_lag: int
) -> Tensor:
    """Return the log-probability of each lag, the mean over short frames.

    Frames overlap by 50 %. Audio shorter than one is padded with zeros; samples at the end that do
    not fill one are left out.

    Args:
        part: the estimator.
        frame: audio, shape (microphones, samples).
        sample_rate: of the audio in Hz.
        max_lag: largest lag in samples of the estimator's sample rate.

    Returns:
        Natural logarithms, shape (pairs, 2 * max_lag + 1).
    """
    return _mean(part, part.delays, frame, sample_rate, max_lag)


def mean_evidence(
    part: DelayEstimator, frame: NDArray[np.float32], sample_rate: int, max_lag: int
) -> Tensor:
    """Return how much more likely than on average each lag is, the mean over short frames.

    Args:
        part: see `mean_log_probability`.
        frame: see there.
        sample_rate: see there.
        max_lag: see there.

    Returns:
        Log-probability of a lag minus its mean over the training of the estimator, shape
        (pairs, 2 * max_lag + 1); 0 everywhere for silence.
    """
    return _mean(part, part.evidence, frame, sample_rate, max_lag)


def _mean(
    part: DelayEstimator,
    estimate: Callable[[Tensor, int], Tensor],
    frame: NDArray[np.float32],
    sample_rate: int,
    max_lag: int,
) -> Tensor:
    audio = torch.tensor(resample(frame, sample_rate, part.sample_rate))
    missing = max(0, part.samples - audio.shape[1])
    audio = torch.nn.functional.pad(audio, (0, missing))
    frames = short_frames(audio, part.samples, part.samples // 2)
    total = torch.zeros(())
    for block in torch.split(frames, FRAMES):
        total = total + estimate(block, max_lag).sum(dim=0).cpu()
    return total / len(frames)
