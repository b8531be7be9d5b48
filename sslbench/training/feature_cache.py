"""Features on disk: examples that are computed once for all trainings that use the same ones.

A folder of the cache holds one npy file per array of an example, and `about.json`. It is published
atomically, under a key of everything that determines the features. Of two processes that need it,
the second waits for the first. A damaged folder is computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from sslbench.cores import usable_cores
from sslbench.errors import FormatError, StoreError
from sslbench.files import publishing, remove_leftovers, store_errors
from sslbench.progress import progress_bar
from sslbench.training.examples import Arrays, ExampleSet

__all__ = ["CachedExamples", "cached_examples"]

ABOUT = "about.json"

FEWEST_PER_PROCESS = 100
"""Examples per process from which it pays to start several."""

HINT = "free some space on the disk, or name another cache folder by SSLBENCH_CACHE"


def cached_examples(examples: ExampleSet, folder: Path) -> ExampleSet:
    """Return examples that are cached in a folder; they are computed if they are not there.

    Args:
        examples: to cache.
        folder: whose name identifies everything that determines the examples.

    Raises:
        StoreError: if the cache cannot be written.
        FormatError: if examples differ in their shapes.
    """
    with store_errors(folder, what="features cannot be written", hint=HINT):
        if _opened(folder, len(examples)) is None:
            _make(examples, folder)
    return CachedExamples(folder, len(examples))


class CachedExamples(ExampleSet):
    """Examples in a folder of the cache.

    Args:
        folder: of the cache.
        length: number of examples.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self.folder = folder
        self.length = length
        self._arrays: dict[str, NDArray[np.generic]] = {}

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.length

    def arrays(self, index: int) -> Arrays:
        """Return the arrays of one example.

        Raises:
            StoreError: if the cache was removed or damaged in the meantime.
        """
        # Opened on first use, so that each process that reads ahead has its own memory map.
        self._arrays = self._arrays or _opened(self.folder, self.length) or {}
        if not self._arrays:
            raise StoreError(
                "cached features are missing or damaged",
                where=str(self.folder),
                hint="run again: they are computed again, and training resumes from its checkpoint",
            )
        return {name: array[index] for name, array in self._arrays.items()}


def _opened(folder: Path, length: int) -> dict[str, NDArray[np.generic]] | None:
    """Return memory maps of the arrays; None if one is missing or incomplete."""
    try:
        names = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["arrays"]
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return arrays if all(len(array) == length for array in arrays.values()) else None


def _make(examples: ExampleSet, folder: Path) -> None:
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if _opened(folder, len(examples)) is not None:
            return  # another process was first
        remove_leftovers(folder)
        with publishing(folder, hint=HINT) as temporary:
            names = _write(examples, temporary)
            (temporary / ABOUT).write_text(json.dumps({"arrays": names}), encoding="utf-8")


def _write(examples: ExampleSet, folder: Path) -> list[str]:
    first = {name: np.asarray(value) for name, value in examples.arrays(0).items()}
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.npy").open("wb")) for name in first}
        for name, value in first.items():
            # Written row by row: on a full disk a memory map would kill the process.
            header = {
                "descr": np.lib.format.dtype_to_descr(value.dtype),
                "fortran_order": False,
                "shape": (len(examples), *value.shape),
            }
            np.lib.format.write_array_header_1_0(files[name], header)
        with progress_bar("computing features", "scene", len(examples)) as bar:
            for index, row in enumerate(_computed(examples)):
                for name, file in files.items():
                    value = np.asarray(row[name])
                    file.write(_like(value, first[name], name, index).tobytes())
                bar.update()
    return list(first)


def _computed(examples: ExampleSet) -> Iterator[Arrays]:
    """Return all examples in order, from as many processes as OMP_NUM_THREADS allows."""
    processes = min(usable_cores(), len(examples) // FEWEST_PER_PROCESS)
    done = 0
    # A network on a GPU cannot be used in a forked process, and only forked ones need no pickle.
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # not in the stubs
    if processes > 1 and "fork" in get_all_start_methods() and not on_gpu:
        loader: DataLoader[dict[str, Any]] = DataLoader(
            examples, batch_size=None, num_workers=processes, multiprocessing_context="fork"
        )
        # What is wrong shows below, without the traces of another process around the message.
        with suppress(Exception):
            for row in loader:
                yield row
                done += 1
    for index in range(done, len(examples)):
        yield examples.arrays(index)


def _like(
    value: NDArray[np.generic], first: NDArray[np.generic], name: str, index: int
) -> NDArray[np.generic]:
    if (value.shape, value.dtype) != (first.shape, first.dtype):
        raise FormatError(
            f"{name} of shape {value.shape} and type {value.dtype} in scene {index}",
            expected=f"{first.shape} and {first.dtype}, as in the first scene",
        )
    return value
