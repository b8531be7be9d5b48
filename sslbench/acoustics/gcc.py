"""Generalized cross-correlation with phase transform (GCC-PHAT) of all pairs of microphones.

Each channel is transformed and whitened once; the pairs only multiply. Pairs are ordered as in
`sslbench.geometry.microphone_pairs`, and the sign is that of `sslbench.geometry.tdoa`: the peak
lies at the arrival time at i minus that at j.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sslbench.geometry import microphone_pairs

__all__ = ["gcc_phat", "largest_lag", "mean_gcc_phat", "short_frames"]

BLOCK = 28 * 4096
"""Values of a correlation that are worked on at once: small blocks stay in the cache and in memory
that the allocator keeps, which more than halves the time of a frame of 55 pairs."""

FRAMES = 256
"""Short frames that are transformed at once, so that an hour of audio needs no more memory."""


def gcc_phat(frames: Tensor, max_lag: int, upsample: int = 1) -> Tensor:
    """Return the GCC-PHAT of all pairs of channels.

    The correlation is linear: frames are padded to twice their length (Knapp and Carter 1976,
    eq. 9 and 18). It is differentiable; a silent channel gives zeros.

    Args:
        frames: audio, shape (..., channels, samples).
        max_lag: largest lag in samples, at most `samples`.
        upsample: lags per sample; the interpolation is exact for band-limited signals.

    Returns:
        Correlation in [-1, 1] at the lags -max_lag, ..., max_lag in steps of 1 / upsample
        samples, shape (..., pairs, 2 * max_lag * upsample + 1).

    Raises:
        ValueError: if `max_lag` is not between 0 and the number of samples.
    """
    first, second = _pairs(frames)
    white = _whitened(frames)
    # Not `conj`: a lazy conjugate makes the product with gathered rows eight times slower.
    conjugate = white.conj_physical()
    batch, samples = frames.shape[:-2].numel(), frames.shape[-1]
    block = max(1, BLOCK // max(1, batch * 2 * samples * upsample))
    parts = [
        _correlation(white.index_select(-2, i) * conjugate.index_select(-2, j), max_lag, upsample)
        for i, j in zip(torch.split(first, block), torch.split(second, block), strict=True)
    ]
    return torch.cat(parts, dim=-2)


def mean_gcc_phat(audio: Tensor, length: int, max_lag: int, upsample: int = 1) -> Tensor:
    """Return the GCC-PHAT of all pairs of channels, averaged over short frames.

    Frames overlap by half. Audio shorter than two of them is one frame, as it is.

    Args:
        audio: shape (channels, samples).
        length: of the short frames in samples.
        max_lag: largest lag in samples.
        upsample: lags per sample.

    Returns:
        Correlation as from `gcc_phat`, shape (pairs, 2 * max_lag * upsample + 1).

    Raises:
        ValueError: if `max_lag` is not between 0 and the length of a frame.
    """
    if audio.shape[-1] < 2 * length:
        return gcc_phat(audio, max_lag, upsample)
    first, second = _pairs(audio)
    frames = short_frames(audio, length, length // 2)
    covariance = torch.zeros((), dtype=torch.complex64)
    # The mean commutes with the inverse transform, so there is one of those a pair in all.
    for block in torch.split(frames, FRAMES):
        spectra = _whitened(block).permute(2, 1, 0)
        covariance = covariance + spectra @ spectra.mH
    return _correlation(covariance[:, first, second].mT / len(frames), max_lag, upsample)


def largest_lag(microphones: ArrayLike, sample_rate: float, speed_of_sound: float) -> int:
    """Return the whole number of samples that no delay between two microphones exceeds.

    Args:
        microphones: positions in metres, shape (channels, 3).
        sample_rate: in Hz.
        speed_of_sound: in m/s.
    """
    mics = np.asarray(microphones, dtype=float)
    i, j = microphone_pairs(len(mics))
    distance = float(np.linalg.norm(mics[i] - mics[j], axis=1).max())
    return math.ceil(distance / speed_of_sound * sample_rate)


def short_frames(audio: Tensor, length: int, hop: int) -> Tensor:
    """Cut audio, shape (channels, samples), into a view of shape (frames, channels, length).

    Samples at the end that fill no whole frame are left out.
    """
    return audio.unfold(-1, length, hop).movedim(-2, 0)


def _pairs(frames: Tensor) -> tuple[Tensor, Tensor]:
    first, second = microphone_pairs(frames.shape[-2])
    return torch.from_numpy(first).to(frames.device), torch.from_numpy(second).to(frames.device)


def _whitened(frames: Tensor) -> Tensor:
    # The sign of a complex number is its phase factor, and 0 where the number is 0.
    return torch.sgn(torch.fft.rfft(frames, n=2 * frames.shape[-1]))


def _correlation(cross: Tensor, max_lag: int, upsample: int) -> Tensor:
    samples = cross.shape[-1] - 1
    if not 0 <= max_lag <= samples:
        raise ValueError(f"max_lag is {max_lag}, expected 0 to {samples}, the length of a frame")
    length = 2 * samples * upsample
    if upsample > 1:
        # The Nyquist bin of the original is shared by two bins of the longer spectrum.
        cross = torch.cat((cross[..., :-1], cross[..., -1:] / 2), dim=-1)
    circular = torch.fft.irfft(cross, n=length) * upsample
    reach = max_lag * upsample
    return torch.cat((circular[..., length - reach :], circular[..., : reach + 1]), dim=-1)
