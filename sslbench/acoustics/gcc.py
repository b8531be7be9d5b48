"""Generalized cross-correlation with phase transform (GCC-PHAT) of all pairs of microphones.

Each channel is transformed and whitened once; the pairs only multiply. Pairs are ordered as in
`sslbench.geometry.microphone_pairs`, and the sign is that of `sslbench.geometry.tdoa`: the peak
lies at the arrival time at i minus that at j.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sslbench.geometry import microphone_pairs

__all__ = [
    "PHAT",
    "ROBUST",
    "Whitening",
    "gcc_phat",
    "largest_lag",
    "mean_gcc_phat",
    "short_frames",
]

BLOCK = 28 * 4096
"""Values of a correlation that are worked on at once: small blocks stay in the cache and in memory
that the allocator keeps, which more than halves the time of a frame of 55 pairs."""

FRAMES = 256
"""Short frames that are transformed at once, so that an hour of audio needs no more memory."""


@dataclass(frozen=True)
class Whitening:
    """How frames are windowed and their spectra flattened; as it is, PHAT by the book.

    Args:
        taper: share of a frame under the cosine ramps of its (Tukey) window: 0 for a rectangle,
            1 for a Hann window. The edges of a rectangle are cut at the same time in all
            channels, and PHAT raises their leakage to a spurious peak at lag 0.
        floor: frequencies weaker than this share of a channel's root mean square are not raised
            to the full weight: they are mostly noise.
    """

    taper: float = 0.0
    floor: float = 0.0


PHAT = Whitening()

ROBUST = Whitening(taper=0.5, floor=0.05)
"""For frames of reverberant speech.

Chosen on validation splits at 16 kHz. With the steered power, 200 scenes of `respeaker-sim` have a
mean error of 13.6 degrees with PHAT, 4.2 with this, 4.2 without the floor, and 8 to 9 where only
300 to 4000 Hz are used. With multilateration, 120 scenes of `luvira-sim[t60=0.3]` are within 0.3 m
in 30 % of cases with PHAT, 78 % without the floor, 88 % with a Hann window and a floor of 0.1, and
90 % with this; a floor of 0.2 or a taper of 0.25 is worse.
"""


def gcc_phat(
    frames: Tensor, max_lag: int, upsample: int = 1, whitening: Whitening = PHAT
) -> Tensor:
    """Return the GCC-PHAT of all pairs of channels.

    The correlation is linear: frames are padded to twice their length (Knapp and Carter 1976,
    eq. 9 and 18). It is differentiable; a silent channel gives zeros.

    Args:
        frames: audio, shape (..., channels, samples).
        max_lag: largest lag in samples, at most `samples`.
        upsample: lags per sample; the interpolation is exact for band-limited signals.
        whitening: window and weight of the frequencies.

    Returns:
        Correlation in [-1, 1] at the lags -max_lag, ..., max_lag in steps of 1 / upsample
        samples, shape (..., pairs, 2 * max_lag * upsample + 1).

    Raises:
        ValueError: if `max_lag` is not between 0 and the number of samples.
    """
    first, second = _pairs(frames)
    white = _whitened(frames, whitening)
    # Not `conj`: a lazy conjugate makes the product with gathered rows eight times slower.
    conjugate = white.conj_physical()
    batch, samples = frames.shape[:-2].numel(), frames.shape[-1]
    block = max(1, BLOCK // max(1, batch * 2 * samples * upsample))
    parts = [
        _correlation(white.index_select(-2, i) * conjugate.index_select(-2, j), max_lag, upsample)
        for i, j in zip(torch.split(first, block), torch.split(second, block), strict=True)
    ]
    return torch.cat(parts, dim=-2)


def mean_gcc_phat(
    audio: Tensor, length: int, max_lag: int, upsample: int = 1, whitening: Whitening = PHAT
) -> Tensor:
    """Return the GCC-PHAT of all pairs of channels, averaged over short frames.

    Frames overlap by half. Audio shorter than two of them is one frame, as it is.

    Args:
        audio: shape (channels, samples).
        length: of the short frames in samples.
        max_lag: largest lag in samples.
        upsample: lags per sample.
        whitening: window and weight of the frequencies.

    Returns:
        Correlation as from `gcc_phat`, shape (pairs, 2 * max_lag * upsample + 1).

    Raises:
        ValueError: if `max_lag` is not between 0 and the length of a frame.
    """
    if audio.shape[-1] < 2 * length:
        return gcc_phat(audio, max_lag, upsample, whitening)
    first, second = _pairs(audio)
    frames = short_frames(audio, length, length // 2)
    covariance = torch.zeros((), dtype=torch.complex64)
    # The mean commutes with the inverse transform, so there is one of those a pair in all.
    for block in torch.split(frames, FRAMES):
        spectra = _whitened(block, whitening).permute(2, 1, 0)
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


def _whitened(frames: Tensor, whitening: Whitening) -> Tensor:
    samples = frames.shape[-1]
    if whitening.taper > 0:
        frames = frames * _tukey(samples, whitening.taper).to(frames)
    spectra = torch.fft.rfft(frames, n=2 * samples)
    if whitening.floor == 0:
        # The sign of a complex number is its phase factor, and 0 where the number is 0.
        return torch.sgn(spectra)
    # Silence stays silent, and its gradient finite.
    tiny = torch.finfo(frames.dtype).tiny
    rms = (spectra.abs().square().mean(dim=-1, keepdim=True) + tiny).sqrt()
    white: Tensor = spectra / spectra.abs().maximum(whitening.floor * rms)
    return white


def _tukey(samples: int, taper: float) -> Tensor:
    """Return a periodic window: flat, with a half-cosine ramp over taper / 2 at each end."""
    place = (torch.arange(samples, dtype=torch.float64) + 0.5) / samples
    edge = torch.minimum(place, 1 - place)
    return torch.sin((edge / taper).clamp_max(0.5) * torch.pi).square()


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
