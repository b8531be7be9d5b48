"""Decoders: from one vector to a map of any size over the room.

The strides of Table II of Le Moing et al. (2019) are not published. Kernels of 3 with a stride of
3 lead from 1 to 81 cells (1, 3, 9, 27, 81) exactly, and a kernel of 2 with a stride of 2, which
the table has for the refined grid, from 3 to 6; the layers after it keep the size.
"""

from __future__ import annotations

from torch import Tensor, nn

from sslbench_grid2d.pooling import resample

__all__ = ["DeconvolutionDecoder"]


class DeconvolutionDecoder(nn.Module):
    """Grow a map from one cell by four transposed convolutions, and refine it by three more.

    Maps of 81 and 6 cells a side are grown as published. Any other size is grown by factors of 3
    until it is reached, brought to that size by area means, and refined there.

    Args:
        inputs: length of the vector.
        channels: of the map.
        size: cells a side of the map.
        width: filters; 128 gives the paper's 256, 128, 64, 32, 16, 8. Narrow decoders keep at
            least 16 and 8 filters in the last layers.
    """

    def __init__(self, inputs: int, channels: int, size: int, width: int) -> None:
        super().__init__()
        self.size = size
        self.grow = nn.ModuleList()
        filters = 2 * width
        for factor in _factors(size):
            self.grow.append(_growth(inputs, filters, factor))
            inputs, filters = filters, filters // 2
        tail = max(16, width // 8), max(8, width // 16)
        self.refine = nn.Sequential(
            nn.Conv2d(inputs, tail[0], 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(tail[0], tail[1], 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(tail[1], channels, 3, padding=1),
        )

    def forward(self, codes: Tensor) -> Tensor:
        """Return maps, shape (batch, channels, size, size), of codes, shape (batch, inputs)."""
        maps = codes[:, :, None, None]
        for layer in self.grow:
            # Once the size is reached or passed, all that follows is at that size.
            maps = layer(resample(maps, self.size) if maps.shape[-1] > self.size else maps)
        if maps.shape[-1] != self.size:
            maps = resample(maps, self.size)
        refined: Tensor = self.refine(maps)
        return refined


def _factors(size: int) -> list[int]:
    """Return by how much each of the four growing layers enlarges its map."""
    if size == 6:
        return [3, 2, 1, 1]
    factors: list[int] = []
    reached = 1
    while len(factors) < 4:
        factors.append(3 if reached < size else 1)
        reached *= factors[-1]
    return factors


def _growth(inputs: int, outputs: int, factor: int) -> nn.Sequential:
    kernel, padding = (3, 1) if factor == 1 else (factor, 0)
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, kernel, factor, padding),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
