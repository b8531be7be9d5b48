"""The relation network: a function of each pair of microphones, averaged, then a second one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslbench.geometry import microphone_pairs

__all__ = ["METADATA", "RelationNetwork"]

METADATA = 9
"""Numbers per pair besides its correlation: two positions and the size of the room."""


class RelationNetwork(nn.Module):
    """RelNet of Grinstein et al. 2023 on GCC-PHAT, with the position as output (Berg et al. 2024).

    The output is g(mean of f(i, j) over pairs i < j). f and g are perceptrons of three layers; f
    ends with a rectifier, g does not. f is given the correlation of microphones i and j in that
    order, so that the output depends on the order of the microphones unless `symmetrize` is set.

    Args:
        max_lag: largest lag of the correlation in samples.
        width: units per layer; 625 in the paper.
        symmetrize: whether f(i, j) and f(j, i) are averaged.
    """

    def __init__(self, max_lag: int, width: int, *, symmetrize: bool = False) -> None:
        super().__init__()
        self.symmetrize = symmetrize
        self.pairs = nn.Sequential(*_layers(2 * max_lag + METADATA, width, width), nn.ReLU())
        self.output = nn.Sequential(*_layers(width, width, 3))

    def forward(
        self, gcc: Tensor, microphones: Tensor, room: Tensor, kept: Tensor | None = None
    ) -> Tensor:
        """Return positions, shape (batch, 3).

        Args:
            gcc: correlation of all pairs i < j, shape (batch, pairs, 2 * max_lag + 1).
            microphones: positions, shape (batch, microphones, 3).
            room: its size, shape (batch, 3).
            kept: which microphones are used, shape (batch, microphones); None for all.
        """
        first, second = (
            torch.from_numpy(each).to(gcc.device) for each in microphone_pairs(microphones.shape[1])
        )
        one, other = microphones[:, first], microphones[:, second]
        found = self._pairs(gcc, one, other, room)
        if self.symmetrize:
            # The correlation of j and i is that of i and j, mirrored at lag 0.
            found = (found + self._pairs(gcc.flip(-1), other, one, room)) / 2
        if kept is None:
            mean = found.mean(dim=1)
        else:
            used = (kept[:, first] & kept[:, second]).to(found)[..., None]
            mean = (found * used).sum(dim=1) / used.sum(dim=1)
        position: Tensor = self.output(mean)
        return position

    def _pairs(self, gcc: Tensor, one: Tensor, other: Tensor, room: Tensor) -> Tensor:
        room = room[:, None].expand(-1, gcc.shape[1], -1)
        # An even number of lags, from -max_lag to max_lag - 1: the published 1,024.
        features = torch.cat([gcc[..., :-1], one, other, room], dim=-1)
        found: Tensor = self.pairs(features)
        return found


def _layers(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Linear(inputs, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, outputs),
    ]
