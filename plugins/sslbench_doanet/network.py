"""The convolutional recurrent network of Adavanne et al. 2021 (DOAnet)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sslbench.training.examples import Batch
from sslbench.training.normalization import Normalize
from sslbench_doanet.features import BANDS, PER_ROW

__all__ = ["Crnn", "Output"]

POOLS = ((PER_ROW, 2), (1, 2), (1, 2))
"""Frames and bands that are pooled after each convolution."""


class Output(NamedTuple):
    """What the network estimates for each time and output.

    Args:
        vectors: within -1 and 1, shape (batch, times, n, 3); directions are their unit vectors.
        activity: logits, shape (batch, times, n); None without that branch.
    """

    vectors: Tensor
    activity: Tensor | None


class Crnn(nn.Module):
    """Three convolutions, two bidirectional recurrent layers, and a branch for each output.

    With a width of 128 and two outputs it has 1,520,646 parameters for ambisonics, and 1,557,384
    for four microphones with the branch for activity.

    Args:
        normalize: of the features.
        channels: of the features.
        width: of all layers; 128 in the paper.
        outputs: number of directions per time.
        activity: whether their activity is estimated.
    """

    def __init__(
        self, normalize: Normalize, channels: int, width: int, outputs: int, *, activity: bool
    ) -> None:
        super().__init__()
        self.normalize = normalize
        blocks: list[nn.Module] = []
        for inputs, pool in zip((channels, width, width), POOLS, strict=True):
            blocks += [
                nn.Conv2d(inputs, width, 3, padding=1),
                nn.BatchNorm2d(width),
                # Pooling before the rectification gives the same values with less work.
                nn.MaxPool2d(pool),
                nn.ReLU(),
            ]
        self.convolutions = nn.Sequential(*blocks)
        bands = BANDS // 2 ** len(POOLS)
        self.recurrent = nn.GRU(
            bands * width, width, num_layers=2, bidirectional=True, batch_first=True
        )
        self.directions = _branch(width, 3 * outputs)
        self.activity = _branch(width, outputs) if activity else None

    def forward(self, batch: Batch) -> Output:
        """Return estimates for features, shape (batch, channels, 5 T, 64)."""
        # Convolutions are up to twice as fast with channels last.
        features = self.normalize(batch["features"].float())
        maps = self.convolutions(features.contiguous(memory_format=torch.channels_last))
        hidden = torch.tanh(self.recurrent(maps.transpose(1, 2).flatten(2))[0])
        forwards, backwards = hidden.chunk(2, dim=-1)
        joint = forwards * backwards
        vectors = torch.tanh(self.directions(joint))
        vectors = vectors.reshape(*vectors.shape[:-1], -1, 3)
        return Output(vectors, None if self.activity is None else self.activity(joint))


def _branch(width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, outputs),
    )
