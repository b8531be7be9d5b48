"""The files of a finished training: weights (safetensors), configuration, and learning curve.

::

    weights.safetensors      tensors by name
    statistics.safetensors   normalization statistics of the inputs, `<input>.mean`, `.deviation`
    model.json               method, version, parameters, configuration and report
    history.json             one row per epoch
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sslbench.errors import FormatError
from sslbench.training.checkpoint import EpochRow
from sslbench.training.normalization import Statistics

__all__ = ["halve", "read_model", "read_statistics", "read_weights", "write_model"]

WEIGHTS, STATISTICS = "weights.safetensors", "statistics.safetensors"
MODEL, HISTORY = "model.json", "history.json"


def write_model(
    folder: Path,
    weights: Mapping[str, Tensor],
    about: Mapping[str, Any],
    statistics: Statistics,
    history: Sequence[EpochRow],
) -> None:
    """Write a trained network into an empty folder."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    save_file(tensors, folder / WEIGHTS)
    known = {
        f"{name}.{part}": torch.as_tensor(value)
        for name, pair in statistics.items()
        for part, value in zip(("mean", "deviation"), pair, strict=True)
    }
    save_file(known, folder / STATISTICS)
    (folder / MODEL).write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
    rows = [asdict(row) for row in history]
    (folder / HISTORY).write_text(json.dumps(rows, indent=1) + "\n")


def read_statistics(folder: Path) -> Statistics:
    """Return the normalization statistics that `write_model` wrote.

    Raises:
        FormatError: if they are damaged.
    """
    found = _tensors(folder / STATISTICS)
    names = dict.fromkeys(key.rpartition(".")[0] for key in found)
    return {
        name: (found[f"{name}.mean"].numpy(), found[f"{name}.deviation"].numpy()) for name in names
    }


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise FormatError(
            f"damaged weights: {error}", where=str(path), hint="train the method again"
        ) from error


def read_model(folder: Path, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of `model.json`, after checking that it is of the expected model.

    Args:
        folder: that `write_model` wrote.
        expected: keys that must have these values: method, version, parameters.

    Raises:
        FormatError: if it is damaged, or of another method, version or parameters.
    """
    path = folder / MODEL
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = {key: about[key] for key in expected}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{type(error).__name__}: {error}",
            where=str(path),
            expected="the file of a finished training",
            hint="train the method again",
        ) from error
    for key, value in expected.items():
        if found[key] != value:
            raise FormatError(
                f"{key} {found[key]!r}",
                where=str(path),
                expected=f"{value!r}",
                hint="this checkpoint is of another model; train the method again",
            )
    return about


def read_weights(
    folder: Path, shapes: Mapping[str, Tensor], hint: str = "train the method again"
) -> dict[str, Tensor]:
    """Read the weights of a network.

    Args:
        folder: that `write_model` wrote.
        shapes: tensors of the network they are for, by name.
        hint: what to do if they do not fit.

    Raises:
        FormatError: if they are damaged or of another network.
    """
    path = folder / WEIGHTS
    weights = _tensors(path)
    misfits = [
        f"{name} {_shape(weights.get(name))} instead of {_shape(shapes.get(name))}"
        for name in sorted({*weights, *shapes})
        if _shape(weights.get(name)) != _shape(shapes.get(name))
    ]
    if misfits:
        raise FormatError(
            f"{len(misfits)} tensors do not fit the network, such as {misfits[0]}",
            where=str(path),
            expected="the weights of a network of the same shape",
            hint=hint,
        )
    return weights


def halve(folder: Path) -> None:
    """Write the weights in a folder again in half precision; other files stay as they are."""
    path = folder / WEIGHTS
    if path.is_file():
        single = _tensors(path)
        save_file({k: v.half() if v.dtype == torch.float32 else v for k, v in single.items()}, path)


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else f"of shape {tuple(tensor.shape)}"
