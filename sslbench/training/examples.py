"""Scenes as tensors, read one by one when a batch wants them: no data set is held in memory.

Where making an example costs more than reading it, they are kept; see `feature_cache`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from sslbench.contracts import Dataset
from sslbench.scene import Scene

__all__ = ["Batch", "Example", "Examples", "batches", "to_device"]

Example = Mapping[str, NDArray[np.generic]]
"""Arrays by name; of one shape in all scenes, so that they can be stacked."""

Batch = dict[str, Tensor]
"""Stacked examples, and the `index` of each."""


class Examples(TorchDataset[dict[str, object]]):
    """The scenes of a data set as examples.

    Args:
        scenes: where they come from.
        make: turns a scene into an example.
    """

    def __init__(self, scenes: Dataset, make: Callable[[Scene], Example]) -> None:
        self.scenes = scenes
        self.make = make

    def __len__(self) -> int:
        """Return the number of scenes."""
        return len(self.scenes)

    def __getitem__(self, index: int) -> dict[str, object]:
        """Return one example with its index."""
        made = self.make(self.scenes.scene(index))
        # Copies: what lies in a cache of scenes may not be written to, which torch could.
        return {**{name: np.array(value) for name, value in made.items()}, "index": index}


def batches(
    examples: TorchDataset[dict[str, object]],
    order: NDArray[np.int64],
    size: int,
    workers: int = 0,
    *,
    pin: bool = False,
) -> Iterator[Batch]:
    """Return stacked examples in an order; the last, incomplete batch is left out.

    Args:
        examples: to take from.
        order: indices, shape (n,).
        size: of a batch.
        workers: processes that read ahead; the order does not depend on them.
        pin: whether memory is pinned, for a GPU.
    """
    whole = len(order) // size * size
    sampler = order[:whole].reshape(-1, size).tolist()
    loader: DataLoader[dict[str, object]] = DataLoader(
        examples, batch_sampler=sampler, num_workers=workers, pin_memory=pin
    )
    yield from loader


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Move a batch to where the network is."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
