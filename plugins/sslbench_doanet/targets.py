"""Ground truth of DOAnet: active sources in slots, one per output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sslbench.scene import Tracks
from sslbench.training.examples import Arrays, Batch

__all__ = ["Truth", "padded", "slots"]


class Truth(NamedTuple):
    """The active sources of a batch of windows.

    Args:
        directions: unit vectors, 0 where there is no source, shape (batch, times, slots, 3).
        present: whether there is a source, shape (batch, times, slots). The sources of a time fill
            the first slots.
        previous: place of the same source when it was last active in the window, as time * slots +
            slot, shape (batch, times, slots); -1 if it was not.
    """

    directions: Tensor
    present: Tensor
    previous: Tensor

    @classmethod
    def of(cls, batch: Batch) -> Truth:
        """Return the ground truth in a batch."""
        return cls(batch["directions"], batch["present"], batch["previous"])


def slots(tracks: Tracks, count: int) -> Arrays:
    """Return the active sources of each time in the order of their tracks, as in `Truth`.

    A source changes its slot when one before it starts or stops, as in the published code, where
    the slot is the row within a time of the label file.

    Args:
        tracks: ground truth, with at most `count` active sources at any time.
        count: number of slots.
    """
    times = len(tracks.times)
    directions = np.zeros((times, count, 3), dtype=np.float32)
    present = np.zeros((times, count), dtype=bool)
    previous = np.full((times, count), -1, dtype=np.int64)
    last = np.full(tracks.active.shape[1], -1, dtype=np.int64)
    for time in range(times):
        columns = np.flatnonzero(tracks.active[time])
        used = np.arange(len(columns))
        directions[time, used] = tracks.xyz[time, columns]
        present[time, used] = True
        previous[time, used] = last[columns]
        last[columns] = time * count + used
    return {"directions": directions, "present": present, "previous": previous}


def padded(truth: Truth, value: float) -> Tensor:
    """Return the directions with a value in each coordinate of empty slots."""
    filler = torch.full_like(truth.directions, value)
    return torch.where(truth.present[..., None], truth.directions, filler)
