"""Scenes as arrays, read one by one when a batch needs them: no data set is held in memory.

Examples that are expensive to compute can be cached on disk; see `feature_cache`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from sslbench.array_types import Integers
from sslbench.contracts import Dataset
from sslbench.scene import Scene

__all__ = ["Arrays", "Batch", "ExampleSet", "SceneExamples", "batches", "to_device"]

Arrays = Mapping[str, NDArray[np.generic]]
"""Arrays by name; of one shape in all scenes, so that they can be stacked."""

Batch = dict[str, Tensor]
"""Stacked examples, and the `index` of each."""


class ExampleSet(TorchDataset[dict[str, object]]):
    """Examples by index, each a mapping of arrays with its `index`."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abstractmethod
    def arrays(self, index: int) -> Arrays:
        """Return the arrays of one example."""

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Prepare for an epoch; random changes follow from seed, epoch and index only.

        By default there are none.
        """

    def __getitem__(self, index: int) -> dict[str, object]:
        """Return one example with its index."""
        # Copies, because code that changes a batch must not change a cache.
        arrays = {name: np.array(value) for name, value in self.arrays(index).items()}
        return {**arrays, "index": index}


class SceneExamples(ExampleSet):
    """The scenes of a data set as examples.

    Args:
        scenes: where they come from.
        make: turns a scene into arrays.
        augment: changes a scene at random before that, differently in every epoch; None for no
            changes.
    """

    def __init__(
        self,
        scenes: Dataset,
        make: Callable[[Scene], Arrays],
        augment: Callable[[Scene, np.random.Generator], Scene] | None = None,
    ) -> None:
        self.scenes = scenes
        self.make = make
        self.augment = augment
        self._epoch = (0, 0)

    def __len__(self) -> int:
        """Return the number of scenes."""
        return len(self.scenes)

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Set the seed and the epoch of random changes."""
        self._epoch = (seed, epoch)

    def arrays(self, index: int) -> Arrays:
        """Return the arrays of one scene."""
        scene = self.scenes.scene(index)
        if self.augment is not None:
            scene = self.augment(scene, np.random.default_rng([*self._epoch, index, 2]))
        return self.make(scene)


def batches(
    examples: ExampleSet,
    order: Integers,
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
    """Move a batch to the device of the network."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
