"""Normalization statistics, which come from training inputs only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.array_types import Floats
from sslbench.progress import progress_bar
from sslbench.training.examples import ExampleSet

__all__ = ["Normalize", "Statistics", "input_statistics"]

Statistics = Mapping[str, tuple[Floats, Floats]]
"""Mean and standard deviation of inputs by name, of the shape of an input with ones."""

SMALLEST = 1e-6
"""Standard deviation at least, so that a constant input is not divided by zero."""


def input_statistics(examples: ExampleSet, axes: Mapping[str, Sequence[int]]) -> Statistics:
    """Return mean and standard deviation of inputs over all examples.

    Args:
        examples: of training data.
        axes: by the name of an input, the axes that keep statistics of their own, such as the
            channels and the mel bands of an input of shape (channels, frames, bands): (0, 2).
    """
    if not axes:
        return {}
    sums = {name: np.zeros(()) for name in axes}
    squares = {name: np.zeros(()) for name in axes}
    with progress_bar("statistics", "example", len(examples)) as bar:
        for index in range(len(examples)):
            arrays = examples.arrays(index)
            for name, kept in axes.items():
                value = np.asarray(arrays[name], dtype=float)
                over = tuple(axis for axis in range(value.ndim) if axis not in kept)
                sums[name] = sums[name] + value.mean(axis=over, keepdims=True)
                squares[name] = squares[name] + np.square(value).mean(axis=over, keepdims=True)
            bar.update()
    found = {}
    for name in axes:
        mean = sums[name] / len(examples)
        variance = squares[name] / len(examples) - mean**2
        found[name] = (mean, np.sqrt(np.maximum(variance, SMALLEST**2)))
    return found


class Normalize(nn.Module):
    """Subtract the mean and divide by the standard deviation; nothing is learned.

    Args:
        statistics: mean and standard deviation, of the shape of one input with ones.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, statistics: tuple[Floats, Floats]) -> None:
        super().__init__()
        for name, value in zip(("mean", "deviation"), statistics, strict=True):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return normalized inputs, shape (batch, ...)."""
        normalized: Tensor = (inputs - self.mean) / self.deviation
        return normalized
