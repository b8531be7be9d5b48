"""What an interrupted training goes on from: one file, written after every epoch, whole or not."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sslbench.errors import FormatError, StoreError
from sslbench.files import writing

__all__ = ["NAME", "EpochRow", "State", "read_state", "write_state"]

NAME = "training.pt"
"""Of the file, in the workspace of a training."""

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class EpochRow:
    """One epoch of a learning curve.

    Args:
        epoch: from 1.
        loss: mean over its steps.
        value: of the validation metric, in its unit; NaN if undefined.
        learning_rate: at its end.
        seconds: that training took, without validation.
        clips_per_s: that it saw.
        extra: what else the learner measures, by name; see `Learner.curve_values`.
    """

    epoch: int
    loss: float
    value: float
    learning_rate: float
    seconds: float
    clips_per_s: float
    extra: dict[str, float] = field(default_factory=dict)


@dataclass
class State:
    """Where training stands after some epochs.

    Args:
        identity: what is trained; a state of something else is refused.
        network: weights.
        optimizer: its state.
        best: weights of the epoch with the best validation value.
        history: one row per epoch.
    """

    identity: str
    network: Weights = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: Weights = field(default_factory=dict)
    history: list[EpochRow] = field(default_factory=list)


def write_state(folder: Path, state: State) -> Path:
    """Write a state over the last one, in one step.

    Raises:
        StoreError: if it cannot be written.
    """
    path = folder / NAME
    data = {**vars(state), "history": [asdict(row) for row in state.history]}
    hint = "free some space on the disk; the checkpoint of the previous epoch is kept"
    try:
        with writing(path, hint=hint) as file:
            torch.save(data, file)
    except RuntimeError as error:  # torch reports some disk errors as this
        raise StoreError(f"cannot be written: {error}", where=str(path), hint=hint) from error
    return path


def read_state(folder: Path, identity: str) -> State | None:
    """Read the state that is there; None if there is none.

    Raises:
        FormatError: if it is damaged, or of another training.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
        state = State(**{**data, "history": [EpochRow(**row) for row in data["history"]]})
    except Exception as error:  # whatever torch raises on a damaged file
        raise FormatError(
            f"a damaged checkpoint: {type(error).__name__}",
            where=str(path),
            hint="delete the file to train from the beginning",
        ) from error
    if state.identity != identity:
        raise FormatError(
            "a checkpoint of another training",
            where=str(path),
            expected=identity,
            hint="delete the file to train from the beginning",
        )
    return state
