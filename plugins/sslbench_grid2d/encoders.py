"""The encoders of Le Moing et al. (2019), Table II: spectral features to one vector an array.

The strides are not published. They are placed here so that 256 frequencies become the 32 that
the table states: in the last three layers. `early_stride` places them in the first three instead,
which has the same weights and a fraction of the work.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslbench.geometry import microphone_pairs
from sslbench_grid2d.frontend import FRAMES, FREQUENCIES

__all__ = ["ArrayEncoder", "PairFeatures"]

REDUCED = 32
"""Frequencies that an encoder ends with."""

PAIR_FILTERS = 8


class ArrayEncoder(nn.Module):
    """Encode the features of one array: eight convolutions, the last one over all frames.

    Args:
        inputs: channels of the features.
        width: filters of the first five layers (128 in the paper), a multiple of 8.
        early_stride: whether frequencies are thinned out in the first layers.
        bins: frequencies of the features, 256, or 128 where they were thinned out before.
    """

    def __init__(
        self, inputs: int, width: int, early_stride: bool, bins: int = FREQUENCIES
    ) -> None:
        super().__init__()
        strides = _strides(bins, early_stride)
        layers: list[nn.Module] = []
        for stride in strides[:5]:
            layers += [_along_frequency(inputs, width, 5, stride), nn.BatchNorm2d(width)]
            layers += [nn.LeakyReLU()]
            inputs = width
        for part, stride in ((2, strides[5]), (4, strides[6])):
            layers += [_along_frequency(inputs, width // part, 3, stride), nn.LeakyReLU()]
            inputs = width // part
        # A kernel of 4 keeps 32 frequencies with one zero more behind than before them.
        pad = nn.ZeroPad2d((1, 1 if strides[7] == 2 else 2, 0, 0))
        last = nn.Conv2d(inputs, width // 8, (FRAMES, 4), (1, strides[7]))
        self.layers = nn.Sequential(*layers, pad, last, nn.LeakyReLU())
        self.outputs = width // 8 * REDUCED

    def forward(self, features: Tensor) -> Tensor:
        """Return codes, shape (batch, 4 * width), of shape (batch, inputs, frames, 256).

        Clips of more than 9 frames give the mean over all windows of 9.
        """
        encoded: Tensor = self.layers(features)
        return encoded.mean(dim=2).flatten(1)


class PairFeatures(nn.Module):
    """Put the microphones of an array side by side in pairs (section II-A, Table II).

    All pairs (1, 2), (1, 3), ..., their real parts and then their imaginary parts, are the rows
    of an image per frame; kernel and stride of 2 look at one pair at a time. Here the two of a
    pair are channels instead, which has the same weights and values.

    Args:
        microphones: of the array.
        early_stride: whether every other frequency is left out, which is not in the paper.
    """

    first: Tensor
    second: Tensor

    def __init__(self, microphones: int, early_stride: bool = False) -> None:
        super().__init__()
        for name, one in zip(("first", "second"), microphone_pairs(microphones), strict=True):
            rows = torch.from_numpy(one)
            self.register_buffer(name, torch.cat([rows, rows + microphones]), persistent=False)
        self.outputs = PAIR_FILTERS * len(self.first)
        stride = 2 if early_stride else 1
        self.bins = FREQUENCIES // stride
        self.layers = nn.Sequential(
            nn.Conv2d(2, PAIR_FILTERS, (1, 7), (1, stride), (0, 3)),
            nn.BatchNorm2d(PAIR_FILTERS),
            nn.LeakyReLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return shape (batch, 16 * pairs, frames, bins) of (batch, 2 * mics, frames, 256)."""
        batch, _, frames, _ = features.shape
        pairs = torch.stack([features[:, self.first], features[:, self.second]], dim=1)
        paired: Tensor = self.layers(pairs.flatten(2, 3))
        return paired.reshape(batch, self.outputs, frames, self.bins)


def _strides(bins: int, early: bool) -> tuple[int, ...]:
    """Return the stride of each of the eight layers, so that 32 frequencies are left."""
    halvings = (bins // REDUCED).bit_length() - 1
    thinning, keeping = (2,) * halvings, (1,) * (8 - halvings)
    return thinning + keeping if early else keeping + thinning


def _along_frequency(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), (0, kernel // 2))
