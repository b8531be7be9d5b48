"""The network of NGCC-PHAT (Berg et al., Interspeech 2022): filters, correlation and head.

Filters that are learned, and shared by all microphones, precede the GCC-PHAT of each filtered
channel. A convolutional head turns the correlations of all channels into one logit per lag. The
filters of a microphone do not depend on the pairs that it belongs to, so they run once per
microphone; correlations are cropped before the head, and pairs are processed in blocks.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["FILTER_LENGTH", "NgccNetwork", "SincFilters", "channel_gcc", "head_input"]

FILTER_LENGTH = 1023
"""Taps of the band-pass filters of the first layer."""

SHARED_KERNELS = (11, 9, 7)
HEAD_KERNELS = (11, 9, 7)
LAST_KERNEL = 5

SLOPE = 0.2
"""Of the leaky ReLU for negative values."""

MOMENTUM = 0.05
"""Of the running statistics of batch normalization."""

BACKGROUND_MOMENTUM = 0.005
"""Of the running mean of log-probabilities."""

PUBLISHED = 128
"""Number of channels in the paper."""

DROPOUT = 0.5
"""Of the head with the published number of channels; in proportion with fewer, which have less to
spare: with 16 channels, half of them dropped cost as much as half of the training."""

LOWEST, NARROWEST, FIRST = 50.0, 50.0, 30.0
"""Smallest edge and bandwidth of a filter, and first frequency of the initial mel scale, in Hz."""

FLOOR = 1e-3
"""Added to the magnitude of the cross-spectrum that the phase transform divides by."""

TINY = 1e-20
"""Added to the square of that magnitude."""

BLOCK = {"cpu": 2**18, "cuda": 2**24}
"""Values of filtered signals, or of correlations, that are computed at once in prediction.

On a CPU they should fit into its cache: blocks of 2**22 values take 1.4 times as long.
"""


class SincFilters(nn.Module):
    """Band-pass filters whose edges are learned (Ravanelli and Bengio, SincNet, 2018).

    A filter is the difference of two ideal low-pass filters under a Hamming window, divided by
    its bandwidth. It is applied circularly, by multiplication of spectra.

    Args:
        channels: number of filters.
        sample_rate: in Hz.
    """

    lags: Tensor
    window: Tensor

    def __init__(self, channels: int, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        highest = sample_rate / 2 - (LOWEST + NARROWEST)
        edges = _hertz(torch.linspace(_mel(FIRST), _mel(highest), channels + 1))
        self.low = nn.Parameter(edges[:-1, None])
        self.band = nn.Parameter(edges.diff()[:, None])
        half = FILTER_LENGTH // 2
        # Functions of the length alone, which a checkpoint need not hold.
        self.register_buffer("lags", torch.arange(-half, half + 1.0), persistent=False)
        window = torch.hamming_window(FILTER_LENGTH, periodic=False)
        self.register_buffer("window", window, persistent=False)

    def taps(self) -> Tensor:
        """Return the impulse responses, shape (channels, taps), symmetric about the middle."""
        low = LOWEST + self.low.abs()
        high = (low + NARROWEST + self.band.abs()).clamp(LOWEST, self.sample_rate / 2)
        low, high = low / self.sample_rate, high / self.sample_rate
        ideal = high * torch.sinc(2 * high * self.lags) - low * torch.sinc(2 * low * self.lags)
        taps: Tensor = self.window * ideal / (high - low)
        return taps

    def forward(self, frames: Tensor) -> Tensor:
        """Return filtered frames, shape (n, channels, 1, samples), of frames, (n, samples)."""
        samples = frames.shape[-1]
        padded = nn.functional.pad(self.taps(), (0, samples - FILTER_LENGTH))
        # With the middle tap at time 0 a symmetric filter has a real spectrum.
        response = torch.fft.rfft(padded.roll(-(FILTER_LENGTH // 2), dims=-1)).real
        # Not in reduced precision, in which there is no transform.
        spectra = torch.fft.rfft(frames.float())[:, None] * response
        filtered: Tensor = torch.fft.irfft(spectra, n=samples)
        return filtered[:, :, None]


class NgccNetwork(nn.Module):
    """Logits over the lags of pairs of microphones.

    Args:
        channels: number of filters, and width of all layers; 128 in the paper.
        sample_rate: in Hz.
        max_lag: largest lag in samples of the pairs in training.

    Attributes:
        background: running mean of the log-probability of each lag in training, shape
            (2 * max_lag + 1,).
    """

    background: Tensor

    def __init__(self, channels: int, sample_rate: int, max_lag: int) -> None:
        super().__init__()
        self.channels = channels
        lags = 2 * max_lag + 1
        self.register_buffer("background", torch.full((lags,), -math.log(lags)))
        layers: list[nn.Module] = [SincFilters(channels, sample_rate), *_activation(channels)]
        for kernel in SHARED_KERNELS:
            layers += [_convolution(channels, kernel, "circular"), *_activation(channels)]
        # The last shared layer is linear, so that the correlation is not of rectified signals.
        self.filters = nn.Sequential(*layers[:-1])
        dropout = DROPOUT * min(1.0, channels / PUBLISHED)
        head: list[nn.Module] = []
        for kernel in HEAD_KERNELS:
            head += [_convolution(channels, kernel), *_activation(channels), nn.Dropout(dropout)]
        last = nn.Conv2d(channels, 1, (1, LAST_KERNEL), padding=(0, LAST_KERNEL // 2))
        self.head = nn.Sequential(*head, last)

    def forward(
        self, frames: Tensor, pairs: Tensor, max_lag: int, *, symmetric: bool = False
    ) -> Tensor:
        """Return logits at the lags -max_lag, ..., max_lag, shape (batch, pairs, lags).

        The lag of a pair (i, j) is the arrival at microphone i minus that at j, in samples.

        Args:
            frames: shape (batch, microphones, samples), each of zero mean and unit deviation.
            pairs: indices of two microphones each, shape (pairs, 2).
            max_lag: largest lag in samples, at most `samples`.
            symmetric: whether to return the mean of the logits of both orders of a pair, so that
                exchanging its microphones mirrors them exactly.
        """
        batch, microphones = frames.shape[:2]
        spectra = self.spectra(frames.flatten(0, 1))
        start = microphones * torch.arange(batch, device=frames.device).repeat_interleave(
            len(pairs)
        )
        first, second = pairs.repeat(batch, 1).unbind(dim=1)
        size = self._block(frames.device, 2 * (frames.shape[-1] + 1), len(start))
        blocks = zip(*(torch.split(start + each, size) for each in (first, second)), strict=True)
        logits = [
            self._logits(spectra.index_select(0, i), spectra.index_select(0, j), max_lag, symmetric)
            for i, j in blocks
        ]
        return torch.cat(logits).reshape(batch, len(pairs), -1)

    @torch.no_grad()
    def update_background(self, logits: Tensor) -> None:
        """Include the logits of a training step, shape (..., lags), in `background`."""
        mean = logits.detach().float().log_softmax(dim=-1).flatten(0, -2).mean(dim=0)
        self.background.lerp_(mean, BACKGROUND_MOMENTUM)

    def spectra(self, frames: Tensor) -> Tensor:
        """Return the spectra of filtered frames, shape (n, channels, samples + 1).

        Args:
            frames: shape (n, samples).
        """
        samples = frames.shape[-1]
        blocks = torch.split(frames, self._block(frames.device, samples, len(frames)))
        return torch.cat([torch.fft.rfft(self._filtered(block), n=2 * samples) for block in blocks])

    def _filtered(self, frames: Tensor) -> Tensor:
        filtered: Tensor = self.filters(frames)
        return filtered[:, :, 0].float().contiguous()

    def _logits(self, first: Tensor, second: Tensor, max_lag: int, symmetric: bool) -> Tensor:
        # The convolutions are those of images of height 1, whose layout with channels last makes
        # them more than twice as fast on a CPU as convolutions of sequences.
        gcc = head_input(first, second, max_lag)[:, :, None]
        gcc = gcc.contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.head(gcc)[:, 0, 0]
        if symmetric:
            mirrored: Tensor = self.head(gcc.flip(-1))[:, 0, 0]
            logits = (logits + mirrored.flip(-1)) / 2
        return logits

    def _block(self, device: torch.device, values: int, rows: int) -> int:
        if self.training:  # the statistics of a batch are those of all its rows
            return max(1, rows)
        return max(1, BLOCK.get(device.type, BLOCK["cuda"]) // (values * self.channels))


def head_input(first: Tensor, second: Tensor, max_lag: int) -> Tensor:
    """Return the GCC-PHAT of each channel at the lags -max_lag, ..., max_lag.

    Args:
        first: spectra of filtered signals, shape (n, channels, samples + 1).
        second: those of the signals that they are paired with.
        max_lag: largest lag in samples.

    Returns:
        Shape (n, channels, 2 * max_lag + 1).
    """
    correlation = channel_gcc(first, second)
    length = correlation.shape[-1]
    return torch.cat((correlation[..., length - max_lag :], correlation[..., : max_lag + 1]), -1)


def channel_gcc(first: Tensor, second: Tensor) -> Tensor:
    """Return the GCC-PHAT of each channel at all lags, lag 0 first and negative lags last."""
    # In real numbers: products of complex ones are slower, and their gradients much slower.
    a, b = torch.view_as_real(first).unbind(-1)
    c, d = torch.view_as_real(second).unbind(-1)
    real, imaginary = a * c + b * d, b * c - a * d
    # The root has no finite gradient at zero.
    weight = 1 / ((real.square() + imaginary.square() + TINY).sqrt() + FLOOR)
    cross = torch.complex(real * weight, imaginary * weight)
    correlation: Tensor = torch.fft.irfft(cross, n=2 * (first.shape[-1] - 1))
    return correlation


def _convolution(
    channels: int, kernel: int, padding_mode: Literal["zeros", "circular"] = "zeros"
) -> nn.Conv2d:
    size, padding = (1, kernel), (0, kernel // 2)
    return nn.Conv2d(channels, channels, size, padding=padding, padding_mode=padding_mode)


def _activation(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels, momentum=MOMENTUM), nn.LeakyReLU(SLOPE)


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def _hertz(mel: Tensor) -> Tensor:
    return 700 * torch.expm1(mel * (math.log(10) / 2595))
