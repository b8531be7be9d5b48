"""The decoder of Le Moing et al. (2019), Table II, from one vector to a map of any size.

The strides of the table are not published. Kernels of 3 with a stride of 3 enlarge 1 cell to 81
cells exactly (1, 3, 9, 27, 81). A kernel of 2 with a stride of 2, which the table lists for the
refined grid, enlarges 3 cells to 6; the layers after it keep the size.
"""

from __future__ import annotations

from torch import Tensor, nn

from sslbench_grid2d.pooling import resample

__all__ = ["DeconvolutionDecoder"]


class DeconvolutionDecoder(nn.Module):
    """Enlarge a map from one cell by four transposed convolutions, then refine it by three more.

    Maps with sides of 81 and 6 cells are enlarged as published. Other maps are enlarged by factors
    of 3 until their size is reached or exceeded, resampled to that size by area means, and
    refined at it.

    Args:
        inputs: length of the vector.
        channels: number of channels of the map.
        size: number of cells along each side of the map.
        width: half of the number of filters of the first layer; 128 gives the filters of the
            paper (256, 128, 64, 32, 16, 8). The last layers have at least 16 and 8 filters.
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
        """Map codes, shape (batch, inputs), to maps, shape (batch, channels, size, size)."""
        maps = codes[:, :, None, None]
        for layer in self.grow:
            # Once the size is reached or exceeded, all further layers work at that size.
            maps = layer(resample(maps, self.size) if maps.shape[-1] > self.size else maps)
        if maps.shape[-1] != self.size:
            maps = resample(maps, self.size)
        refined: Tensor = self.refine(maps)
        return refined


def _factors(size: int) -> list[int]:
    """Return the factors by which the four transposed convolutions enlarge a map."""
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
