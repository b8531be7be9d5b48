"""Inputs of the network: normalized audio, and the delays of pairs of microphones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslbench.acoustics.gcc import ROBUST, gcc_phat
from sslbench.acoustics.learned_delays import DelayEstimator
from sslbench.geometry import microphone_pairs

__all__ = ["correlations", "log_probabilities", "normalized"]

Audio = NDArray[np.float32]


def normalized(audio: Audio) -> Audio:
    """Return audio, shape (channels, samples), with zero mean and unit deviation per channel.

    A silent channel is zero.
    """
    centred = audio - audio.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    result: Audio = centred / np.where(deviation > 0, deviation, 1)
    return result


def correlations(audio: Audio, max_lag: int) -> Tensor:
    """Return the GCC-PHAT of all pairs, shape (1, pairs, lags); its largest value is 1.

    The correlation of (j, i) is that of (i, j) mirrored, so one order says it all. See `_pairs`
    for arguments and result.
    """
    return _pairs(audio, lambda frames: _peak_one(gcc_phat(frames, max_lag, whitening=ROBUST)))


def log_probabilities(
    part: DelayEstimator, audio: Audio, max_lag: int, *, symmetric: bool
) -> Tensor:
    """Return how likely each lag is, relative to the most likely one.

    Args:
        part: the estimator.
        audio: see `_pairs`.
        max_lag: largest lag in samples.
        symmetric: whether both orders of a pair are averaged, or both are returned.

    Returns:
        Shape (1 or 2, pairs, lags), see `_pairs`.
    """
    estimate = part.symmetric_delays if symmetric else part.delays

    def likely(frames: Tensor) -> Tensor:
        delays = estimate(frames[None], max_lag)[0].float().cpu()
        return (delays - delays.amax(dim=-1, keepdim=True)).exp()

    return _pairs(audio, likely, both=not symmetric)


def _peak_one(gcc: Tensor) -> Tensor:
    peak = gcc.amax(dim=-1, keepdim=True)
    return torch.where(peak > 0, gcc / peak.clamp_min(torch.finfo(gcc.dtype).tiny), 0.0)


def _pairs(audio: Audio, of_pairs: Callable[[Tensor], Tensor], *, both: bool = False) -> Tensor:
    """Return a function of all pairs that does not depend on the order of the channels.

    It is computed in an order that follows from the audio alone, and the result is brought into
    the order of the channels. Otherwise another order would round features differently.

    Args:
        audio: shape (channels, samples).
        of_pairs: function of audio, of shape (pairs, lags) for pairs i < j.
        both: whether it is computed for pairs (j, i) too; otherwise those are mirrored.

    Returns:
        Shape (1, pairs, lags), or with `both` (2, pairs, lags): the pairs (i, j), then (j, i).
    """
    channels = len(audio)
    order = sorted(range(channels), key=lambda channel: audio[channel].tobytes())
    frames = torch.from_numpy(np.ascontiguousarray(audio[order]))
    i, j = (torch.from_numpy(side) for side in microphone_pairs(channels))
    forward = of_pairs(frames)
    # With the channels in reverse, the pair (i, j) is that of the channels (n - 1 - i, n - 1 - j).
    last = channels - 1
    table = forward.new_zeros(channels, channels, forward.shape[-1])
    table[i, j] = forward
    if both:
        table[last - i, last - j] = of_pairs(frames.flip(0))
    else:
        table[j, i] = forward.flip(-1)
    rank = torch.tensor(order).argsort()
    found = table[rank[i], rank[j]]
    return torch.stack([found, table[rank[j], rank[i]]]) if both else found[None]
