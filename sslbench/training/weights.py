"""What a finished training leaves: weights (safetensors), what they are for, and the curve.

::

    weights.safetensors   tensors by name
    model.json            method, version, parameters and what the network was built for
    history.json          one row an epoch
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sslbench.errors import FormatError
from sslbench.training.checkpoint import EpochRow

__all__ = ["read_model", "read_weights", "write_model"]

WEIGHTS, MODEL, HISTORY = "weights.safetensors", "model.json", "history.json"

Facts = Mapping[str, Any]


def write_model(
    folder: Path, weights: Mapping[str, Tensor], about: Facts, history: Sequence[EpochRow]
) -> None:
    """Write a trained network into an empty folder."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    save_file(tensors, folder / WEIGHTS)
    (folder / MODEL).write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
    rows = [asdict(row) for row in history]
    (folder / HISTORY).write_text(json.dumps(rows, indent=1) + "\n")


def read_model(folder: Path, expected: Facts) -> dict[str, Any]:
    """Return what a network was built for, after checking whose it is.

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
            expected="what a finished training wrote",
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


def read_weights(folder: Path, shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read the weights of a network.

    Args:
        folder: that `write_model` wrote.
        shapes: tensors of the network they are for, by name.

    Raises:
        FormatError: if they are damaged or of another network.
    """
    path = folder / WEIGHTS
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise FormatError(
            f"damaged weights: {error}", where=str(path), hint="train the method again"
        ) from error
    wrong = sorted(
        name
        for name in {*weights, *shapes}
        if name not in weights or name not in shapes or weights[name].shape != shapes[name].shape
    )
    if wrong:
        raise FormatError(
            f"{len(wrong)} weights do not fit, {wrong[0]} for one",
            where=str(path),
            expected="the weights of this network",
            hint="train the method again",
        )
    return weights
