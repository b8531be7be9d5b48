"""What the encoders of fixed arrays hear: short-time spectra as real and imaginary parts.

Le Moing et al. (2019), section III-C: 16 kHz, windows of 32 ms (Hamming) with 50 % overlap, the
zero frequency left out, real and imaginary parts of an array's microphones one after the other.
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
"""Of the spectra: 257 without the constant one."""

FRAMES = 9

Features = Literal["phase", "raw"]
"""Phase differences alone, or the published spectra, but scaled by the level of the clip."""


class SpectralFrontend(nn.Module):
    """Turn clips into spectral features of each array; nothing in it is learned.

    `raw` is the paper's real and imaginary parts, divided by the root mean square of the clip over
    all microphones, so that differences in level stay. The paper does not scale at all, but clips
    differ by tens of dB.

    `phase` gives, for each microphone, the phase of its spectrum relative to that of the next
    one of its array (the last one's to the first), as a complex number of magnitude 1. A delay is
    then a linear phase, whatever the source plays, which networks learn from far fewer clips.

    Args:
        arrays: how many there are; microphones are ordered by array.
        features: which of the two.
    """

    window: Tensor

    def __init__(self, arrays: int, features: Features) -> None:
        super().__init__()
        self.arrays = arrays
        self.features = features
        self.register_buffer("window", torch.hamming_window(WINDOW), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Return features of the arrays.

        Args:
            audio: shape (batch, arrays * microphones, samples).

        Returns:
            Shape (batch, arrays, 2 * microphones, frames, 256): the real parts of all
            microphones, then the imaginary ones. Silence gives zeros.

        Raises:
            FormatError: if the clips are shorter than 9 frames.
        """
        if audio.shape[-1] < WINDOW + (FRAMES - 1) * HOP:
            raise FormatError(
                f"clips of {audio.shape[-1]} samples",
                expected=f"at least {WINDOW + (FRAMES - 1) * HOP}, 160 ms at 16 kHz",
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
        """Return spectra without the zero frequency, shape (batch, mics, frames, 256)."""
        frames = audio.unfold(-1, WINDOW, HOP) * self.window
        spectra: Tensor = torch.fft.rfft(frames)[..., 1:]
        return spectra
