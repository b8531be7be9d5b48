"""The encoders of Le Moing et al. (2019), Table II: from spectral features to a vector per array.

The strides are not published. The table states that 256 frequencies become 32, so three layers have
a stride of 2: here the last three. `early_stride` uses the first three instead, which keeps the
number of weights and reduces the computation to a fraction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslbench.geometry import microphone_pairs
from sslbench_grid2d.frontend import FRAMES, FREQUENCIES

__all__ = ["ArrayEncoder", "PairFeatures"]

REDUCED = 32
"""Number of frequencies after the last layer."""

PAIR_FILTERS = 8
"""Number of filters of the layer that combines the two microphones of a pair."""


class ArrayEncoder(nn.Module):
    """Encode the features of one array: eight convolutions, the last one over all frames.

    Args:
        inputs: number of channels of the features.
        width: number of filters of the first five layers (128 in the paper), a multiple of 8.
        early_stride: whether the first layers reduce the number of frequencies, not the last ones.
        bins: number of frequencies of the features: 256, or 128 if already reduced.
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
        for divisor, stride in ((2, strides[5]), (4, strides[6])):
            layers += [_along_frequency(inputs, width // divisor, 3, stride), nn.LeakyReLU()]
            inputs = width // divisor
        # A kernel of 4 keeps 32 frequencies if one more zero is appended than prepended.
        pad = nn.ZeroPad2d((1, 1 if strides[7] == 2 else 2, 0, 0))
        last = nn.Conv2d(inputs, width // 8, (FRAMES, 4), (1, strides[7]))
        self.layers = nn.Sequential(*layers, pad, last, nn.LeakyReLU())
        self.outputs = width // 8 * REDUCED

    def forward(self, features: Tensor) -> Tensor:
        """Encode features, shape (batch, inputs, frames, bins), to shape (batch, 4 * width).

        For clips of more than 9 frames the codes of all windows of 9 frames are averaged.
        """
        encoded: Tensor = self.layers(features)
        return encoded.mean(dim=2).flatten(1)


class PairFeatures(nn.Module):
    """Combine the microphones of an array in pairs (section II-A, Table II).

    In the paper, each frame is an image whose rows are the microphones of all pairs (1, 2),
    (1, 3), ...: first their real parts, then their imaginary parts. A kernel of 2 with a stride of
    2 combines the two rows of each pair. Here the two microphones are channels instead, which gives
    the same weights and values.

    Args:
        microphones: number of microphones of the array.
        early_stride: whether every second frequency is dropped, which is not in the paper.
    """

    first: Tensor
    second: Tensor

    def __init__(self, microphones: int, early_stride: bool = False) -> None:
        super().__init__()
        for name, side in zip(("first", "second"), microphone_pairs(microphones), strict=True):
            rows = torch.from_numpy(side)
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
        """Map shape (batch, 2 * mics, frames, 256) to (batch, 16 * pairs, frames, bins)."""
        batch, _, frames, _ = features.shape
        pairs = torch.stack([features[:, self.first], features[:, self.second]], dim=1)
        paired: Tensor = self.layers(pairs.flatten(2, 3))
        return paired.reshape(batch, self.outputs, frames, self.bins)


def _strides(bins: int, early: bool) -> tuple[int, ...]:
    """Return the strides of the eight layers, which reduce the frequencies to 32."""
    halvings = (bins // REDUCED).bit_length() - 1
    reducing, keeping = (2,) * halvings, (1,) * (8 - halvings)
    return reducing + keeping if early else keeping + reducing


def _along_frequency(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), (0, kernel // 2))
