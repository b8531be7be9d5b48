"""The input features of the encoders of fixed arrays: real and imaginary parts of the STFT.

Le Moing et al. (2019), section III-C: 16 kHz, Hamming windows of 32 ms with 50 % overlap, without
the frequency 0 Hz; the real parts of all microphones of an array, followed by the imaginary parts.
A clip of 160 ms has 9 frames and 256 frequencies.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from sslbench.errors import FormatError

__all__ = ["FRAMES", "FREQUENCIES", "Features", "SpectralFrontend"]

WINDOW = 512
HOP = 256
FREQUENCIES = WINDOW // 2
"""Number of frequencies of a spectrum: 257 without 0 Hz."""

FRAMES = 9

Features = Literal["phase", "raw"]
"""Phase differences only, or the published spectra divided by the level of the clip."""


class SpectralFrontend(nn.Module):
    """Compute the spectral features of each array; nothing in it is learned.

    `raw`: the real and imaginary parts of the paper, divided by the root mean square of the clip
    over all microphones, which keeps level differences between microphones. The paper does not
    normalize, but the levels of clips differ by tens of dB.

    `phase`: for each microphone, the phase of its spectrum relative to that of the next microphone
    of its array (of the last one relative to the first), as a complex number of magnitude 1. A
    delay is then a linear phase, independent of the source signal. Networks learn this from far
    fewer clips.

    Args:
        arrays: number of arrays; the microphones are ordered by array.
        features: `phase` or `raw`.
    """

    window: Tensor

    def __init__(self, arrays: int, features: Features) -> None:
        super().__init__()
        self.arrays = arrays
        self.features = features
        self.register_buffer("window", torch.hamming_window(WINDOW), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Compute the features of the arrays.

        Args:
            audio: shape (batch, arrays * microphones, samples).

        Returns:
            Shape (batch, arrays, 2 * microphones, frames, 256): the real parts of all
            microphones, followed by the imaginary parts; zeros for silence.

        Raises:
            FormatError: if the clips are shorter than 9 frames.
        """
        if audio.shape[-1] < WINDOW + (FRAMES - 1) * HOP:
            raise FormatError(
                f"clips of {audio.shape[-1]} samples are too short",
                expected=f"at least {WINDOW + (FRAMES - 1) * HOP} samples, 160 ms at 16 kHz",
            )
        spectra = self._spectra(audio)
        batch, channels, frames, bins = spectra.shape
        spectra = spectra.reshape(batch, self.arrays, channels // self.arrays, frames, bins)
        if self.features == "phase":
            spectra = torch.sgn(spectra * spectra.roll(-1, dims=2).conj())
        else:
            power = audio.square().mean(dim=(1, 2)).clamp_min(torch.finfo(audio.dtype).tiny)
            spectra = spectra / (power.sqrt() * WINDOW**0.5)[:, None, None, None, None]
        return torch.cat([spectra.real, spectra.imag], dim=2)

    def _spectra(self, audio: Tensor) -> Tensor:
        """Return spectra without the frequency 0 Hz, shape (batch, mics, frames, 256)."""
        frames = audio.unfold(-1, WINDOW, HOP) * self.window
        spectra: Tensor = torch.fft.rfft(frames)[..., 1:]
        return spectra
