"""The dual-input network: spectra of all channels, and where the microphones are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["BINS", "HOP", "DualInputNetwork", "spectra"]

BINS = 512
"""Frequencies of a spectrum, without that of 0 Hz."""

HOP = 256
"""Samples from one spectrum to the next."""

BLOCKS = 4

GRU_PER_WIDTH = 4
"""Units of the recurrent layer per filter of the first block: 256 for the published 64."""

FAINT = 1e-6
"""Level below which a clip is not amplified to the usual one."""


def spectra(audio: Tensor) -> Tensor:
    """Return the short-time Fourier transform, real beside imaginary parts along frequency.

    Frames of 1,024 samples without a window, one every 256 samples, centred (the clip is mirrored
    at its ends) and divided by the root of their length, as published. A clip of 2,048 samples has
    9 frames instead of the 63 of the published clips of one second.

    Args:
        audio: shape (batch, channels, samples).

    Returns:
        Shape (batch, channels, samples // 256 + 1, 1024).
    """
    found = torch.stft(
        audio.flatten(0, 1),
        2 * BINS,
        HOP,
        window=torch.ones(2 * BINS, device=audio.device),
        center=True,
        normalized=True,
        return_complex=True,
    )
    kept = found[:, 1:].mT
    joined = torch.cat([kept.real, kept.imag], dim=-1)
    return joined.reshape(*audio.shape[:2], *joined.shape[1:])


class DualInputNetwork(nn.Module):
    """DI-NN of Grinstein et al. 2023, extended to three dimensions as by Berg et al. 2024.

    Four blocks of two convolutions halve time and frequency; a bidirectional recurrent layer
    reads what is left along time; its mean is joined with an embedding of the metadata, and two
    layers give the position. The metadata are the microphone positions and the size of the room;
    the T60, which the published network is given too, is not part of them. Departure from the
    paper: a clip is divided by its root mean square over all channels, so that the gain of a
    recording does not matter.

    Args:
        microphones: their number, which cannot change.
        width: filters of the first block; 64 in the paper.
        stride: width and step of the first convolution along frequency; 1 for the published one,
            of width 2. With few filters the large first maps take most of the time.
    """

    def __init__(self, microphones: int, width: int, stride: int = 1) -> None:
        super().__init__()
        filters = [width * 2**block for block in range(BLOCKS)]
        hidden, metadata = GRU_PER_WIDTH * width, 3 * microphones + 3
        self.input_norm = nn.BatchNorm2d(microphones)
        first = _Block(microphones, width, stride)
        self.blocks = nn.Sequential(first, *map(_Block, filters[:-1], filters[1:]))
        self.recurrent = nn.GRU(filters[-1], hidden, batch_first=True, bidirectional=True)
        # One mean and variance for all metadata, as published.
        self.metadata_norm = nn.BatchNorm1d(1)
        self.embedding = nn.Sequential(
            nn.Linear(metadata, 2 * metadata), nn.ReLU(), nn.Linear(2 * metadata, metadata)
        )
        joined = 2 * hidden + metadata
        self.head = nn.Sequential(nn.Linear(joined, joined), nn.ReLU(), nn.Linear(joined, 3))

    def forward(self, audio: Tensor, microphones: Tensor, room: Tensor) -> Tensor:
        """Return positions, shape (batch, 3).

        Args:
            audio: shape (batch, microphones, samples).
            microphones: positions, shape (batch, microphones, 3).
            room: its size, shape (batch, 3).
        """
        level = audio.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp_min(FAINT)
        maps = self.blocks(self.input_norm(spectra(audio / level)))
        states, _ = self.recurrent(maps.mean(dim=-1).mT)
        metadata = torch.cat([microphones.flatten(1), room], dim=1)
        embedded = self.embedding(self.metadata_norm(metadata[:, None])[:, 0])
        position: Tensor = self.head(torch.cat([states.mean(dim=1), embedded], dim=1))
        return position


class _Block(nn.Sequential):
    """Two convolutions of 2 x 2, then the mean over 2 x 2."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        first = nn.Conv2d(inputs, outputs, 2, padding=1, bias=False)
        if stride > 1:
            first = nn.Conv2d(inputs, outputs, (2, stride), (1, stride), padding=(1, 0), bias=False)
        second = nn.Conv2d(outputs, outputs, 2, padding=1, bias=False)
        super().__init__(
            first,
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            second,
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.AvgPool2d(2),
        )
