"""Scenes as tensors: read one by one when a batch wants them, or from a cache of features.

A data set is never held in memory. Where making an example costs more than reading it, a learner
names its features, and they are made once, in `features` of the cache folder, for every training
that uses the same ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from sslbench.contracts import Dataset
from sslbench.errors import FormatError, StoreError
from sslbench.progress import progress_bar
from sslbench.scene import Scene

__all__ = ["Batch", "Example", "Examples", "batches", "cached_examples"]

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


class _Cached(TorchDataset[dict[str, object]]):
    def __init__(self, arrays: Mapping[str, Path], length: int) -> None:
        self.arrays = arrays
        self.length = length
        self._open: dict[str, NDArray[np.generic]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, object]:
        if not self._open:
            self._open = {name: np.load(path, mmap_mode="r") for name, path in self.arrays.items()}
        rows = {name: np.array(array[index]) for name, array in self._open.items()}
        return {**rows, "index": index}


def cached_examples(examples: Examples, features: str) -> TorchDataset[dict[str, object]]:
    """Make all examples once and keep them as arrays on disk.

    Args:
        examples: to keep.
        features: says what they are made of; the same text and scenes give the same examples.

    Raises:
        StoreError: if the cache cannot be written.
        FormatError: if examples differ in their shapes.
    """
    about = {"features": features, "scenes": examples.scenes.fingerprint()}
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    folder = examples.scenes.request.cache / "features" / key
    done = folder / "about.json"
    try:
        if not done.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            names = _write(examples, folder)
            done.write_text(json.dumps(about | {"arrays": names}), encoding="utf-8")
        names = json.loads(done.read_text(encoding="utf-8"))["arrays"]
    except OSError as error:
        raise StoreError(
            f"features cannot be kept: {error.strerror or error}",
            where=str(folder),
            hint="free some space, or name another cache folder by SSLBENCH_CACHE",
        ) from error
    return _Cached({name: folder / f"{name}.npy" for name in names}, len(examples))


def _write(examples: Examples, folder: Path) -> list[str]:
    first = {name: value for name, value in examples[0].items() if name != "index"}
    opened = {
        name: np.lib.format.open_memmap(
            folder / f"{name}.npy", "w+", np.asarray(value).dtype, _shape(examples, value)
        )
        for name, value in first.items()
    }
    with progress_bar("features", "scene", len(examples)) as bar:
        for index in range(len(examples)):
            example = examples[index]
            for name, array in opened.items():
                value = np.asarray(example[name])
                if value.shape != array.shape[1:]:
                    raise FormatError(
                        f"{name} of shape {value.shape} in scene {index}",
                        expected=f"{array.shape[1:]}, as in the first scene",
                    )
                array[index] = value
            bar.update()
    for array in opened.values():
        array.flush()
    return list(opened)


def _shape(examples: Examples, value: object) -> tuple[int, ...]:
    return (len(examples), *np.shape(np.asarray(value)))


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Move a batch to where the network is."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
