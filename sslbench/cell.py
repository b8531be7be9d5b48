"""A cell: one method on one data set. The unit that is planned, run, recorded and resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sslbench.contracts import Scale, Value

__all__ = ["Cell", "CellOutcome", "Choice", "Status"]

Status = Literal["ok", "skipped", "failed"]


@dataclass(frozen=True)
class Choice:
    """A method or data set by name, with every one of its parameters.

    Printing one gives the text that selects it again: only what differs from the default is shown.
    """

    name: str
    params: Mapping[str, Value] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = ",".join(f"{key}={_text(self.params[key])}" for key in self.changed)
        return f"{self.name}[{shown}]" if shown else self.name


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Cell:
    """One method, one split of one data set, one scale, one seed.

    Args:
        method: with all its parameters.
        dataset: with all its parameters.
        split: name of the split that is scored.
        scale: how much is run.
        seed: of the training, 0 for methods that learn nothing; the scenes do not depend on it.
        protocol: name of the rule set by which it is scored.
    """

    method: Choice
    dataset: Choice
    split: str
    scale: Scale
    seed: int
    protocol: str = "sslbench"

    def __str__(self) -> str:
        return f"{self.method} on {self.dataset}:{self.split} ({self.scale}, seed {self.seed})"

    @property
    def command(self) -> str:
        """The command line that repeats this cell."""
        return (
            f"sslbench run --method '{self.method}' --dataset '{self.dataset}:{self.split}'"
            f" --scale {self.scale} --seed {self.seed}"
            + ("" if self.protocol == "sslbench" else f" --protocol {self.protocol}")
        )


@dataclass(frozen=True)
class CellOutcome:
    """What came of a cell.

    Args:
        cell: which one.
        status: `ok`, `skipped` (the pair does not fit) or `failed`.
        run_id: name of its record in the store; empty unless `ok`.
        reason: why it was skipped or failed.
        exit_code: of the error that made it fail; 0 otherwise.
        reused: whether all of it was in the store already.
    """

    cell: Cell
    status: Status
    run_id: str = ""
    reason: str = ""
    exit_code: int = 0
    reused: bool = False
